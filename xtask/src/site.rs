//! Makes a site from the linked app, `index.html` and what that links to: the glue, the app in several files (cut where
//! `src/pages/lazy.rs` says so), one style sheet, every name with a hash of its content. Does what trunk does for `dev --watch`, by
//! the same `data-trunk` marks.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tools::Bundler;
use crate::{Error, process, workspace};

/// What the cutting tool calls the module that loads the other files.
const LOADER: &str = "__wasm_split.js";

/// Replaces the folder `out` by the site. A failure leaves the previous one untouched.
pub fn assemble(linked: &Path, out: &Path, log: &Path) -> Result<(), Error> {
    let new = out.with_extension("new");
    empty(&new)?;
    let app = app(linked, &new, log)?;
    let page = page(&read(&workspace::root().join("index.html"))?, &app, &new)?;
    write(&new.join("index.html"), page.as_bytes())?;
    if out.exists() {
        std::fs::remove_dir_all(out).map_err(|source| Error::file("remove", out, source))?;
    }
    std::fs::rename(&new, out).map_err(|source| Error::file("rename", &new, source))
}

/// The names of the app's files in a site.
struct App {
    glue: String,
    wasm: String,
    loader: String,
}

/// Cuts the app into files and writes them with their glue.
fn app(linked: &Path, out: &Path, log: &Path) -> Result<App, Error> {
    let bytes = std::fs::read(linked).map_err(|source| Error::file("read", linked, source))?;
    let name = format!("bedside-{}", hash(&bytes));
    let cut = workspace::scratch()?.join("split");
    empty(&cut)?;
    let mut split = Command::new(Bundler::program("wasm-split")?);
    split.arg(linked).arg(&cut).arg(&name);
    process::run_logged("cutting the app into files", &mut split, log)?;
    let first = cut.join(format!("{name}.wasm"));
    let mut bindgen = Command::new(Bundler::program("wasm-bindgen")?);
    bindgen
        .args(["--target=web", "--no-typescript"])
        // The other files link to the first one by its symbols.
        .args(["--keep-lld-exports", "--no-demangle"])
        .args(["--remove-name-section", "--remove-producers-section"])
        .arg(format!("--out-name={name}"))
        .arg("--out-dir")
        .arg(out)
        .arg(&first);
    process::run_logged("generating the glue", &mut bindgen, log)?;
    let loader = adopt_chunks(&cut, &first, out)?;
    point_to(&out.join(format!("{name}.js")), &loader)?;
    Ok(App {
        glue: format!("{name}.js"),
        wasm: format!("{name}_bg.wasm"),
        loader,
    })
}

/// Writes what the page links to, and returns the page with the names of the site.
fn page(html: &str, app: &App, out: &Path) -> Result<String, Error> {
    let source = |tag: &str, name: &str| -> Result<PathBuf, Error> {
        attribute(tag, name)
            .map(|path| workspace::root().join(path))
            .ok_or_else(|| misplaced(tag))
    };
    let mut styles = String::new();
    let mut lines = Vec::new();
    let mut style_at = None;
    for line in html.lines() {
        let tag = line.trim();
        if !tag.contains("data-trunk") {
            lines.push(line.to_owned());
            continue;
        }
        match attribute(tag, "rel") {
            Some("css") => {
                styles.push_str(&read(&source(tag, "href")?)?);
                styles.push('\n');
                style_at.get_or_insert(lines.len());
            }
            Some("icon") => {
                let name = adopt(&source(tag, "href")?, out)?;
                lines.push(format!(
                    r#"    <link rel="icon" type="image/svg+xml" href="/{name}">"#
                ));
            }
            Some("copy-file") => {
                let path = source(tag, "href")?;
                let name = path.file_name().unwrap_or_default();
                write(&out.join(name), read(&path)?.as_bytes())?;
            }
            Some("rust") => {
                let App { glue, wasm, loader } = app;
                lines.push(format!(
                    r#"    <meta name="bedside-app" content="/{glue}" data-wasm="/{wasm}">
    <link rel="modulepreload" href="/{glue}">
    <link rel="modulepreload" href="/{loader}">
    <link rel="preload" href="/{wasm}" as="fetch" type="application/wasm" crossorigin="anonymous">"#
                ));
            }
            None if tag.starts_with("<script ") => {
                let name = adopt(&source(tag, "src")?, out)?;
                lines.push(format!(r#"    <script src="/{name}"></script>"#));
            }
            _ => return Err(misplaced(tag)),
        }
    }
    if let Some(at) = style_at {
        let name = format!("style-{}.css", hash(styles.as_bytes()));
        write(&out.join(&name), styles.as_bytes())?;
        lines.insert(at, format!(r#"    <link rel="stylesheet" href="/{name}">"#));
    }
    Ok(lines.join("\n") + "\n")
}

fn misplaced(tag: &str) -> Error {
    Error::Step {
        step: "reading index.html".to_owned(),
        reason: format!("the build doesn't know this tag: {tag}"),
    }
}

/// The value of a tag's attribute.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    Some(rest.split_once('"')?.0)
}

/// Copies a file under a name with its hash, and returns the name.
fn adopt(path: &Path, out: &Path) -> Result<String, Error> {
    let text = read(path)?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    let name = format!("{stem}-{}.{extension}", hash(text.as_bytes()));
    write(&out.join(&name), text.as_bytes())?;
    Ok(name)
}

fn empty(folder: &Path) -> Result<(), Error> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(|source| Error::file("empty", folder, source))?;
    }
    std::fs::create_dir_all(folder).map_err(|source| Error::file("create", folder, source))
}

/// Copies the files that load on demand and their loader, and returns the loader's name.
fn adopt_chunks(cut: &Path, first: &Path, dist: &Path) -> Result<String, Error> {
    let mut loader = read(&cut.join(LOADER))?;
    let entries = std::fs::read_dir(cut).map_err(|source| Error::file("read", cut, source))?;
    let mut chunks: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "wasm")
        })
        .filter(|path| path != first)
        .collect();
    chunks.sort();
    for chunk in chunks {
        let bytes = std::fs::read(&chunk).map_err(|source| Error::file("read", &chunk, source))?;
        let bytes = without_custom_sections(&bytes).ok_or_else(|| Error::Step {
            step: "cutting the app into files".to_owned(),
            reason: format!("{} is not WASM", chunk.display()),
        })?;
        let stem = chunk.file_stem().unwrap_or_default().to_string_lossy();
        let named = format!("{stem}-{}.wasm", hash(&bytes));
        write(&dist.join(&named), &bytes)?;
        loader = loader.replace(&format!("\"./{stem}.wasm\""), &format!("\"./{named}\""));
    }
    let named = format!("chunks-{}.js", hash(loader.as_bytes()));
    write(&dist.join(&named), loader.as_bytes())?;
    Ok(named)
}

/// The module without names and notes of its tools, which no browser needs; nothing for what is not a WASM module.
fn without_custom_sections(wasm: &[u8]) -> Option<Vec<u8>> {
    const HEADER: usize = 8;
    const CUSTOM: u8 = 0;
    let (header, mut rest) = wasm.split_at_checked(HEADER)?;
    if !header.starts_with(b"\0asm") {
        return None;
    }
    let mut kept = header.to_vec();
    while let Some((&kind, after)) = rest.split_first() {
        let (size, width) = leb128(after)?;
        let (section, next) = rest.split_at_checked(1 + width + size)?;
        if kind != CUSTOM {
            kept.extend_from_slice(section);
        }
        rest = next;
    }
    Some(kept)
}

/// An unsigned LEB128 number of at most 32 bits, and how many bytes it takes.
fn leb128(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0_usize;
    for (index, byte) in bytes.iter().take(5).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, index + 1));
        }
    }
    None
}

/// Has the app's glue import the loader by its new name.
fn point_to(glue: &Path, loader: &str) -> Result<(), Error> {
    let text = read(glue)?;
    let imported = format!("from \"./{LOADER}\"");
    if !text.contains(&imported) {
        return Err(Error::Step {
            step: "cutting the app into files".to_owned(),
            reason: "the app does not import the loader of its files; is the feature `split` on?"
                .to_owned(),
        });
    }
    write(
        glue,
        text.replace(&imported, &format!("from \"./{loader}\""))
            .as_bytes(),
    )
}

fn hash(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|source| Error::file("read", path, source))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    std::fs::write(path, bytes).map_err(|source| Error::file("write", path, source))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_page_names_every_file_by_its_hash_and_keeps_no_mark_of_the_bundler() {
        let out = std::env::temp_dir().join(format!("bedside-site-{}", std::process::id()));
        empty(&out).unwrap();
        let app = App {
            glue: "a.js".to_owned(),
            wasm: "a_bg.wasm".to_owned(),
            loader: "chunks.js".to_owned(),
        };
        let html = read(&workspace::root().join("index.html")).unwrap();
        let page = page(&html, &app, &out).unwrap();
        assert!(!page.contains("data-trunk"));
        assert_eq!(page.matches("rel=\"stylesheet\"").count(), 1);
        let linked: Vec<&str> = page
            .split("=\"/")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .filter(|name| !name.starts_with("a") && *name != "chunks.js" && *name != "config.json")
            .collect();
        assert!(linked.len() >= 3, "{linked:?}");
        for name in linked {
            assert!(out.join(name).is_file(), "{name} is linked and not there");
        }
        std::fs::remove_dir_all(&out).unwrap();
    }

    #[test]
    fn a_tag_that_the_build_does_not_know_is_an_error() {
        let out = std::env::temp_dir();
        let app = App {
            glue: String::new(),
            wasm: String::new(),
            loader: String::new(),
        };
        let tag = r#"<link data-trunk rel="scss" href="style.scss">"#;
        let error = page(tag, &app, &out).unwrap_err().to_string();
        assert!(error.contains("scss"), "{error}");
    }

    #[test]
    fn names_go_and_code_stays() {
        // A type section, a custom section of 130 bytes (two bytes of length), a memory section.
        let mut wasm = b"\0asm\x01\0\0\0".to_vec();
        wasm.extend([1, 1, 0]);
        wasm.extend([0, 0x82, 0x01, 4]);
        wasm.extend([b'x'; 129]);
        wasm.extend([5, 3, 1, 0, 1]);
        let kept = without_custom_sections(&wasm).unwrap();
        assert_eq!(kept, b"\0asm\x01\0\0\0\x01\x01\0\x05\x03\x01\0\x01");
    }

    #[test]
    fn what_is_cut_short_or_no_wasm_is_refused() {
        assert_eq!(without_custom_sections(b"\0asm\x01\0\0\0\x01\x09\0"), None);
        assert_eq!(without_custom_sections(b"<!doctype html>"), None);
        assert_eq!(without_custom_sections(b""), None);
    }
}
