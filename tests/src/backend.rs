//! A backend process of the test's own: started on a free port, killed the hard way or asked to stop, started again.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::OnceCell;

use crate::story;

/// Changes that are lost: those of one table or of all, so many, for so long. By default all until the next window.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Lost<'a> {
    pub table: Option<&'a str>,
    pub count: Option<u64>,
    pub for_ms: Option<u64>,
}

/// A first start makes the database, its schema and the demo data.
const STARTS_WITHIN: Duration = Duration::from_secs(90);

/// Where the backend keeps its data.
#[derive(Clone, Copy)]
pub enum Data<'a> {
    /// A folder of this backend's own with the demo data, gone with it.
    Demo,
    /// This folder, empty or left by an earlier backend.
    Folder(&'a Path),
}

/// A running backend; it is killed when this value goes.
pub struct Backend {
    child: Child,
    pub port: u16,
    /// Deleted with this value.
    _folder: Option<TempDir>,
}

/// Fills an empty folder with what a first start makes: migrations and demo data take seconds, a copy a fraction of one.
async fn fill(folder: &Path) -> Result<()> {
    static SEED: OnceCell<PathBuf> = OnceCell::const_new();
    if folder.read_dir()?.next().is_some() {
        return Ok(());
    }
    let seed = SEED
        .get_or_try_init(|| async {
            let stories = crate::target(1).join("stories");
            let seed = stories.join(format!("seed-{}", std::process::id()));
            remove_left_seeds(&stories)?;
            std::fs::create_dir_all(&seed)?;
            Backend::spawn(0, &seed, &[]).await?.stop().await?;
            anyhow::Ok(seed)
        })
        .await?;
    copy_folder(seed, folder).context("copying the demo data")
}

/// Deletes what earlier runs left; another one may be under way.
fn remove_left_seeds(stories: &Path) -> Result<()> {
    std::fs::create_dir_all(stories)?;
    for entry in std::fs::read_dir(stories)? {
        let entry = entry?;
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix("seed-"));
        if process.is_some_and(|id| !Path::new("/proc").join(id).exists()) {
            std::fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

impl Backend {
    /// Starts one that serves the built app on a free port.
    pub async fn start(data: Data<'_>) -> Result<Backend> {
        Backend::start_on(0, data, &[]).await
    }

    /// Starts one on a given port (0: a free one) with further flags.
    pub async fn start_on(port: u16, data: Data<'_>, flags: &[&str]) -> Result<Backend> {
        let own = match data {
            Data::Demo => Some(tempfile::tempdir()?),
            Data::Folder(_) => None,
        };
        let folder = match (data, &own) {
            (Data::Folder(folder), _) => folder,
            (Data::Demo, own) => own.as_ref().context("no folder")?.path(),
        };
        fill(folder).await?;
        let mut backend = Backend::spawn(port, folder, flags).await?;
        backend._folder = own;
        Ok(backend)
    }

    async fn spawn(port: u16, folder: &Path, flags: &[&str]) -> Result<Backend> {
        let app = crate::app();
        ensure!(
            app.join("index.html").is_file(),
            "the app is not built; run `cargo xtask test e2e`"
        );
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(story::folder().join("backend.log"))?;
        let mut command = Command::new(crate::built("bedside-backend"));
        command
            .args(["--port", &port.to_string(), "--dist"])
            .arg(app)
            .args(flags)
            .arg("--data-dir")
            .arg(folder);
        let mut child = command
            .current_dir(crate::root())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .context("starting the backend")?;
        let stdout = child.stdout.take().context("the backend has no output")?;
        let mut lines = BufReader::new(stdout).lines();
        let address = async {
            while let Some(line) = lines.next_line().await? {
                if let Some((_, address)) = line.split_once("listening on http://127.0.0.1:") {
                    return Ok(address.trim().to_owned());
                }
            }
            bail!("the backend ended before it listened")
        };
        let port = tokio::time::timeout(STARTS_WITHIN, address)
            .await
            .context("the backend did not start in time")??
            .parse()
            .context("the backend's port is not a number")?;
        // Whoever stops reading a pipe blocks its writer one day.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Backend {
            child,
            port,
            _folder: None,
        })
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Loses row changes from now on without a word to any client, in place of an earlier window. Returns how many were lost so far.
    /// The backend must have been started with `--fault-control`.
    pub async fn drop_changes(&self, lost: Lost<'_>) -> Result<u64> {
        self.faults(json!({ "drop_changes": lost })).await
    }

    /// How many row changes were lost so far.
    pub async fn dropped_changes(&self) -> Result<u64> {
        self.faults(json!({})).await
    }

    async fn faults(&self, body: Value) -> Result<u64> {
        let request = reqwest::Client::new()
            .post(format!("{}/dev/faults", self.url()))
            .json(&body);
        let answer = request.send().await?.error_for_status()?;
        let answer: Value = answer.json().await?;
        answer["dropped"].as_u64().context("no number of changes")
    }

    /// Ends it as a power cut would.
    pub async fn kill(mut self) -> Result<()> {
        self.child.kill().await.context("killing the backend")
    }

    /// Asks it to end, as a supervisor would, and waits for a clean exit.
    pub async fn stop(mut self) -> Result<()> {
        let pid = self.child.id().context("the backend has already ended")?;
        let pid = rustix::process::Pid::from_raw(i32::try_from(pid)?).context("no such process")?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        let status = tokio::time::timeout(Duration::from_secs(15), self.child.wait())
            .await
            .context("the backend did not end after SIGTERM")??;
        ensure!(status.success(), "the backend ended with {status}");
        Ok(())
    }
}
