//! Calls of the auth service: what is sent where, and what came back. It never knows whose session is held.

use std::time::Duration;

use futures::future::{Either, select};
use futures::pin_mut;
use gloo_net::http::{Request, RequestBuilder};
use gloo_timers::future::TimeoutFuture;
use serde_json::{Value, json};

use super::auth::{SignOut, bearer};
use super::clock::{Now, unix_of_http_date};
use super::{AuthError, Config};

/// How long the auth service may take.
pub const DEADLINE: Duration = Duration::from_secs(15);

/// What the service answered.
pub struct Answer {
    pub text: String,
    /// When it was asked for: what an answer says was true then, even if the page slept before it read it.
    pub asked: Now,
    /// The server's calendar, in seconds since 1970, where a page may read it.
    pub server_unix: Option<u64>,
}

/// The auth service of one project.
pub struct AuthApi {
    base: String,
    publishable_key: String,
}

impl AuthApi {
    pub fn new(config: &Config) -> Self {
        Self {
            base: format!("{}/auth/v1", config.supabase_url),
            publishable_key: config.publishable_key.clone(),
        }
    }

    pub async fn by_password(&self, email: &str, password: &str) -> Result<Answer, AuthError> {
        let body = json!({ "email": email.trim(), "password": password });
        let request = Request::post(&format!("{}/token?grant_type=password", self.base));
        self.call(request, Some(&body)).await
    }

    pub async fn by_refresh_token(&self, refresh_token: &str) -> Result<Answer, AuthError> {
        let body = json!({ "refresh_token": refresh_token });
        let request = Request::post(&format!("{}/token?grant_type=refresh_token", self.base));
        self.call(request, Some(&body)).await
    }

    pub async fn sign_up(
        &self,
        email: &str,
        code: &str,
        password: &str,
    ) -> Result<Answer, AuthError> {
        let body = json!({
            "email": email.trim(),
            "password": password,
            "data": { "invitation": code.trim() },
        });
        let request = Request::post(&format!("{}/signup", self.base));
        exchange(self.without_version(request, Some(&body))?).await
    }

    /// The account that a token names, as it is now.
    pub async fn user(&self, token: &str) -> Result<Answer, AuthError> {
        let request =
            Request::get(&format!("{}/user", self.base)).header("Authorization", &bearer(token));
        self.call(request, None).await
    }

    pub async fn set_password(&self, token: &str, password: &str) -> Result<(), AuthError> {
        let body = json!({ "password": password });
        let request =
            Request::put(&format!("{}/user", self.base)).header("Authorization", &bearer(token));
        self.call(request, Some(&body)).await.map(drop)
    }

    pub async fn log_out(&self, token: &str, reach: SignOut) -> Result<(), AuthError> {
        let scope = match reach {
            SignOut::Here => "local",
            SignOut::Elsewhere => "others",
            SignOut::Everywhere => "global",
        };
        let request = Request::post(&format!("{}/logout?scope={scope}", self.base))
            .header("Authorization", &bearer(token));
        let request = outliving(self.built(request, None)?);
        exchange(request).await.map(drop)
    }

    async fn call(
        &self,
        request: RequestBuilder,
        body: Option<&Value>,
    ) -> Result<Answer, AuthError> {
        exchange(self.built(request, body)?).await
    }

    fn built(&self, request: RequestBuilder, body: Option<&Value>) -> Result<Request, AuthError> {
        let request = request.header("X-Supabase-Api-Version", "2024-01-01");
        self.without_version(request, body)
    }

    /// GoTrue passes on why the database refused an account only to a client that names no API version.
    fn without_version(
        &self,
        request: RequestBuilder,
        body: Option<&Value>,
    ) -> Result<Request, AuthError> {
        let request = request.header("apikey", &self.publishable_key);
        let request = match body {
            Some(body) => request
                .header("Content-Type", "application/json")
                .body(body.to_string()),
            None => request.build(),
        };
        request.map_err(|_| AuthError::Unreadable)
    }
}

/// A request that goes on when its page is gone: a sign-out reaches the server though the tab is closed at once.
fn outliving(request: Request) -> Request {
    let request = web_sys::Request::from(request);
    let options = web_sys::RequestInit::new();
    // By name, since it has no setter.
    let set = js_sys::Reflect::set(&options, &"keepalive".into(), &true.into());
    let kept = set.and_then(|_| web_sys::Request::new_with_request_and_init(&request, &options));
    kept.unwrap_or(request).into()
}

async fn exchange(request: Request) -> Result<Answer, AuthError> {
    let asked = Now::read();
    let exchange = async {
        let response = request.send().await.map_err(|_| AuthError::Offline)?;
        let status = response.status();
        let date = response.headers().get("date");
        let text = response.text().await.map_err(|_| AuthError::Offline)?;
        if (200..300).contains(&status) {
            Ok(Answer {
                text,
                asked,
                server_unix: date.as_deref().and_then(unix_of_http_date),
            })
        } else {
            Err(AuthError::from_response(status, &text))
        }
    };
    let deadline = TimeoutFuture::new(u32::try_from(DEADLINE.as_millis()).unwrap_or(u32::MAX));
    pin_mut!(exchange);
    match select(exchange, deadline).await {
        Either::Left((outcome, _)) => outcome,
        Either::Right(_) => Err(AuthError::Offline),
    }
}
