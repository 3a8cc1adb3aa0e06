//! Saves that the server does not get at once: kept through a dead backend and a closed tab, sent once, never over what somebody
//! else wrote, and never given up without a word.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bedside_tests::api::Api;
use bedside_tests::backend::{Backend, Data};
use bedside_tests::browser::{DESKTOP, Driver};
use bedside_tests::house::House;
use bedside_tests::lens::Trouble;
use bedside_tests::person::Person;
use serde_json::{Value, json};

use crate::{ADMIN, ONE, text};

async fn patient(url: &str, id: &str) -> Result<Value> {
    let rows = Api::sign_in(url, ADMIN)
        .await?
        .rows(&format!("patients?id=eq.{id}"))
        .await?;
    rows.into_iter().next().context("the patient is gone")
}

/// Waits until the patient's row is as asked; what a page says is not yet what the database holds.
async fn stored(url: &str, id: &str, column: &str, value: &str) -> Result<Value> {
    for _ in 0..200 {
        let row = patient(url, id).await?;
        if row[column] == value {
            return Ok(row);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    anyhow::bail!(
        "{column} never became {value:?}: {}",
        patient(url, id).await?
    )
}

#[tokio::test]
async fn an_edit_made_while_the_server_was_dead_survives_the_tab_and_arrives_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let backend = Backend::start(Data::Folder(folder.path())).await?;
    let driver = Driver::start()?;
    let (url, port) = (backend.url(), backend.port);
    let row = Api::sign_in(&url, ONE).await?.own_patient().await?;
    let id = text(&row, "id")?;
    let page = format!("/patients/{id}");
    let one = Person::signed_in(driver.open(DESKTOP).await?, &url, ONE).await?;
    one.goes_to(&page).await?;
    one.waits_for_realtime(&["live"]).await?;

    backend.kill().await?;
    one.types("Notes", "Written without a server").await?;
    one.clicks("Save").await?;
    one.sees("Kept on this device").await?;
    one.sees("1 change waiting to be sent").await?;

    // The tab goes, and with it everything that only it knew.
    one.browser.goto("about:blank").await?;
    let back = Backend::start_on(port, Data::Folder(folder.path()), &[]).await?;
    one.goes_to(&page).await?;
    let after = stored(&url, id, "notes", "Written without a server").await?;
    let before = row["version"].as_i64().context("no version")?;
    ensure!(
        after["version"] == before + 1,
        "it counted more than once: {after}"
    );
    one.sees("Written without a server").await?;
    one.no_longer_sees("waiting to be sent").await?;
    one.leaves().await?;
    back.stop().await
}

#[tokio::test]
async fn edits_of_different_fields_meet_and_one_of_the_same_field_is_asked_about() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let backend = Backend::start(Data::Folder(folder.path())).await?;
    let driver = Driver::start()?;
    let (url, port) = (backend.url(), backend.port);
    let row = Api::sign_in(&url, ONE).await?.own_patient().await?;
    let id = text(&row, "id")?;
    let one = Person::signed_in(driver.open(DESKTOP).await?, &url, ONE).await?;
    one.goes_to(&format!("/patients/{id}")).await?;
    one.waits_for_realtime(&["live"]).await?;

    backend.kill().await?;
    one.types("Notes", "Mine, from the bedside").await?;
    one.clicks("Save").await?;
    one.sees("Kept on this device").await?;
    one.types("Last name", "Mine-Kept").await?;
    one.clicks("Save").await?;
    one.sees("2 changes waiting to be sent").await?;

    // Somebody writes the same notes where this browser can't hear of it: on another port, same data.
    let elsewhere = Backend::start(Data::Folder(folder.path())).await?;
    let theirs = json!({"notes": "Theirs, from the office", "first_name": "Theirs"});
    let changed = Api::sign_in(&elsewhere.url(), ADMIN)
        .await?
        .change(&format!("patients?id=eq.{id}"), theirs)
        .await?;
    ensure!(changed.len() == 1, "the other edit did not happen");
    elsewhere.stop().await?;

    let back = Backend::start_on(port, Data::Folder(folder.path()), &[]).await?;
    one.sees("for you to decide").await?;
    let row = patient(&url, id).await?;
    ensure!(
        row["notes"] == "Theirs, from the office",
        "theirs was overwritten unseen"
    );

    // Given up, it holds up nothing any more: what was saved behind it goes out, next to their first name.
    one.clicks("Discard").await?;
    one.sees("can't be brought back").await?;
    one.clicks("Discard it").await?;
    let row = stored(&url, id, "last_name", "Mine-Kept").await?;
    ensure!(
        row["first_name"] == "Theirs",
        "their first name is gone: {row}"
    );
    ensure!(
        row["notes"] == "Theirs, from the office",
        "a discarded edit was sent: {row}"
    );
    one.no_longer_sees("not sent").await?;
    one.leaves().await?;
    back.stop().await
}

/// A clinician without a browser, a patient of theirs as the API names the row, and the same clinician with that patient open.
async fn at_own_patient(house: &House) -> Result<(Api, String, Person)> {
    let api = house.api(ONE).await?;
    let row = api.own_patient().await?;
    let id = text(&row, "id")?;
    let one = house.signs_in(ONE).await?;
    one.goes_to(&format!("/patients/{id}")).await?;
    one.waits_for_realtime(&["live"]).await?;
    Ok((api, format!("patients?id=eq.{id}"), one))
}

#[tokio::test]
async fn a_save_that_met_another_in_two_fields_is_settled_by_keyboard_alone() -> Result<()> {
    let house = House::opens().await?;
    let (api, path, one) = at_own_patient(&house).await?;

    // Nothing gets through; meanwhile somebody else changes the very same.
    one.meets(Trouble::Refused("*/rest/v1/patients*")).await?;
    one.types("Last name", "Mine").await?;
    one.types("Notes", "Mine, too").await?;
    one.clicks("Save").await?;
    one.sees("1 change waiting to be sent").await?;
    let theirs = json!({"last_name": "Theirs", "notes": "Theirs, too"});
    house.api(ADMIN).await?.change(&path, theirs).await?;
    one.meets(Trouble::None).await?;
    one.sees("1 change needs you").await?;

    // From one question to the next, and then back to the page: the keys never lose their place.
    one.tabs_to("Decide").await?;
    one.presses("Enter").await?;
    one.sees("was changed by both of you").await?;
    one.tabs_to("Keep mine").await?;
    one.presses("Enter").await?;
    one.waits_for_focus_on("Notes: changed by both").await?;
    one.tabs_to("Take theirs").await?;
    one.presses("Enter").await?;
    one.waits_for(
        "the focus on the page",
        "return document.activeElement.id === 'main'",
        vec![],
    )
    .await?;
    let row = api
        .row_once(&path, |row| row["last_name"] == "Mine")
        .await?;
    ensure!(row["notes"] == "Theirs, too", "the choice was lost: {row}");
    one.no_longer_sees("needs you").await?;
    house.closes([one]).await
}

#[tokio::test]
async fn a_save_that_goes_through_is_not_told_of_on_its_way() -> Result<()> {
    let house = House::opens().await?;
    let (_, _, one) = at_own_patient(&house).await?;
    one.browser
        .execute(
            "window.told = []; \
             const outbox = document.querySelector('[aria-label=\"Changes not sent yet\"]'); \
             new MutationObserver(() => window.told.push(outbox.innerText)) \
                 .observe(outbox, {attributes: true, childList: true, characterData: true, subtree: true});",
            vec![],
        )
        .await?;
    one.types("Notes", "Nothing to talk about").await?;
    one.clicks("Save").await?;
    one.sees("Saved.").await?;
    let told = one.browser.execute("return window.told", vec![]).await?;
    ensure!(told.json() == &json!([]), "the outbox said {}", told.json());
    house.closes([one]).await
}

#[tokio::test]
async fn a_save_arrives_though_its_page_goes_before_the_next_frame() -> Result<()> {
    let house = House::opens().await?;
    let (api, path, one) = at_own_patient(&house).await?;
    one.types("Notes", "Saved on the way out").await?;
    // To a page that goes there comes no frame and no timer any more.
    one.browser
        .execute(
            "window.requestAnimationFrame = window.setTimeout = () => 0; \
             document.querySelector('form[aria-label=\"Edit record\"] [type=submit]').click(); \
             window.dispatchEvent(new Event('pagehide'));",
            vec![],
        )
        .await?;
    api.row_once(&path, |row| row["notes"] == "Saved on the way out")
        .await?;
    house.closes([one]).await
}

#[tokio::test]
async fn signing_out_with_unsent_changes_asks_first_and_leaves_nothing_behind() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let backend = Backend::start(Data::Folder(folder.path())).await?;
    let driver = Driver::start()?;
    let (url, port) = (backend.url(), backend.port);
    let row = Api::sign_in(&url, ONE).await?.own_patient().await?;
    let id = text(&row, "id")?;
    let one = Person::signed_in(driver.open(DESKTOP).await?, &url, ONE).await?;
    one.goes_to(&format!("/patients/{id}")).await?;
    one.waits_for_realtime(&["live"]).await?;

    backend.kill().await?;
    one.types("Notes", "Never to be sent").await?;
    one.clicks("Save").await?;
    one.sees("1 change waiting to be sent").await?;
    one.signs_out().await?;
    one.sees("1 change not sent yet").await?;
    one.clicks("Cancel").await?;
    one.sees("1 change waiting to be sent").await?;
    one.signs_out().await?;
    one.clicks("Sign out and delete").await?;
    one.field("Password").await?;

    // Back again, the same person finds nothing of it.
    let back = Backend::start_on(port, Data::Folder(folder.path()), &[]).await?;
    one.goes_to("/sign-in").await?;
    one.sign_in(ONE, bedside_tests::PASSWORD).await?;
    one.sees_nav("Patients").await?;
    one.goes_to(&format!("/patients/{id}")).await?;
    one.waits_for_realtime(&["live"]).await?;
    ensure!(
        !one.page_text().await?.contains("waiting to be sent"),
        "the outbox survived the sign-out"
    );
    let after = patient(&url, id).await?;
    ensure!(
        after["version"] == row["version"],
        "it was sent all the same: {after}"
    );
    one.leaves().await?;
    back.stop().await
}
