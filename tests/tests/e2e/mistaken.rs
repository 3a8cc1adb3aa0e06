//! Nothing on the screen is mistaken for something else: an earlier search for the present one, a part of a list for all of it, half a date for
//! none, and the Enter of a scanner for a decision.

use anyhow::{Result, ensure};
use bedside_tests::browser::{DESKTOP, PHONE};
use bedside_tests::house::House;
use bedside_tests::person::Person;
use serde_json::{Value, json};
use thirtyfour::prelude::*;

use crate::{ADMIN, ONE, text};

/// Answers that come late: requests whose address contains `part` wait for so many milliseconds.
async fn delays(person: &Person, part: &str, milliseconds: u32) -> Result<()> {
    let script = "const [part, wait] = arguments; const real = window.fetch; \
                  window.fetch = async (input, init) => { \
                    const url = decodeURIComponent(typeof input === 'string' ? input : input.url); \
                    if (url.includes(part)) await new Promise(done => setTimeout(done, wait)); \
                    return real.call(window, input, init); }";
    let arguments = vec![Value::from(part), Value::from(milliseconds)];
    person.browser.execute(script, arguments).await?;
    Ok(())
}

async fn options(person: &Person) -> Result<Vec<String>> {
    let script = "return [...document.querySelectorAll('[role=option]')].map(o => o.innerText)";
    let found = person.browser.execute(script, vec![]).await?;
    Ok(serde_json::from_value(found.json().clone())?)
}

#[tokio::test]
async fn the_palette_offers_nothing_that_an_earlier_search_found() -> Result<()> {
    let house = House::opens().await?;
    let patient = house
        .api(ADMIN)
        .await?
        .rows("form_submissions?select=patient:patients(last_name)&limit=1")
        .await?;
    let name = text(&patient[0]["patient"], "last_name")?.to_owned();
    let admin = house.signs_in(ADMIN).await?;
    admin.presses_with_control("k").await?;
    admin.waits_for_focus_on("Find a page").await?;
    admin.presses(&name).await?;
    admin.sees(&format!("for {name}")).await?;

    delays(&admin, "form_submissions?", 3_000).await?;
    admin.presses_with_control("a").await?;
    admin.presses("nobody of this name").await?;
    admin
        .waits_for(
            "the patients of the new search",
            "return performance.getEntriesByType('resource').some(e => e.name.includes('patients?') && e.name.includes('nobody'))",
            vec![],
        )
        .await?;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let offered = options(&admin).await?;
    ensure!(offered.is_empty(), "{offered:?} is still offered");
    admin.presses("Enter").await?;
    let address = admin.browser.current_url().await?;
    ensure!(!address.path().starts_with("/forms/"), "{address} is open");
    admin.sees("Nothing found").await?;
    house.closes([admin]).await
}

#[tokio::test]
async fn a_form_is_begun_about_nobody_whom_an_earlier_search_found() -> Result<()> {
    let house = House::opens().await?;
    let patient = house.api(ONE).await?.own_patient().await?;
    let (mrn, name) = (text(&patient, "mrn")?, text(&patient, "last_name")?);
    let one = house.signs_in_on(PHONE, ONE).await?;
    one.goes_to("/forms/new").await?;
    one.types("Search patients", mrn).await?;
    one.no_longer_sees(" of ").await?;
    one.sees(name).await?;
    delays(&one, "/patients?", 3_000).await?;
    one.types("Search patients", "nobody of this name").await?;
    let begun = std::time::Instant::now();
    one.no_longer_sees(mrn).await?;
    ensure!(
        begun.elapsed().as_millis() < 2_000,
        "the patient stayed until the answer came"
    );
    one.sees("Nobody matches").await?;
    house.closes([one]).await
}

#[tokio::test]
async fn a_patients_page_counts_all_forms_and_leads_to_each() -> Result<()> {
    let house = House::opens().await?;
    let api = house.api(ONE).await?;
    let patient = api.own_patient().await?;
    let id = text(&patient, "id")?;
    let before = api
        .rows(&format!("form_submissions?select=id&patient_id=eq.{id}"))
        .await?
        .len();
    let forms: Vec<_> = (before..60)
        .map(|_| json!({"patient_id": id, "form_type": "vitals", "answers": {}}))
        .collect();
    api.add("form_submissions", forms.into()).await?;
    let one = house.signs_in(ONE).await?;
    one.goes_to(&format!("/patients/{id}")).await?;
    one.sees("1–50 of 60").await?;
    ensure!(
        one.page_text().await?.contains("Forms 60"),
        "the count is not all of them"
    );
    one.clicks("Next").await?;
    one.sees("51–60 of 60").await?;
    one.waits_for(
        "the last ten forms",
        "return document.querySelectorAll('table[aria-label=Forms] tbody tr a').length === 10",
        vec![],
    )
    .await?;
    house.closes([one]).await
}

/// The vitals of a new form about one's own patient, open on the screen.
async fn begins_vitals(
    house: &House,
    size: bedside_tests::browser::Size,
) -> Result<(Person, String)> {
    let patient = house.api(ONE).await?.own_patient().await?;
    let one = house.signs_in_on(size, ONE).await?;
    one.goes_to(&format!("/forms/new?patient={}", text(&patient, "id")?))
        .await?;
    one.sees("Which form?").await?;
    let vitals = By::XPath("//button[starts-with(normalize-space(.), 'Vitals')]");
    one.browser.query(vitals).first().await?.click().await?;
    one.field("Heart rate").await?;
    let address = one.browser.current_url().await?;
    let id = address.path().trim_start_matches("/forms/").to_owned();
    Ok((one, id))
}

#[tokio::test]
async fn half_a_date_is_an_error_and_the_stored_answer_stays() -> Result<()> {
    let house = House::opens().await?;
    let (one, id) = begins_vitals(&house, DESKTOP).await?;
    let api = house.api(ONE).await?;
    let path = format!("form_submissions?id=eq.{id}");
    let stored = api
        .row_once(&path, |row| row["answers"]["measured_at"].is_string())
        .await?["answers"]["measured_at"]
        .clone();

    let field = one.field("Measured at").await?;
    field.click().await?;
    one.presses("Home").await?;
    one.presses("Delete").await?;
    one.types("Heart rate", "72").await?;
    one.sees("Measured at is not complete").await?;
    one.sees("Not saved").await?;
    let row = api
        .row_once(&path, |row| row["answers"]["heart_rate"] == 72)
        .await?;
    ensure!(row["answers"]["measured_at"] == stored, "{row}");

    // The rest of it makes it an answer again.
    one.picks("Measured at", "2026-11-20T08:30").await?;
    one.no_longer_sees("is not complete").await?;
    let row = api
        .row_once(&path, |row| row["answers"]["measured_at"] != stored)
        .await?;
    ensure!(
        text(&row["answers"], "measured_at")?.starts_with("2026-11-20T08:30"),
        "{row}"
    );
    // A field that is really empty is an empty answer.
    one.picks("Measured at", "").await?;
    api.row_once(&path, |row| row["answers"]["measured_at"].is_null())
        .await?;
    house.closes([one]).await
}

#[tokio::test]
async fn the_enter_of_a_scanner_submits_no_form() -> Result<()> {
    let house = House::opens().await?;
    let (one, id) = begins_vitals(&house, DESKTOP).await?;
    for (label, typed) in [
        ("Heart rate", "72"),
        ("Systolic", "124"),
        ("Diastolic", "79"),
        ("Respiratory", "15"),
        ("Oxygen", "97"),
        ("Temperature", "36.8"),
    ] {
        one.types(label, typed).await?;
        one.presses("Enter").await?;
    }
    one.sees("Saved").await?;
    let path = format!("form_submissions?id=eq.{id}");
    let row = house
        .api(ONE)
        .await?
        .row_once(&path, |row| row["answers"]["temperature"] == 36.8)
        .await?;
    ensure!(row["status"] == "draft", "{row}");
    ensure!(
        !one.page_text()
            .await?
            .contains("It waits for somebody else")
    );
    house.closes([one]).await
}

#[tokio::test]
async fn a_printed_list_has_all_of_its_rows() -> Result<()> {
    let house = House::opens().await?;
    let all = house
        .api(ADMIN)
        .await?
        .rows("patients?select=id")
        .await?
        .len();
    let admin = house.signs_in(ADMIN).await?;
    for (path, table) in [("/patients", "patients"), ("/forms", "forms")] {
        admin.goes_to(path).await?;
        admin.sees_nav("Patients").await?;
        let counts = "window.printed = null; window.print = () => { \
                      window.printed = document.querySelectorAll('.print-list tbody tr').length; \
                      window.dispatchEvent(new Event('afterprint')); }";
        admin.browser.execute(counts, vec![]).await?;
        if table == "patients" {
            admin.clicks("Print").await?;
        } else {
            admin.presses_with_control("p").await?;
        }
        let expected = match table {
            "patients" => all,
            _ => house
                .api(ADMIN)
                .await?
                .rows("form_submissions?select=id")
                .await?
                .len(),
        };
        ensure!(expected > 120, "a list that fits the screen shows nothing");
        let script = format!("return window.printed === {expected}");
        admin
            .waits_for("all rows on paper", &script, vec![])
            .await?;
        admin
            .waits_for(
                "the screen as before",
                "return !document.querySelector('.print-list')",
                vec![],
            )
            .await?;
    }
    house.closes([admin]).await
}

#[tokio::test]
async fn a_person_with_one_name_is_registered_and_found_by_it() -> Result<()> {
    let house = House::opens().await?;
    let one = house.signs_in(ONE).await?;
    one.goes_to("/patients/new").await?;
    one.types("Record number", "ONE-NAME").await?;
    // A wristband is scanned: nothing is registered by that.
    one.presses("Enter").await?;
    one.types("First name", "Suharto").await?;
    one.picks("Date of birth", "1950-06-08").await?;
    let ward = one.field("Ward").await?;
    ward.send_keys("Oncology").await?;
    one.clicks("Save").await?;
    one.sees("Suharto is registered").await?;
    let heading = one
        .browser
        .query(By::Css("h1"))
        .first()
        .await?
        .text()
        .await?;
    ensure!(heading.trim() == "Suharto", "{heading:?}");
    one.goes_to("/patients?q=suharto").await?;
    one.sees("ONE-NAME").await?;
    ensure!(!one.page_text().await?.contains("Suharto,"));
    house.closes([one]).await
}

/// In each list that the server answers with, one more row is there that can't be read.
const ONE_MORE: &str = "const real = window.fetch; window.fetch = async (input, init) => { \
        const url = input.url ?? String(input); \
        const response = await real.call(window, input, init); \
        if (!/rest\\/v1\\/(patients|form_submissions|profiles)\\?/.test(url) || !response.ok) return response; \
        const rows = await response.clone().json().catch(() => null); \
        if (!Array.isArray(rows)) return response; \
        return new Response(JSON.stringify([...rows, {id: 7}]), {status: response.status, headers: response.headers}); };";

#[tokio::test]
async fn a_row_that_can_t_be_read_is_said_to_be_missing_wherever_rows_are_listed() -> Result<()> {
    let house = House::opens().await?;
    let patient = house.api(ONE).await?.own_patient().await?;
    let admin = house.signs_in(ADMIN).await?;
    let source = json!({ "source": ONE_MORE });
    admin
        .devtools("Page.addScriptToEvaluateOnNewDocument", source)
        .await?;
    let record = format!("/patients/{}", text(&patient, "id")?);
    for (page, lists) in [("/", 3), (record.as_str(), 1), ("/forms", 1), ("/staff", 1)] {
        admin.goes_to(page).await?;
        let all = "return document.body.innerText.split('1 record can’t be displayed').length - 1 >= arguments[0]";
        admin
            .waits_for(
                &format!("what is missing on {page}"),
                all,
                vec![Value::from(lists)],
            )
            .await?;
    }
    for page in ["/patients", "/forms"] {
        admin.goes_to(page).await?;
        admin.sees_nav("Patients").await?;
        let reads = "window.caption = ''; window.print = () => { \
                     window.caption = document.querySelector('.print-list caption').innerText; }";
        admin.browser.execute(reads, vec![]).await?;
        admin.presses_with_control("p").await?;
        let said = "return window.caption.includes('1 record can’t be displayed')";
        admin
            .waits_for(
                &format!("what is missing on the paper of {page}"),
                said,
                vec![],
            )
            .await?;
    }
    house.closes([admin]).await
}
