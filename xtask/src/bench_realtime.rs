//! `cargo xtask bench realtime`: this project's Realtime client beside `@supabase/realtime-js`, in one Chromium page on
//! the same recorded frames, and the herd after a restart; prints and writes `target/bench/realtime.json`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::report::Step;
use crate::{Error, process, report, setup, tools, workspace};

/// What it is measured against, and what bundles that for the page.
const PEER: &str = "@supabase/realtime-js@2.119.1";
const BUNDLER: &str = "esbuild@0.28.2";
const EXAMPLE: &str = "bench_realtime_page";
const WASM_TARGET: &str = "wasm32-unknown-unknown";
/// The page takes some ten seconds on two cores.
const PATIENCE: Duration = Duration::from_secs(300);

/// Runs the benchmark.
///
/// # Errors
/// When a tool is missing, a build fails, or the page does not report in time.
pub fn run() -> Result<(), Error> {
    let browser = tools::browser().ok_or_else(setup::browser_remedy)?;
    let folder = workspace::target().join("bench").join("realtime");
    file("create", &folder, |path| std::fs::create_dir_all(path))?;
    let engine = engine()?;
    page(&folder)?;
    peer(&folder)?;
    frames(&folder)?;
    let page = measure(&folder, &browser.chromium)?;
    let mut cases: Vec<Value> = page
        .get("cases")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    if cases.is_empty() {
        let reason = page
            .get("error")
            .and_then(Value::as_str)
            .unwrap_or("the page reported nothing");
        return Err(failed("the page", reason));
    }
    cases.extend(engine.iter().filter_map(herd));
    for line in engine.iter().filter(|line| line.get("engine_ns").is_some()) {
        report::line("bench", &line.to_string());
    }
    for case in &cases {
        let number = |key: &str| case.get(key).and_then(Value::as_f64).unwrap_or(f64::NAN);
        let text = |key: &str| case.get(key).and_then(Value::as_str).unwrap_or_default();
        let what = format!(
            "{}: {:.1} {} beside {:.1}, ratio {:.2}",
            text("name"),
            number("bedside"),
            text("unit"),
            number("peer"),
            number("ratio")
        );
        report::line("bench", &what);
    }
    let path = workspace::target().join("bench").join("realtime.json");
    file("write", &path, |path| {
        std::fs::write(path, json!({ "cases": cases }).to_string())
    })?;
    report::line("bench", &format!("written to {}", path.display()));
    Ok(())
}

fn failed(step: &str, reason: impl std::fmt::Display) -> Error {
    Error::Step {
        step: step.to_owned(),
        reason: reason.to_string(),
    }
}

fn file<T>(
    action: &'static str,
    path: &Path,
    act: impl FnOnce(&Path) -> std::io::Result<T>,
) -> Result<T, Error> {
    act(path).map_err(|source| Error::File {
        action,
        path: path.display().to_string(),
        source,
    })
}

/// The native part: one JSON object a line.
fn engine() -> Result<Vec<Value>, Error> {
    let mut command = tools::cargo();
    command.args([
        "run",
        "--quiet",
        "--release",
        "--package",
        "bedside-realtime",
        "--example",
        "bench_engine",
    ]);
    let output = report::timed(
        "bench",
        Step::new("the engine, natively", Duration::from_secs(60)),
        |_| {
            command
                .stderr(Stdio::inherit())
                .output()
                .map_err(|error| failed("the engine", error))
        },
    )?;
    if !output.status.success() {
        return Err(failed("the engine", output.status));
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect())
}

fn herd(line: &Value) -> Option<Value> {
    let name = line
        .get("case")
        .and_then(Value::as_str)
        .filter(|name| name.starts_with("reconnect peak"))?;
    let (bedside, peer) = (line.get("bedside")?.as_f64()?, line.get("peer")?.as_f64()?);
    Some(
        json!({"name": name, "unit": "connects/s", "bedside": bedside, "peer": peer, "ratio": peer / bedside}),
    )
}

/// The client as WASM, and the page around it.
fn page(folder: &Path) -> Result<(), Error> {
    let mut build = tools::cargo();
    build.args([
        "build",
        "--release",
        "--package",
        "bedside-realtime",
        "--example",
        EXAMPLE,
        "--target",
        WASM_TARGET,
    ]);
    report::timed(
        "bench",
        Step::new("the client for the page", Duration::from_secs(90)),
        |_| process::run("cargo build", &mut build),
    )?;
    let wasm = workspace::target()
        .join(WASM_TARGET)
        .join("release/examples")
        .join(format!("{EXAMPLE}.wasm"));
    let mut bind = Command::new(tools::Bundler::program("wasm-bindgen")?);
    bind.args(["--target", "web", "--out-dir"])
        .arg(folder.join("wasm"))
        .arg(wasm);
    process::run("wasm-bindgen", &mut bind)?;
    let page = workspace::root().join("crates/realtime/examples/bench_page/page.html");
    file("copy", &page, |page| {
        std::fs::copy(page, folder.join("index.html"))
    })?;
    Ok(())
}

/// The usual client from npm, as one module.
fn peer(folder: &Path) -> Result<(), Error> {
    let npm = folder.join("npm");
    file("create", &npm, |path| std::fs::create_dir_all(path))?;
    if !npm.join("node_modules/@supabase/realtime-js").is_dir()
        || !npm.join("node_modules/esbuild").is_dir()
    {
        let mut install = Command::new("npm");
        install.args(["install", "--prefix"]).arg(&npm).args([
            "--no-audit",
            "--no-fund",
            "--silent",
            PEER,
            BUNDLER,
        ]);
        report::timed(
            "bench",
            Step::new("the other client from npm", Duration::from_secs(20)),
            |_| process::run("npm install", &mut install),
        )?;
    }
    let entry = npm.join("entry.js");
    let text = "export { RealtimeClient } from \"@supabase/realtime-js\";\n";
    file("write", &entry, |path| std::fs::write(path, text))?;
    let mut bundle = Command::new(npm.join("node_modules/.bin/esbuild"));
    bundle
        .arg(&entry)
        .args(["--bundle", "--format=esm", "--log-level=error", "--minify"]);
    bundle.arg(format!("--outfile={}", folder.join("peer.js").display()));
    process::run("esbuild", &mut bundle)
}

/// Every row change that a real server was recorded to send for the project's tables and all column types.
fn frames(folder: &Path) -> Result<(), Error> {
    let mut frames = Vec::new();
    for name in ["c1_changes_per_table.v2.jsonl", "c2_types.v2.jsonl"] {
        let path = workspace::root().join("tests/wire").join(name);
        let text = file("read", &path, |path| std::fs::read_to_string(path))?;
        let lines = text
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let received = lines.filter(|line| line.get("dir").and_then(Value::as_str) == Some("recv"));
        let texts = received.filter_map(|line| Some(line.get("frame")?.as_str()?.to_owned()));
        frames.extend(texts.filter(|frame| frame.contains("\"postgres_changes\",{\"data\"")));
    }
    let path = folder.join("frames.json");
    file("write", &path, |path| {
        std::fs::write(path, json!(frames).to_string())
    })
}

/// Serves the folder on a free port to a headless Chromium, until the page posts its result.
fn measure(folder: &Path, chromium: &str) -> Result<Value, Error> {
    let listener =
        TcpListener::bind("127.0.0.1:0").map_err(|error| failed("serving the page", error))?;
    let address = listener
        .local_addr()
        .map_err(|error| failed("serving the page", error))?;
    listener
        .set_nonblocking(true)
        .map_err(|error| failed("serving the page", error))?;
    let profile = folder.join(format!("profile-{}", std::process::id()));
    let mut command = Command::new(chromium);
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]);
    command
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("http://{address}/"));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    report::line("bench", "both clients in one page …");
    let running = process::start("chromium", &mut command)?;
    let start = Instant::now();
    let mut result = None;
    while result.is_none() && start.elapsed() < PATIENCE && !process::stopping() {
        match listener.accept() {
            // A browser that goes away in the middle of a request asks again.
            Ok((stream, _)) => result = serve(stream, folder).unwrap_or_default(),
            Err(_) => std::thread::sleep(Duration::from_millis(10)),
        }
    }
    drop(running);
    // Of no use to anybody; the next run has a profile of its own.
    let _ = std::fs::remove_dir_all(&profile);
    result.ok_or_else(|| failed("the page", "no result in time"))
}

/// Answers one request; gives the result once it is posted.
fn serve(mut stream: TcpStream, folder: &Path) -> std::io::Result<Option<Value>> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (method, path) = (
        words.next().unwrap_or_default().to_owned(),
        words.next().unwrap_or_default().to_owned(),
    );
    let mut length = 0;
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 || header.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    if method == "POST" {
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")?;
        return Ok(serde_json::from_slice(&body).ok());
    }
    let name = path
        .trim_start_matches('/')
        .split('?')
        .next()
        .unwrap_or_default();
    let name = if name.is_empty() { "index.html" } else { name };
    let found = Some(name)
        .filter(|name| !name.contains(".."))
        .map(|name| folder.join(name));
    match found.and_then(|path: PathBuf| std::fs::read(path).ok()) {
        Some(bytes) => {
            let kind = match name.rsplit('.').next() {
                Some("html") => "text/html; charset=utf-8",
                Some("js") => "text/javascript",
                Some("wasm") => "application/wasm",
                Some("json") => "application/json",
                _ => "application/octet-stream",
            };
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                bytes.len()
            );
            stream.write_all(head.as_bytes())?;
            stream.write_all(&bytes)?;
        }
        None => stream.write_all(
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        )?,
    }
    Ok(None)
}
