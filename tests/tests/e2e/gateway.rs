//! Answers that are not the server's own: a proxy, a captive portal, a schema that is being reloaded, a list that got shorter. None of them
//! ends a session, stops a save, hides a patient or makes the page hang.

use std::time::Duration;

use anyhow::{Result, ensure};
use bedside_tests::house::House;
use bedside_tests::person::Person;
use serde_json::{Value, json};

use crate::{ADMIN, ONE, text};

/// From now on requests that match are answered by something in front of the server: `[part of the address, status, body]`.
async fn answered_in_front(person: &Person, answers: Value) -> Result<()> {
    let script = "window.real ??= window.fetch; const answers = arguments[0]; window.fetch = (request, init) => { \
            const url = request.url ?? String(request); \
            const found = answers.find(([part]) => url.includes(part)); \
            return found ? Promise.resolve(new Response(found[2], {status: found[1]})) : window.real(request, init); \
        };";
    person.browser.execute(script, vec![answers]).await?;
    Ok(())
}

#[tokio::test]
async fn a_gateway_s_refusal_keeps_the_patient_the_save_and_the_session() -> Result<()> {
    let house = House::opens().await?;
    let api = house.api(ONE).await?;
    let patient = api.own_patient().await?;
    let (id, mrn) = (text(&patient, "id")?, text(&patient, "mrn")?);
    let one = house.signs_in(ONE).await?;
    one.goes_to(&format!("/patients/{id}")).await?;
    one.sees(mrn).await?;

    let answers = json!([
        [
            "/rest/v1/",
            404,
            "{\"code\":\"PGRST205\",\"message\":\"Could not find the table in the schema cache\"}"
        ],
        ["/auth/v1/", 403, "<html>Forbidden</html>"],
    ]);
    answered_in_front(&one, answers).await?;
    one.types("Notes", "Written behind a proxy").await?;
    one.clicks("Save").await?;
    one.sees("1 change waiting to be sent").await?;
    // Long enough for every read to be tried again.
    tokio::time::sleep(Duration::from_secs(10)).await;
    let page = one.page_text().await?;
    ensure!(page.contains(mrn), "the patient is gone: {page}");
    ensure!(!page.contains("does not exist"), "{page}");

    answered_in_front(&one, json!([])).await?;
    one.no_longer_sees("waiting to be sent").await?;
    let path = format!("patients?id=eq.{id}");
    api.row_once(&path, |row| row["notes"] == "Written behind a proxy")
        .await?;
    house.closes([one]).await
}

#[tokio::test]
async fn the_way_on_after_sign_in_stays_in_the_app() -> Result<()> {
    let house = House::opens().await?;
    let one = house.signs_in(ONE).await?;
    for next in [
        "/%09/example.invalid/x",
        "/%0a/example.invalid",
        "/%0d/example.invalid",
        "/.//example.invalid",
    ] {
        one.goes_to(&format!("/sign-in?next={next}")).await?;
        one.sees_nav("Dashboard").await?;
        let address = one.browser.current_url().await?;
        ensure!(
            address.as_str().starts_with(&house.url()),
            "{next}: {address}"
        );
    }
    one.goes_to("/sign-in?next=/patients%3Fstatus%3Dwaiting")
        .await?;
    one.sees_nav("Patients").await?;
    let address = one.browser.current_url().await?;
    ensure!(
        address.as_str().ends_with("/patients?status=waiting"),
        "{address}"
    );
    house.closes([one]).await
}

#[tokio::test]
async fn a_browser_that_says_it_is_offline_reads_what_it_can_reach() -> Result<()> {
    let house = House::opens().await?;
    let patient = house.api(ONE).await?.own_patient().await?;
    let one = house.signs_in(ONE).await?;
    one.goes_to("/forms").await?;
    one.sees("New form").await?;
    one.browser
        .execute(
            "Object.defineProperty(navigator, 'onLine', {get: () => false}); window.dispatchEvent(new Event('offline'))",
            vec![],
        )
        .await?;
    one.clicks("Patients").await?;
    one.sees(text(&patient, "mrn")?).await?;
    house.closes([one]).await
}

#[tokio::test]
async fn a_list_that_gets_shorter_than_the_place_on_it_shows_its_new_end() -> Result<()> {
    let house = House::opens().await?;
    let api = house.api(ADMIN).await?;
    api.change("patients?status=neq.waiting", json!({"status": "waiting"}))
        .await?;
    let all = api.rows("patients?select=id&order=id").await?;
    let admin = house.signs_in(ADMIN).await?;
    admin.goes_to("/patients?status=waiting").await?;
    admin.sees(&format!("{} patients", all.len())).await?;
    admin.presses("j").await?;
    admin.presses("End").await?;

    // More than a part of the list goes at once.
    let gone: Vec<&str> = all
        .iter()
        .take(all.len() - 60)
        .filter_map(|row| row["id"].as_str())
        .collect();
    for some in gone.chunks(50) {
        let path = format!("patients?id=in.({})", some.join(","));
        api.change(&path, json!({"status": "admitted"})).await?;
    }
    admin.sees("60 patients").await?;
    let settled = "return [...document.querySelectorAll('.table-patients tbody tr')] \
        .filter(row => row.getAttribute('aria-busy') !== 'true').length > 0";
    admin
        .waits_for("rows at the new end", settled, vec![])
        .await?;
    house.closes([admin]).await
}
