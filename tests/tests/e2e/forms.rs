//! Forms: filled in by keyboard alone, returned and approved, kept through a dead network, and only read by those who may not
//! write.

use anyhow::{Context, Result, ensure};
use bedside_tests::api::Api;
use bedside_tests::backend::{Backend, Data};
use bedside_tests::browser::{DESKTOP, Driver, PHONE};
use bedside_tests::person::Person;
use serde_json::json;
use thirtyfour::prelude::*;

use crate::{ADMIN, ONE, VIEWER, text};

/// What somebody types at a bed, in the order of the form.
const MEASURED: [(&str, &str); 6] = [
    ("Heart rate", "72"),
    ("Systolic pressure", "124"),
    ("Diastolic pressure", "79"),
    ("Respiratory rate", "15"),
    ("Oxygen saturation", "97"),
    ("Temperature", "36.8"),
];

/// The id of the form that the person has open.
async fn open_form(person: &Person) -> Result<String> {
    let address = person.browser.current_url().await?;
    Ok(address.path().trim_start_matches("/forms/").to_owned())
}

/// A set of vitals that this person has begun and not handed in.
async fn begun(author: &Api) -> Result<String> {
    let path = format!(
        "form_submissions?submitted_by=eq.{}&status=eq.draft&form_type=eq.vitals&limit=1",
        author.user_id
    );
    let drafts = author.rows(&path).await?;
    let draft = drafts.first().context("the seed has no such draft")?;
    Ok(text(draft, "id")?.to_owned())
}

/// The same, handed in.
async fn handed_in(author: &Api) -> Result<String> {
    let id = begun(author).await?;
    let answers = json!({
        "measured_at": "2026-11-20T08:00", "heart_rate": 72, "systolic": 124, "diastolic": 79,
        "respiratory_rate": 15, "oxygen_saturation": 97, "temperature": 36.8,
    });
    let path = format!("form_submissions?id=eq.{id}");
    let fields = json!({"answers": answers, "status": "submitted"});
    let changed = author.change(&path, fields).await?;
    ensure!(changed.len() == 1, "the form was not handed in");
    Ok(id)
}

#[tokio::test]
async fn a_form_is_begun_filled_in_and_handed_in_by_keyboard_alone() -> Result<()> {
    let backend = Backend::start(Data::InMemory).await?;
    let driver = Driver::start().await?;
    let api = Api::sign_in(&backend.url(), ONE).await?;
    let patient = api.own_patient().await?;
    let one = Person::signed_in(driver.open(DESKTOP).await?, &backend.url(), ONE).await?;
    one.goes_to(&format!("/forms/new?patient={}", text(&patient, "id")?))
        .await?;
    one.sees("Which form?").await?;
    one.tabs_to("Vitals").await?;
    one.presses("Enter").await?;
    one.field("Heart rate").await?;

    // Handed in too early: what is missing is said, and each word leads to its answer.
    one.tabs_to("Submit").await?;
    one.presses("Enter").await?;
    one.sees("6 answers have to be put right first").await?;
    one.tabs_to("Heart rate is needed").await?;
    one.presses("Enter").await?;
    for (place, (label, typed)) in MEASURED.into_iter().enumerate() {
        if place > 0 {
            one.tabs_to(label).await?;
        }
        one.presses(typed).await?;
    }
    one.no_longer_sees("put right first").await?;
    one.sees("Saved").await?;
    one.tabs_to("Submit").await?;
    one.presses("Enter").await?;
    one.sees("It waits for somebody else to review it").await?;

    let id = open_form(&one).await?;
    let rows = api.rows(&format!("form_submissions?id=eq.{id}")).await?;
    let row = rows.first().context("the form is not stored")?;
    ensure!(row["status"] == "submitted", "stored as {}", row["status"]);
    ensure!(row["answers"]["heart_rate"] == 72 && row["answers"]["temperature"] == 36.8);
    one.leaves().await?;
    backend.stop().await
}

#[tokio::test]
async fn an_answer_that_cannot_be_is_said_where_it_is_typed() -> Result<()> {
    let backend = Backend::start(Data::InMemory).await?;
    let driver = Driver::start().await?;
    let patient = Api::sign_in(&backend.url(), ONE)
        .await?
        .own_patient()
        .await?;
    let one = Person::signed_in(driver.open(PHONE).await?, &backend.url(), ONE).await?;
    one.goes_to(&format!("/forms/new?patient={}", text(&patient, "id")?))
        .await?;
    one.sees("Which form?").await?;
    let vitals = one
        .browser
        .query(By::XPath(
            "//button[starts-with(normalize-space(.), 'Vitals')]",
        ))
        .first()
        .await?;
    vitals.click().await?;
    one.types("Heart rate", "7200").await?;
    one.types("Systolic", "80").await?;
    one.types("Diastolic", "120").await?;
    one.types("Oxygen", "88").await?;
    one.sees("Heart rate can’t be above 300").await?;
    one.sees("Diastolic pressure has to be below Systolic pressure")
        .await?;
    one.sees("Below the usual 94–100 % in adults").await?;
    one.types("Heart rate", "72").await?;
    one.no_longer_sees("can’t be above 300").await?;
    one.leaves().await?;
    backend.stop().await
}

#[tokio::test]
async fn a_returned_form_reaches_its_author_at_once_and_comes_back_to_be_approved() -> Result<()> {
    let backend = Backend::start(Data::InMemory).await?;
    let driver = Driver::start().await?;
    let id = handed_in(&Api::sign_in(&backend.url(), ONE).await?).await?;
    let author = Person::signed_in(driver.open(DESKTOP).await?, &backend.url(), ONE).await?;
    author.goes_to(&format!("/forms/{id}")).await?;
    author
        .sees("It waits for somebody else to review it")
        .await?;
    author.waits_for_realtime(&["live"]).await?;

    // Nothing is returned without a word.
    let reviewer = Person::signed_in(driver.open(DESKTOP).await?, &backend.url(), ADMIN).await?;
    reviewer.goes_to(&format!("/forms/{id}")).await?;
    reviewer.clicks("Return…").await?;
    reviewer.clicks("Return to the author").await?;
    reviewer.sees("a form is returned with a comment").await?;
    reviewer
        .types("What has to change?", "Which arm was the cuff on?")
        .await?;
    reviewer.clicks("Return to the author").await?;

    // The author has the page open, and need not ask.
    author.sees("Which arm was the cuff on?").await?;
    author.types("Remark", "Left arm.").await?;
    author.clicks("Submit again").await?;
    author
        .sees("It waits for somebody else to review it")
        .await?;
    reviewer.sees("Left arm.").await?;
    reviewer.clicks("Approve").await?;
    author.sees("Approved forms don’t change any more").await?;
    author.leaves().await?;
    reviewer.leaves().await?;
    backend.stop().await
}

#[tokio::test]
async fn a_draft_survives_a_dead_server_and_a_reload() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let backend = Backend::start(Data::Folder(folder.path())).await?;
    let driver = Driver::start().await?;
    let (url, port) = (backend.url(), backend.port);
    let api = Api::sign_in(&url, ONE).await?;
    let id = begun(&api).await?;
    let one = Person::signed_in(driver.open(DESKTOP).await?, &url, ONE).await?;
    one.goes_to(&format!("/forms/{id}")).await?;
    one.field("Remark").await?;
    one.waits_for_realtime(&["live"]).await?;

    backend.kill().await?;
    one.types("Remark", "Typed while the server was dead.")
        .await?;
    one.sees("Waiting to be sent").await?;

    let back = Backend::start_on(port, Data::Folder(folder.path()), &[]).await?;
    one.browser.refresh().await?;
    one.sees("Saved").await?;
    let kept = one.field("Remark").await?.prop("value").await?;
    ensure!(
        kept.as_deref() == Some("Typed while the server was dead."),
        "the field holds {kept:?}"
    );
    let api = Api::sign_in(&url, ONE).await?;
    let rows = api.rows(&format!("form_submissions?id=eq.{id}")).await?;
    ensure!(
        rows.first()
            .is_some_and(|row| row["answers"]["remark"] == "Typed while the server was dead."),
        "the server has {rows:?}"
    );
    one.leaves().await?;
    back.stop().await
}

#[tokio::test]
async fn a_viewer_reads_forms_and_is_offered_nothing_to_change() -> Result<()> {
    let backend = Backend::start(Data::InMemory).await?;
    let driver = Driver::start().await?;
    let one = Api::sign_in(&backend.url(), ONE).await?;
    let id = handed_in(&one).await?;
    let viewer = Person::signed_in(driver.open(DESKTOP).await?, &backend.url(), VIEWER).await?;
    viewer.goes_to("/forms").await?;
    viewer.table("Forms").await?;
    ensure!(
        !viewer.offers("New form").await?,
        "a viewer is offered a new form"
    );
    viewer.goes_to(&format!("/forms/{id}")).await?;
    viewer.sees("124 mmHg").await?;
    viewer.sees("You can read this form").await?;
    for step in ["Approve", "Return…", "Take into review", "Submit"] {
        ensure!(!viewer.offers(step).await?, "a viewer is offered {step:?}");
    }
    viewer.goes_to("/forms/new").await?;
    viewer.sees("you can read forms").await?;

    // Nor past the page: the database itself refuses.
    let api = Api::sign_in(&backend.url(), VIEWER).await?;
    let changed = api
        .change(
            &format!("form_submissions?id=eq.{id}"),
            json!({"status": "approved"}),
        )
        .await?;
    ensure!(changed.is_empty(), "a viewer approved a form");
    viewer.leaves().await?;
    backend.stop().await
}

#[tokio::test]
async fn a_form_on_paper_names_the_patient_and_answers_every_question() -> Result<()> {
    let backend = Backend::start(Data::InMemory).await?;
    let driver = Driver::start().await?;
    let api = Api::sign_in(&backend.url(), ONE).await?;
    let id = handed_in(&api).await?;
    let one = Person::signed_in(driver.open(DESKTOP).await?, &backend.url(), ONE).await?;
    one.goes_to(&format!("/forms/{id}")).await?;
    one.sees("124 mmHg").await?;
    // Nobody is there to close the browser's own dialogue.
    one.browser
        .execute("window.print = () => { window.printed = document.querySelector('.print-sheet')?.innerText ?? 'nothing' }", vec![])
        .await?;
    one.devtools("Emulation.setEmulatedMedia", json!({"media": "print"}))
        .await?;
    one.browser
        .execute("[...document.querySelectorAll('button')].find(button => button.innerText.trim() === 'Print' || button.textContent.trim() === 'Print').click()", vec![])
        .await?;
    one.waits_for("a sheet", "return !!window.printed", vec![])
        .await?;
    let paper = one.page_text().await?;
    for word in ["Vitals", "Heart rate", "72 /min", "124 mmHg", "36.8 °C"] {
        ensure!(paper.contains(word), "no {word:?} on paper:\n{paper}");
    }
    ensure!(
        !paper.contains("Settings") && !paper.contains("Sign out"),
        "the screen's furniture is on paper:\n{paper}"
    );
    one.leaves().await?;
    backend.stop().await
}
