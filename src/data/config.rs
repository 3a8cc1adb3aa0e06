//! Where the Supabase project is: `config.json`, read once at start, so that one build runs anywhere.

use gloo_net::http::Request;
use serde::Deserialize;
use thiserror::Error;

/// What `config.json` holds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Config {
    /// The project's address, without a slash at the end.
    pub supabase_url: String,
    /// The key that every request carries; it grants nothing by itself.
    pub anon_key: String,
    /// Whether the demo accounts exist and are offered.
    #[serde(default)]
    pub demo: bool,
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
    #[error("anon_key in config.json is empty or holds characters that no key has")]
    BadKey,
}

impl Config {
    /// Reads the text of `config.json`. An address that begins with `/` is on `origin`.
    ///
    /// ```
    /// use bedside::data::{Config, ConfigError};
    /// let read = |text| Config::read(text, "http://127.0.0.1:8787");
    /// assert_eq!(read(r#"{"supabase_url":"/","anon_key":"k"}"#).map(|c| c.supabase_url), Ok("http://127.0.0.1:8787".to_owned()));
    /// assert_eq!(read(r#"{"supabase_url":"ftp://x","anon_key":"k"}"#), Err(ConfigError::BadAddress));
    /// assert_eq!(read(r#"{"supabase_url":"https://x.test","anon_key":""}"#), Err(ConfigError::BadKey));
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
        if config.anon_key.is_empty()
            || !config.anon_key.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Err(ConfigError::BadKey);
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
    fn the_address_loses_its_last_slash() {
        let config =
            read(r#"{"supabase_url":"https://x.supabase.co/","anon_key":"k","demo":true}"#)
                .unwrap();
        assert_eq!(config.supabase_url, "https://x.supabase.co");
        assert!(config.demo);
    }

    #[test]
    fn a_fallback_page_in_place_of_the_file_is_no_configuration() {
        assert!(matches!(
            read("<!doctype html>"),
            Err(ConfigError::NotJson(_))
        ));
        assert!(matches!(read(""), Err(ConfigError::NotJson(_))));
        assert!(matches!(
            read(r#"{"anon_key":"k"}"#),
            Err(ConfigError::NotJson(_))
        ));
    }

    #[test]
    fn an_address_without_a_host_is_refused() {
        for url in ["", "https://", "x.test", "https://a b"] {
            let text = serde_json::json!({"supabase_url": url, "anon_key": "k"}).to_string();
            assert_eq!(read(&text), Err(ConfigError::BadAddress), "{url}");
        }
    }

    #[test]
    fn a_key_that_no_header_can_carry_is_refused() {
        let text = serde_json::json!({"supabase_url": "http://x", "anon_key": "a\nb"}).to_string();
        assert_eq!(read(&text), Err(ConfigError::BadKey));
    }
}
