//! An edit, a wrong password, a lost network: what everybody meets on the first day.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bedside_tests::api::Api;
use bedside_tests::backend::{Backend, Data};
use bedside_tests::browser::{DESKTOP, Driver, PHONE};
use bedside_tests::house::House;
use bedside_tests::percentile;
use bedside_tests::person::Person;
use serde_json::json;

use crate::{ADMIN, ONE, TWO, VIEWER, text};

/// Waits until a change made elsewhere is on this person's page, and says how long that took.
async fn arrives(person: &Person, words: &str, since: Instant) -> Result<Duration> {
    person.sees(words).await?;
    Ok(since.elapsed())
}

#[tokio::test]
async fn an_edit_in_one_browser_appears_in_the_other_by_itself() -> Result<()> {
    let house = House::opens().await?;
    let patient = house.api(ONE).await?.own_patient().await?;
    let page = format!("/patients/{}", text(&patient, "id")?);

    let writer = house.signs_in(ONE).await?;
    let reader = house.signs_in_on(PHONE, ADMIN).await?;
    writer.goes_to(&page).await?;
    reader.goes_to(&page).await?;
    reader.waits_for_realtime(&["live"]).await?;
    reader.sees(text(&patient, "last_name")?).await?;

    writer.types("Last name", "Öztürk-Fontaine").await?;
    writer.clicks("Save").await?;
    reader.sees("Öztürk-Fontaine").await?;

    // And the list knows it too, without a reload of anything.
    reader.clicks("Patients").await?;
    reader.types("Search", "Öztürk-Fontaine").await?;
    reader.sees("Öztürk-Fontaine").await?;
    house.closes([writer, reader]).await
}

#[tokio::test]
async fn an_edit_is_on_the_other_screen_within_a_second() -> Result<()> {
    const EDITS: usize = 50;
    let house = House::opens().await?;
    let writer = house.api(ONE).await?;
    let patient = writer.own_patient().await?;
    let id = text(&patient, "id")?;
    let reader = house.signs_in(ADMIN).await?;
    reader.goes_to(&format!("/patients/{id}")).await?;
    reader.waits_for_realtime(&["live"]).await?;
    reader.sees(text(&patient, "last_name")?).await?;

    let mut times = Vec::new();
    for edit in 0..EDITS {
        let name = format!("Edited{edit:03}");
        let start = Instant::now();
        let changed = writer
            .change(&format!("patients?id=eq.{id}"), json!({"last_name": name}))
            .await?;
        ensure!(
            changed.len() == 1,
            "the edit changed {} rows",
            changed.len()
        );
        times.push(arrives(&reader, &name, start).await?.as_secs_f64() * 1000.0);
    }
    let (p50, p95) = (percentile(&times, 0.5), percentile(&times, 0.95));
    println!(
        "edit to the other browser's DOM over {EDITS} edits: p50 {p50:.0} ms, p95 {p95:.0} ms"
    );
    // Not a benchmark: a second is what a person is promised, several times what it takes.
    ensure!(p95 < 1000.0, "p95 is {p95:.0} ms");
    house.closes([reader]).await
}

#[tokio::test]
async fn a_clinician_never_sees_the_other_ones_patients() -> Result<()> {
    let house = House::opens().await?;
    let theirs = house.api(ONE).await?.own_patient().await?;
    let own = house.api(TWO).await?.own_patient().await?;

    let two = house.signs_in(TWO).await?;
    two.clicks("Patients").await?;
    two.types("Search", text(&own, "mrn")?).await?;
    two.sees(text(&own, "mrn")?).await?;
    two.types("Search", text(&theirs, "mrn")?).await?;
    two.no_longer_sees(text(&own, "mrn")?).await?;
    ensure!(
        !two.page_text().await?.contains(text(&theirs, "last_name")?),
        "the other's patient is listed"
    );

    two.goes_to(&format!("/patients/{}", text(&theirs, "id")?))
        .await?;
    two.sees("does not exist").await?;
    ensure!(
        !two.page_text().await?.contains(text(&theirs, "mrn")?),
        "the other's patient is shown"
    );
    house.closes([two]).await
}

#[tokio::test]
async fn a_patient_handed_on_and_a_form_moved_leave_the_screen_within_a_second() -> Result<()> {
    const GONE: Duration = Duration::from_secs(1);
    let house = House::opens().await?;
    let mine = house.api(ONE).await?;
    let patient = mine.own_patient().await?;
    let (id, mrn) = (text(&patient, "id")?, text(&patient, "mrn")?);
    let others = format!(
        "form_submissions?select=id,patient_id&patient_id=neq.{id}&status=eq.draft&limit=1"
    );
    let form = mine.rows(&others).await?;
    let form = form.first().context("no form of another patient")?;
    let two = house.api(TWO).await?;
    let theirs = two.own_patient().await?;
    let admin = house.api(ADMIN).await?;
    // The change feed says nothing to one who loses a row; the screen must know all the same.
    let (form, theirs) = (text(form, "id")?, text(&theirs, "id")?);
    let losses = [
        (
            format!("/patients/{id}"),
            mrn,
            format!("patients?id=eq.{id}"),
            json!({"clinician_id": two.user_id}),
        ),
        (
            format!("/forms/{form}"),
            "About",
            format!("form_submissions?id=eq.{form}"),
            json!({"patient_id": theirs}),
        ),
    ];

    let one = house.signs_in(ONE).await?;
    for (page, words, row, fields) in losses {
        one.goes_to(&page).await?;
        one.sees(words).await?;
        one.waits_for_realtime(&["live"]).await?;
        let start = Instant::now();
        let changed = admin.change(&row, fields).await?;
        ensure!(changed.len() == 1, "{row} was not changed");
        one.sees("does not exist").await?;
        let took = start.elapsed();
        println!("{page} is gone after {} ms", took.as_millis());
        ensure!(took < GONE, "gone only after {took:?}");
    }
    ensure!(!one.page_text().await?.contains(mrn), "the patient stays");
    house.closes([one]).await
}

#[tokio::test]
async fn a_viewer_reads_and_cannot_save() -> Result<()> {
    let house = House::opens().await?;
    let patient = house.api(ONE).await?.own_patient().await?;
    let id = text(&patient, "id")?;

    let viewer = house.signs_in(VIEWER).await?;
    viewer.goes_to(&format!("/patients/{id}")).await?;
    viewer.sees(text(&patient, "mrn")?).await?;
    ensure!(!viewer.offers("Save").await?, "a viewer is offered to save");

    // Nor past the page: the database itself refuses.
    let api = house.api(VIEWER).await?;
    let changed = api
        .change(
            &format!("patients?id=eq.{id}"),
            json!({"last_name": "Changed"}),
        )
        .await?;
    ensure!(changed.is_empty(), "a viewer changed a patient");
    house.closes([viewer]).await
}

#[tokio::test]
async fn a_killed_backend_is_noticed_and_what_was_missed_appears() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let backend = Backend::start(Data::Folder(folder.path())).await?;
    let driver = Driver::start()?;
    let url = backend.url();
    let patient = Api::sign_in(&url, ONE).await?.own_patient().await?;
    let id = text(&patient, "id")?;
    let reader = Person::signed_in(driver.open(DESKTOP).await?, &url, ADMIN).await?;
    reader.goes_to(&format!("/patients/{id}")).await?;
    reader.waits_for_realtime(&["live"]).await?;

    let port = backend.port;
    backend.kill().await?;
    reader
        .waits_for_realtime(&["offline", "connecting", "stale", "degraded"])
        .await?;
    reader.sees(text(&patient, "last_name")?).await?;

    // Somebody changes the patient where this browser cannot hear of it: on another port, same data.
    let elsewhere = Backend::start(Data::Folder(folder.path())).await?;
    let writer = Api::sign_in(&elsewhere.url(), ONE).await?;
    let changed = writer
        .change(
            &format!("patients?id=eq.{id}"),
            json!({"last_name": "Missed-Meanwhile"}),
        )
        .await?;
    ensure!(changed.len() == 1, "the change did not happen");
    elsewhere.stop().await?;

    let back = Backend::start_on(port, Data::Folder(folder.path()), &[]).await?;
    reader.sees("Missed-Meanwhile").await?;
    reader.waits_for_realtime(&["live"]).await?;
    reader.leaves().await?;
    back.stop().await
}

#[tokio::test]
async fn a_wrong_password_is_said_and_the_right_one_still_works() -> Result<()> {
    let house = House::opens().await?;
    let person = house.visitor(PHONE).await?;
    person.sign_in(ONE, "not-the-password").await?;
    person.sees("password").await?;
    ensure!(
        person.alert().await?.contains("password"),
        "nothing is said of the password"
    );
    person.sign_in(ONE, bedside_tests::PASSWORD).await?;
    person.waits_for_realtime(&["live"]).await?;

    // A reload keeps the session; signing out ends it, for the back button too.
    person.browser.refresh().await?;
    person.waits_for_realtime(&["live"]).await?;
    person.signs_out().await?;
    person.field("Password").await?;
    person.browser.back().await?;
    person.field("Password").await?;
    house.closes([person]).await
}
