//! Real Chromium through its driver: one driver a test process, one fresh profile a session.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use thirtyfour::prelude::*;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

const STARTS_WITHIN: Duration = Duration::from_secs(30);

/// Nothing that talks to the outside, nothing that asks, nothing that needs a display.
const FLAGS: [&str; 10] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    // Two windows of one test are both "in front": a person looks at each of them.
    "--disable-backgrounding-occluded-windows",
];

/// A page's width and height.
#[derive(Clone, Copy)]
pub struct Size(pub u32, pub u32);

pub const DESKTOP: Size = Size(1440, 900);
pub const PHONE: Size = Size(390, 844);

/// A running chromedriver; it and its browsers end when this value goes.
pub struct Driver {
    _child: Child,
    url: String,
}

impl Driver {
    pub async fn start() -> Result<Driver> {
        let program = std::env::var("CHROMEDRIVER").unwrap_or_else(|_| "chromedriver".to_owned());
        let mut child = Command::new(&program)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {program}; `cargo xtask setup` installs it"))?;
        let stdout = child.stdout.take().context("chromedriver has no output")?;
        let mut lines = BufReader::new(stdout).lines();
        let port = async {
            while let Some(line) = lines.next_line().await? {
                if let Some((_, port)) = line.split_once("started successfully on port ") {
                    return Ok(port.trim_end_matches('.').to_owned());
                }
            }
            bail!("chromedriver ended before it listened")
        };
        let port = tokio::time::timeout(STARTS_WITHIN, port)
            .await
            .context("chromedriver is slow")??;
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Driver {
            _child: child,
            url: format!("http://127.0.0.1:{port}"),
        })
    }

    /// Opens a browser of its own: own profile, own storage.
    pub async fn open(&self, size: Size) -> Result<WebDriver> {
        self.open_with(size, json!({})).await
    }

    /// Opens a browser whose owner lets no site keep anything, not even a cookie.
    pub async fn open_forgetful(&self, size: Size) -> Result<WebDriver> {
        const BLOCK: u8 = 2;
        let blocked = json!({"profile.default_content_setting_values.cookies": BLOCK});
        self.open_with(size, blocked).await
    }

    async fn open_with(&self, size: Size, settings: Value) -> Result<WebDriver> {
        let mut capabilities = DesiredCapabilities::chrome();
        for flag in FLAGS {
            capabilities.add_arg(flag)?;
        }
        capabilities.add_arg(&format!("--window-size={},{}", size.0, size.1))?;
        capabilities.add_experimental_option("prefs", settings)?;
        if let Ok(chromium) = std::env::var("BEDSIDE_CHROMIUM") {
            // The driver wants a path where a person gives a name.
            if let Some(path) = on_path(&chromium) {
                capabilities.set_binary(&path)?;
            }
        }
        WebDriver::new(&self.url, capabilities)
            .await
            .context("opening a browser")
    }
}

fn on_path(program: &str) -> Option<String> {
    let path = std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())?;
    Some(path.to_string_lossy().into_owned())
}
