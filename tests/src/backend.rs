//! A backend process of the test's own: started on a free port, killed the hard way or asked to stop, started again.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// A first start makes the database, its schema and the demo data.
const STARTS_WITHIN: Duration = Duration::from_secs(90);

/// Where the backend keeps its data.
#[derive(Clone, Copy)]
pub enum Data<'a> {
    InMemory,
    Folder(&'a Path),
}

/// A running backend; it is killed when this value goes.
pub struct Backend {
    child: Child,
    pub port: u16,
}

impl Backend {
    /// Starts one that serves the built app on a free port.
    pub async fn start(data: Data<'_>) -> Result<Backend> {
        Backend::start_on(0, data, &[]).await
    }

    /// Starts one on a given port (0: a free one) with further flags.
    pub async fn start_on(port: u16, data: Data<'_>, flags: &[&str]) -> Result<Backend> {
        let dist = crate::root().join("dist");
        ensure!(
            dist.join("index.html").is_file(),
            "the app is not built; run `cargo xtask test`"
        );
        let mut command = Command::new(crate::built("bedside-backend"));
        command
            .args(["--port", &port.to_string(), "--dist"])
            .arg(dist)
            .args(flags);
        match data {
            Data::InMemory => command.arg("--in-memory"),
            Data::Folder(path) => command.arg("--data-dir").arg(path),
        };
        let mut child = command
            .current_dir(crate::root())
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
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
        Ok(Backend { child, port })
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
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
