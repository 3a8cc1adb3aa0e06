//! Accounts over HTTP: what sign-up answers, to whom, and what an account can't do to an address.

use bedside_backend::Running;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::policies::over_http::{rest, rows, token};
use crate::policies::ward::over_http;

fn auth(backend: &Running, method: Method, path: &str) -> RequestBuilder {
    Client::new()
        .request(method, format!("{}/auth/v1/{path}", backend.url()))
        .header("apikey", backend.keys().anon_key())
}

async fn answer(request: RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

fn sign_up(backend: &Running, email: &str, data: Value) -> RequestBuilder {
    auth(backend, Method::POST, "signup")
        .json(&json!({ "email": email, "password": "a long password", "data": data }))
}

/// An admin invites, and here is the code.
async fn invite(backend: &Running, email: &str, name: &str) -> String {
    let admin = token(backend, "admin@bedside.test").await;
    let invitation = json!({ "email": email, "full_name": name, "role": "viewer" });
    let invited =
        rows(rest(backend, &admin, Method::POST, "staff_invitations").json(&invitation)).await;
    invited[0]["code"].as_str().unwrap().to_owned()
}

#[test]
fn sign_up_without_a_valid_code_answers_the_same_for_every_address() {
    over_http(|backend| async move {
        invite(backend, "http.one@bedside.test", "Http One").await;
        for (data, refused) in [
            (json!({}), 500),
            (json!({ "full_name": "Somebody" }), 500),
            (json!({ "invitation": "000000000000" }), 403),
            (json!({ "invitation": "" }), 403),
            (json!({ "invitation": "nonsense" }), 403),
        ] {
            let invited = answer(sign_up(backend, "http.one@bedside.test", data.clone())).await;
            let stranger = answer(sign_up(backend, "stranger@bedside.test", data.clone())).await;
            assert_eq!(invited, stranger, "{data}");
            assert_eq!(invited.0, refused, "{data} {}", invited.1);
        }
        let admin = token(backend, "admin@bedside.test").await;
        let made = "profiles?email=in.(http.one@bedside.test,stranger@bedside.test)";
        assert!(
            rows(rest(backend, &admin, Method::GET, made))
                .await
                .is_empty()
        );
    });
}

#[test]
fn a_wrong_code_is_told_from_a_failure_to_a_client_without_an_api_version_as_by_gotrue() {
    over_http(|backend| async move {
        let wrong = || {
            sign_up(
                backend,
                "stranger@bedside.test",
                json!({ "invitation": "000000000000" }),
            )
        };
        let (status, body) = answer(wrong()).await;
        assert_eq!((status, &body["code"]), (403, &json!("PT403")));
        let (status, body) = answer(wrong().header("x-supabase-api-version", "2024-01-01")).await;
        assert_eq!((status, &body["code"]), (500, &json!("unexpected_failure")));
    });
}

#[test]
fn an_invited_address_is_taken_by_no_other_account() {
    over_http(|backend| async move {
        let code = invite(backend, "http.two@bedside.test", "Http Two").await;
        let viewer = token(backend, "viewer@bedside.test").await;
        let take = auth(backend, Method::PUT, "user")
            .bearer_auth(&viewer)
            .json(&json!({ "email": "HTTP.two@bedside.test" }));
        let (status, body) = answer(take).await;
        assert_eq!((status, &body["error_code"]), (422, &json!("email_exists")));
        let (status, body) = answer(sign_up(
            backend,
            "http.two@bedside.test",
            json!({ "invitation": code }),
        ))
        .await;
        assert_eq!(status, 200, "{body}");
    });
}

#[test]
fn a_deactivated_account_renews_no_token_and_keeps_its_address() {
    over_http(|backend| async move {
        let email = "http.three@bedside.test";
        let code = invite(backend, email, "Http Three").await;
        let (status, session) =
            answer(sign_up(backend, email, json!({ "invitation": code }))).await;
        assert_eq!(status, 200, "{session}");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let admin = token(backend, "admin@bedside.test").await;
        let profile = format!("profiles?id=eq.{}", text(&session["user"]["id"]));
        let off = json!({ "active": false });
        assert_eq!(
            rows(rest(backend, &admin, Method::PATCH, &profile).json(&off))
                .await
                .len(),
            1
        );

        let renew = auth(backend, Method::POST, "token?grant_type=refresh_token")
            .json(&json!({ "refresh_token": session["refresh_token"] }));
        let (_, body) = answer(renew).await;
        assert_eq!(body["error_code"], "refresh_token_not_found");
        let move_away = |token: &str| {
            auth(backend, Method::PUT, "user")
                .bearer_auth(token)
                .json(&json!({ "email": "http.elsewhere@bedside.test" }))
        };
        let (_, body) = answer(move_away(&text(&session["access_token"]))).await;
        assert_eq!(body["error_code"], "session_not_found");

        // The password still signs in, to a page that says why there is nothing to see.
        let again = auth(backend, Method::POST, "token?grant_type=password")
            .json(&json!({ "email": email, "password": "a long password" }));
        let (status, session) = answer(again).await;
        assert_eq!(status, 200, "{session}");
        let (status, body) = answer(move_away(&text(&session["access_token"]))).await;
        assert_eq!((status, &body["code"]), (403, &json!("PT403")));
    });
}
