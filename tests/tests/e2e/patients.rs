//! Patients: found among many, registered by keyboard, edited in company, in conflict, handed over, and with a history that writes itself.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use bedside_tests::api::Api;
use bedside_tests::backend::{Backend, Data};
use bedside_tests::browser::{DESKTOP, Driver};
use bedside_tests::person::Person;
use serde_json::json;
use thirtyfour::prelude::*;

use crate::{ADMIN, ONE, TWO, text};

/// What the focus is on, as a screen reader would call it.
async fn focus(person: &Person) -> Result<String> {
    let name = person
        .browser
        .execute(
            "const at = document.activeElement; \
             const said = at.getAttribute('aria-label') ?? at.labels?.[0]?.innerText ?? at.innerText ?? ''; \
             return said.trim();",
            vec![],
        )
        .await?;
    Ok(name.json().as_str().unwrap_or_default().to_owned())
}

/// Presses keys wherever the focus is.
async fn presses(person: &Person, keys: impl Into<TypingData>) -> Result<()> {
    Ok(person
        .browser
        .active_element()
        .await?
        .send_keys(keys)
        .await?)
}

/// Presses Tab until the focus is on what is called this.
async fn tabs_to(person: &Person, name: &str) -> Result<()> {
    for _ in 0..60 {
        if focus(person).await?.starts_with(name) {
            return Ok(());
        }
        presses(person, Key::Tab + "").await?;
    }
    bail!("Tab never came to {name:?}")
}

/// Waits until a script answers true.
async fn until(person: &Person, what: &str, script: &str) -> Result<()> {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(20) {
        let answer = person.browser.execute(script, vec![]).await?;
        if answer.json().as_bool() == Some(true) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    bail!(
        "waited in vain for {what}; the page says:\n{}",
        person.page_text().await?
    )
}

#[tokio::test]
async fn a_patient_is_registered_by_keyboard_alone_and_only_once() -> Result<()> {
    let backend = Backend::start(Data::InMemory).await?;
    let driver = Driver::start().await?;
    let one = Person::signed_in(driver.open(DESKTOP).await?, &backend.url(), ONE).await?;
    one.goes_to("/patients").await?;
    one.sees("New patient").await?;
    tabs_to(&one, "New patient").await?;
    presses(&one, Key::Enter + "").await?;
    one.field("Record number").await?;

    // Too early: what is missing is said where it is missing, and nothing is sent.
    tabs_to(&one, "Save").await?;
    presses(&one, Key::Enter + "").await?;
    one.sees("Record number is needed").await?;
    ensure!(
        focus(&one).await? == "Record number",
        "the focus is elsewhere"
    );

    for (field, typed) in [
        ("Record number", "kb-1"),
        ("First name", "مريم"),
        ("Last name", "O'Neill <b>"),
        ("Date of birth", "03091956"),
        ("Ward", "Oncology"),
        ("Notes", "<img src=x onerror=alert(1)> walks alone"),
    ] {
        tabs_to(&one, field).await?;
        presses(&one, typed).await?;
    }
    tabs_to(&one, "Save").await?;
    // A double press is one patient.
    presses(&one, Key::Enter + Key::Enter).await?;
    one.sees("KB-1").await?;
    one.sees("<img src=x onerror=alert(1)> walks alone").await?;
    one.sees("Registered").await?;

    let rows = Api::sign_in(&backend.url(), ONE)
        .await?
        .rows("patients?mrn=eq.KB-1")
        .await?;
    ensure!(rows.len() == 1, "{} patients were registered", rows.len());
    one.leaves().await?;
    backend.stop().await
}

#[tokio::test]
async fn of_many_patients_only_those_near_the_screen_are_made() -> Result<()> {
    let backend = Backend::start(Data::InMemory).await?;
    let driver = Driver::start().await?;
    let all = Api::sign_in(&backend.url(), ADMIN)
        .await?
        .rows("patients?select=id")
        .await?
        .len();
    let admin = Person::signed_in(driver.open(DESKTOP).await?, &backend.url(), ADMIN).await?;
    admin.goes_to("/patients").await?;
    admin.sees(&format!("{all} patients")).await?;
    let rows = admin.table("Patients").await?.len();
    ensure!(rows < 80, "{rows} rows are made");

    // The keys go through all of them, and the back button comes back to the place.
    presses(&admin, "j").await?;
    presses(&admin, Key::End + "").await?;
    let last = format!(
        "return document.activeElement.closest('tr')?.getAttribute('aria-rowindex') === '{}'",
        all + 1
    );
    until(&admin, "the focus on the last patient", &last).await?;
    let name = focus(&admin).await?;
    until(
        &admin,
        "the place in the address",
        "return location.search.includes('row=')",
    )
    .await?;
    presses(&admin, Key::Enter + "").await?;
    admin.sees("Record").await?;
    admin.browser.back().await?;
    admin.sees(&name).await?;
    until(&admin, "the old place", "return scrollY > 1000").await?;
    admin.leaves().await?;
    backend.stop().await
}

#[tokio::test]
async fn two_people_who_change_one_text_see_both_and_merge_them() -> Result<()> {
    let backend = Backend::start(Data::InMemory).await?;
    let driver = Driver::start().await?;
    let api = Api::sign_in(&backend.url(), ONE).await?;
    let patient = api.own_patient().await?;
    let id = text(&patient, "id")?;
    api.change(
        &format!("patients?id=eq.{id}"),
        json!({"notes": "Calm. Awake."}),
    )
    .await?;
    let one = Person::signed_in(driver.open(DESKTOP).await?, &backend.url(), ONE).await?;
    one.goes_to(&format!("/patients/{id}")).await?;
    one.waits_for_realtime(&["live"]).await?;
    one.types("Notes", "Calm since noon. Awake.").await?;

    // Another field first: that merges by itself. Then the very same.
    let path = format!("patients?id=eq.{id}");
    let two = Api::sign_in(&backend.url(), ADMIN).await?;
    two.change(&path, json!({"ward": "Oncology"})).await?;
    one.sees("Changed elsewhere").await?;
    two.change(&path, json!({"notes": "Calm. Awake. Ate well."}))
        .await?;
    one.sees("Both of you changed this").await?;
    one.clicks("Merge both").await?;
    one.clicks("Use this text").await?;
    one.clicks("Save").await?;
    one.sees("Saved").await?;

    let begun = Instant::now();
    loop {
        let row = api.rows(&path).await?.remove(0);
        if row["notes"] == "Calm since noon. Awake. Ate well." {
            ensure!(
                row["ward"] == "Oncology",
                "the other's field was overwritten"
            );
            break;
        }
        ensure!(
            begun.elapsed() < Duration::from_secs(10),
            "the notes are {}",
            row["notes"]
        );
    }
    one.leaves().await?;
    backend.stop().await
}

#[tokio::test]
async fn a_patient_handed_over_is_with_the_colleague_and_out_of_sight() -> Result<()> {
    let backend = Backend::start(Data::InMemory).await?;
    let driver = Driver::start().await?;
    let patient = Api::sign_in(&backend.url(), ONE)
        .await?
        .own_patient()
        .await?;
    let (id, mrn) = (text(&patient, "id")?, text(&patient, "mrn")?);
    let two = Api::sign_in(&backend.url(), TWO).await?;
    let colleague = two
        .rows(&format!("profiles?id=eq.{}", two.user_id))
        .await?
        .remove(0);

    let one = Person::signed_in(driver.open(DESKTOP).await?, &backend.url(), ONE).await?;
    one.goes_to(&format!("/patients/{id}")).await?;
    one.clicks("Hand over…").await?;
    one.field("New clinician")
        .await?
        .send_keys(text(&colleague, "full_name")?)
        .await?;
    one.sees("You will no longer see this record").await?;
    one.clicks("Hand over").await?;
    one.sees(&format!("is with {} now", text(&colleague, "full_name")?))
        .await?;
    one.sees("59 patients").await?;
    one.no_longer_sees(mrn).await?;

    let rows = two.rows(&format!("patients?id=eq.{id}")).await?;
    ensure!(rows.len() == 1, "the colleague does not have the patient");
    let steps = two
        .rows(&format!(
            "patient_changes?patient_id=eq.{id}&order=version.desc"
        ))
        .await?;
    ensure!(
        steps[0]["changes"]["clinician_id"][1] == two.user_id.as_str(),
        "{}",
        steps[0]
    );
    one.leaves().await?;
    backend.stop().await
}

#[tokio::test]
async fn a_change_is_in_the_history_as_it_happens_and_an_undo_too() -> Result<()> {
    let backend = Backend::start(Data::InMemory).await?;
    let driver = Driver::start().await?;
    let api = Api::sign_in(&backend.url(), ONE).await?;
    let patient = api.own_patient().await?;
    let id = text(&patient, "id")?;
    let me = api
        .rows(&format!("profiles?id=eq.{}", api.user_id))
        .await?
        .remove(0);
    api.change(
        &format!("patients?id=eq.{id}"),
        json!({"status": "admitted"}),
    )
    .await?;

    let reader = Person::signed_in(driver.open(DESKTOP).await?, &backend.url(), ADMIN).await?;
    let writer = Person::signed_in(driver.open(DESKTOP).await?, &backend.url(), ONE).await?;
    for person in [&reader, &writer] {
        person.goes_to(&format!("/patients/{id}")).await?;
        person.waits_for_realtime(&["live"]).await?;
    }
    let latest = |words: &str| {
        format!(
            "return document.querySelector('.history-step')?.innerText.replace(/\\s+/g, ' ').includes({words:?})"
        )
    };
    writer.clicks("Discharged").await?;
    until(
        &reader,
        "the step",
        &latest("Status: Admitted became Discharged"),
    )
    .await?;
    until(&reader, "who it was", &latest(text(&me, "full_name")?)).await?;
    writer.clicks("Undo").await?;
    until(
        &reader,
        "the step back",
        &latest("Status: Discharged became Admitted"),
    )
    .await?;
    reader.leaves().await?;
    writer.leaves().await?;
    backend.stop().await
}

#[tokio::test]
async fn who_edits_a_patient_is_seen_by_the_other_and_gone_with_their_tab() -> Result<()> {
    let backend = Backend::start(Data::InMemory).await?;
    let driver = Driver::start().await?;
    let api = Api::sign_in(&backend.url(), ONE).await?;
    let patient = api.own_patient().await?;
    let page = format!("/patients/{}", text(&patient, "id")?);
    let me = api
        .rows(&format!("profiles?id=eq.{}", api.user_id))
        .await?
        .remove(0);
    let name = text(&me, "full_name")?;

    let one = Person::signed_in(driver.open(DESKTOP).await?, &backend.url(), ONE).await?;
    let admin = Person::signed_in(driver.open(DESKTOP).await?, &backend.url(), ADMIN).await?;
    for person in [&one, &admin] {
        person.goes_to(&page).await?;
        person.waits_for_realtime(&["live"]).await?;
    }
    admin.sees(&format!("{name} is here")).await?;
    one.field("Notes").await?.send_keys("She").await?;
    admin.sees(&format!("{name} is typing")).await?;
    admin.field("Notes").await?.click().await?;
    admin.sees(&format!("{name} is in this field too")).await?;

    let closed = Instant::now();
    one.leaves().await?;
    admin.no_longer_sees(&format!("{name} is here")).await?;
    ensure!(
        closed.elapsed() < Duration::from_secs(5),
        "gone only after {:?}",
        closed.elapsed()
    );
    admin.leaves().await?;
    backend.stop().await
}

#[tokio::test]
async fn what_was_typed_waits_until_the_person_comes_back_and_is_gone_after_sign_out() -> Result<()>
{
    let backend = Backend::start(Data::InMemory).await?;
    let driver = Driver::start().await?;
    let patient = Api::sign_in(&backend.url(), ONE)
        .await?
        .own_patient()
        .await?;
    let page = format!("/patients/{}", text(&patient, "id")?);
    let one = Person::signed_in(driver.open(DESKTOP).await?, &backend.url(), ONE).await?;
    one.goes_to(&page).await?;
    one.types("Notes", "Half a sentence").await?;
    one.clicks("Patients").await?;
    one.sees("kept until you come back").await?;
    one.browser.back().await?;
    one.sees("did not save").await?;
    ensure!(one.field("Notes").await?.value().await?.as_deref() == Some("Half a sentence"));

    one.signs_out().await?;
    one.field("Password").await?;
    let kept = "return !Object.keys(localStorage).some(key => key.startsWith('bedside.draft'))";
    until(&one, "an empty storage", kept).await?;
    one.leaves().await?;
    backend.stop().await
}
