//! The dashboard's numbers: counted of the rows that the person who asks may see, and of no others.

use bedside_backend::Running;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::policies::over_http::{rest, rows, token};
use crate::policies::ward::over_http;

async fn overview(backend: &Running, token: &str) -> Value {
    let asked = rest(backend, token, Method::POST, "rpc/overview");
    let answer = rows(asked.json(&json!({ "offset_minutes": 60 }))).await;
    answer.into_iter().next().unwrap()
}

fn total(list: &Value, columns: &[&str]) -> i64 {
    let rows = list.as_array().unwrap().iter();
    rows.flat_map(|row| columns.iter().map(|column| row[*column].as_i64().unwrap()))
        .sum()
}

#[test]
fn what_is_counted_is_what_the_person_may_list() {
    over_http(|backend| async move {
        for email in ["clinician.one@bedside.test", "viewer@bedside.test"] {
            let token = token(backend, email).await;
            let counted = overview(backend, &token).await;
            let listed = async |path: &str| -> i64 {
                let listed = rows(rest(backend, &token, Method::GET, path)).await;
                i64::try_from(listed.len()).unwrap()
            };
            assert_eq!(
                total(&counted["statuses"], &["count"]),
                listed("form_submissions?select=id&limit=5000").await,
                "{email}"
            );
            assert_eq!(
                total(&counted["wards"], &["waiting", "admitted", "observation"]),
                listed("patients?select=id&status=neq.discharged&limit=5000").await,
                "{email}"
            );
        }
    });
}

#[test]
fn every_one_of_the_last_thirty_days_is_there() {
    over_http(|backend| async move {
        let token = token(backend, "viewer@bedside.test").await;
        let counted = overview(backend, &token).await;
        let days = counted["days"].as_array().unwrap();
        assert_eq!(days.len(), 30);
        assert!(days.is_sorted_by_key(|day| day["day"].as_str().unwrap().to_owned()));
        assert!(total(&counted["days"], &["submitted"]) > 0);
    });
}

#[test]
fn an_absurd_hour_is_taken_for_the_nearest_that_there_is() {
    over_http(|backend| async move {
        let token = token(backend, "viewer@bedside.test").await;
        let asked = rest(backend, &token, Method::POST, "rpc/overview");
        let answer = rows(asked.json(&json!({ "offset_minutes": 2_147_483_647_i64 }))).await;
        assert_eq!(answer[0]["days"].as_array().unwrap().len(), 30);
    });
}

#[test]
fn nobody_asks_without_signing_in() {
    over_http(|backend| async move {
        let anon = backend.keys().anon_key().to_owned();
        let answer = rest(backend, &anon, Method::POST, "rpc/overview");
        let status = answer.json(&json!({})).send().await.unwrap().status();
        assert!(
            matches!(
                status,
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND
            ),
            "{status}"
        );
    });
}
