//! How a client begins: an address, a key, where tokens come from, and numbers for tests.

use std::future::Future;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::channel::mpsc;
use thiserror::Error;

use super::{Life, Listeners, PostRequest, Poster, RealtimeClient, Shared, TokenSource};
use crate::driver::platform::{self, Clock, MaybeSend, Trust};
use crate::engine::{Config, Engine, TokenPolicy};
use crate::token::{AccessToken, TokenError, TokenNeed};
use crate::wire::Vsn;

/// Why there is no client.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum BuildError {
    /// The address does not begin with http, https, ws or wss and a host.
    #[error("the address must begin with http://, https://, ws:// or wss:// and name a host")]
    Url,
    /// The API key is empty.
    #[error("the API key is empty")]
    Key,
    /// Natively, the driver needs a tokio runtime to live in.
    #[error("no tokio runtime is running here")]
    NoRuntime,
}

/// Options of a client. Made by [`RealtimeClient::builder`].
#[must_use]
pub struct Builder {
    url: String,
    key: String,
    tokens: Option<TokenSource>,
    post: Option<Poster>,
    trust: Trust,
    config: Config,
}

impl Builder {
    pub(super) fn new(url: String, key: String) -> Self {
        Self {
            url,
            key,
            tokens: None,
            post: platform::default_poster(),
            trust: Default::default(),
            config: Config::new(""),
        }
    }

    /// Where access tokens come from. Asked before the first join, ahead of each expiry, and when the server
    /// refused one; `Ok(None)` means that nobody is signed in. Without a source, channels have the key's rights.
    pub fn token_source<S, F>(mut self, source: S) -> Self
    where
        S: Fn(TokenNeed) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Option<AccessToken>, TokenError>> + MaybeSend + 'static,
    {
        self.tokens = Some(Arc::new(move |need| platform::token_future(source(need))));
        self
    }

    /// How a broadcast is posted over HTTP while its room is not joined: with the headers of [`PostRequest::headers`] and no others.
    /// The browser uses its own `fetch`; natively such a broadcast fails with `NotJoined` unless this is set. Answers with the
    /// HTTP status.
    pub fn poster<S, F>(mut self, post: S) -> Self
    where
        S: Fn(PostRequest) -> F + Send + Sync + 'static,
        F: Future<Output = Option<u16>> + MaybeSend + 'static,
    {
        self.post = Some(Arc::new(move |request| {
            platform::post_future(post(request))
        }));
        self
    }

    /// Trusts a certificate (DER) besides the system's: of a network's own authority, or of a server that signs for itself.
    /// Only natively; a page trusts whom its browser trusts.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn trust(mut self, certificate: impl Into<Vec<u8>>) -> Self {
        self.trust.add(certificate.into());
        self
    }

    /// The protocol version; 2.0.0 unless told.
    pub fn vsn(mut self, vsn: Vsn) -> Self {
        self.config.vsn = vsn;
        self
    }

    /// Row events a second that the server promises to deliver, above which it drops some silently; `None` for a
    /// server without such a limit. 100 unless told, which is the smallest plan.
    pub fn event_rate(mut self, limit: Option<u32>) -> Self {
        self.config.event_rate = limit;
        self
    }

    /// How long a binding that nobody holds stays subscribed; 10 s unless told.
    pub fn linger(mut self, linger: Duration) -> Self {
        self.config.linger = millis(linger);
        self
    }

    /// The engine's numbers, for what the other options don't cover. The address is overwritten.
    pub fn tune(mut self, tune: impl FnOnce(&mut Config)) -> Self {
        tune(&mut self.config);
        self
    }

    /// Starts the driver. No socket is opened before something is bound.
    ///
    /// # Errors
    /// [`BuildError`] when the address or key cannot be right, or natively without a tokio runtime.
    pub fn build(mut self) -> Result<RealtimeClient, BuildError> {
        if self.key.trim().is_empty() {
            return Err(BuildError::Key);
        }
        self.config.url =
            socket_url(&self.url, &self.key, self.config.vsn).ok_or(BuildError::Url)?;
        let rest_url = rest_url(&self.url).ok_or(BuildError::Url)?;
        if self.tokens.is_some() {
            self.config.tokens = TokenPolicy::Source;
        }
        let clock = Clock::start();
        if self.config.seed == 0 {
            self.config.seed = platform::seed();
        }
        let (wake, incoming) = mpsc::unbounded();
        let shared = Arc::new(Shared {
            engine: Mutex::new(Engine::new(self.config, clock.now())),
            clock,
            wake,
            listeners: Mutex::new(Listeners::default()),
            tokens: self.tokens,
            post: self.post,
            trust: self.trust,
            rest_url,
            api_key: self.key.trim().to_owned(),
            numbers: AtomicU64::new(0),
        });
        platform::start(Arc::clone(&shared), incoming).map_err(|_| BuildError::NoRuntime)?;
        Ok(RealtimeClient::new(Arc::new(Life(shared))))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The socket's address: `{ws base}/realtime/v1/websocket?apikey={key}&vsn={vsn}`. An address that already ends
/// in `/websocket` is taken as it is.
fn socket_url(base: &str, key: &str, vsn: Vsn) -> Option<String> {
    let base = base.trim().trim_end_matches('/');
    let (scheme, rest) = base.split_once("://")?;
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "http" | "ws" => "ws",
        "https" | "wss" => "wss",
        _ => return None,
    };
    if rest.is_empty()
        || rest.starts_with(['/', ':', '?', '#'])
        || rest.contains(char::is_whitespace)
    {
        return None;
    }
    let path = if rest.ends_with("/websocket") {
        ""
    } else {
        "/realtime/v1/websocket"
    };
    let key = percent_encode(key.trim());
    Some(format!(
        "{scheme}://{rest}{path}?apikey={key}&vsn={}",
        vsn.as_str()
    ))
}

/// Where broadcasts are posted: beside the socket.
fn rest_url(base: &str) -> Option<String> {
    let base = base.trim().trim_end_matches('/');
    let (scheme, rest) = base.split_once("://")?;
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "http" | "ws" => "http",
        _ => "https",
    };
    let place = match rest.strip_suffix("/websocket") {
        Some(place) => format!(
            "{}/api/broadcast",
            place.strip_suffix("/socket").unwrap_or(place)
        ),
        None => format!("{rest}/realtime/v1/api/broadcast"),
    };
    Some(format!("{scheme}://{place}"))
}

fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte))
            }
            _ => {
                const HEX: [char; 16] = [
                    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
                ];
                out.push('%');
                out.extend(
                    [byte >> 4, byte & 15]
                        .iter()
                        .filter_map(|digit| HEX.get(usize::from(*digit))),
                );
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcasts_are_posted_beside_the_socket() {
        let url = |base| rest_url(base).unwrap_or_default();
        assert_eq!(
            url("https://abc.supabase.co"),
            "https://abc.supabase.co/realtime/v1/api/broadcast"
        );
        assert_eq!(
            url("ws://127.0.0.1:4000/socket/websocket"),
            "http://127.0.0.1:4000/api/broadcast"
        );
    }

    #[test]
    fn the_socket_address_follows_the_project_address() {
        let url = |base| socket_url(base, "k.e+y", Vsn::V2);
        assert_eq!(
            url("https://abc.supabase.co/").as_deref(),
            Some("wss://abc.supabase.co/realtime/v1/websocket?apikey=k.e%2By&vsn=2.0.0")
        );
        assert_eq!(
            url("ws://127.0.0.1:4000/socket/websocket").as_deref(),
            Some("ws://127.0.0.1:4000/socket/websocket?apikey=k.e%2By&vsn=2.0.0")
        );
        for wrong in [
            "",
            "abc.supabase.co",
            "ftp://a",
            "http://",
            "http:///x",
            "http://a b",
        ] {
            assert_eq!(url(wrong), None, "{wrong}");
        }
    }
}
