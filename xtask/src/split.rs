//! Cuts the built app into the first download and the files that load on demand, where the code says so (`src/pages/lazy.rs`).
//! Takes the linked WASM and a bundled `dist/`, and replaces the app in it by the cut one.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Error, process, tools, workspace};

/// What the cutting tool calls the module that loads the other files.
const LOADER: &str = "__wasm_split.js";

/// Replaces the app in `dist` by one in several files, each with a hash of its content in its name.
pub fn app(linked: &Path, dist: &Path) -> Result<(), Error> {
    let name = app_name(dist)?;
    let cut = workspace::scratch()?.join("split");
    if cut.exists() {
        std::fs::remove_dir_all(&cut).map_err(|source| failed("empty", &cut, source))?;
    }
    process::run(
        "cutting the app into files",
        Command::new(tools::wasm_split().program()?)
            .arg(linked)
            .arg(&cut)
            .args(["--out-name", &name]),
    )?;
    let first = cut.join(format!("{name}.wasm"));
    process::run(
        "generating the glue",
        Command::new(tools::wasm_bindgen()?.program()?)
            .args(["--target=web", "--no-typescript"])
            // The other files link to the first one by its symbols.
            .args(["--keep-lld-exports", "--no-demangle"])
            .args(["--remove-name-section", "--remove-producers-section"])
            .arg(format!("--out-name={name}"))
            .arg("--out-dir")
            .arg(dist)
            .arg(&first),
    )?;
    let loader = adopt_chunks(&cut, &first, dist)?;
    point_to(&dist.join(format!("{name}.js")), &loader)?;
    preload(&dist.join("index.html"), &loader)
}

/// `bedside-<hash>`, as the bundler named the app.
fn app_name(dist: &Path) -> Result<String, Error> {
    let entries = std::fs::read_dir(dist).map_err(|source| failed("read", dist, source))?;
    entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .find_map(|name| name.strip_suffix("_bg.wasm").map(str::to_owned))
        .ok_or_else(|| Error::Step {
            step: "finding the built app".to_owned(),
            reason: format!("there is no *_bg.wasm in {}", dist.display()),
        })
}

/// Copies the files that load on demand and their loader, and returns the loader's name.
fn adopt_chunks(cut: &Path, first: &Path, dist: &Path) -> Result<String, Error> {
    let mut loader = read(&cut.join(LOADER))?;
    let entries = std::fs::read_dir(cut).map_err(|source| failed("read", cut, source))?;
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
        let bytes = std::fs::read(&chunk).map_err(|source| failed("read", &chunk, source))?;
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

/// Has the page fetch the loader along with the app, not after it.
fn preload(page: &Path, loader: &str) -> Result<(), Error> {
    let link = format!("<link rel=\"modulepreload\" href=\"/{loader}\">\n</head>");
    write(page, read(page)?.replacen("</head>", &link, 1).as_bytes())
}

fn hash(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|source| failed("read", path, source))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    std::fs::write(path, bytes).map_err(|source| failed("write", path, source))
}

fn failed(action: &'static str, path: &Path, source: std::io::Error) -> Error {
    Error::File {
        action,
        path: path.display().to_string(),
        source,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

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
