//! Rows over HTTP: sends a [`Request`] as the signed-in user and reads what comes back.
//!
//! A request waits for a token where one is being renewed. A refused token is renewed once and the request sent once more.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, select};
use futures::pin_mut;
use gloo_timers::future::TimeoutFuture;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::auth::{Auth, Wanted};
use super::clock::unix_of_http_date;
use super::request::Request;
use super::written::{Versioned, Writes, Written};
use super::{AuthError, Config, DataError};

/// How long a request for rows may take.
const DEADLINE: Duration = Duration::from_secs(20);

/// The project's REST interface, as the signed-in person. Cheap to clone.
#[derive(Clone)]
pub struct Rest {
    project: Arc<Project>,
    auth: Auth,
    writes: Writes,
}

/// Where requests go, and the key that each carries.
struct Project {
    base: String,
    publishable_key: String,
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

struct Reply {
    text: String,
    /// The server's calendar, where a page may read it.
    server_unix: Option<u64>,
    content_range: Option<String>,
}

impl Rest {
    pub fn new(config: &Config, auth: Auth) -> Self {
        Self {
            project: Arc::new(Project {
                base: format!("{}/rest/v1", config.supabase_url),
                publishable_key: config.publishable_key.clone(),
            }),
            auth,
            writes: Writes::default(),
        }
    }

    /// Where to hear of writes that were accepted.
    pub fn writes(&self) -> &Writes {
        &self.writes
    }

    /// The rows that a request asks for, or that it changed.
    pub async fn rows<T: DeserializeOwned>(&self, request: Request) -> Result<Vec<T>, DataError> {
        let reply = self.send(request).await?;
        serde_json::from_str(&reply.text).map_err(|_| DataError::Unreadable)
    }

    /// The only row that a request asks for.
    pub async fn row<T: DeserializeOwned>(&self, request: Request) -> Result<T, DataError> {
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
        request: Request,
    ) -> Result<T, DataError> {
        let mut rows = self.rows::<T>(request).await?.into_iter();
        let row = rows.next().ok_or(DataError::Conflict)?;
        self.writes.tell(Written::of(&row));
        Ok(row)
    }

    /// Some rows, and how many there are in all.
    pub async fn page<T: DeserializeOwned>(&self, request: Request) -> Result<Page<T>, DataError> {
        let reply = self.send(request.counted()).await?;
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
    pub async fn count(&self, request: Request) -> Result<usize, DataError> {
        let reply = self.send(request.range(0, 0).counted()).await?;
        reply
            .content_range
            .as_deref()
            .and_then(total_in)
            .ok_or(DataError::Unreadable)
    }

    /// The value that a function answers with.
    pub async fn value<T: DeserializeOwned>(&self, request: Request) -> Result<T, DataError> {
        let reply = self.send(request).await?;
        serde_json::from_str(&reply.text).map_err(|_| DataError::Unreadable)
    }

    async fn send(&self, request: Request) -> Result<Reply, DataError> {
        let asker = self.auth.user_id();
        let token = self.token(asker, Wanted::Usable).await?;
        let outcome = self.exchange(&request, &token).await;
        if outcome.as_ref().err() != Some(&DataError::SignedOut) {
            return outcome;
        }
        let renewed = self.token(asker, Wanted::OtherThan(&token)).await?;
        self.exchange(&request, &renewed).await
    }

    async fn exchange(&self, request: &Request, token: &str) -> Result<Reply, DataError> {
        let reply = exchange(request, &self.project, token).await?;
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
            Err(error) if error.ends_session() => Err(DataError::SignedOut),
            // The service said something that this build doesn't know: not that the session is over.
            Err(_) => Err(DataError::Unreadable),
        }
    }
}

/// One request and its answer. Not generic: one copy in the WASM, however many row types there are.
async fn exchange(request: &Request, project: &Project, token: &str) -> Result<Reply, DataError> {
    let exchange = async {
        let sent = request.send(&project.base, &project.publishable_key, token);
        // The guard lives until the body has been read: whoever drops this future aborts the request.
        let (response, _abort) = sent.await?;
        let status = response.status();
        let content_range = response.headers().get("content-range");
        let date = response.headers().get("date");
        let server_unix = date.as_deref().and_then(unix_of_http_date);
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
    use super::*;

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
