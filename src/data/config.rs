//! Where the Supabase project is: `config.json`, read once at start, so that one build runs anywhere.

use std::time::Duration;

use gloo_net::http::Request;
use serde::Deserialize;
use thiserror::Error;

/// What `config.json` holds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Config {
    /// The project's address, without a slash at the end.
    pub supabase_url: String,
    /// The key that every request carries as `apikey`: `sb_publishable_..`, or the anon key of an older project. It grants nothing by
    /// itself and is never a bearer token.
    #[serde(alias = "anon_key")]
    pub publishable_key: String,
    /// Whether the demo accounts exist and are offered.
    #[serde(default)]
    pub demo: bool,
    #[serde(default)]
    pub pace: Pace,
    /// Whether people share computers, as on a ward. Then titles of tabs name no patient and addresses hold no search: a browser's history
    /// outlives a session. It holds unless the hospital says otherwise.
    #[serde(default = "yes")]
    pub shared_computers: bool,
}

/// The waits of the live feed, for a project whose heartbeat isn't the usual one. Milliseconds, at least 500.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Pace {
    /// How often the database counts the feed's heartbeat up.
    heartbeat_ms: u32,
    /// How long a table stays bound after the last page that shows it.
    linger_ms: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            heartbeat_ms: 10_000,
            linger_ms: 30_000,
        }
    }
}

impl Pace {
    /// How often the database counts the feed's heartbeat up.
    pub fn heartbeat(self) -> Duration {
        Duration::from_millis(self.heartbeat_ms.max(500).into())
    }

    /// How long a table stays bound after the last page that shows it.
    pub fn linger(self) -> Duration {
        Duration::from_millis(self.linger_ms.max(500).into())
    }
}

fn yes() -> bool {
    true
}

/// Why the app can't know its project.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConfigError {
    #[error("config.json could not be fetched")]
    Unreachable,
    #[error("the server answered {0} for config.json")]
    Refused(u16),
    /// A static host with a fallback page answers a missing file with HTML.
    #[error("config.json is not JSON: {0}")]
    NotJson(String),
    #[error("supabase_url in config.json is not an http or https address")]
    BadAddress,
    #[error("publishable_key in config.json is empty or holds characters that no key has")]
    BadKey,
    /// Every visitor can read `config.json`, and a secret key bypasses row level security.
    #[error("publishable_key in config.json is a secret key")]
    SecretKey,
}

impl Config {
    /// Reads the text of `config.json`. An address that begins with `/` is on `origin`.
    ///
    /// ```
    /// use bedside::data::{Config, ConfigError};
    /// let read = |text| Config::read(text, "http://127.0.0.1:8787");
    /// assert_eq!(read(r#"{"supabase_url":"/","publishable_key":"k"}"#).map(|c| c.supabase_url), Ok("http://127.0.0.1:8787".to_owned()));
    /// assert_eq!(read(r#"{"supabase_url":"ftp://x","publishable_key":"k"}"#), Err(ConfigError::BadAddress));
    /// assert_eq!(read(r#"{"supabase_url":"https://x.test","publishable_key":""}"#), Err(ConfigError::BadKey));
    /// ```
    pub fn read(text: &str, origin: &str) -> Result<Self, ConfigError> {
        let mut config: Self =
            serde_json::from_str(text).map_err(|error| ConfigError::NotJson(error.to_string()))?;
        let address = config.supabase_url.trim().trim_end_matches('/');
        let address = if config.supabase_url.starts_with('/') {
            format!("{origin}{address}")
        } else {
            address.to_owned()
        };
        let host = address
            .strip_prefix("https://")
            .or_else(|| address.strip_prefix("http://"));
        if host.is_none_or(|host| host.is_empty() || host.contains(char::is_whitespace)) {
            return Err(ConfigError::BadAddress);
        }
        config.supabase_url = address;
        // The key becomes a header, and a header has no room for anything else.
        let key = config.publishable_key.as_str();
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ConfigError::BadKey);
        }
        if is_secret(key) {
            return Err(ConfigError::SecretKey);
        }
        Ok(config)
    }

    /// Fetches and reads `config.json` of this site.
    pub async fn load() -> Result<Self, ConfigError> {
        let response = Request::get("/config.json")
            .send()
            .await
            .map_err(|_| ConfigError::Unreachable)?;
        if !response.ok() {
            return Err(ConfigError::Refused(response.status()));
        }
        let text = response
            .text()
            .await
            .map_err(|_| ConfigError::Unreachable)?;
        let origin = web_sys::window()
            .and_then(|window| window.location().origin().ok())
            .unwrap_or_default();
        Self::read(&text, &origin)
    }
}

/// Whether a key grants more than `anon` does: `sb_secret_..`, or a JWT for `service_role`.
fn is_secret(key: &str) -> bool {
    #[derive(Deserialize)]
    struct Claims {
        role: Option<String>,
    }
    let role = key
        .split('.')
        .nth(1)
        .and_then(from_base64url)
        .and_then(|claims| serde_json::from_slice::<Claims>(&claims).ok())
        .and_then(|claims| claims.role);
    key.starts_with("sb_secret_") || role.is_some_and(|role| role != "anon")
}

fn from_base64url(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let (mut buffer, mut bits) = (0_u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        (buffer, bits) = ((buffer << 6) | u32::from(value), bits + 6);
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(buffer >> bits).ok()?);
            buffer &= (1 << bits) - 1;
        }
    }
    Some(bytes)
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

    fn read(text: &str) -> Result<Config, ConfigError> {
        Config::read(text, "http://localhost:1")
    }

    #[test]
    fn the_pace_is_the_usual_one_unless_the_file_says_otherwise() {
        let read = |pace: &str| {
            let text = format!(r#"{{"supabase_url":"/","publishable_key":"k"{pace}}}"#);
            Config::read(&text, "http://127.0.0.1:1").map(|config| config.pace)
        };
        assert_eq!(read(""), Ok(Pace::default()));
        assert_eq!(Pace::default().heartbeat(), Duration::from_secs(10));
        let quick = read(r#","pace":{"heartbeat_ms":2000}"#).unwrap();
        assert_eq!(quick.heartbeat(), Duration::from_secs(2));
        assert_eq!(quick.linger(), Duration::from_secs(30));
        let none = read(r#","pace":{"heartbeat_ms":0,"linger_ms":0}"#).unwrap();
        assert_eq!(
            (none.heartbeat(), none.linger()),
            (Duration::from_millis(500), Duration::from_millis(500))
        );
    }

    #[test]
    fn the_address_loses_its_last_slash() {
        let config =
            read(r#"{"supabase_url":"https://x.supabase.co/","publishable_key":"k","demo":true}"#)
                .unwrap();
        assert_eq!(config.supabase_url, "https://x.supabase.co");
        assert!(config.demo);
    }

    #[test]
    fn computers_are_shared_unless_the_hospital_says_otherwise() {
        let shared = |text: &str| read(text).unwrap().shared_computers;
        assert!(shared(
            r#"{"supabase_url":"http://x","publishable_key":"k"}"#
        ));
        assert!(!shared(
            r#"{"supabase_url":"http://x","publishable_key":"k","shared_computers":false}"#
        ));
    }

    #[test]
    fn a_fallback_page_in_place_of_the_file_is_no_configuration() {
        assert!(matches!(
            read("<!doctype html>"),
            Err(ConfigError::NotJson(_))
        ));
        assert!(matches!(read(""), Err(ConfigError::NotJson(_))));
        assert!(matches!(
            read(r#"{"publishable_key":"k"}"#),
            Err(ConfigError::NotJson(_))
        ));
    }

    #[test]
    fn an_address_without_a_host_is_refused() {
        for url in ["", "https://", "x.test", "https://a b"] {
            let text = serde_json::json!({"supabase_url": url, "publishable_key": "k"}).to_string();
            assert_eq!(read(&text), Err(ConfigError::BadAddress), "{url}");
        }
    }

    #[test]
    fn a_key_that_no_header_can_carry_is_refused() {
        assert_eq!(read_key("a\nb"), Err(ConfigError::BadKey));
    }

    fn read_key(key: &str) -> Result<Config, ConfigError> {
        read(&serde_json::json!({"supabase_url": "http://x", "publishable_key": key}).to_string())
    }

    #[test]
    fn the_key_may_have_its_previous_name() {
        let config = read(r#"{"supabase_url":"http://x","anon_key":"k"}"#).unwrap();
        assert_eq!(config.publishable_key, "k");
    }

    #[test]
    fn a_key_under_both_names_is_refused() {
        let text = r#"{"supabase_url":"http://x","publishable_key":"k","anon_key":"k"}"#;
        assert!(matches!(read(text), Err(ConfigError::NotJson(_))));
    }

    #[test]
    fn a_publishable_key_and_an_anon_key_are_accepted() {
        for key in [
            "sb_publishable_ACJWlzQHlZjBrEguHvfOxg_3BJgxAaH",
            // {"iss":"supabase","role":"anon"}
            "e30.eyJpc3MiOiJzdXBhYmFzZSIsInJvbGUiOiJhbm9uIn0.c2ln",
            "not.a-jwt.at-all",
        ] {
            assert_eq!(read_key(key).unwrap().publishable_key, key);
        }
    }

    #[test]
    fn a_key_that_bypasses_row_level_security_is_refused() {
        for key in [
            "sb_secret_N7UND0UgjKTVK-Uodkm0Hg_xSvEMPvz",
            // {"iss":"supabase","role":"service_role"}
            "e30.eyJpc3MiOiJzdXBhYmFzZSIsInJvbGUiOiJzZXJ2aWNlX3JvbGUifQ.c2ln",
            // {"role":"authenticated"}, with padding
            "e30.eyJyb2xlIjoiYXV0aGVudGljYXRlZCJ9==.c2ln",
        ] {
            assert_eq!(read_key(key), Err(ConfigError::SecretKey), "{key}");
        }
    }
}
