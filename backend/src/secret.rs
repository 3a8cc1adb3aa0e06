//! The secret that signs tokens and API keys: random, one for each data folder.
//!
//! A secret that others know lets anyone who reaches the port read and write as any user, a web page included. So none is
//! built in: a folder's secret is made with the folder, readable by its owner only; without a folder each process has
//! its own.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::StartError;

/// The file in the data folder.
pub(crate) const FILE: &str = "jwt-secret";

/// As many as HS256's hash has.
const BYTES: usize = 32;

/// Shorter ones, such as a file cut off by a crash, are replaced.
const SHORTEST: usize = 32;

/// A new secret.
pub(crate) fn random() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; BYTES]>())
}

/// The secret of a data folder, made if it has none yet. The folder must be locked.
pub(crate) fn of_folder(folder: &Path) -> Result<String, StartError> {
    let path = folder.join(FILE);
    match fs::read_to_string(&path) {
        Ok(text) if text.trim().len() >= SHORTEST => return Ok(text.trim().to_owned()),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(StartError::file("read", path)(error)),
    }
    let secret = random();
    // Renamed into place: a crash leaves the whole secret or none.
    let new = folder.join("jwt-secret.new");
    let written = (|| {
        let mut file = private(&new)?;
        writeln!(file, "{secret}")?;
        file.sync_all()
    })();
    written.map_err(StartError::file("write", &new))?;
    fs::rename(&new, &path).map_err(StartError::file("write", &path))?;
    Ok(secret)
}

/// A new file that only its owner reads.
fn private(path: &Path) -> std::io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
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
    fn a_folder_keeps_its_secret_and_shares_it_with_no_other() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let secret = of_folder(one.path()).unwrap();
        assert!(secret.len() >= SHORTEST);
        assert_eq!(of_folder(one.path()).unwrap(), secret);
        assert_ne!(of_folder(other.path()).unwrap(), secret);
        assert_ne!(random(), random());
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_reads_the_secret() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        of_folder(folder.path()).unwrap();
        let mode = fs::metadata(folder.path().join(FILE))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_secret_that_was_cut_off_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), "short\n").unwrap();
        let secret = of_folder(folder.path()).unwrap();
        assert!(secret.len() >= SHORTEST);
        assert_eq!(of_folder(folder.path()).unwrap(), secret);
    }
}
