//! News of what others did: told without getting in the way, counted, read, and kept quiet where that is wished.

use anyhow::{Context, Result, bail, ensure};
use bedside_tests::api::Api;
use bedside_tests::browser::DESKTOP;
use bedside_tests::house::House;
use bedside_tests::person::Person;
use serde_json::{Value, json};

use crate::{ONE, VIEWER, text};

/// Drafts of a clinician that can be handed in.
async fn drafts(clinician: &Api) -> Result<Vec<Value>> {
    let path = format!(
        "form_submissions?select=*,patient:patients(last_name)&status=eq.draft&submitted_by=eq.{}&order=id&limit=3",
        clinician.user_id
    );
    clinician.rows(&path).await
}

/// Hands a draft in, as a colleague does at another computer.
async fn hand_in(clinician: &Api, draft: &Value) -> Result<()> {
    let path = format!("form_submissions?id=eq.{}", text(draft, "id")?);
    let changed = clinician
        .change(&path, json!({"status": "submitted"}))
        .await?;
    ensure!(changed.len() == 1, "the draft was not handed in");
    Ok(())
}

async fn title_begins(person: &Person, with: &str) -> Result<()> {
    person
        .waits_for(
            &format!("title that begins with {with:?}"),
            "return document.title.startsWith(arguments[0])",
            vec![Value::from(with)],
        )
        .await
}

#[tokio::test]
async fn a_form_handed_in_by_one_is_news_to_another_until_it_is_read() -> Result<()> {
    let house = House::opens().await?;
    let clinician = house.api(ONE).await?;
    let drafts = drafts(&clinician).await?;
    let draft = drafts.first().context("no draft")?;
    let name = text(&draft["patient"], "last_name")?;
    let reader = house.signs_in(VIEWER).await?;
    reader.waits_for_realtime(&["live"]).await?;
    // Somebody is typing: news must not take the focus from them.
    reader.clicks("Patients").await?;
    reader.types("Search", "typing").await?;

    hand_in(&clinician, draft).await?;
    reader.sees("was submitted").await?;
    reader.sees(name).await?;
    title_begins(&reader, "(1) ").await?;
    let focused = reader
        .browser
        .execute("return document.activeElement.value ?? ''", vec![])
        .await?;
    ensure!(
        focused.json().as_str() == Some("typing"),
        "the focus went elsewhere"
    );

    reader.clicks("Notifications, 1 unread").await?;
    reader.clicks("Mark all read").await?;
    title_begins(&reader, "Patients").await?;
    reader.clicks("Notifications").await?;
    house.closes([reader]).await
}

/// A system that writes down what it is asked to show, and whose owner agrees to be told.
const SYSTEM: &str = "window.told = []; \
    window.Notification = class { \
        static permission = 'default'; \
        static async requestPermission() { return (Notification.permission = 'granted'); } \
        constructor(title, options) { window.told.push(`${title}. ${options.body}`); } \
        close() {} \
    };";

/// What the system was asked to show.
async fn told(person: &Person) -> Result<Vec<String>> {
    let told = person.browser.execute("return window.told", vec![]).await?;
    serde_json::from_value(told.json().clone()).context("not a list")
}

#[tokio::test]
async fn behind_another_tab_news_comes_from_the_system_by_consent_and_without_a_name() -> Result<()>
{
    let house = House::opens().await?;
    let clinician = house.api(ONE).await?;
    let drafts = drafts(&clinician).await?;
    let [first, second, ..] = drafts.as_slice() else {
        bail!("too few drafts");
    };
    let reader = house.visitor(DESKTOP).await?;
    reader.devtools("Page.enable", json!({})).await?;
    let system = json!({ "source": SYSTEM });
    reader
        .devtools("Page.addScriptToEvaluateOnNewDocument", system)
        .await?;
    reader.goes_to("/").await?;
    reader.sign_in(VIEWER, bedside_tests::PASSWORD).await?;
    reader.waits_for_realtime(&["live"]).await?;

    // Nobody has agreed: behind another tab the title counts, and the system is left alone.
    let away = reader.turns_away().await?;
    hand_in(&clinician, first).await?;
    title_begins(&reader, "(1) ").await?;
    ensure!(told(&reader).await?.is_empty(), "told without consent");
    reader.comes_back(away).await?;

    reader.clicks("Settings").await?;
    reader.clicks_switch("System notifications").await?;
    let on = "return document.getElementById('system-notifications').ariaChecked === 'true'";
    reader.waits_for("consent", on, vec![]).await?;
    reader.turns_away().await?;
    hand_in(&clinician, second).await?;
    title_begins(&reader, "(2) ").await?;
    let told = told(&reader).await?;
    ensure!(
        told == ["A form has news. Open Bedside to see what happened."],
        "the system shows {told:?}"
    );
    house.closes([reader]).await
}

#[tokio::test]
async fn in_quiet_mode_news_is_counted_and_nothing_appears() -> Result<()> {
    let house = House::opens().await?;
    let clinician = house.api(ONE).await?;
    let drafts = drafts(&clinician).await?;
    let reader = house.signs_in(VIEWER).await?;
    reader.waits_for_realtime(&["live"]).await?;
    reader.clicks("Settings").await?;
    reader.clicks_switch("Quiet mode").await?;

    hand_in(&clinician, drafts.first().context("no draft")?).await?;
    title_begins(&reader, "(1) ").await?;
    ensure!(
        !reader.page_text().await?.contains("was submitted"),
        "a word appeared over the page"
    );

    // The wish outlives a reload; the next person at this computer has their own.
    reader.browser.refresh().await?;
    reader.sees("Quiet mode").await?;
    ensure!(reader.is_switched_on("Quiet mode").await?, "not kept");
    reader.signs_out().await?;
    reader.sign_in(ONE, bedside_tests::PASSWORD).await?;
    reader.sees_nav("Patients").await?;
    reader.clicks("Settings").await?;
    reader.sees("Quiet mode").await?;
    ensure!(!reader.is_switched_on("Quiet mode").await?, "passed on");
    house.closes([reader]).await
}
