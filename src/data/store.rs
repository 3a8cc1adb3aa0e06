//! The browser's local storage, which may be full, forbidden or absent: then nothing is kept, and nothing fails.

use web_sys::Storage;

/// What became of a text that was to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    Kept,
    /// The storage is full, forbidden or absent.
    Refused,
}

/// The storage can't be read: forbidden, absent, or failing for the moment. What is in it is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

fn storage() -> Option<Storage> {
    web_sys::window()?.local_storage().ok()?
}

/// What is kept under a key; `None` if nothing is.
pub fn read(key: &str) -> Result<Option<String>, Unreadable> {
    storage()
        .ok_or(Unreadable)?
        .get_item(key)
        .map_err(|_| Unreadable)
}

/// Keeps a text under a key.
pub fn write(key: &str, text: &str) -> Written {
    match storage().map(|storage| storage.set_item(key, text)) {
        Some(Ok(())) => Written::Kept,
        _ => Written::Refused,
    }
}

/// Forgets a key.
pub fn remove(key: &str) {
    if let Some(storage) = storage() {
        // What can't be reached can't be read by anybody else either.
        let _ = storage.remove_item(key);
    }
}
