//! Recorded scenarios as data: what was sent, received and noted, line by line.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Deserialize;

/// One line of a recording.
#[derive(Debug, Clone, Deserialize)]
pub struct Line {
    /// Milliseconds since the recording began.
    pub t_ms: f64,
    pub dir: Direction,
    /// Which socket.
    pub conn: Option<String>,
    /// A text frame.
    pub frame: Option<String>,
    /// A binary frame.
    pub b64: Option<String>,
    /// The true size of a frame that was shortened in the file.
    pub bytes: Option<usize>,
    pub status: Option<u16>,
    pub body: Option<String>,
    pub path: Option<String>,
    /// The Host that was asked, where it is not the usual one.
    pub host: Option<String>,
    #[serde(default)]
    pub headers: std::collections::BTreeMap<String, String>,
    pub code: Option<u16>,
    pub by: Option<String>,
    pub note: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    Open,
    Send,
    Recv,
    Close,
    Note,
}

/// Reads `tests/wire/<scenario>.<version>.jsonl`.
pub fn read(scenario: &str, version: &str) -> Result<Vec<Line>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("wire")
        .join(format!("{scenario}.{version}.jsonl"));
    let text = std::fs::read_to_string(&file).with_context(|| format!("{}", file.display()))?;
    text.lines()
        .map(|line| Ok(serde_json::from_str(line)?))
        .collect()
}
