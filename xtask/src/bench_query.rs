//! `cargo xtask bench query`: the query cache beside `@tanstack/query-core`, in one page of headless Chromium. Builds and serves the page,
//! waits for its numbers, prints them and writes them down. It knows nothing of what is measured.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{Error, process, setup, tools, workspace};

/// The peer's version: the newest when this was written.
const PEER: &str = "5.108.0";
/// The page takes about two minutes on two idle cores.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// Bodies and headers past this are no numbers of ours.
const LONGEST_REQUEST: u64 = 1 << 20;

/// Runs the benchmark: a table on the standard output, and `target/bench/query.json`.
///
/// # Errors
/// A missing tool, a failed step, or a side that did not do what the other did.
pub fn run() -> Result<(), Error> {
    let browser = tools::browser().ok_or_else(setup::browser_remedy)?;
    let bench = workspace::target().join("bench");
    let site = bench.join("query");
    fs::create_dir_all(&site).map_err(|error| file("create", &site, error))?;
    install_peer(&site)?;
    build_page(&site)?;
    let answer = measure(&browser.chromium, &site)?;
    if let Some(error) = answer.get("error") {
        return Err(step("the benchmark page", error));
    }
    print_table(&answer);
    let path = bench.join("query.json");
    fs::write(&path, format!("{answer:#}\n")).map_err(|error| file("write", &path, error))
}

fn file(action: &'static str, path: &Path, source: std::io::Error) -> Error {
    Error::File {
        action,
        path: path.display().to_string(),
        source,
    }
}

fn step(step: &str, reason: impl ToString) -> Error {
    Error::Step {
        step: step.to_owned(),
        reason: reason.to_string(),
    }
}

fn install_peer(site: &Path) -> Result<(), Error> {
    let mut npm = Command::new("npm");
    npm.args([
        "install",
        "--silent",
        "--no-audit",
        "--no-fund",
        "--no-save",
        "--prefix",
    ])
    .arg(site)
    .arg(format!("@tanstack/query-core@{PEER}"));
    process::run("npm install of the peer", &mut npm)
}

fn build_page(site: &Path) -> Result<(), Error> {
    let mut cargo = tools::cargo();
    cargo
        .args(["build", "--locked", "--release"])
        .args(["--target", "wasm32-unknown-unknown"])
        .args(["--package", "bedside-query-bench"]);
    process::run("cargo build of the benchmark page", &mut cargo)?;
    let wasm = workspace::target().join("wasm32-unknown-unknown/release/bedside_query_bench.wasm");
    let mut bindgen = Command::new(tools::Bundler::program("wasm-bindgen")?);
    bindgen
        .args(["--target", "web", "--no-typescript", "--out-dir"])
        .arg(site.join("wasm"))
        .arg(wasm);
    process::run("wasm-bindgen of the benchmark page", &mut bindgen)
}

/// Serves the page to a browser until it posts its numbers.
fn measure(chromium: &str, site: &Path) -> Result<Value, Error> {
    let serving = |error: std::io::Error| step("serving the benchmark page", error);
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(serving)?;
    listener.set_nonblocking(true).map_err(serving)?;
    let address = listener.local_addr().map_err(serving)?;
    let mut browser = process::start(
        "Chromium",
        Command::new(chromium)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
            ])
            .args([
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ])
            // The page weighs heaps: exactly, and after collecting.
            .args(["--enable-precise-memory-info", "--js-flags=--expose-gc"])
            .arg(format!(
                "--user-data-dir={}",
                site.join("profile").display()
            ))
            .arg(format!("http://{address}/"))
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null()),
    )?;
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if process::stopping() {
            return Err(Error::Interrupted);
        }
        if let Some(status) = browser.ended()? {
            return Err(step("Chromium", status));
        }
        match listener.accept() {
            Ok((stream, _)) => {
                // A browser opens connections it then does not use; that must not end the benchmark.
                if let Ok(Some(answer)) = serve(stream, site) {
                    return serde_json::from_str(&answer)
                        .map_err(|error| step("reading the numbers", error));
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(error) => return Err(serving(error)),
        }
    }
    Err(step("the benchmark page", "it took too long"))
}

/// Answers one request; gives the body of a post.
fn serve(stream: TcpStream, site: &Path) -> std::io::Result<Option<String>> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    let mut reader = BufReader::new((&stream).take(LONGEST_REQUEST));
    let mut request = String::new();
    reader.read_line(&mut request)?;
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
    let mut words = request.split_whitespace();
    if words.next() == Some("POST") {
        let mut body = String::new();
        reader.take(length).read_to_string(&mut body)?;
        respond(&stream, "204 No Content", "text/plain", &[])?;
        return Ok(Some(body));
    }
    let found = words
        .next()
        .and_then(|path| place(path, site))
        .and_then(|path| {
            let kind = match path.extension()?.to_str()? {
                "html" => "text/html",
                "js" => "text/javascript",
                "wasm" => "application/wasm",
                _ => return None,
            };
            Some((kind, fs::read(path).ok()?))
        });
    match found {
        Some((kind, body)) => respond(&stream, "200 OK", kind, &body)?,
        None => respond(&stream, "404 Not Found", "text/plain", &[])?,
    }
    Ok(None)
}

/// The file of a path. Only the page's own three places are served.
fn place(path: &str, site: &Path) -> Option<PathBuf> {
    if path.contains("..") {
        return None;
    }
    if path == "/" {
        return Some(workspace::root().join("crates/query/bench/page.html"));
    }
    if let Some(rest) = path.strip_prefix("/peer/") {
        return Some(
            site.join("node_modules/@tanstack/query-core/build/modern")
                .join(rest),
        );
    }
    path.strip_prefix("/wasm/")
        .map(|rest| site.join("wasm").join(rest))
}

fn respond(mut stream: &TcpStream, status: &str, kind: &str, body: &[u8]) -> std::io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\
         Cross-Origin-Opener-Policy: same-origin\r\nCross-Origin-Embedder-Policy: require-corp\r\n\r\n",
        body.len()
    )?;
    stream.write_all(body)
}

fn print_table(answer: &Value) {
    let cases = answer.get("cases").and_then(Value::as_array);
    println!(
        "{:<52} {:>6} {:>12} {:>12} {:>10}",
        "case", "unit", "bedside", "peer", "ratio"
    );
    for case in cases.into_iter().flatten() {
        let text = |name: &str| {
            case.get(name)
                .and_then(Value::as_str)
                .unwrap_or("?")
                .to_owned()
        };
        let number = |name: &str| case.get(name).and_then(Value::as_f64).unwrap_or(f64::NAN);
        println!(
            "{:<52} {:>6} {:>12.3} {:>12.3} {:>9.1}x",
            text("name"),
            text("unit"),
            number("bedside"),
            number("peer"),
            number("ratio")
        );
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
    fn only_the_pages_own_places_are_served() {
        let site = Path::new("site");
        assert!(place("/", site).unwrap().ends_with("page.html"));
        assert_eq!(
            place("/wasm/bedside_query_bench.js", site),
            Some("site/wasm/bedside_query_bench.js".into())
        );
        assert_eq!(place("/wasm/../../secret", site), None);
        assert_eq!(place("/other", site), None);
    }
}
