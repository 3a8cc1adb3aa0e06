//! Every public item has an example. That the examples run is what `cargo test --doc` sees to.

use std::path::{Path, PathBuf};

/// Exists in browsers only, where no documentation is built.
const WITHOUT: [&str; 1] = ["BrowserRuntime"];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                sources(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

/// The name of the public item that a line declares.
fn declared(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix("pub ")?;
    let (kind, name) = rest.split_once(' ')?;
    ["fn", "struct", "enum", "trait", "type"]
        .contains(&kind)
        .then_some(())?;
    name.split(|c: char| !c.is_alphanumeric() && c != '_')
        .next()
}

/// The public items of a source whose documentation has no example.
fn without_example(source: &str) -> Vec<&str> {
    let mut has_example = false;
    let mut found = Vec::new();
    for line in source.lines() {
        let line = line.trim_start();
        if line.starts_with("///") {
            has_example |= line.starts_with("/// ```");
        } else if let Some(name) = declared(line) {
            if !has_example && !WITHOUT.contains(&name) {
                found.push(name);
            }
            has_example = false;
        } else if line.is_empty() || line.ends_with(['{', '}', ';']) {
            has_example = false;
        }
    }
    found
}

#[test]
fn every_public_item_has_an_example() {
    let lacking: Vec<String> = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
        .iter()
        .flat_map(|path| {
            let source = std::fs::read_to_string(path).unwrap();
            let names = without_example(&source).into_iter();
            names
                .map(|name| format!("{}: {name}", path.display()))
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(lacking.is_empty(), "{lacking:#?}");
}

#[test]
fn an_item_without_an_example_is_found() {
    let source = "/// Says.\npub fn said() {}\n/// Shows.\n/// ```\n/// ```\n#[must_use]\npub struct Shown;\npub(crate) fn own() {}";
    assert_eq!(without_example(source), ["said"]);
}
