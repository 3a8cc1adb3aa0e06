//! The client's side of a recording, played against a backend; the server's side is compared as it comes.
//!
//! Gaps are not waited out, except where a scenario is about time. Before each step of the client everything recorded
//! up to it must have arrived; in the end nothing may be left over.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bedside_backend::Running;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};

use super::compare::{Chosen, Frame};
use super::peer::{Command, Conn, shown, text_frame};
use super::recording::{Direction, Line};
use super::tokens::Tokens;

/// How long a recorded frame may take to come.
const PATIENCE: Duration = Duration::from_secs(6);
/// How long to listen for frames that should not come.
const QUIET: Duration = Duration::from_millis(150);

/// How a scenario is played.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// Recorded seconds last this share of themselves; 0 waits for nothing.
    pub pace: f64,
    /// Which recorded frames need not come, by a part of their text.
    pub may_lack: &'static [&'static str],
    /// Which frames may come though they were not recorded.
    pub may_add: &'static [&'static str],
    /// The line, by a part of its note, at which to stop.
    pub until: Option<&'static str>,
    /// Sockets that are not played.
    pub without: &'static [&'static str],
}

impl Manner {
    pub const PLAIN: Self = Self {
        pace: 0.0,
        may_lack: &[],
        may_add: &[],
        until: None,
        without: &[],
    };
}

/// Plays a recording. An error says at which line which frame was wrong.
pub async fn play(backend: &Running, lines: &[Line], manner: Manner) -> Result<()> {
    let mut player = Player {
        backend,
        manner,
        conns: BTreeMap::new(),
        expected: Vec::new(),
        chosen: Chosen::default(),
        tokens: Tokens::new(backend, manner.pace),
        large: 0,
        sender: String::new(),
        checked: false,
    };
    let mut clock = lines.first().map_or(0.0, |line| line.t_ms);
    // Once the recorded clients go away one after the other, what some still hear of the others is chance.
    let farewell = lines
        .iter()
        .rposition(|line| !matches!(line.dir, Direction::Close | Direction::Recv))
        .map_or(0, |last| last + 1);
    let farewell = lines
        .iter()
        .skip(farewell)
        .position(|line| line.dir == Direction::Close)
        .map_or(usize::MAX, |offset| farewell + offset);
    for (number, line) in lines.iter().enumerate() {
        if number == farewell {
            player.nothing_left_over().await?;
        }
        let note = line.note.as_deref().unwrap_or_default();
        if manner.until.is_some_and(|until| note.contains(until)) {
            break;
        }
        if line
            .conn
            .as_deref()
            .is_some_and(|conn| manner.without.contains(&conn))
        {
            continue;
        }
        let gap = line.t_ms - clock;
        clock = line.t_ms;
        if manner.pace > 0.0 && gap > 400.0 {
            tokio::time::sleep(Duration::from_secs_f64(gap / 1000.0 * manner.pace)).await;
        }
        player
            .step(line)
            .await
            .with_context(|| format!("line {}: {}", number + 1, brief(line)))?;
    }
    player.finish().await
}

fn brief(line: &Line) -> String {
    let text = line
        .frame
        .as_deref()
        .or(line.note.as_deref())
        .or(line.path.as_deref())
        .unwrap_or_default();
    format!(
        "{:?} {} {}",
        line.dir,
        line.conn.as_deref().unwrap_or(""),
        text.chars().take(300).collect::<String>()
    )
}

/// A recorded frame that has not come yet.
struct Expected {
    conn: String,
    frame: Frame,
}

struct Player<'a> {
    backend: &'a Running,
    manner: Manner,
    conns: BTreeMap<String, Conn>,
    /// Recorded and not yet come.
    expected: Vec<Expected>,
    chosen: Chosen,
    tokens: Tokens<'a>,
    /// How many shortened frames were sent.
    large: usize,
    /// The socket that sent last.
    sender: String,
    /// Whether it was checked that nothing is left over.
    checked: bool,
}

impl Player<'_> {
    async fn step(&mut self, line: &Line) -> Result<()> {
        let conn = line.conn.clone().unwrap_or_default();
        match line.dir {
            Direction::Recv => {
                let frame = self.recorded_frame(line)?;
                self.expected.push(Expected { conn, frame });
                Ok(())
            }
            Direction::Close
                if line
                    .by
                    .as_deref()
                    .is_some_and(|by| by.starts_with("server")) =>
            {
                let frame = Frame::Closed(line.code.unwrap_or(1006));
                self.expected.push(Expected { conn, frame });
                Ok(())
            }
            Direction::Open => {
                self.settle().await?;
                self.open(line, conn).await
            }
            Direction::Send => {
                self.settle().await?;
                let message = self.message(line)?;
                if self.sender != conn {
                    // Each socket is served by itself; the recorded server took these in this order.
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    self.sender.clone_from(&conn);
                }
                self.command(&conn, Command::Send(message));
                Ok(())
            }
            Direction::Close => {
                // What the close caused at other sockets may stand before its line.
                self.settle_at(Some(&conn)).await?;
                let dropped = line.by.as_deref().is_some_and(|by| by.contains("dropped"));
                let command = if dropped {
                    Command::Drop
                } else {
                    Command::Close(line.code.unwrap_or(1000))
                };
                self.command(&conn, command);
                Ok(())
            }
            Direction::Note => self.note(line.note.as_deref().unwrap_or_default()).await,
        }
    }

    async fn note(&mut self, note: &str) -> Result<()> {
        if let Some(sql) = note
            .strip_prefix("sql: ")
            .or_else(|| note.strip_prefix("sql, one transaction: "))
        {
            self.settle().await?;
            return self.sql(sql).await;
        }
        if note.starts_with("C: websocket ping") {
            self.command("C", Command::Send(Message::Ping(Default::default())));
        }
        if let Some(rest) = note.strip_prefix("POST ") {
            return self.post(rest).await;
        }
        if note.starts_with("SIGTERM sent") {
            self.settle().await?;
            // The whole backend would take its database with it; the sockets' end is Realtime's alone.
            self.backend.realtime().shutdown().await;
        }
        if note.starts_with("operator: POST /api/tenants/<id>/reload") {
            self.settle().await?;
            while self.backend.realtime().open_sockets() < self.conns.len() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            self.backend.realtime().disconnect_sockets();
        }
        Ok(())
    }

    async fn sql(&self, sql: &str) -> Result<()> {
        match self.backend.db().run_script(sql).await {
            // The embedded PostgreSQL reports what the block would have caught; either way nothing is committed.
            Err(_) if sql.contains("raise exception 'x'") => {}
            outcome => outcome.with_context(|| sql.chars().take(200).collect::<String>())?,
        }
        self.backend.realtime().catch_up().await;
        Ok(())
    }

    /// `POST {json} -> (status, 'body')`: a broadcast by HTTP, with its answer.
    async fn post(&mut self, rest: &str) -> Result<()> {
        let (body, answer) = rest
            .split_once(" -> ")
            .context("a POST without its answer")?;
        let response = reqwest::Client::new()
            .post(format!("{}/realtime/v1/api/broadcast", self.backend.url()))
            .header("apikey", self.backend.keys().service_role_key())
            .header("content-type", "application/json")
            .body(body.to_owned())
            .send()
            .await?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        let same = answer.starts_with(&format!("({status}, "))
            && answer.replace("\\'", "'").contains(&text);
        if !same {
            bail!("answered {status} {text}, recorded {answer}");
        }
        Ok(())
    }

    async fn open(&mut self, line: &Line, conn: String) -> Result<()> {
        let path = line.path.as_deref().unwrap_or_default();
        let path = path.replace("/socket/websocket", "/realtime/v1/websocket");
        let path = self.tokens.put_into(&path);
        let url = format!("{}{path}", self.backend.url().replace("http://", "ws://"));
        let mut request = url.into_client_request()?;
        if let Some(host) = &line.host {
            request.headers_mut().insert("host", host.parse()?);
        }
        for (name, value) in &line.headers {
            let value = self.tokens.put_into(value);
            let name: tokio_tungstenite::tungstenite::http::HeaderName = name.parse()?;
            request.headers_mut().insert(name, value.parse()?);
        }
        match tokio_tungstenite::connect_async(request).await {
            Ok((socket, _)) => {
                self.conns.insert(conn, Conn::start(socket));
                expect_status(line, 101, "")
            }
            Err(SocketError::Http(response)) => {
                let body = response.body().as_deref().unwrap_or_default();
                expect_status(
                    line,
                    response.status().as_u16(),
                    &String::from_utf8_lossy(body),
                )
            }
            Err(error) => Err(error.into()),
        }
    }

    fn command(&mut self, conn: &str, command: Command) {
        if let Some(conn) = self.conns.get(conn) {
            // A socket that is closed already is no matter.
            let _ = conn.commands.send(command);
        }
    }

    fn message(&mut self, line: &Line) -> Result<Message> {
        if let Some(b64) = &line.b64 {
            return Ok(Message::Binary(STANDARD.decode(b64)?.into()));
        }
        let mut text = self
            .tokens
            .put_into(line.frame.as_deref().unwrap_or_default());
        if let Some(bytes) = line.bytes {
            // In the second serializer the refs come first; in the first they follow the payload and were cut off.
            let (reference, join_ref) = [("70", "3"), ("71", "3"), ("72", "5"), ("73", "1")]
                .get(self.large)
                .copied()
                .unwrap_or_default();
            self.large += 1;
            text = text.replace("...(truncated in this file)", "");
            let end = match text.starts_with('[') {
                true => "\"}}]".to_owned(),
                false => format!("\"}}}},\"ref\":\"{reference}\",\"join_ref\":\"{join_ref}\"}}"),
            };
            text.push_str(&"a".repeat(bytes.saturating_sub(text.len() + end.len())));
            text.push_str(&end);
        }
        Ok(Message::Text(text.into()))
    }

    fn recorded_frame(&self, line: &Line) -> Result<Frame> {
        if let Some(b64) = &line.b64 {
            return Ok(Frame::Binary(STANDARD.decode(b64)?));
        }
        if let Some(bytes) = line.bytes {
            return Ok(Frame::Large(bytes));
        }
        Ok(text_frame(line.frame.as_deref().unwrap_or_default()))
    }

    /// Waits until everything expected has come.
    async fn settle(&mut self) -> Result<()> {
        self.settle_at(None).await
    }

    /// Waits until everything expected, at one socket or at all, has come.
    async fn settle_at(&mut self, only: Option<&str>) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let concerned = |e: &Expected| only.is_none_or(|only| only == e.conn);
        let (due, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.expected)
            .into_iter()
            .partition(concerned);
        self.expected = later;
        for Expected { conn, frame } in due {
            let text = format!("{conn} {}", shown(&frame));
            let optional = self.manner.may_lack.iter().any(|part| text.contains(part));
            let patience = if optional {
                Instant::now() + QUIET
            } else {
                deadline
            };
            let Some(peer) = self.conns.get_mut(&conn) else {
                bail!("{conn} was never opened");
            };
            if !peer.take(&frame, &mut self.chosen, patience).await && !optional {
                let came: Vec<_> = peer.came.iter().map(shown).collect();
                bail!(
                    "{conn} did not get\n  {}\nbut\n  {}",
                    shown(&frame),
                    came.join("\n  ")
                );
            }
        }
        Ok(())
    }

    /// Nothing may be missing.
    async fn finish(&mut self) -> Result<()> {
        self.settle().await?;
        if self.checked {
            return Ok(());
        }
        self.nothing_left_over().await
    }

    /// Nothing may have come that was not recorded.
    async fn nothing_left_over(&mut self) -> Result<()> {
        self.checked = true;
        self.backend.realtime().catch_up().await;
        tokio::time::sleep(QUIET).await;
        let mut open = Vec::new();
        for expected in std::mem::take(&mut self.expected) {
            let conn = self.conns.get_mut(&expected.conn).context("never opened")?;
            if !conn
                .take(&expected.frame, &mut self.chosen, Instant::now())
                .await
            {
                open.push(expected);
            }
        }
        self.expected = open;
        for (name, conn) in &mut self.conns {
            conn.drain();
            let extra = |frame: &&Frame| {
                let text = shown(frame);
                !matches!(frame, Frame::Closed(_))
                    && !self.manner.may_add.iter().any(|part| text.contains(part))
            };
            let left: Vec<_> = conn.came.iter().filter(extra).map(shown).collect();
            if !left.is_empty() {
                bail!("{name} got what was not recorded:\n  {}", left.join("\n  "));
            }
        }
        Ok(())
    }
}

fn expect_status(line: &Line, status: u16, body: &str) -> Result<()> {
    let recorded = line.status.unwrap_or_default();
    let same_body = recorded == 101 || line.body.as_deref().unwrap_or_default() == body;
    if recorded != status || !same_body {
        bail!(
            "opened with {status} {body:?}, recorded {recorded} {:?}",
            line.body
        );
    }
    Ok(())
}
