//! Whose pages may call the APIs, and by which names the backend may be called.
//!
//! A browser lets a page read answers of another origin only where the server says so. The backend says so for pages on
//! this computer and for origins that it was started with. Its own pages need no word.
//!
//! That would be worth nothing if a page could make the backend its own origin: with a name of its own that points to
//! 127.0.0.1 (DNS rebinding). So the `Host` must be an address of numbers, a name of this computer, or the host of an
//! allowed origin. This module compares text; it must never know routes or tokens.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use http::uri::{Authority, Uri};

/// An allowed origin: scheme, host and perhaps a port, as browsers write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    text: String,
    host: String,
}

/// Why a text is no origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an origin has the form https://host or http://host:port, without a path")]
pub struct NotAnOrigin;

impl FromStr for Origin {
    type Err = NotAnOrigin;

    fn from_str(text: &str) -> Result<Self, NotAnOrigin> {
        let text = text.to_ascii_lowercase();
        let uri: Uri = text.parse().map_err(|_| NotAnOrigin)?;
        let (Some("http" | "https"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(NotAnOrigin);
        };
        // Anything else in it, such as a path or a user, would never equal what a browser sends.
        let plain = uri
            .scheme_str()
            .map(|scheme| format!("{scheme}://{authority}"));
        if plain.as_deref() != Some(text.as_str()) || text.contains('@') {
            return Err(NotAnOrigin);
        }
        let host = authority.host().to_owned();
        Ok(Self { text, host })
    }
}

/// Whether pages of `origin` may read what the APIs answer.
pub(crate) fn may_call(origin: &str, allowed: &[Origin]) -> bool {
    let origin = match origin.parse::<Origin>() {
        Ok(origin) => origin,
        Err(NotAnOrigin) => return false,
    };
    is_loopback(&origin.host) || allowed.contains(&origin)
}

/// Whether the backend may be called by the name in `host`, a `Host` header's value.
pub(crate) fn may_be_called(host: &str, allowed: &[Origin]) -> bool {
    let Ok(authority) = host.to_ascii_lowercase().parse::<Authority>() else {
        return false;
    };
    let host = authority.host();
    is_number(host) || is_loopback(host) || allowed.iter().any(|origin| origin.host == host)
}

fn is_number(host: &str) -> bool {
    host.parse::<Ipv4Addr>().is_ok() || ipv6(host).is_some()
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
        || ipv6(host).is_some_and(|ip| ip.is_loopback())
}

fn ipv6(host: &str) -> Option<Ipv6Addr> {
    host.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
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
    fn an_origin_has_no_path_user_or_other_scheme() {
        for good in [
            "https://ward.example",
            "http://10.0.0.5:3000",
            "https://WARD.example",
        ] {
            assert!(good.parse::<Origin>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "*",
            "null",
            "ward.example",
            "https://ward.example/",
            "https://ward.example/app",
            "https://me@ward.example",
            "ftp://ward.example",
            "https://ward.example?x",
        ] {
            assert_eq!(bad.parse::<Origin>(), Err(NotAnOrigin), "{bad}");
        }
    }

    #[test]
    fn pages_of_this_computer_and_of_allowed_origins_may_call() {
        let allowed = ["https://ward.example".parse().unwrap()];
        for good in [
            "http://127.0.0.1:8787",
            "http://localhost:3000",
            "http://[::1]:8080",
            "http://app.localhost",
            "https://ward.example",
        ] {
            assert!(may_call(good, &allowed), "{good}");
        }
        for bad in [
            "null",
            "https://elsewhere.test",
            "http://ward.example",
            "https://ward.example:8443",
            "https://ward.example.elsewhere.test",
            "https://localhost.elsewhere.test",
            "http://127.0.0.1.elsewhere.test",
            "http://10.0.0.5",
        ] {
            assert!(!may_call(bad, &allowed), "{bad}");
        }
    }

    #[test]
    fn a_name_that_others_can_point_here_is_no_name_of_the_backend() {
        let allowed = ["https://ward.example".parse().unwrap()];
        for good in [
            "127.0.0.1:8787",
            "192.168.1.7:8787",
            "[::1]:8787",
            "localhost",
            "Localhost:1",
            "ward.example:8443",
        ] {
            assert!(may_be_called(good, &allowed), "{good}");
        }
        for bad in [
            "rebound.elsewhere.test:8787",
            "127.0.0.1.elsewhere.test",
            "",
            "a b",
        ] {
            assert!(!may_be_called(bad, &allowed), "{bad}");
        }
    }
}
