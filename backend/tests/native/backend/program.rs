//! The program itself: what it prints, how it ends, and that a kill loses nothing.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::backend::stage::{PASSWORD, Project, answer};

/// A program that is killed when the story ends, however it ends.
pub struct Program {
    child: Child,
    url: String,
}

impl Program {
    fn start(project: &Project, data: &Path) -> Self {
        Self::run(
            command(project)
                .args(["--port", "0", "--data-dir"])
                .arg(data),
        )
    }

    /// Runs a command that is to serve, and waits until it does.
    pub fn run(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let url = line
            .trim_end()
            .strip_prefix("listening on ")
            .unwrap_or_else(|| panic!("{line:?}"));
        assert!(url.starts_with("http://127.0.0.1:"), "{url}");
        Self {
            url: url.to_owned(),
            child,
        }
    }

    fn signal(&mut self, signal: &str) {
        let sent = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// The key that the program gives to the app.
    pub async fn key(&self) -> String {
        let settings = reqwest::get(format!("{}/config.json", self.url)).await;
        let settings: serde_json::Value = settings.unwrap().json().await.unwrap();
        settings["anon_key"].as_str().unwrap().to_owned()
    }

    pub async fn sign_up(&self, email: &str) -> u16 {
        self.auth("/auth/v1/signup", email).await
    }

    async fn sign_in(&self, email: &str) -> u16 {
        self.auth("/auth/v1/token?grant_type=password", email).await
    }

    async fn auth(&self, path: &str, email: &str) -> u16 {
        let request = reqwest::Client::new()
            .post(format!("{}{path}", self.url))
            .header("apikey", self.key().await)
            .json(&json!({ "email": email, "password": PASSWORD }));
        answer(request).await.0
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn command(project: &Project) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bedside-backend"));
    command
        // A database that the developer's shell names is no business of a test.
        .env_remove("BEDSIDE_DATABASE_URL")
        .arg("--supabase-dir")
        .arg(project.path())
        .stderr(Stdio::null());
    command
}

/// Runs it to its end and gives what it said on its way out.
pub fn fails_with(command: &mut Command) -> String {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut line, mut text) = (String::new(), String::new());
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    if !line.is_empty() {
        child.kill().unwrap();
        panic!("it serves: {line}");
    }
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert!(!child.wait().unwrap().success(), "{text}");
    text
}

#[tokio::test]
async fn nothing_that_was_answered_is_lost_by_a_kill() {
    let project = Project::new();
    let data = project.beside("data");
    // Three times: the second life begins with what recovery left of the first.
    for life in 0..3 {
        let mut program = Program::start(&project, &data);
        for earlier in 0..life {
            assert_eq!(
                program.sign_in(&format!("life-{earlier}@ward.test")).await,
                200
            );
        }
        assert_eq!(
            program.sign_up(&format!("life-{life}@ward.test")).await,
            200
        );
        program.signal("-KILL");
        program.child.wait().unwrap();
    }
}

#[tokio::test]
async fn a_signal_ends_it_cleanly_within_seconds() {
    let project = Project::new();
    let data = project.beside("data");
    for signal in ["-TERM", "-INT"] {
        let mut program = Program::start(&project, &data);
        let began = Instant::now();
        program.signal(signal);
        let status = program.child.wait().unwrap();
        assert!(status.success(), "{signal}: {status}");
        assert!(began.elapsed() < Duration::from_secs(5), "{signal}");
    }
}

#[tokio::test]
async fn a_signal_closes_open_sockets_with_the_code_for_a_restart() {
    let project = Project::new();
    let data = project.beside("data");
    let mut program = Program::start(&project, &data);
    let address = program.url.replace("http://", "ws://");
    let key = program.key().await;
    let url = format!("{address}/realtime/v1/websocket?apikey={key}&vsn=2.0.0");
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    // The real server takes its leave only from sockets with a channel.
    let join = json!(["1", "1", "realtime:ward", "phx_join", { "config": {} }]);
    socket.send(Message::text(join.to_string())).await.unwrap();
    let reply = socket.next().await.unwrap().unwrap().into_text().unwrap();
    assert!(reply.contains("\"status\":\"ok\""), "{reply}");
    program.signal("-TERM");
    let code = loop {
        match socket.next().await {
            Some(Ok(Message::Close(frame))) => break frame.map(|frame| u16::from(frame.code)),
            Some(Ok(_)) => {}
            other => panic!("closed without a word: {other:?}"),
        }
    };
    assert_eq!(code, Some(1012));
    assert!(program.child.wait().unwrap().success());
}

#[test]
fn a_taken_port_is_one_line_and_a_failure() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let said =
        fails_with(command(&Project::new()).args(["--in-memory", "--port", &port.to_string()]));
    assert_eq!(
        said,
        format!(
            "error: port {port} is taken on 127.0.0.1: stop what uses it or choose another with --port\n"
        )
    );
}

#[test]
fn an_unknown_flag_is_a_failure_that_names_it() {
    let said = fails_with(command(&Project::new()).arg("--prot"));
    assert!(said.contains("--prot"), "{said}");
}

#[test]
fn a_database_that_does_not_answer_is_one_line_without_its_password() {
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let url = format!("postgres://someone:s3cret@127.0.0.1:{free}/db");
    let said = fails_with(command(&Project::new()).args(["--port", "0", "--database-url", &url]));
    assert!(
        said.starts_with("error: ") && said.lines().count() == 1,
        "{said}"
    );
    assert!(!said.contains("s3cret"), "{said}");
}

#[tokio::test]
async fn a_log_line_holds_no_query_no_token_and_no_password() {
    let project = Project::new();
    let mut child = command(&project)
        .args(["--port", "0", "--in-memory", "--log", "json"])
        .env("RUST_LOG", "bedside_backend=trace")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let mut program = Program {
        url: line.trim_end().replace("listening on ", ""),
        child,
    };
    program.sign_up("somebody@ward.test").await;
    program.sign_in("somebody@ward.test").await;
    let key = program.key().await;
    let request = reqwest::Client::new()
        .get(format!(
            "{}/rest/v1/notes?title=eq.a-diagnosis",
            program.url
        ))
        .header("apikey", &key);
    assert_eq!(answer(request).await.0, 200);
    program.signal("-TERM");
    let mut log = String::new();
    program
        .child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut log)
        .unwrap();
    let requests = log
        .lines()
        .filter(|line| line.contains("/rest/v1/notes"))
        .count();
    assert_eq!(requests, 1, "{log}");
    for line in log.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
    for secret in ["a-diagnosis", PASSWORD, &key, "eyJ", "somebody@ward.test"] {
        assert!(!log.contains(secret), "the log holds {secret}");
    }
}
