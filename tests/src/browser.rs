//! Real Chromium through its driver: one driver for all stories, a fresh profile for each browser.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context, Result};
use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};
use thirtyfour::prelude::*;
use thirtyfour::session::http::{Body, HttpClient};

/// Longer than any command takes; a script may wait by itself for half a minute.
const ANSWERS_WITHIN: Duration = Duration::from_secs(60);

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

/// The chromedriver that all stories of this process share.
pub struct Driver {
    url: String,
}

/// Ends the driver with this process, however that ends: its standard input is ours.
const WITH_US: &str = r#""$0" --port=0 & driver=$!; cat > /dev/null; kill $driver"#;

fn shared_driver() -> Result<&'static str, String> {
    static DRIVER: OnceLock<Result<String, String>> = OnceLock::new();
    let started = DRIVER.get_or_init(|| {
        let program = std::env::var("CHROMEDRIVER").unwrap_or_else(|_| "chromedriver".to_owned());
        let mut child = std::process::Command::new("sh")
            .args(["-c", WITH_US, &program])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let stdout = child.stdout.take().ok_or("chromedriver has no output")?;
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        let port = lines
            .find_map(|line| {
                let (_, port) = line.split_once("started successfully on port ")?;
                Some(port.trim_end_matches('.').to_owned())
            })
            .ok_or_else(|| format!("{program} did not start; `cargo xtask setup` installs it"))?;
        // A pipe that is not read blocks its writer one day.
        std::thread::spawn(move || lines.for_each(drop));
        // Its standard input stays open as long as this process.
        std::mem::forget(child);
        Ok(format!("http://127.0.0.1:{port}"))
    });
    started.as_deref().map_err(Clone::clone)
}

impl Driver {
    pub fn start() -> Result<Driver> {
        let url = shared_driver().map_err(anyhow::Error::msg)?.to_owned();
        Ok(Driver { url })
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
        capabilities.set("goog:loggingPrefs", json!({"browser": "ALL"}))?;
        WebDriver::builder(&self.url, capabilities)
            .client(Http::default())
            .await
            .context("opening a browser")
    }
}

/// The way to the driver.
#[derive(Default)]
struct Http(reqwest::Client);

#[async_trait]
impl HttpClient for Http {
    async fn send(&self, request: Request<Body<'_>>) -> WebDriverResult<Response<Bytes>> {
        let failed = |error: reqwest::Error| WebDriverError::HttpError(error.to_string());
        let (parts, body) = request.into_parts();
        let mut request = self
            .0
            .request(parts.method, parts.uri.to_string())
            .headers(parts.headers)
            .timeout(ANSWERS_WITHIN);
        if let Body::Json(json) = body {
            request = request.json(json);
        }
        let response = request.send().await.map_err(failed)?;
        let status = response.status();
        let body = response.bytes().await.map_err(failed)?;
        let mut answer = Response::new(body);
        *answer.status_mut() = status;
        Ok(answer)
    }

    /// Without our connections: the runtime that drives them may be blocked by the caller.
    async fn new(&self) -> Arc<dyn HttpClient> {
        Arc::new(Http::default())
    }
}

fn on_path(program: &str) -> Option<String> {
    let path = std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())?;
    Some(path.to_string_lossy().into_owned())
}
