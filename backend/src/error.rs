//! Why a backend could not start: one line each, saying what to do about it.

use std::net::SocketAddr;
use std::path::PathBuf;

/// A start that failed. Its text is one line for a terminal.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Somebody else listens on the port.
    #[error("port {} is taken on {}: stop what uses it or choose another with --port", .0.port(), .0.ip())]
    PortTaken(SocketAddr),
    /// The address can't be listened on for another reason.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where it tried to.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another backend has the data folder open.
    #[error("the data folder {} is in use by another backend: stop that one or choose another with --data-dir", .0.display())]
    FolderInUse(PathBuf),
    /// The data folder was left half written, or isn't a data folder.
    #[error("the data folder {} is half written or damaged ({reason}): start once with --reset to make it anew", folder.display())]
    FolderBroken {
        /// Which folder.
        folder: PathBuf,
        /// What was found wrong.
        reason: String,
    },
    /// A file or folder could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// "read", "create", ..
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The embedded PostgreSQL did not come up.
    #[error("the embedded PostgreSQL did not start: {0}")]
    Embedded(String),
    /// `--database-url` can't be connected to.
    #[error("cannot use --database-url: {0}")]
    Url(String),
    /// The database holds an `auth` or `realtime` schema that this backend did not make.
    #[error(
        "the database {database} holds {object}, which this backend did not make and does not touch: if it belongs to a \
         Supabase project, point config.json at that project; otherwise name a new database with --database-url"
    )]
    NotOurs {
        /// The database's name.
        database: String,
        /// A table or function in it.
        object: String,
    },
    /// An earlier start made the database's schemas as a role that the current one has no part in.
    #[error("{object} belongs to the role {owner}: connect as that role with --database-url")]
    OtherOwner {
        /// A table or function.
        object: String,
        /// Whose it is.
        owner: String,
    },
    /// The role of `--database-url` may not do what a start needs.
    #[error("the role of --database-url lacks rights; an administrator has to run once in its database: {}", statements.join("; "))]
    Rights {
        /// What grants them.
        statements: Vec<String>,
    },
    /// The database refused or failed outside of migrations.
    #[error("the database failed while {action}: {source}")]
    Database {
        /// What was being done.
        action: &'static str,
        /// What sqlx said.
        source: sqlx::Error,
    },
    /// A migration or the seed failed; nothing of that file was kept.
    #[error("{} failed: {message}", file.display())]
    Sql {
        /// The file.
        file: PathBuf,
        /// PostgreSQL's message, with the line where it says one.
        message: String,
    },
    /// There is no `supabase/migrations` where it was looked for.
    #[error("no migrations found in {}: name the folder that holds them with --supabase-dir", .0.display())]
    NoMigrations(PathBuf),
    /// `--dist` names a folder too large to be a built app.
    #[error("{} holds far more than a built app: name the bundler's output with --dist", .0.display())]
    NotAnApp(PathBuf),
    /// The secret given for signing is too short to guard anything.
    #[error("the secret that signs tokens needs at least {0} characters")]
    ShortSecret(usize),
    /// The REST part refused its configuration or could not read the schema.
    #[error("the REST part did not start: {0}")]
    Rest(String),
}

impl StartError {
    /// For `map_err` where the database fails.
    pub(crate) fn database(action: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| Self::Database { action, source }
    }

    /// For `map_err` where a file fails.
    pub(crate) fn file(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File {
            action,
            path,
            source,
        }
    }
}
