//! The files of the built app, read once at start.
//!
//! A snapshot: a rebuild is served after a restart, and index.html always fits the files beside it. No path from a
//! request ever reaches the file system.

use std::collections::HashMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use super::policy::Inline;
use crate::error::StartError;
use axum::body::Bytes;
use axum::http::HeaderValue;
use sha2::{Digest as _, Sha256};

/// Below this a compressed form isn't worth its header.
const WORTH_COMPRESSING: usize = 1024;
/// Above this compressing would keep a core busy for seconds at every start. A release brings its large files compressed; those of a
/// quick build only travel over loopback, and go as they are.
const WORTH_THE_WORK: usize = 256 * 1024;
/// Nearly as small as brotli's best, in a tenth of its time.
const BROTLI_QUALITY: u32 = 6;
/// More than this is not a built app but a mistaken folder.
const TOTAL_LIMIT: u64 = 256 * 1024 * 1024;

/// All files by their path below the folder, with `/` between parts.
#[derive(Debug, Default)]
pub(super) struct Assets {
    files: HashMap<String, Arc<Asset>>,
    inline: Inline,
}

/// One file, and its compressed forms once they are made: nobody waits for them.
#[derive(Debug)]
pub(super) struct Asset {
    pub(super) content_type: HeaderValue,
    pub(super) caching: Caching,
    bytes: Bytes,
    hash: String,
    brotli: OnceLock<Bytes>,
    gzip: OnceLock<Bytes>,
}

/// How long a browser may go without asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caching {
    /// The name changes with the content.
    Forever,
    /// Ask each time; unchanged costs no body.
    Revalidate,
}

/// The form in which a file goes over the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Brotli,
    Gzip,
}

impl Assets {
    /// Reads a folder; one without `index.html` gives no files.
    pub(super) fn load(folder: &Path) -> Result<Self, StartError> {
        let mut read = HashMap::new();
        let mut total = 0;
        if folder.join("index.html").is_file() {
            read_folder(folder, "", &mut read, &mut total)?;
        }
        let inline = read
            .get("index.html")
            .map(|html| Inline::of(&String::from_utf8_lossy(html)))
            .unwrap_or_default();
        let mut files = HashMap::new();
        for (name, bytes) in &read {
            if ["br", "gz"]
                .iter()
                .any(|form| original(name, form).is_some_and(|name| read.contains_key(name)))
            {
                continue;
            }
            let form = |suffix: &str| match read.get(&format!("{name}.{suffix}")) {
                Some(bytes) => OnceLock::from(bytes.clone()),
                None => OnceLock::new(),
            };
            let asset = Asset {
                content_type: content_type(name),
                caching: caching(name),
                hash: hex(&Sha256::digest(bytes)),
                brotli: form("br"),
                gzip: form("gz"),
                bytes: bytes.clone(),
            };
            files.insert(name.clone(), Arc::new(asset));
        }
        Ok(Self { files, inline })
    }

    /// Makes the compressed forms that the build didn't bring. Takes a while, and blocks.
    pub(super) fn compress(&self) {
        for asset in self.files.values() {
            asset.compress();
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<Arc<Asset>> {
        self.files.get(name).cloned()
    }

    pub(super) fn index(&self) -> Option<Arc<Asset>> {
        self.get("index.html")
    }

    /// The inline code of `index.html`.
    pub(super) fn inline(&self) -> &Inline {
        &self.inline
    }
}

impl Asset {
    fn compress(&self) {
        let size = self.bytes.len();
        if !(WORTH_COMPRESSING..=WORTH_THE_WORK).contains(&size)
            || !is_text_like(&self.content_type)
        {
            return;
        }
        // Writing into memory doesn't fail; if it did, the file would go as it is.
        if self.brotli.get().is_none()
            && let Ok(made) = brotli(&self.bytes)
        {
            self.brotli.get_or_init(|| made.into());
        }
        if self.gzip.get().is_none()
            && let Ok(made) = gzip(&self.bytes)
        {
            self.gzip.get_or_init(|| made.into());
        }
    }

    /// The smallest form that the client takes and that is there.
    pub(super) fn choose(&self, accepted: &str) -> (Encoding, Bytes) {
        let takes = |name: &str| {
            accepted.split(',').map(str::trim).any(|entry| {
                let (coding, weight) = entry.split_once(';').unwrap_or((entry, ""));
                let refused = matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000");
                coding.trim().eq_ignore_ascii_case(name) && !refused
            })
        };
        match (self.brotli.get(), self.gzip.get()) {
            (Some(bytes), _) if takes("br") => (Encoding::Brotli, bytes.clone()),
            (_, Some(bytes)) if takes("gzip") => (Encoding::Gzip, bytes.clone()),
            _ => (Encoding::Identity, self.bytes.clone()),
        }
    }

    /// The strong tag of one form.
    pub(super) fn etag(&self, encoding: Encoding) -> String {
        match encoding.name() {
            Some(name) => format!("\"{}-{name}\"", self.hash),
            None => format!("\"{}\"", self.hash),
        }
    }
}

impl Encoding {
    /// As `Content-Encoding` says it.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Brotli => Some("br"),
            Self::Gzip => Some("gzip"),
        }
    }
}

impl Caching {
    pub(super) fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Forever => "public, max-age=31536000, immutable",
            Self::Revalidate => "no-cache",
        })
    }
}

fn read_folder(
    folder: &Path,
    prefix: &str,
    files: &mut HashMap<String, Bytes>,
    total: &mut u64,
) -> Result<(), StartError> {
    for entry in fs::read_dir(folder).map_err(StartError::file("read", folder))? {
        let entry = entry.map_err(StartError::file("read", folder))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(StartError::file("read", &path))?;
        let Some(name) = entry
            .file_name()
            .to_str()
            .map(|name| format!("{prefix}{name}"))
        else {
            continue;
        };
        if kind.is_dir() {
            read_folder(&path, &format!("{name}/"), files, total)?;
        } else if kind.is_file() {
            let bytes = fs::read(&path).map_err(StartError::file("read", &path))?;
            *total += bytes.len() as u64;
            if *total > TOTAL_LIMIT {
                return Err(StartError::NotAnApp(folder.to_owned()));
            }
            files.insert(name, bytes.into());
        }
    }
    Ok(())
}

/// `app.js` for `app.js.br` and `br`.
fn original<'a>(name: &'a str, form: &str) -> Option<&'a str> {
    name.strip_suffix(form)?.strip_suffix('.')
}

fn content_type(name: &str) -> HeaderValue {
    let mime = mime_guess::from_path(name).first_or_octet_stream();
    let text = match mime.type_() == mime_guess::mime::TEXT {
        true => format!("{mime}; charset=utf-8"),
        false => mime.to_string(),
    };
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

fn is_text_like(content_type: &HeaderValue) -> bool {
    let text = content_type.to_str().unwrap_or_default();
    text.starts_with("text/")
        || ["javascript", "json", "wasm", "svg", "xml"]
            .iter()
            .any(|kind| text.contains(kind))
}

/// The bundler puts a hash of at least eight hex digits before the extension or `_bg`.
fn caching(name: &str) -> Caching {
    let file = name.rsplit('/').next().unwrap_or(name);
    let hashed = file
        .split(['-', '_', '.'])
        .any(|part| part.len() >= 8 && part.bytes().all(|b| b.is_ascii_hexdigit()));
    match hashed && !file.ends_with(".html") {
        true => Caching::Forever,
        false => Caching::Revalidate,
    }
}

fn brotli(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut encoder = brotli::CompressorWriter::new(&mut out, 64 * 1024, BROTLI_QUALITY, 22);
    encoder.write_all(bytes)?;
    encoder.flush()?;
    drop(encoder);
    Ok(out)
}

fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().take(16).map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )]
    use super::*;

    #[test]
    fn only_names_with_a_hash_are_kept_forever() {
        for name in [
            "bedside-1f2e3d4c5b6a7988.js",
            "bedside-1f2e3d4c5b6a7988_bg.wasm",
            "a/app-deadbeef.css",
        ] {
            assert_eq!(caching(name), Caching::Forever, "{name}");
        }
        for name in [
            "index.html",
            "favicon.svg",
            "boot.js",
            "index-1f2e3d4c5b6a7988.html",
            "feedbac.js",
        ] {
            assert_eq!(caching(name), Caching::Revalidate, "{name}");
        }
    }

    fn asset(bytes: Vec<u8>) -> Asset {
        Asset {
            content_type: content_type("a.js"),
            caching: Caching::Revalidate,
            bytes: Bytes::from(bytes),
            hash: "h".to_owned(),
            brotli: OnceLock::new(),
            gzip: OnceLock::new(),
        }
    }

    #[test]
    fn brotli_is_preferred_and_a_refused_coding_is_not_used() {
        let asset = asset(vec![b'x'; 5000]);
        assert_eq!(
            asset.choose("br, gzip").0,
            Encoding::Identity,
            "not made yet"
        );
        asset.compress();
        assert_eq!(asset.choose("gzip, deflate, br, zstd").0, Encoding::Brotli);
        assert_eq!(asset.choose("br;q=0, gzip").0, Encoding::Gzip);
        assert_eq!(asset.choose("").0, Encoding::Identity);
    }

    #[test]
    fn a_compressed_form_unpacks_to_the_file() {
        use std::io::Read as _;
        let text = b"the quick brown fox ".repeat(200);
        let asset = asset(text.clone());
        asset.compress();
        let (mut from_brotli, mut from_gzip) = (Vec::new(), Vec::new());
        let packed = asset.choose("br").1;
        brotli::Decompressor::new(packed.as_ref(), 4096)
            .read_to_end(&mut from_brotli)
            .unwrap();
        let packed = asset.choose("gzip").1;
        flate2::read::GzDecoder::new(packed.as_ref())
            .read_to_end(&mut from_gzip)
            .unwrap();
        assert_eq!((from_brotli, from_gzip), (text.clone(), text));
    }

    #[test]
    fn what_is_small_or_packed_already_goes_as_it_is() {
        let small = asset(vec![b'x'; 100]);
        let picture = Asset {
            content_type: content_type("a.png"),
            ..asset(vec![b'x'; 5000])
        };
        for asset in [small, picture] {
            asset.compress();
            assert_eq!(asset.choose("br, gzip").0, Encoding::Identity);
        }
    }

    #[test]
    fn files_are_served_under_the_types_that_browsers_insist_on() {
        assert_eq!(content_type("x_bg.wasm"), "application/wasm");
        assert_eq!(content_type("x.js"), "text/javascript; charset=utf-8");
        assert_eq!(content_type("x.css"), "text/css; charset=utf-8");
        assert_eq!(content_type("i.svg"), "image/svg+xml");
    }
}
