//! PostgREST's API: what Row Level Security leaves of a table, and how each refusal reads.

use reqwest::Method;
use serde_json::{Value, json};

use crate::backend::stage::{Person, answer, as_service, backend, call, get, post, whole};

fn title() -> String {
    uuid::Uuid::new_v4().to_string()
}

async fn add_note(person: &Person, title: &str) -> Value {
    let request = person
        .post("/rest/v1/notes", json!({ "title": title }))
        .header("prefer", "return=representation");
    let (status, rows) = answer(request).await;
    assert_eq!(status, 201, "{rows}");
    rows[0].clone()
}

#[tokio::test]
async fn everybody_sees_their_own_rows_and_the_service_role_sees_all() {
    let (one, two, name) = (Person::new().await, Person::new().await, title());
    let note = add_note(&one, &name).await;
    assert_eq!(note["owner"], json!(one.id));
    let path = format!("/rest/v1/notes?select=title&title=eq.{name}");
    let seen = json!([{ "title": name }]);
    assert_eq!(answer(one.get(&path)).await, (200, seen.clone()));
    assert_eq!(answer(two.get(&path)).await, (200, json!([])));
    assert_eq!(answer(get(&path)).await, (200, json!([])));
    assert_eq!(answer(as_service(Method::GET, &path)).await, (200, seen));
}

#[tokio::test]
async fn the_database_knows_who_asks() {
    let person = Person::new().await;
    let (status, who) = answer(person.post("/rest/v1/rpc/whoami", json!({}))).await;
    assert_eq!(status, 200, "{who}");
    assert_eq!(
        (&who["uid"], &who["email"]),
        (&json!(person.id), &json!(person.email))
    );
    assert_eq!(
        (&who["role"], &who["user"]),
        (&json!("authenticated"), &json!("authenticated"))
    );
    assert!(who["session"].is_string());
    let (_, who) = answer(post("/rest/v1/rpc/whoami", json!({}))).await;
    assert_eq!((&who["uid"], &who["user"]), (&Value::Null, &json!("anon")));
}

#[tokio::test]
async fn one_request_leaves_nothing_of_its_identity_to_the_next() {
    let person = Person::new().await;
    answer(person.post("/rest/v1/rpc/whoami", json!({}))).await;
    let (role, claims): (String, Option<String>) = sqlx::query_as(
        "select current_user::text, nullif(current_setting('request.jwt.claims', true), '')",
    )
    .fetch_one(backend().db().pool())
    .await
    .unwrap();
    assert_eq!((role.as_str(), claims), ("postgres", None));
}

#[tokio::test]
async fn a_missing_right_is_401_for_the_unknown_and_403_for_the_known() {
    let (person, other) = (Person::new().await, Person::new().await);
    let theirs = json!({ "title": title(), "owner": other.id });
    let (status, error) = answer(person.post("/rest/v1/notes", theirs)).await;
    assert_eq!((status, &error["code"]), (403, &json!("42501")));
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("row-level security"),
        "{error}"
    );
    let (status, error) = answer(person.get("/rest/v1/secrets")).await;
    assert_eq!((status, &error["code"]), (403, &json!("42501")));
    let (status, error) = answer(get("/rest/v1/secrets")).await;
    assert_eq!((status, &error["code"]), (401, &json!("42501")));
}

#[tokio::test]
async fn a_refused_request_reads_as_postgrest_says_it() {
    let person = Person::new().await;
    let cases = [
        (person.get("/rest/v1/nothing"), 404, "PGRST205"),
        (person.get("/rest/v1/notes?nothing=eq.1"), 400, "42703"),
        (person.get("/rest/v1/notes?id=eq.seven"), 400, "22P02"),
        (person.get("/rest/v1/notes?id=like"), 400, "PGRST100"),
        (
            person.post("/rest/v1/rpc/nothing", json!({})),
            404,
            "PGRST202",
        ),
        (
            person
                .call(Method::POST, "/rest/v1/notes")
                .header("content-type", "application/json")
                .body("{"),
            400,
            "PGRST102",
        ),
        (
            person.post("/rest/v1/notes", json!({ "title": null })),
            400,
            "23502",
        ),
        (
            person
                .get("/rest/v1/notes?limit=5")
                .header("accept", "application/vnd.pgrst.object+json"),
            406,
            "PGRST116",
        ),
    ];
    for (request, status, code) in cases {
        let asked = format!("{request:?}");
        let (got, error) = answer(request).await;
        assert_eq!(
            (got, error["code"].as_str()),
            (status, Some(code)),
            "{asked}\n{error}"
        );
        for part in ["message", "details", "hint"] {
            assert!(error.get(part).is_some(), "{error} lacks {part}");
        }
    }
}

#[tokio::test]
async fn a_second_row_of_the_same_key_is_a_conflict() {
    let (person, name) = (Person::new().await, title());
    add_note(&person, &name).await;
    let (status, error) = answer(person.post("/rest/v1/notes", json!({ "title": name }))).await;
    assert_eq!((status, &error["code"]), (409, &json!("23505")));
}

#[tokio::test]
async fn a_token_that_is_not_good_is_401_with_its_cause() {
    let expired = backend()
        .keys()
        .sign(&json!({ "role": "authenticated", "exp": 1_000_000_000 }));
    for (token, code) in [(expired.as_str(), "PGRST303"), ("nonsense", "PGRST301")] {
        let (status, error) = answer(call(Method::GET, "/rest/v1/notes").bearer_auth(token)).await;
        assert_eq!(
            (status, error["code"].as_str()),
            (401, Some(code)),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_count_comes_in_content_range_and_a_page_beyond_it_is_416() {
    let person = Person::new().await;
    for _ in 0..3 {
        add_note(&person, &title()).await;
    }
    let page = |offset: u32| {
        person
            .get(&format!(
                "/rest/v1/notes?order=title&limit=2&offset={offset}"
            ))
            .header("prefer", "count=exact")
    };
    let (status, headers, rows) = whole(page(0).send().await.unwrap()).await;
    assert_eq!((status, rows.as_array().unwrap().len()), (206, 2));
    assert_eq!(headers["content-range"], "0-1/3");
    let (status, headers, error) = whole(page(10).send().await.unwrap()).await;
    assert_eq!((status, &error["code"]), (416, &json!("PGRST103")));
    assert_eq!(headers["content-range"], "*/3");
    let head = person
        .call(Method::HEAD, "/rest/v1/notes")
        .header("prefer", "count=exact");
    assert_eq!(
        head.send().await.unwrap().headers()["content-range"],
        "0-2/3"
    );
}

#[tokio::test]
async fn an_update_of_an_older_version_changes_nothing() {
    let (person, name) = (Person::new().await, title());
    let id = add_note(&person, &name).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let save = || {
        person
            .call(
                Method::PATCH,
                &format!("/rest/v1/notes?id=eq.{id}&version=eq.1"),
            )
            .header("prefer", "return=representation")
            .json(&json!({ "version": 2 }))
    };
    let (status, rows) = answer(save()).await;
    assert_eq!((status, &rows[0]["version"]), (200, &json!(2)));
    assert_eq!(answer(save()).await, (200, json!([])));
}

#[tokio::test]
async fn rows_are_merged_embedded_and_deleted() {
    let (person, name) = (Person::new().await, title());
    let note = add_note(&person, &name).await;
    let merged = person
        .post(
            "/rest/v1/notes?on_conflict=id",
            json!({ "id": note["id"], "title": name, "version": 7 }),
        )
        .header(
            "prefer",
            "resolution=merge-duplicates,return=representation",
        );
    assert_eq!(answer(merged).await.1[0]["version"], 7);
    let line =
        json!([{ "note": note["id"], "body": "first" }, { "note": note["id"], "body": "second" }]);
    assert_eq!(answer(person.post("/rest/v1/lines", line)).await.0, 201);
    let embedded = person.get(&format!(
        "/rest/v1/notes?select=title,lines(body)&title=eq.{name}&lines.order=id"
    ));
    let expected = json!([{ "title": name, "lines": [{ "body": "first" }, { "body": "second" }] }]);
    assert_eq!(answer(embedded).await, (200, expected));
    let gone = person.call(Method::DELETE, &format!("/rest/v1/notes?title=eq.{name}"));
    assert_eq!(answer(gone).await.0, 204);
    assert_eq!(
        answer(person.get(&format!("/rest/v1/notes?title=eq.{name}"))).await,
        (200, json!([]))
    );
}

#[tokio::test]
async fn the_root_answers_with_and_without_its_slash() {
    for path in ["/rest/v1", "/rest/v1/"] {
        assert_eq!(answer(get(path)).await.0, 200, "{path}");
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_leaves_the_connection_whole() {
    let person = Person::new().await;
    for _ in 0..5 {
        let request = person.post("/rest/v1/notes", json!({ "title": title() }));
        let sending = tokio::spawn(request.send());
        tokio::task::yield_now().await;
        sending.abort();
    }
    assert_eq!(answer(person.get("/rest/v1/notes?limit=1")).await.0, 200);
}
