//! PostgreSQL in this process: its data folder, its lock, its birth and end.
//!
//! The folder holds `lock` (held while a backend runs), `postgres/` (pglite-oxide's own), `jwt-secret` and `complete`,
//! written once the first start got through migrations and seed. A folder with content but without `complete` is half written, and
//! is refused rather than guessed at. Nothing here knows SQL.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use pglite_oxide::PgliteServer;

use crate::db::Db;
use crate::error::StartError;
use crate::options::OnStart;
use crate::secret;

/// The running server and, for a folder, its lock.
pub(crate) struct Embedded {
    server: Option<PgliteServer>,
    folder: Option<Folder>,
}

struct Folder {
    path: PathBuf,
    /// Held for its lock, which ends with the process however it ends.
    _lock: File,
}

impl Embedded {
    /// A server whose data is gone with it.
    pub(crate) async fn in_memory() -> Result<(Self, Db), StartError> {
        let server = start(|| PgliteServer::builder().temporary().start())
            .await
            .map_err(StartError::Embedded)?;
        let db = connect(&server).await.map_err(StartError::Embedded)?;
        Ok((
            Self {
                server: Some(server),
                folder: None,
            },
            db,
        ))
    }

    /// A server over a data folder, made if missing.
    pub(crate) async fn in_folder(
        path: &Path,
        on_start: OnStart,
    ) -> Result<(Self, Db), StartError> {
        fs::create_dir_all(path).map_err(StartError::file("create", path))?;
        let lock = lock(path)?;
        if on_start == OnStart::Reset {
            clear(path)?;
        }
        let postgres = path.join("postgres");
        let complete = is_complete(path);
        if !complete && postgres.exists() {
            return Err(StartError::FolderBroken {
                folder: path.to_owned(),
                reason: "its first start did not finish".to_owned(),
            });
        }
        let broken = |reason: String| match complete {
            true => StartError::FolderBroken {
                folder: path.to_owned(),
                reason,
            },
            false => StartError::Embedded(reason),
        };
        // pglite-oxide replaces a cluster that lost its control file by an empty one; that must not pass for ours.
        if complete && !has_cluster(&postgres) {
            return Err(broken("PostgreSQL's files are missing".to_owned()));
        }
        let root = postgres.clone();
        let server = start(move || PgliteServer::builder().path(root).start())
            .await
            .map_err(broken)?;
        let db = connect(&server).await.map_err(broken)?;
        let folder = Folder {
            path: path.to_owned(),
            _lock: lock,
        };
        Ok((
            Self {
                server: Some(server),
                folder: Some(folder),
            },
            db,
        ))
    }

    /// Marks the folder as whole: from now on it is kept, and never made anew by itself.
    pub(crate) fn mark_complete(&self) -> Result<(), StartError> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let mark = folder.path.join("complete");
        fs::write(&mark, "1\n").map_err(StartError::file("write", &mark))
    }

    /// The secret that the data folder keeps; `None` without a folder.
    pub(crate) fn secret(&self) -> Result<Option<String>, StartError> {
        let folder = self.folder.as_ref();
        folder
            .map(|folder| secret::of_folder(&folder.path))
            .transpose()
    }

    /// Ends the server; the connection must be closed before. What a start that failed halfway wrote is removed: nobody
    /// has put anything into it yet, and the next start shall begin anew.
    pub(crate) async fn stop(mut self) {
        let Some(server) = self.server.take() else {
            return;
        };
        let stopped = tokio::task::spawn_blocking(move || server.shutdown()).await;
        if let Ok(Err(error)) = stopped {
            tracing::warn!(%error, "the embedded PostgreSQL did not end cleanly");
        }
        if let Some(folder) = &self.folder
            && !is_complete(&folder.path)
            && let Err(error) = clear(&folder.path)
        {
            tracing::warn!(%error, "a half-written data folder is left behind");
        }
    }
}

impl Drop for Embedded {
    /// Without [`Embedded::stop`] the server waits for its connection to end. That may need this very thread, so the
    /// wait takes place on another, with the folder locked until it is over.
    fn drop(&mut self) {
        let (server, folder) = (self.server.take(), self.folder.take());
        if server.is_some() {
            std::thread::spawn(move || {
                drop(server);
                drop(folder);
            });
        }
    }
}

fn is_complete(folder: &Path) -> bool {
    folder.join("complete").is_file()
}

/// pglite-oxide lays its files over a template: what is missing here would be taken from there, with other content.
fn has_cluster(postgres: &Path) -> bool {
    let cluster = postgres.join("tmp").join("pglite").join("base");
    cluster.join("PG_VERSION").is_file() && cluster.join("global").join("pg_control").is_file()
}

/// The one line of PostgreSQL's own that says why, out of all that it and its host said.
fn cause(text: &str) -> String {
    ["PANIC:", "FATAL:"]
        .into_iter()
        .find_map(|mark| text.lines().find_map(|line| line.split_once(mark)))
        .map_or_else(
            || text.lines().next().unwrap_or_default(),
            |(_, cause)| cause,
        )
        .trim()
        .to_owned()
}

fn lock(folder: &Path) -> Result<File, StartError> {
    let path = folder.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(StartError::file("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StartError::FolderInUse(folder.to_owned())),
        Err(TryLockError::Error(source)) => Err(StartError::file("lock", path)(source)),
    }
}

/// Deletes what a backend wrote and nothing else: `--data-dir` may name a folder with other things in it.
fn clear(folder: &Path) -> Result<(), StartError> {
    // The secret too: no token outlives the accounts that it was made for.
    for name in ["complete", secret::FILE] {
        let file = folder.join(name);
        if file.exists() {
            fs::remove_file(&file).map_err(StartError::file("remove", &file))?;
        }
    }
    let postgres = folder.join("postgres");
    if postgres.exists() {
        fs::remove_dir_all(&postgres).map_err(StartError::file("remove", &postgres))?;
    }
    Ok(())
}

/// The embedded engine blocks, and may panic on a damaged cluster: it starts on a thread of its own.
async fn start<F>(start: F) -> Result<PgliteServer, String>
where
    F: FnOnce() -> anyhow::Result<PgliteServer> + Send + 'static,
{
    match tokio::task::spawn_blocking(start).await {
        Ok(Ok(server)) => Ok(server),
        Ok(Err(error)) => Err(cause(&format!("{error:#}"))),
        Err(_) => Err("it panicked".to_owned()),
    }
}

async fn connect(server: &PgliteServer) -> Result<Db, String> {
    let options = server.database_url().parse();
    let options = options.map_err(|error: sqlx::Error| error.to_string())?;
    match Db::connect(options).await {
        Ok(db) => Ok(db),
        Err(sqlx::Error::PoolTimedOut) => Err("no answer".to_owned()),
        Err(error) => Err(cause(&error.to_string())),
    }
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
    fn the_cause_is_what_postgresql_died_of_and_one_line() {
        let text = "it did not start\nstderr:\n14:29 [1] PANIC:  could not read file\nsignal\n14:30 [1] FATAL:  no client";
        assert_eq!(cause(text), "could not read file");
        assert_eq!(cause("first\nsecond"), "first");
    }
}
