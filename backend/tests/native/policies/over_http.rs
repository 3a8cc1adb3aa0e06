//! The same rules as clients meet them: through sign-in and the REST API.

use bedside_backend::Running;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::policies::ward::{Person, over_http};

const PASSWORD: &str = "bedside-demo";

async fn sign_in(backend: &Running, email: &str, password: &str) -> (StatusCode, Value) {
    let answer = reqwest::Client::new()
        .post(format!(
            "{}/auth/v1/token?grant_type=password",
            backend.url()
        ))
        .header("apikey", backend.keys().anon_key())
        .json(&json!({ "email": email, "password": password }))
        .send()
        .await
        .unwrap();
    (answer.status(), answer.json().await.unwrap())
}

/// Signs in with the demo password.
pub async fn token(backend: &Running, email: &str) -> String {
    let (status, body) = sign_in(backend, email, PASSWORD).await;
    assert_eq!(status, StatusCode::OK, "{email}");
    body["access_token"].as_str().unwrap().to_owned()
}

/// A request to the REST API that asks for the rows it touches.
pub fn rest(backend: &Running, token: &str, method: Method, path: &str) -> RequestBuilder {
    reqwest::Client::new()
        .request(method, format!("{}/rest/v1/{path}", backend.url()))
        .header("apikey", backend.keys().anon_key())
        .header("prefer", "return=representation")
        .bearer_auth(token)
}

/// The rows of an answer that must be a success.
pub async fn rows(request: RequestBuilder) -> Vec<Value> {
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let body: Value = answer.json().await.unwrap();
    assert!(status.is_success(), "{status} {body}");
    body.as_array().cloned().unwrap_or_else(|| vec![body])
}

/// The error code of a refused request. By the code, not the status: it differs between servers.
async fn refusal(request: RequestBuilder) -> String {
    let answer = request.send().await.unwrap();
    assert!(answer.status().is_client_error(), "{}", answer.status());
    let body: Value = answer.json().await.unwrap();
    body["code"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_person_with_a_single_name_is_listed_by_it() {
    over_http(|backend| async move {
        let admin = token(backend, "admin@bedside.test").await;
        let person = |number: u8, first: &str, last: &str| {
            json!({
                "mrn": format!("SORTED-{number}"), "first_name": first, "last_name": last,
                "date_of_birth": "1950-06-08", "ward": "Surgery",
            })
        };
        let people = json!([
            person(1, "Zoë", "Adams"),
            person(2, "Suharto", ""),
            person(3, "", "Sukarno"),
            person(4, "Ada", "Sutter"),
        ]);
        rows(rest(backend, &admin, Method::POST, "patients").json(&people)).await;
        let sorted =
            "patients?select=mrn&mrn=like.SORTED-*&order=sort_name.asc,first_name.asc,id.asc";
        let sorted = rows(rest(backend, &admin, Method::GET, sorted)).await;
        let sorted: Vec<_> = sorted
            .iter()
            .map(|row| row["mrn"].as_str().unwrap())
            .collect();
        assert_eq!(sorted, ["SORTED-1", "SORTED-2", "SORTED-3", "SORTED-4"]);
    });
}

#[test]
fn all_demo_accounts_sign_in_and_a_wrong_password_does_not() {
    over_http(|backend| async move {
        for email in [
            "admin@bedside.test",
            "clinician.one@bedside.test",
            "clinician.two@bedside.test",
            "viewer@bedside.test",
        ] {
            let (status, body) = sign_in(backend, email, PASSWORD).await;
            assert_eq!(
                (status, &body["user"]["email"]),
                (StatusCode::OK, &json!(email))
            );
            let (status, _) = sign_in(backend, email, "bedside-wrong").await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{email}");
        }
    });
}

#[test]
fn a_clinician_lists_own_patients_and_not_one_of_the_others() {
    over_http(|backend| async move {
        let one = token(backend, "clinician.one@bedside.test").await;
        let listed = rows(rest(
            backend,
            &one,
            Method::GET,
            "patients?select=clinician_id&limit=1000",
        ))
        .await;
        assert!(listed.len() >= 55, "{}", listed.len());
        assert!(
            listed
                .iter()
                .all(|row| row["clinician_id"] == Person::ClinicianOne.id())
        );

        let forms = rows(rest(
            backend,
            &one,
            Method::GET,
            "form_submissions?select=patients!inner(clinician_id)&limit=1000",
        ))
        .await;
        assert!(forms.len() >= 100, "{}", forms.len());
        assert!(
            forms
                .iter()
                .all(|row| row["patients"]["clinician_id"] == Person::ClinicianOne.id())
        );
    });
}

#[test]
fn an_edit_carries_its_version_and_a_second_one_at_the_same_version_finds_no_row() {
    over_http(|backend| async move {
        let one = token(backend, "clinician.one@bedside.test").await;
        let id = "dddddddd-0000-4000-a000-000000000001";
        let new = json!({ "id": id, "mrn": "HTTP-1", "first_name": "Zoë", "last_name": "D'Été", "date_of_birth": "1980-02-29", "ward": "Surgery" });
        let created = rows(rest(backend, &one, Method::POST, "patients").json(&new)).await;
        assert_eq!(
            (&created[0]["version"], &created[0]["clinician_id"]),
            (&json!(1), &json!(Person::ClinicianOne.id()))
        );

        let path = format!("patients?id=eq.{id}&version=eq.1");
        let edit = json!({ "notes": "first", "version": 50 });
        let saved = rows(rest(backend, &one, Method::PATCH, &path).json(&edit)).await;
        assert_eq!((saved.len(), &saved[0]["version"]), (1, &json!(2)));
        let conflict = rows(rest(backend, &one, Method::PATCH, &path).json(&edit)).await;
        assert!(conflict.is_empty());

        let give = json!({ "patient": id, "new_clinician": Person::ClinicianTwo.id(), "expected_version": 2 });
        let given =
            rows(rest(backend, &one, Method::POST, "rpc/hand_over_patient").json(&give)).await;
        assert_eq!(given, [json!(3)]);
        let gone = rows(rest(
            backend,
            &one,
            Method::GET,
            &format!("patients?id=eq.{id}"),
        ))
        .await;
        assert!(gone.is_empty());
    });
}

#[test]
fn a_viewer_reads_and_writes_nothing() {
    over_http(|backend| async move {
        let viewer = token(backend, "viewer@bedside.test").await;
        let listed = rows(rest(
            backend,
            &viewer,
            Method::GET,
            "patients?select=id,version&limit=3",
        ))
        .await;
        assert_eq!(listed.len(), 3);
        let id = listed[0]["id"].as_str().unwrap();
        let path = format!("patients?id=eq.{id}");
        let changed =
            rows(rest(backend, &viewer, Method::PATCH, &path).json(&json!({ "notes": "x" }))).await;
        assert!(changed.is_empty());
        let new = json!({ "mrn": "HTTP-2", "first_name": "A", "last_name": "B", "date_of_birth": "1980-01-01", "ward": "Surgery" });
        assert_eq!(
            refusal(rest(backend, &viewer, Method::POST, "patients").json(&new)).await,
            "42501"
        );
        let own = format!("profiles?id=eq.{}", Person::Viewer.id());
        let promoted =
            rest(backend, &viewer, Method::PATCH, &own).json(&json!({ "role": "admin" }));
        assert_eq!(refusal(promoted).await, "42501");
    });
}

#[test]
fn nobody_without_a_session_reads_anything() {
    over_http(|backend| async move {
        let anon = backend.keys().anon_key();
        for table in ["patients", "form_submissions", "profiles", "feed_heartbeat"] {
            assert_eq!(
                refusal(rest(backend, anon, Method::GET, table)).await,
                "42501",
                "{table}"
            );
        }
    });
}
