//! The people of the recordings: what their tokens claim, and tokens that say so.

use std::collections::HashMap;

use bedside_backend::Running;
use bedside_backend::jwt::{JwtKeys, unix_seconds};
use serde_json::{Value, json};

/// The tokens of one play, each made once.
pub struct Tokens<'a> {
    backend: &'a Running,
    /// Recorded seconds of life last this share of themselves.
    pace: f64,
    started: i64,
    made: HashMap<String, String>,
}

impl<'a> Tokens<'a> {
    pub fn new(backend: &'a Running, pace: f64) -> Self {
        Self {
            backend,
            pace,
            started: unix_seconds(),
            made: HashMap::new(),
        }
    }

    /// Puts real tokens where the files have names: `<jwt:anon>`.
    pub fn put_into(&mut self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("<jwt:") {
            let (name, after) = after.split_once('>').unwrap_or((after, ""));
            out.push_str(before);
            out.push_str(&self.token(name));
            rest = after;
        }
        out.push_str(rest);
        out
    }

    fn token(&mut self, name: &str) -> String {
        if let Some(token) = self.made.get(name) {
            return token.clone();
        }
        let mut claims = claims(name, self.started, self.pace);
        let token = match name {
            "bad-signature" => {
                JwtKeys::new("a secret that nobody signs with, 32 bytes").sign(&claims)
            }
            _ => {
                // Tokens of one person differ, as they would in the order of their issue.
                claims["jti"] = name.into();
                self.backend.keys().sign(&claims)
            }
        };
        self.made.insert(name.to_owned(), token.clone());
        token
    }
}

/// What the tokens of the recordings claim.
fn claims(name: &str, now: i64, pace: f64) -> Value {
    let mut claims = match name {
        _ if name.contains("clinician-b") => {
            json!({ "role": "authenticated", "sub": "22222222-2222-4222-8222-222222222222" })
        }
        "admin" => {
            json!({ "role": "authenticated", "sub": "33333333-3333-4333-8333-333333333333", "user_role": "admin" })
        }
        "service" => json!({ "role": "service_role" }),
        "no-role" => json!({}),
        "unknown-role" => json!({ "role": "does_not_exist" }),
        _ if name.starts_with("anon") => json!({ "role": "anon" }),
        _ => json!({ "role": "authenticated", "sub": "11111111-1111-4111-8111-111111111111" }),
    };
    let seconds = name
        .rsplit('-')
        .next()
        .and_then(|last| last.strip_suffix('s')?.parse::<f64>().ok());
    let expires = match seconds {
        Some(seconds) => now + (seconds * pace).ceil() as i64,
        None if name.starts_with("expired") => now - 60,
        None => now + 3_600,
    };
    if name != "no-exp" {
        claims["exp"] = expires.into();
    }
    claims
}
