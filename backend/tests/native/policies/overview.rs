//! The dashboard's numbers: counted of the rows that the person who asks may see, and of no others.

use bedside_backend::Running;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::policies::over_http::{rest, rows, token};
use crate::policies::ward::{on_the_ward, over_http};

async fn overview(backend: &Running, token: &str) -> Value {
    overview_in(backend, token, "Europe/Berlin").await
}

async fn overview_in(backend: &Running, token: &str, time_zone: &str) -> Value {
    let asked = rest(backend, token, Method::POST, "rpc/overview_in");
    let answer = rows(asked.json(&json!({ "time_zone": time_zone }))).await;
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
fn a_day_ends_at_midnight_on_both_sides_of_a_clock_change() {
    on_the_ward(|mut ward| async move {
        // Summer time ended in Berlin on 25 October 2026, and in New York a week later.
        for (zone, instant, day) in [
            ("Europe/Berlin", "2026-10-24 22:30Z", "2026-10-25"),
            ("Europe/Berlin", "2026-10-25 22:30Z", "2026-10-25"),
            ("Europe/Berlin", "2026-10-25 23:30Z", "2026-10-26"),
            ("America/New_York", "2026-10-31 04:30Z", "2026-10-31"),
            ("America/New_York", "2026-11-02 04:30Z", "2026-11-01"),
            ("Asia/Kolkata", "2026-11-01 18:30Z", "2026-11-02"),
        ] {
            let found: String = ward
                .fact(&format!(
                    "select private.day_in('{instant}', '{zone}')::text"
                ))
                .await;
            assert_eq!(found, day, "{zone} {instant}");
        }
    });
}

#[test]
fn an_unknown_time_zone_counts_as_utc() {
    over_http(|backend| async move {
        let token = token(backend, "viewer@bedside.test").await;
        let utc = overview_in(backend, &token, "UTC").await;
        for zone in ["Nowhere/Atlantis", "", "'; drop table patients; --"] {
            let counted = overview_in(backend, &token, zone).await;
            assert_eq!(counted["days"], utc["days"], "{zone:?}");
        }
    });
}

#[test]
fn an_offset_is_still_understood() {
    over_http(|backend| async move {
        let token = token(backend, "viewer@bedside.test").await;
        for (offset, zone) in [(0, "UTC"), (330, "Asia/Kolkata"), (-420, "America/Phoenix")] {
            let asked = rest(backend, &token, Method::POST, "rpc/overview");
            let by_offset = rows(asked.json(&json!({ "offset_minutes": offset }))).await;
            let by_name = overview_in(backend, &token, zone).await;
            assert_eq!(by_offset[0]["days"], by_name["days"], "{zone}");
        }
    });
}

#[test]
fn nobody_asks_without_signing_in() {
    over_http(|backend| async move {
        let anon = backend.keys().anon_key().to_owned();
        for (path, question) in [
            ("rpc/overview", json!({})),
            ("rpc/overview_in", json!({ "time_zone": "UTC" })),
        ] {
            let answer = rest(backend, &anon, Method::POST, path);
            let status = answer.json(&question).send().await.unwrap().status();
            assert!(
                matches!(
                    status,
                    StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND
                ),
                "{path}: {status}"
            );
        }
    });
}
