//! Accounts through the admin API.

use reqwest::Method;
use serde_json::{Value, json};

use crate::backend::stage::{PASSWORD, Person, answer, as_service, sign_in, whole};

fn users(method: Method, rest: &str) -> reqwest::RequestBuilder {
    as_service(method, &format!("/auth/v1/admin/users{rest}"))
}

async fn create(body: Value) -> (u16, Value) {
    answer(users(Method::POST, "").json(&body)).await
}

#[tokio::test]
async fn only_the_service_role_may_see_accounts() {
    let person = Person::new().await;
    for request in [
        person.get("/auth/v1/admin/users"),
        crate::backend::stage::get("/auth/v1/admin/users"),
    ] {
        let (status, error) = answer(request).await;
        assert_eq!((status, &error["error_code"]), (403, &json!("not_admin")));
    }
}

#[tokio::test]
async fn an_account_is_made_read_changed_and_removed() {
    let id = uuid::Uuid::new_v4().to_string();
    let email = format!("{id}@ward.test");
    let (status, made) = create(json!({
        "id": id, "email": email, "password": PASSWORD, "email_confirm": true,
        "app_metadata": { "role": "viewer" }, "user_metadata": { "full_name": "Lin Okoye" },
    }))
    .await;
    assert_eq!((status, &made["id"]), (200, &json!(id)));
    assert_eq!(
        made["app_metadata"],
        json!({ "provider": "email", "providers": ["email"], "role": "viewer" })
    );
    assert_eq!(sign_in(&email, PASSWORD).await.0, 200);

    let one = format!("/{id}");
    let change = users(Method::PUT, &one).json(&json!({ "app_metadata": { "role": "admin" } }));
    assert_eq!(answer(change).await.1["app_metadata"]["role"], "admin");
    let (_, session) = sign_in(&email, PASSWORD).await;
    assert_eq!(session["user"]["app_metadata"]["role"], "admin");

    assert_eq!(answer(users(Method::DELETE, &one)).await, (200, json!({})));
    assert_eq!(answer(users(Method::GET, &one)).await.0, 404);
    assert_eq!(sign_in(&email, PASSWORD).await.0, 400);
    assert_eq!(Person::of(&session).refreshed().await.0, 400);
}

#[tokio::test]
async fn an_unconfirmed_address_does_not_sign_in() {
    let email = format!("{}@ward.test", uuid::Uuid::new_v4());
    create(json!({ "email": email, "password": PASSWORD })).await;
    let (status, error) = sign_in(&email, PASSWORD).await;
    assert_eq!(
        (status, &error["error_code"]),
        (400, &json!("email_not_confirmed"))
    );
}

#[tokio::test]
async fn a_banned_account_neither_signs_in_nor_refreshes_until_the_ban_is_lifted() {
    let person = Person::new().await;
    let ban = |duration: &str| {
        users(Method::PUT, &format!("/{}", person.id)).json(&json!({ "ban_duration": duration }))
    };
    assert_eq!(answer(ban("24h")).await.0, 200);
    for refused in [
        sign_in(&person.email, PASSWORD).await,
        person.refreshed().await,
    ] {
        assert_eq!(
            (refused.0, &refused.1["error_code"]),
            (400, &json!("user_banned"))
        );
    }
    assert_eq!(answer(ban("none")).await.0, 200);
    assert_eq!(sign_in(&person.email, PASSWORD).await.0, 200);
    assert_eq!(person.refreshed().await.0, 200);
}

#[tokio::test]
async fn the_list_comes_in_pages_with_its_total() {
    for _ in 0..3 {
        Person::new().await;
    }
    let response = users(Method::GET, "?page=1&per_page=2")
        .send()
        .await
        .unwrap();
    let (status, headers, body) = whole(response).await;
    assert_eq!((status, body["users"].as_array().unwrap().len()), (200, 2));
    assert!(
        headers["x-total-count"]
            .to_str()
            .unwrap()
            .parse::<u32>()
            .unwrap()
            >= 3
    );
}

#[tokio::test]
async fn a_page_that_is_no_number_is_refused_as_gotrue_says_it() {
    let (status, error) = answer(users(Method::GET, "?page=two")).await;
    assert_eq!(
        (status, &error["error_code"]),
        (400, &json!("validation_failed"))
    );
}

#[tokio::test]
async fn an_id_that_is_none_or_nobodys_is_not_found() {
    let (status, error) = answer(users(Method::GET, "/7")).await;
    assert_eq!(
        (status, &error["error_code"]),
        (404, &json!("validation_failed"))
    );
    let (status, error) = answer(users(Method::GET, "/00000000-0000-4000-a000-00000000dead")).await;
    assert_eq!(
        (status, &error["error_code"]),
        (404, &json!("user_not_found"))
    );
}
