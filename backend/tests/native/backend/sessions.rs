//! A session's life: refreshing, changing the account, signing out, and tokens that are not good.

use reqwest::Method;
use serde_json::{Value, json};

use crate::backend::stage::{PASSWORD, Person, answer, backend, call, refresh, sign_in};

fn code(error: &Value) -> &str {
    error["error_code"]
        .as_str()
        .unwrap_or_else(|| panic!("no error: {error}"))
}

/// Moves a session's refresh tokens into the past, beyond the interval in which using one again is forgiven.
async fn age_tokens(token: &str) {
    sqlx::query(
        "update auth.refresh_tokens set updated_at = now() - interval '1 minute' \
         where session_id = (select session_id from auth.refresh_tokens where token = $1)",
    )
    .bind(token)
    .execute(backend().db().pool())
    .await
    .unwrap();
}

#[tokio::test]
async fn refreshing_gives_new_tokens_of_the_same_session() {
    let person = Person::new().await;
    let (status, session) = person.refreshed().await;
    assert_eq!(status, 200);
    let next = Person::of(&session);
    assert_ne!(next.refresh, person.refresh);
    let id = |token: &str| backend().keys().verify(token).unwrap().raw["session_id"].clone();
    assert_eq!(id(&next.access), id(&person.access));
    assert_eq!(next.refreshed().await.0, 200);
}

#[tokio::test]
async fn a_client_that_lost_the_answer_gets_the_same_successor_again() {
    let person = Person::new().await;
    let first = Person::of(&person.refreshed().await.1);
    age_tokens(&person.refresh).await;
    let (status, again) = person.refreshed().await;
    assert_eq!(
        (status, &again["refresh_token"]),
        (200, &json!(first.refresh))
    );
}

#[tokio::test]
async fn two_refreshes_at_once_end_up_in_the_same_chain() {
    let person = Person::new().await;
    let (one, two) = tokio::join!(person.refreshed(), person.refreshed());
    assert_eq!((one.0, two.0), (200, 200));
    assert_eq!(one.1["refresh_token"], two.1["refresh_token"]);
}

#[tokio::test]
async fn an_old_token_used_again_ends_the_whole_chain() {
    let stolen = Person::new().await;
    let second = Person::of(&stolen.refreshed().await.1);
    let third = Person::of(&second.refreshed().await.1);
    age_tokens(&third.refresh).await;
    let (status, error) = stolen.refreshed().await;
    assert_eq!((status, code(&error)), (400, "refresh_token_already_used"));
    let (status, error) = third.refreshed().await;
    assert_eq!((status, code(&error)), (400, "refresh_token_already_used"));
}

#[tokio::test]
async fn an_old_token_used_again_at_once_is_forgiven() {
    let person = Person::new().await;
    let second = Person::of(&person.refreshed().await.1);
    let third = Person::of(&second.refreshed().await.1);
    assert_eq!(person.refreshed().await.0, 200);
    assert_eq!(third.refreshed().await.0, 200);
}

#[tokio::test]
async fn a_refresh_token_that_nobody_gave_out_is_not_found() {
    let (status, error) = refresh("nobody-gave-this-out").await;
    assert_eq!((status, code(&error)), (400, "refresh_token_not_found"));
    let (status, error) = refresh("").await;
    assert_eq!((status, code(&error)), (400, "validation_failed"));
}

#[tokio::test]
async fn signing_out_ends_the_sessions_in_its_scope_and_no_other() {
    // Of three sessions the first signs out; what is left of each?
    for (scope, left) in [
        ("local", [false, true, true]),
        ("others", [true, false, false]),
        ("global", [false; 3]),
    ] {
        let first = Person::new().await;
        let sessions = [first.clone(), first.again().await, first.again().await];
        let out = first.call(Method::POST, &format!("/auth/v1/logout?scope={scope}"));
        assert_eq!(out.send().await.unwrap().status(), 204, "{scope}");
        for (session, left) in sessions.iter().zip(left) {
            let (user, answered) = answer(session.get("/auth/v1/user")).await;
            let (refreshed, refusal) = session.refreshed().await;
            match left {
                true => assert_eq!((user, refreshed), (200, 200), "{scope}"),
                false => {
                    assert_eq!(
                        (user, code(&answered)),
                        (403, "session_not_found"),
                        "{scope}"
                    );
                    assert_eq!(
                        (refreshed, code(&refusal)),
                        (400, "refresh_token_not_found"),
                        "{scope}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn an_unknown_scope_signs_nobody_out() {
    let person = Person::new().await;
    let (status, error) = answer(person.call(Method::POST, "/auth/v1/logout?scope=everyone")).await;
    assert_eq!((status, code(&error)), (400, "validation_failed"));
    assert_eq!(person.refreshed().await.0, 200);
}

#[tokio::test]
async fn a_token_that_is_not_good_is_refused_by_its_cause() {
    let person = Person::new().await;
    let mut claims = backend().keys().verify(&person.access).unwrap().raw;
    claims["exp"] = json!(1_000_000_000);
    let expired = backend().keys().sign(&claims);
    claims["exp"] = json!(9_000_000_000_i64);
    claims["sub"] = json!("00000000-0000-4000-a000-00000000dead");
    let of_nobody = backend().keys().sign(&claims);
    let cases = [
        ("not-a-token", "bad_jwt", "invalid number of segments"),
        (expired.as_str(), "bad_jwt", "token is expired"),
        (backend().keys().anon_key(), "bad_jwt", "missing sub claim"),
        (of_nobody.as_str(), "user_not_found", "does not exist"),
    ];
    for (token, expected, words) in cases {
        let (status, error) = answer(call(Method::GET, "/auth/v1/user").bearer_auth(token)).await;
        assert_eq!((status, code(&error)), (403, expected), "{words}");
        assert!(error["msg"].as_str().unwrap().contains(words), "{error}");
    }
}

#[tokio::test]
async fn what_one_says_about_oneself_is_merged_key_by_key() {
    let person = Person::new().await;
    let put = |data: Value| {
        person
            .call(Method::PUT, "/auth/v1/user")
            .json(&json!({ "data": data }))
    };
    answer(put(json!({ "a": 1, "b": 2 }))).await;
    let (status, user) = answer(put(json!({ "b": null, "c": 3 }))).await;
    assert_eq!(
        (status, &user["user_metadata"]),
        (200, &json!({ "a": 1, "c": 3 }))
    );
}

#[tokio::test]
async fn a_new_password_works_the_old_one_does_not_and_other_sessions_end() {
    let person = Person::new().await;
    let other = person.again().await;
    let put = |password: &str| {
        person
            .call(Method::PUT, "/auth/v1/user")
            .json(&json!({ "password": password }))
    };
    for (password, expected) in [(PASSWORD, "same_password"), ("short", "weak_password")] {
        let (status, error) = answer(put(password)).await;
        assert_eq!((status, code(&error)), (422, expected));
    }
    assert_eq!(answer(put("battery staple")).await.0, 200);
    assert_eq!(sign_in(&person.email, PASSWORD).await.0, 400);
    assert_eq!(sign_in(&person.email, "battery staple").await.0, 200);
    assert_eq!(other.refreshed().await.0, 400);
    assert_eq!(person.refreshed().await.0, 200);
}

#[tokio::test]
async fn an_address_can_be_changed_but_not_to_somebody_elses() {
    let (person, other) = (Person::new().await, Person::new().await);
    let put = |email: &str| {
        person
            .call(Method::PUT, "/auth/v1/user")
            .json(&json!({ "email": email }))
    };
    let (status, error) = answer(put(&other.email)).await;
    assert_eq!((status, code(&error)), (422, "email_exists"));
    let moved = format!("moved-{}", person.email);
    let (status, user) = answer(put(&moved)).await;
    assert_eq!(
        (status, &user["identities"][0]["email"]),
        (200, &json!(moved))
    );
    assert_eq!(sign_in(&moved, PASSWORD).await.0, 200);
}
