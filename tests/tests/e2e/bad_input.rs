//! What people type, paste and press on a bad day: said where it is typed, shown as text, and nothing of it lost.

use anyhow::{Context, Result, ensure};
use bedside_tests::browser::PHONE;
use bedside_tests::house::House;
use bedside_tests::person::Person;
use serde_json::{Value, json};
use thirtyfour::prelude::*;

use crate::{ONE, text};

/// Right-to-left, combining, of several units a letter, and not closed.
const HTML: &str =
    "<img src=x onerror=\"window.harmed=1\"><script>window.harmed=1</script> مريم e\u{301} 👩🏽‍⚕️";

/// Puts a text into a field in one go, as a paste does.
async fn pastes(person: &Person, label: &str, pasted: &str) -> Result<()> {
    let field = person.field(label).await?;
    field.scroll_into_view().await?;
    field.click().await?;
    let script = "const [field, text] = arguments; field.select?.(); document.execCommand('insertText', false, text);";
    let arguments = vec![field.to_json()?, Value::from(pasted)];
    person.browser.execute(script, arguments).await?;
    Ok(())
}

async fn sideways(person: &Person) -> Result<i64> {
    let answer = person
        .browser
        .execute(
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth",
            vec![],
        )
        .await?;
    answer.json().as_i64().context("no width")
}

#[tokio::test]
async fn long_names_and_html_are_text_everywhere_and_absurd_values_are_said_where_they_are_typed()
-> Result<()> {
    let house = House::opens().await?;
    let api = house.api(ONE).await?;
    let patient = api.own_patient().await?;
    let path = format!("patients?id=eq.{}", text(&patient, "id")?);
    let one = house.signs_in_on(PHONE, ONE).await?;
    one.goes_to(&format!("/patients/{}", text(&patient, "id")?))
        .await?;

    // What can't be is said at its field, and nothing is sent.
    one.types("First name", "   ").await?;
    pastes(&one, "Last name", &"Wolfeschlegelstein".repeat(6)).await?;
    one.picks("Date of birth", "3024-01-01").await?;
    pastes(&one, "Notes", &"A novel. ".repeat(1_200)).await?;
    one.sees("800 characters too many; 10000 fit").await?;
    one.clicks("Save").await?;
    for said in [
        "Last name is longer than 100",
        "Date of birth lies in the future",
    ] {
        one.sees(said).await?;
    }
    ensure!(api.rows(&path).await?[0] == patient, "something was sent");

    // What only looks odd is taken as it is, and never more than text; pressed twice it is saved once.
    let name = "Wolfeschlegelstein".repeat(5);
    one.types("First name", "‏مريم").await?;
    pastes(&one, "Last name", &name).await?;
    one.picks("Date of birth", "1904-02-29").await?;
    pastes(&one, "Notes", HTML).await?;
    let save = one
        .browser
        .find(By::XPath("//button[normalize-space(.)='Save']"))
        .await?;
    save.scroll_into_view().await?;
    one.browser
        .action_chain()
        .double_click_element(&save)
        .perform()
        .await?;
    one.sees("Saved").await?;
    let row = api.row_once(&path, |row| row["notes"] == HTML).await?;
    ensure!(
        row["version"].as_i64() == patient["version"].as_i64().map(|version| version + 1),
        "saved more than once: {row}"
    );
    for page in ["/patients", "/", "/forms"] {
        one.goes_to(page).await?;
        one.sees_nav("Patients").await?;
        one.waits_for_realtime(&["live"]).await?;
        ensure!(sideways(&one).await? == 0, "{page} scrolls sideways");
    }
    one.goes_to(&format!("/patients/{}", text(&patient, "id")?))
        .await?;
    one.sees("<img src=x").await?;
    ensure!(
        sideways(&one).await? == 0,
        "the patient's page scrolls sideways"
    );
    let harmed = one
        .browser
        .execute("return !!window.harmed", vec![])
        .await?;
    ensure!(harmed.json() == &json!(false), "what was typed was run");
    house.closes([one]).await
}

#[tokio::test]
async fn a_session_that_ends_while_somebody_types_gives_back_what_they_typed() -> Result<()> {
    let house = House::opens().await?;
    let patient = house.api(ONE).await?.own_patient().await?;
    let page = format!("/patients/{}", text(&patient, "id")?);
    let one = house.signs_in(ONE).await?;
    one.goes_to(&page).await?;
    one.types("Notes", "Half a sentence, and then the session")
        .await?;
    // A night later the server wants nothing more to do with it.
    one.browser
        .execute(
            "const kept = JSON.parse(localStorage.getItem('bedside.session')); \
             Object.assign(kept, {refresh_token: 'used up', expires_in: 0, expires_at: 1, saved_at: 1}); \
             localStorage.setItem('bedside.session', JSON.stringify(kept));",
            vec![],
        )
        .await?;
    one.browser.refresh().await?;
    one.field("Password").await?;
    one.sign_in(ONE, bedside_tests::PASSWORD).await?;
    one.sees_nav("Patients").await?;
    one.goes_to(&page).await?;
    one.sees("did not save").await?;
    let typed = one.field("Notes").await?.value().await?;
    ensure!(
        typed.as_deref() == Some("Half a sentence, and then the session"),
        "the field holds {typed:?}"
    );
    house.closes([one]).await
}

#[tokio::test]
async fn one_person_with_a_draft_in_two_tabs_is_told_and_both_tabs_hold_the_same() -> Result<()> {
    let house = House::opens().await?;
    let api = house.api(ONE).await?;
    let path = format!(
        "form_submissions?submitted_by=eq.{}&status=eq.draft&form_type=eq.vitals&limit=1",
        api.user_id
    );
    let draft = api.rows(&path).await?.remove(0);
    let page = format!("/forms/{}", text(&draft, "id")?);
    let one = house.signs_in(ONE).await?;
    one.goes_to(&page).await?;
    one.waits_for_realtime(&["live"]).await?;
    let first = one.browser.window().await?;
    let second = one.browser.new_tab().await?;
    one.browser.switch_to_window(second.clone()).await?;
    one.goes_to(&page).await?;
    one.waits_for_realtime(&["live"]).await?;

    one.types("Remark", "From the second tab").await?;
    one.browser.switch_to_window(first).await?;
    one.waits_for(
        "the other tab's words",
        "return [...document.querySelectorAll('textarea')].some(field => field.value === 'From the second tab')",
        vec![],
    )
    .await?;
    one.sees("Your other tab is here").await?;
    one.types("Heart rate", "71").await?;
    one.browser.switch_to_window(second).await?;
    one.waits_for(
        "the first tab's figure",
        "return [...document.querySelectorAll('input')].some(field => field.value === '71')",
        vec![],
    )
    .await?;
    let form = format!("form_submissions?id=eq.{}", text(&draft, "id")?);
    api.row_once(&form, |row| {
        row["answers"]["remark"] == "From the second tab" && row["answers"]["heart_rate"] == 71
    })
    .await?;
    house.closes([one]).await
}
