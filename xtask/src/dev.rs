//! `cargo xtask dev`: set up, build, serve, and say last where it is and who can sign in.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::build::App;
use crate::cli::{Build, DevOptions, Storage};
use crate::process::Running;
use crate::tools::{self, Bundler};
use crate::{Error, build, paint, process, report, setup, workspace};

/// The first start makes the database and its demo data.
const READY_WITHIN: Duration = Duration::from_secs(120);
/// Everything that the app stands on is compiled then, on whatever machine this is.
const BUILT_WITHIN: Duration = Duration::from_secs(30 * 60);
const POLL: Duration = Duration::from_millis(100);

const SIGN_INS: &str = "  admin@bedside.test           sees everything, sets roles
  clinician.one@bedside.test   sees the patients assigned to them
  clinician.two@bedside.test   sees others
  viewer@bedside.test          reads everything, changes nothing
  password for each: bedside-demo";

/// Runs until Ctrl-C, or until what it started ends.
pub fn run(options: &DevOptions) -> Result<(), Error> {
    let start = Instant::now();
    // Before the minutes of a first build, not after them.
    free(options.port)?;
    let backend_port = match options.build {
        Build::Watch => free_port()?,
        Build::Once | Build::Skip => options.port,
    };
    match options.build {
        Build::Once => {
            setup::run(setup::Needs::App)?;
            build::both(App::Quick)?;
        }
        Build::Watch => {
            setup::run(setup::Needs::Watch)?;
            build::backend()?;
        }
        Build::Skip => is_built()?,
    }

    let mut children = vec![serve(options, backend_port)?];
    ready("the backend", backend_port, READY_WITHIN, &mut children)?;
    if options.build == Build::Watch {
        children.push(watch(options.port, backend_port)?);
        ready("the first build", options.port, BUILT_WITHIN, &mut children)?;
    }

    if options.build == Build::Once {
        paint::report(options.port);
    }
    report::line(
        "serve",
        &format!("ready after {}", report::spoken(start.elapsed())),
    );
    println!(
        "\nBedside is on http://127.0.0.1:{}\n\n{SIGN_INS}\n\nCtrl-C ends it.",
        options.port
    );
    loop {
        match one_ended(&mut children) {
            // Asked for, and so no failure.
            Err(Error::Interrupted) => return Ok(()),
            ended => ended?,
        }
        std::thread::sleep(POLL);
    }
}

/// A backend for tests, without the app, its data in memory; it ends when this value goes.
pub struct TestBackend {
    _running: Running,
    pub url: String,
    /// The key that anybody may have.
    pub key: String,
}

/// Starts the built backend for tests.
///
/// # Errors
/// When it does not start in time.
pub fn backend_for_tests() -> Result<TestBackend, Error> {
    let port = free_port()?;
    let options = DevOptions {
        port,
        storage: Storage::InMemory,
        build: Build::Watch,
    };
    let running = serve(&options, port)?;
    let mut running = [running];
    ready("the backend", port, READY_WITHIN, &mut running)?;
    let config = configuration(port).map_err(|error| Error::Step {
        step: "asking the backend for its key".to_owned(),
        reason: error.to_string(),
    })?;
    let [_running] = running;
    Ok(TestBackend {
        _running,
        url: format!("http://127.0.0.1:{port}"),
        key: config
            .get("anon_key")
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default()
            .to_owned(),
    })
}

fn is_built() -> Result<(), Error> {
    let app = App::Quick.folder().join("index.html");
    let missing = [workspace::backend(), app]
        .into_iter()
        .find(|path| !path.is_file());
    match missing {
        None => Ok(()),
        Some(path) => Err(Error::Usage(format!(
            "--no-build needs an earlier build, and {} is not there; run `cargo xtask dev` once",
            path.strip_prefix(workspace::root())
                .unwrap_or(&path)
                .display()
        ))),
    }
}

fn serve(options: &DevOptions, port: u16) -> Result<Running, Error> {
    let mut command = Command::new(workspace::backend());
    command
        .arg("--port")
        .arg(port.to_string())
        // The options say where the data is, not what the shell happens to export.
        .env_remove("BEDSIDE_DATABASE_URL")
        .current_dir(workspace::root());
    if options.build != Build::Watch {
        command.arg("--dist").arg(App::Quick.folder());
    }
    match &options.storage {
        Storage::Kept => {}
        Storage::Reset => {
            command.arg("--reset");
        }
        Storage::InMemory => {
            command.arg("--in-memory");
        }
        // Not as an argument: it can hold a password, and arguments are for all to see.
        Storage::Database(url) => {
            command.env("BEDSIDE_DATABASE_URL", url);
        }
    }
    report::line("serve", "starting the backend …");
    process::start("the backend", &mut command)
}

/// trunk serves the app, rebuilds it on change, and passes everything else on.
fn watch(port: u16, backend_port: u16) -> Result<Running, Error> {
    let config = watch_config(backend_port)?;
    for ignored in ["target", "dist", ".bedside"] {
        let path = workspace::root().join(ignored);
        // The bundler refuses to ignore what is not there, and with its data in memory the backend makes no folder.
        std::fs::create_dir_all(&path).map_err(|source| Error::file("create", &path, source))?;
    }
    report::line("serve", "building the app, then again on each change …");
    let mut command = trunk()?;
    command
        .args(["serve", "--offline=true", "--cargo-profile", "web"])
        .arg("--config")
        .arg(config)
        .args(["--address", "127.0.0.1", "--port"])
        .arg(port.to_string());
    process::start("trunk", &mut command)
}

/// A trunk that finds the pinned tools and may not download others.
fn trunk() -> Result<Command, Error> {
    let mut paths = vec![Bundler::bin()?];
    paths.extend(std::env::split_paths(
        &std::env::var_os("PATH").unwrap_or_default(),
    ));
    let path = std::env::join_paths(paths).map_err(|error| Error::Step {
        step: "setting PATH".to_owned(),
        reason: error.to_string(),
    })?;
    let mut command = Command::new(tools::trunk()?.join("bin").join("trunk"));
    command
        .env("PATH", path)
        // Trunk wants a boolean here, where the convention is any value.
        .env_remove("NO_COLOR")
        .current_dir(workspace::root());
    Ok(command)
}

/// The bundler reads its proxies from a file only, and the port is chosen at run time: so the file is made here, from
/// the project's own one.
fn watch_config(backend_port: u16) -> Result<PathBuf, Error> {
    let own = workspace::root().join("Trunk.toml");
    let settings =
        std::fs::read_to_string(&own).map_err(|source| Error::file("read", &own, source))?;
    let path = workspace::root().join("Trunk.watch.toml");
    let backend = format!("127.0.0.1:{backend_port}");
    let text = format!(
        "{settings}\n\
         [[proxy]]\nbackend = \"http://{backend}/rest/v1\"\n\
         [[proxy]]\nbackend = \"http://{backend}/auth/v1\"\n\
         [[proxy]]\nbackend = \"http://{backend}/config.json\"\n\
         [[proxy]]\nbackend = \"http://{backend}/realtime/v1/api\"\n\
         [[proxy]]\nbackend = \"ws://{backend}/realtime/v1/websocket\"\nws = true\n"
    );
    std::fs::write(&path, text).map_err(|source| Error::file("write", &path, source))?;
    Ok(path)
}

fn free(port: u16) -> Result<(), Error> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .map(|_| ())
        .map_err(|_| Error::PortTaken { port })
}

fn free_port() -> Result<u16, Error> {
    let port =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    port.map(|address| address.port())
        .map_err(|error| Error::Step {
            step: "finding a free port".to_owned(),
            reason: error.to_string(),
        })
}

/// Waits until a port answers a request for the app's configuration.
fn ready(what: &str, port: u16, within: Duration, children: &mut [Running]) -> Result<(), Error> {
    let start = Instant::now();
    while !answers(port) {
        one_ended(children)?;
        if start.elapsed() > within {
            return Err(Error::Step {
                step: what.to_owned(),
                reason: format!("no answer on port {port} within {}", report::spoken(within)),
            });
        }
        std::thread::sleep(POLL);
    }
    report::line(
        "serve",
        &format!("{what}: ready after {}", report::spoken(start.elapsed())),
    );
    Ok(())
}

fn answers(port: u16) -> bool {
    ask(port).is_ok()
}

/// Asks for the app's configuration; gives what follows the good news.
fn ask(port: u16) -> std::io::Result<TcpStream> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(
        stream,
        "GET /config.json HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
    )?;
    let mut status = [0; 12];
    stream.read_exact(&mut status)?;
    match status.ends_with(b" 200") {
        true => Ok(stream),
        false => Err(std::io::Error::other("no configuration")),
    }
}

/// What the app would be configured with, of a backend that nothing stands before.
fn configuration(port: u16) -> std::io::Result<serde_json::Value> {
    let mut answer = String::new();
    ask(port)?.read_to_string(&mut answer)?;
    let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    Ok(serde_json::from_str(body)?)
}

/// Everything goes together: the first child to end ends the command.
fn one_ended(children: &mut [Running]) -> Result<(), Error> {
    if process::stopping() {
        return Err(Error::Interrupted);
    }
    for child in children {
        if let Some(status) = child.ended()? {
            return Err(if process::stopping() {
                Error::Interrupted
            } else {
                Error::Step {
                    step: child.name().to_owned(),
                    reason: format!("ended with {status}; see above"),
                }
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_taken_port_is_named_before_anything_is_built() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let options = DevOptions {
            port,
            storage: Storage::InMemory,
            build: Build::Once,
        };
        let error = run(&options).unwrap_err().to_string();
        assert!(
            error.contains(&port.to_string()) && error.contains("--port"),
            "{error}"
        );
    }
}
