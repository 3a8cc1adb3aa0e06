//! Rows over HTTP: postgrest-rs builds the request, this layer sends it.
//!
//! The builder neither checks a status nor reads an error, replaces `Prefer` instead of adding to it, and panics on a token that
//! no header can carry. So here: the token is attached or awaited, preferences are added, the status, `Content-Range` and the error body are
//! read, and a refused token is renewed once and the request sent once more.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, select};
use futures::pin_mut;
use gloo_timers::future::TimeoutFuture;
use postgrest::{Builder, Postgrest};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::auth::{Auth, Wanted, bearer};
use super::clock::unix_of_http_date;
use super::written::{Versioned, Writes, Written};
use super::{AuthError, Config, DataError};

/// How long a request for rows may take.
const DEADLINE: Duration = Duration::from_secs(20);

/// The project's REST interface, as the signed-in person. Cheap to clone.
#[derive(Clone)]
pub struct Rest {
    postgrest: Postgrest,
    auth: Auth,
    writes: Writes,
}

/// Some rows of a longer list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    pub rows: Vec<T>,
    /// Where in the list the first of the rows stands, from zero.
    pub from: usize,
    /// How many there are in all.
    pub total: usize,
}

impl<T> Page<T> {
    /// The same rows, each to be shared by all who show it.
    pub fn shared(self) -> Page<Arc<T>> {
        Page {
            rows: self.rows.into_iter().map(Arc::new).collect(),
            from: self.from,
            total: self.total,
        }
    }
}

/// Whether the answer should say how many rows there are in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Count {
    None,
    Exact,
}

struct Reply {
    text: String,
    /// The server's calendar, where a page may read it.
    server_unix: Option<u64>,
    content_range: Option<String>,
}

impl Rest {
    pub fn new(config: &Config, auth: Auth) -> Self {
        Self {
            postgrest: postgrest(config),
            auth,
            writes: Writes::default(),
        }
    }

    /// Where to hear of writes that were accepted.
    pub fn writes(&self) -> &Writes {
        &self.writes
    }

    /// Begins a request about a table. Don't use the builder's counts (they ask for one row) or its `auth`.
    pub fn table(&self, name: &str) -> Builder {
        self.postgrest.from(name)
    }

    /// Begins a call of one of the database's own functions, with its arguments as a JSON object.
    pub fn function(&self, name: &str, arguments: String) -> Builder {
        self.postgrest.rpc(name, arguments)
    }

    /// The rows that a request asks for, or that it changed.
    pub async fn rows<T: DeserializeOwned>(&self, request: Builder) -> Result<Vec<T>, DataError> {
        let reply = self.send(request, Count::None).await?;
        serde_json::from_str(&reply.text).map_err(|_| DataError::Unreadable)
    }

    /// The only row that a request asks for.
    pub async fn row<T: DeserializeOwned>(&self, request: Builder) -> Result<T, DataError> {
        self.rows(request)
            .await?
            .into_iter()
            .next()
            .ok_or(DataError::NotFound)
    }

    /// The row that a request stored. All writes of live rows go through here: their echo from the feed is then known for
    /// what it is.
    ///
    /// Fails with [`DataError::Conflict`] when nothing was stored: the row has moved on, or is out of reach.
    pub async fn write<T: DeserializeOwned + Versioned>(
        &self,
        request: Builder,
    ) -> Result<T, DataError> {
        let mut rows = self.rows::<T>(request).await?.into_iter();
        let row = rows.next().ok_or(DataError::Conflict)?;
        self.writes.tell(Written::of(&row));
        Ok(row)
    }

    /// Some rows, and how many there are in all.
    pub async fn page<T: DeserializeOwned>(&self, request: Builder) -> Result<Page<T>, DataError> {
        let reply = self.send(request, Count::Exact).await?;
        let rows: Vec<T> = serde_json::from_str(&reply.text).map_err(|_| DataError::Unreadable)?;
        let total = reply
            .content_range
            .as_deref()
            .and_then(total_in)
            .unwrap_or(rows.len());
        let from = reply
            .content_range
            .as_deref()
            .and_then(start_in)
            .unwrap_or_default();
        Ok(Page { rows, from, total })
    }

    /// How many rows a request would answer.
    pub async fn count(&self, request: Builder) -> Result<usize, DataError> {
        let reply = self.send(request.range(0, 0), Count::Exact).await?;
        reply
            .content_range
            .as_deref()
            .and_then(total_in)
            .ok_or(DataError::Unreadable)
    }

    /// The value that a function answers with.
    pub async fn value<T: DeserializeOwned>(&self, request: Builder) -> Result<T, DataError> {
        let reply = self.send(request, Count::None).await?;
        serde_json::from_str(&reply.text).map_err(|_| DataError::Unreadable)
    }

    async fn send(&self, request: Builder, count: Count) -> Result<Reply, DataError> {
        let asker = self.auth.user_id();
        let token = self.token(asker, Wanted::Usable).await?;
        let outcome = self.exchange(request.clone(), &token, count).await;
        if outcome.as_ref().err() != Some(&DataError::SignedOut) {
            return outcome;
        }
        let renewed = self.token(asker, Wanted::OtherThan(&token)).await?;
        self.exchange(request, &renewed, count).await
    }

    async fn exchange(
        &self,
        request: Builder,
        token: &str,
        count: Count,
    ) -> Result<Reply, DataError> {
        let reply = exchange(request, token, count).await?;
        if let Some(server_unix) = reply.server_unix {
            self.auth.correct(server_unix);
        }
        Ok(reply)
    }

    /// A token of the person who asked: what waited for one while somebody else signed in is nobody's request any more.
    async fn token(&self, asker: Option<Uuid>, wanted: Wanted<'_>) -> Result<String, DataError> {
        match self.auth.access_token(wanted).await {
            Ok(Some(token)) if Some(token.user) != asker => Err(DataError::SignedOut),
            Ok(Some(token)) => Ok(token.jwt),
            Ok(None) => Err(DataError::SignedOut),
            Err(AuthError::Offline) => Err(DataError::Offline),
            Err(AuthError::RateLimited) => Err(DataError::RateLimited),
            Err(AuthError::Server(status)) => Err(DataError::Server { status }),
            Err(_) => Err(DataError::SignedOut),
        }
    }
}

/// Requests of the project. They carry its key as `apikey`; only a session's token becomes the bearer.
fn postgrest(config: &Config) -> Postgrest {
    // A checked configuration holds a key that a header can carry; the builder would panic on any other.
    Postgrest::new(format!("{}/rest/v1", config.supabase_url))
        .insert_header("apikey", &config.publishable_key)
}

/// One request and its answer. Not generic: one copy in the WASM, however many row types there are.
async fn exchange(request: Builder, token: &str, count: Count) -> Result<Reply, DataError> {
    let mut request = request.build().header("Authorization", bearer(token));
    if count == Count::Exact {
        // Added, not set: two Prefer headers arrive as one list.
        request = request.header("Prefer", "count=exact");
    }
    let exchange = async {
        let response = request.send().await.map_err(|_| DataError::Offline)?;
        let status = response.status().as_u16();
        let content_range = response
            .headers()
            .get("content-range")
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let server_unix = response
            .headers()
            .get("date")
            .and_then(|value| value.to_str().ok())
            .and_then(unix_of_http_date);
        let text = response.text().await.map_err(|_| DataError::Offline)?;
        match status {
            200..300 => Ok(Reply {
                text,
                server_unix,
                content_range,
            }),
            // Past the end of the list: no rows, and still an honest total.
            416 => Ok(Reply {
                text: "[]".to_owned(),
                server_unix,
                content_range,
            }),
            _ => Err(DataError::from_response(status, &text)),
        }
    };
    let deadline = TimeoutFuture::new(u32::try_from(DEADLINE.as_millis()).unwrap_or(u32::MAX));
    pin_mut!(exchange);
    match select(exchange, deadline).await {
        Either::Left((outcome, _)) => outcome,
        // Dropping the request aborts it.
        Either::Right(_) => Err(DataError::TimedOut),
    }
}

/// The total in a `Content-Range` such as `0-24/573` or `*/0`; `None` when the server did not count.
fn total_in(content_range: &str) -> Option<usize> {
    content_range.rsplit_once('/')?.1.trim().parse().ok()
}

/// The place of the first row in a `Content-Range` such as `50-99/573`; `None` when there is no row.
fn start_in(content_range: &str) -> Option<usize> {
    let (start, _) = content_range.split_once('-')?;
    start.rsplit(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_key_is_sent_as_apikey_and_not_as_a_bearer_token() {
        let config = Config {
            supabase_url: "http://127.0.0.1:1".to_owned(),
            publishable_key: "sb_publishable_x".to_owned(),
            demo: false,
            pace: super::super::Pace::default(),
        };
        let request = postgrest(&config).from("patients").select("id").build();
        let request = request.build().unwrap();
        let header = |name| request.headers().get(name).map(|value| value.as_bytes());
        assert_eq!(header("apikey"), Some(b"sb_publishable_x".as_slice()));
        assert_eq!(header("authorization"), None);
    }

    #[test]
    fn the_place_of_the_first_row_is_read_from_each_form_of_content_range() {
        assert_eq!(start_in("50-99/573"), Some(50));
        assert_eq!(start_in("items 0-24/*"), Some(0));
        assert_eq!(start_in("*/573"), None);
        assert_eq!(start_in("-1"), None);
    }

    #[test]
    fn the_total_is_read_from_each_form_of_content_range() {
        assert_eq!(total_in("0-24/573"), Some(573));
        assert_eq!(total_in("*/0"), Some(0));
        assert_eq!(total_in("0-24/*"), None);
        assert_eq!(total_in("items 0-24/573"), Some(573));
        assert_eq!(total_in(""), None);
        assert_eq!(total_in("0-24"), None);
        assert_eq!(total_in("0-24/-1"), None);
    }
}
