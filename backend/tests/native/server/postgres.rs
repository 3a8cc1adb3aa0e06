//! A PostgreSQL server for one test: a cluster in a temporary folder, reached through a socket in it, gone at the end.
//!
//! The programs are those of `BEDSIDE_POSTGRES_BIN`, of the PATH, or of the newest `/usr/lib/postgresql/*/bin`. A
//! cluster belongs to one test because roles belong to the cluster.

use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tempfile::TempDir;

/// Every role of these clusters has it.
pub const PASSWORD: &str = "s3cret-of-the-role";
const ADMINISTRATOR: &str = "administrator";
/// Far more than a start takes.
const READY_WITHIN: Duration = Duration::from_secs(60);

pub struct Server {
    server: Child,
    folder: TempDir,
    user: ServerUser,
}

impl Server {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (data, password) = (folder.path().join("data"), folder.path().join("password"));
        let user = ServerUser::owning(folder.path());
        std::fs::write(&password, PASSWORD).unwrap();
        let made = user
            .command("initdb")
            .args(["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"])
            .args(["--no-sync", "--username", ADMINISTRATOR, "--pwfile"])
            .arg(password)
            .arg("--pgdata")
            .arg(&data)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "initdb: {said}");
        let server = serve(&user, folder.path());
        let mut server = Self {
            server,
            folder,
            user,
        };
        server.await_ready().await;
        server
    }

    /// Ends it by a signal and starts it again: INT is an orderly end, QUIT a crash.
    pub async fn restart(&mut self, signal: &str) {
        self.end(signal);
        self.server = serve(&self.user, self.folder.path());
        self.await_ready().await;
    }

    fn end(&mut self, signal: &str) {
        let pid = self.server.id().to_string();
        let _ = Command::new("kill").args([signal, &pid]).status();
        let _ = self.server.wait();
    }

    async fn await_ready(&mut self) {
        let began = Instant::now();
        while PgConnection::connect(&self.url(ADMINISTRATOR, "postgres"))
            .await
            .is_err()
        {
            let ended = self.server.try_wait().unwrap().is_some();
            if ended || began.elapsed() > READY_WITHIN {
                let log = self.folder.path().join("log");
                panic!("{}", std::fs::read_to_string(log).unwrap_or_default());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The address of a database, as a role with [`PASSWORD`].
    pub fn url(&self, role: &str, database: &str) -> String {
        let folder = self.folder.path().to_str().unwrap().replace('/', "%2F");
        format!("postgres://{role}:{PASSWORD}@{folder}/{database}")
    }

    /// A connection of the administrator's, who is a superuser.
    pub async fn administrator(&self, database: &str) -> PgConnection {
        PgConnection::connect(&self.url(ADMINISTRATOR, database))
            .await
            .unwrap()
    }

    /// Statements of the administrator's.
    pub async fn administer(&self, database: &str, sql: &str) {
        let mut connection = self.administrator(database).await;
        connection
            .execute(sqlx::raw_sql(AssertSqlSafe(sql)))
            .await
            .unwrap_or_else(|error| panic!("{error}: {sql}"));
        connection.close().await.unwrap();
    }

    /// A role that may log in, with these attributes, and a database that it owns. Both have the same name.
    pub async fn owner(&self, name: &str, attributes: &str) -> String {
        for sql in [
            format!("create role {name} login {attributes} password '{PASSWORD}'"),
            format!("create database {name} owner {name}"),
        ] {
            self.administer("postgres", &sql).await;
        }
        self.url(name, name)
    }
}

impl Drop for Server {
    /// At once, connections and all: the cluster goes with its folder.
    fn drop(&mut self) {
        self.end("-QUIT");
    }
}

/// Starts the server of a cluster in this folder.
fn serve(user: &ServerUser, folder: &Path) -> Child {
    user.command("postgres")
        .arg("-D")
        .arg(folder.join("data"))
        .arg("-k")
        .arg(folder)
        .args(["-c", "listen_addresses=", "-c", "wal_level=logical"])
        .args(["-c", "fsync=off", "-c", "shared_buffers=16MB"])
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(folder.join("log")).unwrap())
        .spawn()
        .unwrap()
}

/// Who the server runs as: PostgreSQL refuses to run as root.
enum ServerUser {
    Same,
    Other { uid: u32, gid: u32 },
}

impl ServerUser {
    /// Hands `folder` over to the user.
    fn owning(folder: &Path) -> Self {
        if std::fs::metadata(folder).unwrap().uid() != 0 {
            return Self::Same;
        }
        let users = std::fs::read_to_string("/etc/passwd").unwrap();
        let ids = |name: &str| {
            let line = users
                .lines()
                .find(|line| line.split(':').next() == Some(name))?;
            let mut ids = line.split(':').skip(2).map(|id| id.parse::<u32>());
            Some((ids.next()?.ok()?, ids.next()?.ok()?))
        };
        let (uid, gid) = ids("postgres")
            .or_else(|| ids("nobody"))
            .expect("a user other than root");
        chown(folder, Some(uid), Some(gid)).unwrap();
        Self::Other { uid, gid }
    }

    fn command(&self, program: &str) -> Command {
        let program = programs().join(program);
        match self {
            Self::Same => Command::new(program),
            Self::Other { uid, gid } => {
                let mut command = Command::new("setpriv");
                command
                    .arg(format!("--reuid={uid}"))
                    .arg(format!("--regid={gid}"))
                    .arg("--clear-groups")
                    .arg(program)
                    .current_dir("/");
                command
            }
        }
    }
}

/// The folder with `initdb` and `postgres`.
fn programs() -> PathBuf {
    if let Some(folder) = std::env::var_os("BEDSIDE_POSTGRES_BIN") {
        return PathBuf::from(folder);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let installed = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let version: u32 = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        });
    let newest = installed.max().map(|(_, folder)| folder);
    std::env::split_paths(&path)
        .chain(newest)
        .find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file())
        .expect(
            "these tests need a PostgreSQL server: install the package `postgresql`, or name the folder with its \
             programs in BEDSIDE_POSTGRES_BIN",
        )
}
