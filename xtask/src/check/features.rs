//! The tests must run with the dependencies that the app has in the browser. Cargo unifies the features of all packages that one
//! command builds, so a package can change another one's serde_json: this looks at what cargo would build.

use std::collections::BTreeMap;
use std::process::Command;

use super::{APP, WASM, WASM_TARGET};
use crate::build::BACKEND;
use crate::{Error, tools};

/// Whose features change what code does, and not only what it offers.
const SAME: [&str; 3] = ["serde", "serde_core", "serde_json"];
/// Large stacks of which one version is enough.
const ONCE: [&str; 3] = ["reqwest", "tungstenite", "rustls"];

/// # Errors
/// [`Error::Step`] names the packages.
pub fn check() -> Result<(), Error> {
    let tests = packages(&[&APP[..], &["--edges", "normal,build,dev"]].concat())?;
    let app = packages(
        &[
            &WASM[..],
            &WASM_TARGET[..],
            &["--edges", "normal,no-proc-macro"],
        ]
        .concat(),
    )?;
    let different: Vec<String> = SAME
        .into_iter()
        .filter(|name| tests.get(*name) != app.get(*name))
        .map(|name| {
            let of =
                |packages: &Packages| packages.get(name).cloned().unwrap_or_default().join("; ");
            format!(
                "{name} is built as ({}) for tests and as ({}) for the browser",
                of(&tests),
                of(&app)
            )
        })
        .collect();
    let mut all = packages(&[&BACKEND[..], &["--edges", "normal,build,dev"]].concat())?;
    for (name, versions) in tests {
        all.entry(name).or_default().extend(versions);
    }
    let several = ONCE.into_iter().filter_map(|name| {
        let versions = all.get(name)?;
        let mut numbers: Vec<&str> = versions
            .iter()
            .filter_map(|text| text.split_whitespace().next())
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        (numbers.len() > 1).then(|| format!("{name} is there as {}", numbers.join(" and ")))
    });
    let wrong: Vec<String> = different.into_iter().chain(several).collect();
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Error::Step {
        step: "comparing dependencies".to_owned(),
        reason: wrong.join("; "),
    })
}

/// Version and features of each package, by its name.
type Packages = BTreeMap<String, Vec<String>>;

fn packages(selection: &[&str]) -> Result<Packages, Error> {
    let mut command: Command = tools::cargo();
    command
        .args(["tree", "--locked", "--prefix", "none", "--no-dedupe"])
        .args(["--format", "{p} [{f}]"])
        .args(selection);
    let output = command
        .output()
        .map_err(|error| failed(&error.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).trim()));
    }
    Ok(read(&String::from_utf8_lossy(&output.stdout)))
}

/// Reads lines such as `serde v1.0.229 [default,std]`.
fn read(tree: &str) -> Packages {
    let mut packages = Packages::new();
    for line in tree.lines() {
        let Some((name, rest)) = line.split_once(" v") else {
            continue;
        };
        let version = rest.split_whitespace().next().unwrap_or_default();
        let features = rest.split_once('[').map_or("", |(_, features)| features);
        let text = format!("{version} {}", features.trim_end_matches(']'));
        let known = packages.entry(name.to_owned()).or_default();
        if !known.contains(&text) {
            known.push(text);
        }
    }
    packages
}

fn failed(reason: &str) -> Error {
    Error::Step {
        step: "cargo tree".to_owned(),
        reason: reason.lines().next().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_read_with_its_version_and_features() {
        let tree = "serde_json v1.0.1 [default,std]\nserde_json v1.0.1 [default,std]\nbedside v0.1.0 (/x) []\n";
        let packages = read(tree);
        assert_eq!(
            packages.get("serde_json"),
            Some(&vec!["1.0.1 default,std".to_owned()])
        );
        assert_eq!(packages.get("bedside"), Some(&vec!["0.1.0 ".to_owned()]));
    }
}
