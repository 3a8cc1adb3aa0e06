//! Broadcasts by HTTP: `POST /realtime/v1/api/broadcast`, and the form that names topic and event in the path.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::Realtime;
use super::authorize;
use super::codec::{Encoding, UserBroadcast};
use super::fanout::Body;
use super::hub::{Audience, RoomKey};
use super::identity::{self, Identity};
use super::join::Privacy;

/// `{"messages": [{"topic", "event", "payload", "private"}]}`, topics without their prefix. All are checked first.
pub(crate) async fn broadcast(
    State(server): State<Arc<Realtime>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let identity = match authenticate(&server, &headers) {
        Ok(identity) => identity,
        Err(error) => return unauthorized(error),
    };
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let Some(messages) = body.get("messages").and_then(Value::as_array) else {
        return unprocessable(json!({ "messages": ["can't be blank"] }));
    };
    let mut accepted = Vec::new();
    let mut errors = Vec::new();
    for message in messages {
        match accept(message) {
            Ok(message) => {
                accepted.push(message);
                errors.push(json!({}));
            }
            Err(missing) => errors.push(missing),
        }
    }
    if accepted.len() < messages.len() {
        return unprocessable(json!({ "messages": errors }));
    }
    for (room, payload) in accepted {
        send(
            &server,
            &identity,
            room,
            Body::Json {
                event: "broadcast",
                payload,
            },
        )
        .await;
    }
    StatusCode::ACCEPTED.into_response()
}

/// One message, its payload the body: JSON, or bytes as `application/octet-stream`.
pub(crate) async fn broadcast_event(
    State(server): State<Arc<Realtime>>,
    Path((topic, event)): Path<(String, String)>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let identity = match authenticate(&server, &headers) {
        Ok(identity) => identity,
        Err(error) => return unauthorized(error),
    };
    let privacy = privacy(query.get("private").is_some_and(|value| value == "true"));
    let raw = headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes() == b"application/octet-stream");
    let body = if raw {
        Body::User(UserBroadcast {
            event,
            metadata: Bytes::new(),
            encoding: Encoding::Raw,
            payload: body,
        })
    } else {
        let Ok(payload) = serde_json::from_slice::<Value>(&body) else {
            return unprocessable(json!({ "payload": ["can't be blank"] }));
        };
        Body::Json {
            event: "broadcast",
            payload: text(&Value::from(event), &payload),
        }
    };
    send(
        &server,
        &identity,
        RoomKey {
            name: topic,
            privacy,
        },
        body,
    )
    .await;
    StatusCode::ACCEPTED.into_response()
}

/// To a private topic only with the right to write to it; without, in silence.
async fn send(server: &Realtime, identity: &Identity, room: RoomKey, body: Body) {
    if room.privacy == Privacy::Private {
        let (db, viewer, name) = (
            server.db().clone(),
            identity.viewer.clone(),
            room.name.clone(),
        );
        let asked =
            tokio::spawn(async move { authorize::write_rights(&db, &viewer, &name).await }).await;
        if !asked.is_ok_and(|rights| rights.is_ok_and(|rights| rights.broadcast)) {
            return;
        }
    }
    server.hub().broadcast(&room, Audience::Everybody, body);
}

fn accept(message: &Value) -> Result<(RoomKey, String), Value> {
    let text_of = |key: &str| {
        message
            .get(key)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let (topic, event, payload) = (text_of("topic"), text_of("event"), message.get("payload"));
    let (Some(topic), Some(event), Some(payload)) =
        (topic, event, payload.filter(|payload| !payload.is_null()))
    else {
        let missing = [
            ("topic", topic.is_none()),
            ("event", event.is_none()),
            ("payload", payload.is_none_or(Value::is_null)),
        ];
        return Err(missing
            .into_iter()
            .filter(|(_, missing)| *missing)
            .map(|(key, _)| (key.to_owned(), json!(["can't be blank"])))
            .collect());
    };
    let privacy = privacy(
        message
            .get("private")
            .and_then(Value::as_bool)
            .unwrap_or(false),
    );
    Ok((
        RoomKey {
            name: topic.to_owned(),
            privacy,
        },
        text(&Value::from(event), payload),
    ))
}

fn text(event: &Value, payload: &Value) -> String {
    format!(r#"{{"event":{event},"payload":{payload},"type":"broadcast"}}"#)
}

/// Who asks, or why that is not known, in the real server's words.
fn authenticate(server: &Realtime, headers: &HeaderMap) -> Result<Identity, &'static str> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = text("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let token = bearer
        .filter(|token| !token.starts_with("sb_"))
        .or_else(|| text("apikey"))
        .ok_or("API key is missing")?;
    let claims = server.keys().verify(token);
    let claims = claims.map_err(|error| identity::refused_connection(&error))?;
    Ok(Identity::new(token, &claims))
}

fn unauthorized(error: &str) -> Response {
    (StatusCode::UNAUTHORIZED, Json(json!({ "message": error }))).into_response()
}

fn privacy(private: bool) -> Privacy {
    if private {
        Privacy::Private
    } else {
        Privacy::Public
    }
}

fn unprocessable(errors: Value) -> Response {
    (
        StatusCode::UNPROCESSABLE_ENTITY,
        Json(json!({ "errors": errors })),
    )
        .into_response()
}
