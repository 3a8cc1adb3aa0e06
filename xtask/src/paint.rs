//! How soon the served app shows its sign-in page, asked of headless Chromium where one is installed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::{report, tools};

/// A page that takes longer is not worth the wait.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);

/// Resolves with milliseconds since the navigation: the first paint, and the sign-in form.
const MEASURE: &str = "const done = arguments[0]; const start = performance.now(); const look = () => { \
    const [paint] = performance.getEntriesByName('first-contentful-paint'); \
    if (document.querySelector('form input') && paint) done([paint.startTime, performance.now()]); \
    else if (performance.now() - start > 20000) done(null); else requestAnimationFrame(look); }; look();";

/// Prints both times; a machine without a browser, or one that doesn't start, is no reason to say anything.
pub fn report(port: u16) {
    if let Some((paint, form)) = measure(port) {
        report::line(
            "serve",
            &format!(
                "first paint after {paint:.0} ms, sign-in after {form:.0} ms (headless Chromium, empty cache)"
            ),
        );
    }
}

fn measure(port: u16) -> Option<(f64, f64)> {
    let browser = tools::browser()?;
    let driver = Driver::start(&browser.chromedriver)?;
    let capabilities = json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": {"args": [
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync"]}}}});
    let session = driver.post("/session", &capabilities)?;
    let session = format!("/session/{}", session.get("sessionId")?.as_str()?);
    let page = json!({ "url": format!("http://127.0.0.1:{port}/") });
    driver.post(&format!("{session}/url"), &page)?;
    let script = json!({ "script": MEASURE, "args": [] });
    let times = driver.post(&format!("{session}/execute/async"), &script)?;
    driver.send("DELETE", &session, "")?;
    Some((times.get(0)?.as_f64()?, times.get(1)?.as_f64()?))
}

/// A chromedriver that ends with this value.
struct Driver {
    child: Child,
    port: u16,
}

impl Driver {
    fn start(program: &str) -> Option<Driver> {
        let mut child = Command::new(program)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let lines = BufReader::new(child.stdout.take()?).lines();
        let port = lines.map_while(Result::ok).find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse().ok()
        });
        // A driver without a port has ended, or is ended by the drop.
        let driver = Driver {
            child,
            port: port.unwrap_or_default(),
        };
        (driver.port != 0).then_some(driver)
    }

    fn post(&self, path: &str, body: &Value) -> Option<Value> {
        self.send("POST", path, &body.to_string())
    }

    /// One WebDriver command; its value.
    fn send(&self, method: &str, path: &str, body: &str) -> Option<Value> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .ok()?;
        // The driver keeps the connection open, so the length decides where the answer ends.
        stream.set_read_timeout(Some(ANSWERS_WITHIN)).ok()?;
        let mut reader = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let line = line.trim().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(number) = line.strip_prefix("content-length:") {
                length = number.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let mut answer: Value = serde_json::from_slice(&body).ok()?;
        Some(answer.get_mut("value")?.take())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
