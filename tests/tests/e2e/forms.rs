//! Forms: filled in by keyboard alone, returned and approved, kept through a dead network, and only read by those who may not
//! write.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bedside_tests::api::Api;
use bedside_tests::backend::{Backend, Data};
use bedside_tests::browser::{DESKTOP, Driver, PHONE};
use bedside_tests::house::House;
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
    let house = House::opens().await?;
    let api = house.api(ONE).await?;
    let patient = api.own_patient().await?;
    let one = house.signs_in(ONE).await?;
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
    let path = format!("form_submissions?id=eq.{id}");
    let row = api
        .row_once(&path, |row| row["status"] == "submitted")
        .await?;
    ensure!(row["answers"]["heart_rate"] == 72 && row["answers"]["temperature"] == 36.8);
    house.closes([one]).await
}

#[tokio::test]
async fn an_answer_that_cannot_be_is_said_where_it_is_typed() -> Result<()> {
    let house = House::opens().await?;
    let patient = house.api(ONE).await?.own_patient().await?;
    let one = house.signs_in_on(PHONE, ONE).await?;
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
    house.closes([one]).await
}

#[tokio::test]
async fn a_form_is_returned_and_approved_by_keyboard_alone_and_its_author_sees_it_at_once()
-> Result<()> {
    let house = House::opens().await?;
    let id = handed_in(&house.api(ONE).await?).await?;
    let author = house.signs_in(ONE).await?;
    author.goes_to(&format!("/forms/{id}")).await?;
    author
        .sees("It waits for somebody else to review it")
        .await?;
    author.waits_for_realtime(&["live"]).await?;

    // Nothing is returned without a word.
    let reviewer = house.signs_in(ADMIN).await?;
    reviewer.goes_to(&format!("/forms/{id}")).await?;
    reviewer.sees("124 mmHg").await?;
    reviewer.tabs_to("Return…").await?;
    reviewer.presses("Enter").await?;
    reviewer.waits_for_focus_on("What has to change?").await?;
    reviewer.tabs_to("Return to the author").await?;
    reviewer.presses("Enter").await?;
    reviewer.sees("a form is returned with a comment").await?;
    reviewer.waits_for_focus_on("What has to change?").await?;
    reviewer.presses("Which arm was the cuff on?").await?;
    reviewer.tabs_to("Return to the author").await?;
    reviewer.presses("Enter").await?;

    // The author has the page open, and need not ask.
    author.sees("Which arm was the cuff on?").await?;
    author.types("Remark", "Left arm.").await?;
    author.clicks("Submit again").await?;
    author
        .sees("It waits for somebody else to review it")
        .await?;
    reviewer.sees("Left arm.").await?;
    reviewer.tabs_to("Approve").await?;
    reviewer.presses("Enter").await?;
    author.sees("Approved forms don’t change any more").await?;
    house.closes([author, reviewer]).await
}

#[tokio::test]
async fn who_fills_in_a_form_is_seen_in_the_list_and_gone_with_their_tab() -> Result<()> {
    let house = House::opens().await?;
    let author = house.api(ONE).await?;
    let (id, name) = (begun(&author).await?, author.full_name().await?);
    let one = house.signs_in(ONE).await?;
    let viewer = house.signs_in_on(PHONE, VIEWER).await?;
    viewer.goes_to("/forms?status=draft").await?;
    viewer.waits_for_realtime(&["live"]).await?;
    one.goes_to(&format!("/forms/{id}")).await?;
    one.field("Remark").await?;

    // To read is not to edit: that begins with the first field.
    one.types("Remark", "Sitting.").await?;
    let row = "return [...document.querySelectorAll('.editing-now')].length === 1 \
               && document.querySelector('.editing-now').closest('tr').querySelector(`a[href='/forms/${arguments[0]}']`) !== null \
               && document.querySelector('.editing-now').innerText.includes(`${arguments[1]} is editing`)";
    viewer
        .waits_for("word of the editor", row, vec![json!(id), json!(name)])
        .await?;

    let closed = Instant::now();
    one.leaves().await?;
    viewer.no_longer_sees("is editing").await?;
    ensure!(
        closed.elapsed() < Duration::from_secs(5),
        "gone only after {:?}",
        closed.elapsed()
    );
    house.closes([viewer]).await
}

#[tokio::test]
async fn a_draft_survives_a_dead_server_and_a_reload() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let backend = Backend::start(Data::Folder(folder.path())).await?;
    let driver = Driver::start()?;
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
    api.row_once(&format!("form_submissions?id=eq.{id}"), |row| {
        row["answers"]["remark"] == "Typed while the server was dead."
    })
    .await?;
    one.leaves().await?;
    back.stop().await
}

#[tokio::test]
async fn a_viewer_reads_forms_and_is_offered_nothing_to_change() -> Result<()> {
    let house = House::opens().await?;
    let one = house.api(ONE).await?;
    let id = handed_in(&one).await?;
    let viewer = house.signs_in(VIEWER).await?;
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
    let api = house.api(VIEWER).await?;
    let changed = api
        .change(
            &format!("form_submissions?id=eq.{id}"),
            json!({"status": "approved"}),
        )
        .await?;
    ensure!(changed.is_empty(), "a viewer approved a form");
    house.closes([viewer]).await
}

#[tokio::test]
async fn a_form_on_paper_names_the_patient_and_answers_every_question() -> Result<()> {
    let house = House::opens().await?;
    let api = house.api(ONE).await?;
    let id = handed_in(&api).await?;
    let one = house.signs_in(ONE).await?;
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
    house.closes([one]).await
}
