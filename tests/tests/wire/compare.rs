//! Whether a frame is the recorded one, apart from what is the server's to choose: times, ids, refs, generated keys,
//! the order of keys. A chosen value must stand for the same recorded value every time it appears.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// A frame on either side.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    Text(Value),
    /// Text that is no JSON.
    Raw(String),
    Binary(Vec<u8>),
    /// A text frame too large for the file: its true size.
    Large(usize),
    Closed(u16),
}

/// Recorded values of the server's choice and what stands for them here.
#[derive(Debug, Clone, Default)]
pub struct Chosen {
    here: HashMap<String, String>,
    recorded: HashMap<String, String>,
}

impl Chosen {
    fn same(&mut self, recorded: &str, here: &str) -> bool {
        let (known, known_back) = (self.here.get(recorded), self.recorded.get(here));
        match (known, known_back) {
            (Some(known), Some(back)) => known == here && back == recorded,
            (None, None) => {
                self.here.insert(recorded.to_owned(), here.to_owned());
                self.recorded.insert(here.to_owned(), recorded.to_owned());
                true
            }
            _ => false,
        }
    }
}

/// Compares a whole frame; what was learned about chosen values is kept only when it matches.
pub fn matches(recorded: &Frame, here: &Frame, chosen: &mut Chosen) -> bool {
    let mut trial = chosen.clone();
    let same = match (recorded, here) {
        (Frame::Text(recorded), Frame::Text(here)) => value(recorded, here, "", &mut trial),
        (Frame::Large(bytes), Frame::Large(size)) => bytes.abs_diff(*size) < 64,
        (Frame::Binary(recorded), Frame::Binary(here)) => binary(recorded, here, &mut trial),
        (recorded, here) => recorded == here,
    };
    if same {
        *chosen = trial;
    }
    same
}

fn value(recorded: &Value, here: &Value, key: &str, chosen: &mut Chosen) -> bool {
    match (recorded, here) {
        (Value::Object(recorded), Value::Object(here)) => object(recorded, here, key, chosen),
        (Value::Array(recorded), Value::Array(here)) => {
            recorded.len() == here.len()
                && recorded
                    .iter()
                    .zip(here)
                    .all(|(r, h)| value(r, h, key, chosen))
        }
        (Value::String(r), Value::String(h)) => match key {
            "commit_timestamp" => is_timestamp(r) && is_timestamp(h),
            "updated_at" if is_now(h) => true,
            "phx_ref" | "phx_ref_prev" | "message id" => chosen.same(r, h),
            "reason" | "message" => without_age(r) == without_age(h),
            _ => r == h,
        },
        (Value::Number(r), Value::Number(h)) => match key {
            "binding id" | "ids" => chosen.same(&r.to_string(), &h.to_string()),
            _ => r == h,
        },
        (recorded, here) => recorded == here,
    }
}

fn object(
    recorded: &Map<String, Value>,
    here: &Map<String, Value>,
    key: &str,
    chosen: &mut Chosen,
) -> bool {
    let replied_bindings = key == "postgres_changes";
    // A message from the database carries its id twice: beside the payload and in it.
    let message = recorded.contains_key("meta") || key == "meta" || key == "message payload";
    recorded.len() == here.len()
        && recorded.iter().all(|(name, r)| {
            if name.ends_with("-000000000000") && name.len() == 36 {
                return here.iter().any(|(other, h)| {
                    let mut trial = chosen.clone();
                    let same =
                        other.len() == 36 && trial.same(name, other) && value(r, h, "", &mut trial);
                    if same {
                        *chosen = trial;
                    }
                    same
                });
            }
            let inner = match name.as_str() {
                "id" if replied_bindings => "binding id",
                "id" if message => "message id",
                "payload" if message => "message payload",
                name => name,
            };
            here.get(name).is_some_and(|h| value(r, h, inner, chosen))
        })
}

/// The topic of a row change, if the frame is one: those come in the order of their commits.
pub fn changed_topic(frame: &Frame) -> Option<&str> {
    let Frame::Text(value) = frame else {
        return None;
    };
    let (topic, event) = match value {
        Value::Object(message) => (message.get("topic")?, message.get("event")?),
        Value::Array(message) => (message.get(2)?, message.get(3)?),
        _ => return None,
    };
    topic.as_str().filter(|_| event == "postgres_changes")
}

/// Binary frames differ only in the id of a message from the database: metadata `{"id":".."}`, twice.
fn binary(recorded: &[u8], here: &[u8], chosen: &mut Chosen) -> bool {
    let (Some((r, r_ids)), Some((h, h_ids))) = (without_ids(recorded), without_ids(here)) else {
        return recorded == here;
    };
    r == h && r_ids.len() == h_ids.len() && r_ids.iter().zip(&h_ids).all(|(r, h)| chosen.same(r, h))
}

/// The frame as text with every UUID cut out, and the UUIDs.
fn without_ids(frame: &[u8]) -> Option<(String, Vec<String>)> {
    let text: String = frame.iter().map(|byte| char::from(*byte)).collect();
    let mut rest = text.as_str();
    let (mut out, mut ids) = (String::new(), Vec::new());
    while let Some(at) = rest.find("\"id\":") {
        let start = at + 5 + rest.get(at + 5..)?.find('"')? + 1;
        out.push_str(rest.get(..start)?);
        ids.push(rest.get(start..start + 36)?.to_owned());
        rest = rest.get(start + 36..)?;
    }
    if ids.is_empty() {
        return None;
    }
    out.push_str(rest);
    Some((out, ids))
}

fn is_timestamp(text: &str) -> bool {
    let shape: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    shape == "0000-00-00T00:00:00.000Z"
}

/// A default of `now()`: of this day, and with a fraction that nobody writes by hand.
fn is_now(text: &str) -> bool {
    let seconds = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let days = [
        seconds / 86_400,
        (seconds + 86_400) / 86_400,
        seconds.saturating_sub(86_400) / 86_400,
    ];
    days.iter().any(|day| text.starts_with(&date(*day)))
}

/// The date of a day since 1970, by the civil calendar.
fn date(day: u64) -> String {
    let z = day + 719_468;
    let era = z / 146_097;
    let of_era = z % 146_097;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let dom = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{dom:02}")
}

/// "expired 61 seconds ago" depends on when the test runs.
fn without_age(text: &str) -> String {
    match text.find("has expired ") {
        Some(_) => text.chars().filter(|c| !c.is_ascii_digit()).collect(),
        None => text.to_owned(),
    }
}

/// Long runs of one letter, shortened as in the files.
pub fn shortened(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(4096));
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let mut run = 1;
        while chars.next_if_eq(&c).is_some() {
            run += 1;
        }
        out.extend(std::iter::repeat_n(c, run.min(60)));
        if run > 5_000 {
            out.push_str(&format!("...({run} times, shortened in this file)"));
        } else if run > 60 {
            out.extend(std::iter::repeat_n(c, run - 60));
        }
    }
    out
}
