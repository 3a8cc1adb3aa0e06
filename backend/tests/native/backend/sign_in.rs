//! Signing up and in: what a session looks like, and how each refusal reads.

use bedside_backend::jwt::unix_seconds;
use serde_json::{Value, json};

use crate::backend::stage::{
    PASSWORD, Person, TOKEN_LIFE, answer, backend, call, post, refresh, sign_in, whole,
};
use reqwest::Method;

#[tokio::test]
async fn a_password_gives_a_session_whose_token_carries_gotrues_claims() {
    let person = Person::new().await;
    let (status, session) = sign_in(&person.email, PASSWORD).await;
    assert_eq!(status, 200);
    assert_eq!(session["token_type"], "bearer");
    assert_eq!(session["expires_in"], TOKEN_LIFE);
    let left = session["expires_at"].as_i64().unwrap() - unix_seconds();
    assert!((TOKEN_LIFE as i64 - 5..=TOKEN_LIFE as i64).contains(&left));

    let claims = backend()
        .keys()
        .verify(session["access_token"].as_str().unwrap())
        .unwrap();
    assert_eq!(
        (claims.role.as_str(), claims.sub.as_deref()),
        ("authenticated", Some(person.id.as_str()))
    );
    let raw = &claims.raw;
    assert_eq!(raw["aud"], "authenticated");
    assert_eq!(raw["email"], person.email.as_str());
    assert_eq!(raw["iss"], format!("{}/auth/v1", backend().url()));
    assert_eq!(
        raw["app_metadata"],
        json!({ "provider": "email", "providers": ["email"] })
    );
    assert_eq!(
        (&raw["aal"], &raw["amr"][0]["method"]),
        (&json!("aal1"), &json!("password"))
    );
    assert_eq!(raw["is_anonymous"], false);
    assert!(raw["session_id"].is_string());
    assert_eq!(claims.exp, session["expires_at"].as_i64().unwrap());

    let user = &session["user"];
    assert_eq!(user["identities"][0]["provider"], "email");
    assert_eq!(
        user["identities"][0]["identity_data"]["email"],
        person.email.as_str()
    );
    for time in [
        "created_at",
        "updated_at",
        "email_confirmed_at",
        "last_sign_in_at",
    ] {
        assert!(
            user[time].as_str().unwrap().ends_with('Z'),
            "{time}: {}",
            user[time]
        );
    }
}

#[tokio::test]
async fn an_address_signs_in_whatever_its_case() {
    let person = Person::new().await;
    let (status, session) = sign_in(&format!(" {} ", person.email.to_uppercase()), PASSWORD).await;
    assert_eq!((status, &session["user"]["id"]), (200, &json!(person.id)));
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_are_told_alike() {
    let person = Person::new().await;
    let wrong = sign_in(&person.email, "wrong horse").await;
    let unknown = sign_in("nobody@ward.test", PASSWORD).await;
    let none = answer(post(
        "/auth/v1/token?grant_type=password",
        json!({ "email": person.email }),
    ))
    .await;
    assert_eq!(
        wrong,
        (
            400,
            json!({ "code": 400, "error_code": "invalid_credentials", "msg": "Invalid login credentials" })
        )
    );
    assert_eq!(wrong, unknown);
    assert_eq!(wrong, none);
}

#[tokio::test]
async fn a_client_of_the_newer_api_gets_codes_as_words() {
    let request = post(
        "/auth/v1/token?grant_type=password",
        json!({ "email": "nobody@ward.test", "password": "x" }),
    )
    .header("x-supabase-api-version", "2024-01-01");
    let (status, headers, body) = whole(request.send().await.unwrap()).await;
    assert_eq!(status, 400);
    assert_eq!(
        body,
        json!({ "code": "invalid_credentials", "message": "Invalid login credentials" })
    );
    assert_eq!(headers["x-sb-error-code"], "invalid_credentials");
    assert_eq!(headers["x-supabase-api-version"], "2024-01-01");
}

#[tokio::test]
async fn what_is_no_sign_in_is_refused_by_its_cause() {
    let token = "/auth/v1/token?grant_type=password";
    let cases: [(&str, &str, &str); 7] = [
        (token, "", "bad_json"),
        (token, "{\"email\":", "bad_json"),
        (token, "[]", "bad_json"),
        (token, "{\"email\":5,\"password\":\"x\"}", "bad_json"),
        (token, "{\"password\":\"x\"}", "validation_failed"),
        (
            "/auth/v1/token?grant_type=magic",
            "{}",
            "invalid_credentials",
        ),
        ("/auth/v1/token", "{}", "invalid_credentials"),
    ];
    for (path, body, code) in cases {
        let (status, error) = answer(call(Method::POST, path).body(body)).await;
        assert_eq!(
            (status, error["error_code"].as_str()),
            (400, Some(code)),
            "{path} {body}"
        );
    }
}

#[tokio::test]
async fn a_value_that_the_database_cannot_hold_is_refused_before_or_by_it() {
    let (status, error) = sign_in("a\0@ward.test", PASSWORD).await;
    assert_eq!(
        (status, error["error_code"].as_str()),
        (400, Some("invalid_credentials"))
    );
    let (status, error) = refresh("a\0b").await;
    assert_eq!(
        (status, error["error_code"].as_str()),
        (400, Some("refresh_token_not_found"))
    );
    let email = format!("{}@ward.test", uuid::Uuid::new_v4());
    let body = json!({ "email": email, "password": PASSWORD, "data": { "name": "a\0b" } });
    let (status, error) = answer(post("/auth/v1/signup", body)).await;
    assert_eq!(
        (status, error["error_code"].as_str()),
        (400, Some("validation_failed"))
    );
}

#[tokio::test]
async fn signing_up_signs_in_and_keeps_what_was_said_about_oneself() {
    let email = format!("{}@ward.test", uuid::Uuid::new_v4());
    let body =
        json!({ "email": email, "password": PASSWORD, "data": { "full_name": "Ada Reyes" } });
    let (status, session) = answer(post("/auth/v1/signup", body)).await;
    assert_eq!(
        (status, &session["user"]["user_metadata"]),
        (200, &json!({ "full_name": "Ada Reyes" }))
    );
    let (status, user) = answer(Person::of(&session).get("/auth/v1/user")).await;
    assert_eq!((status, &user["email"]), (200, &json!(email)));
}

#[tokio::test]
async fn a_sign_up_that_cannot_be_says_why() {
    let taken = Person::new().await.email;
    let cases: [(Value, u16, &str); 6] = [
        (
            json!({ "email": taken.to_uppercase(), "password": PASSWORD }),
            422,
            "user_already_exists",
        ),
        (
            json!({ "email": "new@ward.test", "password": "short" }),
            422,
            "weak_password",
        ),
        (
            json!({ "email": "new@ward.test", "password": "x".repeat(73) }),
            400,
            "validation_failed",
        ),
        (
            json!({ "email": "not an address", "password": PASSWORD }),
            400,
            "validation_failed",
        ),
        (
            json!({ "email": "new@ward.test" }),
            400,
            "validation_failed",
        ),
        (json!({}), 422, "anonymous_provider_disabled"),
    ];
    for (body, status, code) in cases {
        let (got, error) = answer(post("/auth/v1/signup", body.clone())).await;
        assert_eq!(
            (got, error["error_code"].as_str()),
            (status, Some(code)),
            "{body}"
        );
    }
    let weak = post(
        "/auth/v1/signup",
        json!({ "email": "new@ward.test", "password": "short" }),
    );
    assert_eq!(
        answer(weak).await.1["weak_password"],
        json!({ "reasons": ["length"] })
    );
}

#[tokio::test]
async fn many_sign_ins_at_once_leave_reading_responsive() {
    let person = Person::new().await;
    let crowd: Vec<_> = (0..24)
        .map(|_| {
            let email = person.email.clone();
            tokio::spawn(async move { sign_in(&email, PASSWORD).await.0 })
        })
        .collect();
    let (status, _) = answer(person.get("/rest/v1/notes")).await;
    let still_hashing = crowd.iter().filter(|one| !one.is_finished()).count();
    assert_eq!(status, 200);
    assert!(still_hashing > 0, "the read waited for the whole crowd");
    for one in crowd {
        assert_eq!(one.await.unwrap(), 200);
    }
}

#[tokio::test]
async fn settings_and_health_are_told_to_anybody_with_a_key() {
    let (status, settings) = answer(call(Method::GET, "/auth/v1/settings")).await;
    assert_eq!(
        (
            status,
            &settings["external"]["email"],
            &settings["mailer_autoconfirm"]
        ),
        (200, &json!(true), &json!(true))
    );
    let (status, health) = answer(call(Method::GET, "/auth/v1/health")).await;
    assert_eq!((status, &health["name"]), (200, &json!("GoTrue")));
}
