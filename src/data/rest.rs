//! Rows over HTTP: sends a [`Request`] as the signed-in user and reads what comes back.
//!
//! A request waits for a token where one is being renewed. A refused token is renewed once and the request sent once more.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, select};
use futures::pin_mut;
use gloo_timers::future::TimeoutFuture;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
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
    /// How many of them are here and can't be read: a screen says so, and shows the others.
    pub unreadable: usize,
}

impl<T> Page<T> {
    /// Whether there is a row here, readable or not.
    pub fn shows_anything(&self) -> bool {
        !self.rows.is_empty() || self.unreadable > 0
    }

    /// The same rows, each to be shared by all who show it.
    pub fn shared(self) -> Page<Arc<T>> {
        Page {
            rows: self.rows.into_iter().map(Arc::new).collect(),
            from: self.from,
            total: self.total,
            unreadable: self.unreadable,
        }
    }
}

struct Reply {
    text: String,
    /// The server's calendar, where a page may read it.
    server_unix: Option<u64>,
    content_range: Option<String>,
    /// Whether the page that was asked for begins past the end of the list.
    past_the_end: bool,
}

/// Rows that can be read, and how many can't.
struct Decoded<T> {
    rows: Vec<T>,
    unreadable: usize,
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

    /// The rows that a request asks for, or that it changed. A row that can't be read is left out, unless there is no other.
    pub async fn rows<T: DeserializeOwned>(&self, request: Request) -> Result<Vec<T>, DataError> {
        let reply = self.send(request).await?;
        let Decoded { rows, unreadable } = decode(&reply.text)?;
        if rows.is_empty() && unreadable > 0 {
            return Err(DataError::Unreadable);
        }
        Ok(rows)
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
        let asked_from = request.first_row();
        let reply = self.send(request.clone().counted()).await?;
        let Decoded { rows, unreadable } = decode(&reply.text)?;
        let said = reply.content_range.as_deref();
        let total = match said.and_then(total_in) {
            Some(total) => total,
            // Nothing may be taken for an empty list that the server did not count.
            None if reply.past_the_end => self.count(request).await?,
            None => rows.len().saturating_add(unreadable),
        };
        Ok(Page {
            rows,
            from: said.and_then(start_in).unwrap_or(asked_from),
            total,
            unreadable,
        })
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
        // The guard lives until the body has been read, so dropping this future aborts the request.
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
                past_the_end: false,
            }),
            416 if is_past_the_end(content_range.as_deref(), &text) => Ok(Reply {
                text: "[]".to_owned(),
                server_unix,
                content_range,
                past_the_end: true,
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

/// Whether a 416 is PostgREST's, which says in one way or the other that the list is shorter.
fn is_past_the_end(content_range: Option<&str>, body: &str) -> bool {
    #[derive(Deserialize)]
    struct Body {
        code: String,
    }
    content_range.and_then(total_in).is_some()
        || serde_json::from_str(body).is_ok_and(|body: Body| body.code == "PGRST103")
}

/// Reads rows; one by one where they can't all be read.
fn decode<T: DeserializeOwned>(text: &str) -> Result<Decoded<T>, DataError> {
    if let Ok(rows) = serde_json::from_str(text) {
        return Ok(Decoded {
            rows,
            unreadable: 0,
        });
    }
    let each: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| DataError::Unreadable)?;
    let rows: Vec<T> = each
        .iter()
        .filter_map(|row| serde_json::from_str(row.get()).ok())
        .collect();
    Ok(Decoded {
        unreadable: each.len().saturating_sub(rows.len()),
        rows,
    })
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
    use crate::model::FormSubmission;

    #[test]
    fn a_row_that_can_t_be_read_hides_no_other() {
        let row = |answers: &str| {
            format!(
                r#"{{"id":"00000000-0000-4000-b000-000000000001","patient_id":"00000000-0000-4000-b000-000000000002",
                    "form_type":"vitals","status":"draft","answers":{answers},"submitted_by":null,"reviewed_by":null,
                    "version":1,"created_at":"","updated_at":"","submitted_at":null}}"#
            )
        };
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        let bad = [r#"{"pain":1e400}"#, &format!(r#"{{"pain":{deep}}}"#)];
        for answers in bad {
            let text = format!("[{},{},{}]", row("{}"), row(answers), row("{}"));
            let decoded = decode::<FormSubmission>(&text).unwrap();
            assert_eq!(
                (decoded.rows.len(), decoded.unreadable),
                (2, 1),
                "{answers}"
            );
        }
        let good = decode::<FormSubmission>(&format!("[{}]", row("{}"))).unwrap();
        assert_eq!((good.rows.len(), good.unreadable), (1, 0));
        for text in ["", "<html>", "{}", "[1", "null"] {
            assert!(decode::<FormSubmission>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_postgrest_says_that_a_page_is_past_the_end() {
        let body = r#"{"code":"PGRST103","details":"An offset of 100 was requested, but there are only 70 rows."}"#;
        assert!(is_past_the_end(Some("*/70"), ""));
        assert!(is_past_the_end(None, body));
        assert!(!is_past_the_end(None, "<html>"));
        assert!(!is_past_the_end(Some("*/*"), ""));
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
