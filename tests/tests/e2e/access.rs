//! Access: the main tasks by keyboard alone.

use anyhow::Result;
use bedside_tests::backend::{Backend, Data};
use bedside_tests::browser::{DESKTOP, Driver};
use bedside_tests::person::Person;

use crate::ONE;

/// The accessible name or text of what has the focus.
async fn focused(person: &Person) -> Result<String> {
    let answer = person
        .browser
        .execute(
            "const e = document.activeElement; \
             return e.getAttribute('aria-label') ?? e.labels?.[0]?.innerText ?? e.innerText.trim();",
            vec![],
        )
        .await?;
    Ok(answer.json().as_str().unwrap_or_default().to_owned())
}

/// Presses Tab until something of this name has the focus.
async fn tabs_to(person: &Person, name: &str) -> Result<()> {
    let mut passed = Vec::new();
    for _ in 0..60 {
        let now = focused(person).await?;
        if now.starts_with(name) {
            return Ok(());
        }
        passed.push(now);
        person.presses("Tab").await?;
    }
    anyhow::bail!("Tab never comes to {name:?}, only to {passed:?}")
}

#[tokio::test]
async fn from_sign_in_to_a_patient_and_back_by_keyboard_alone() -> Result<()> {
    let backend = Backend::start(Data::InMemory).await?;
    let driver = Driver::start().await?;
    let api = bedside_tests::api::Api::sign_in(&backend.url(), ONE).await?;
    let patient = api.own_patient().await?;
    let (mrn, last_name) = (
        crate::text(&patient, "mrn")?,
        crate::text(&patient, "last_name")?,
    );
    let person = Person::at(driver.open(DESKTOP).await?, &backend.url()).await?;
    person.field("Email").await?;

    tabs_to(&person, "Email").await?;
    person.presses(ONE).await?;
    tabs_to(&person, "Password").await?;
    person.presses(bedside_tests::PASSWORD).await?;
    person.presses("Enter").await?;
    person.sees_nav("Patients").await?;

    // The palette finds the patient by number; Escape would close it, Enter opens.
    person.presses_with_control("k").await?;
    person.field("Find a page").await?;
    person.presses(mrn).await?;
    person.sees(last_name).await?;
    person.presses("Enter").await?;
    person
        .waits_for(
            "the patient's page",
            "return location.pathname.startsWith('/patients/')",
            vec![],
        )
        .await?;
    person.sees(mrn).await?;

    person.presses("g").await?;
    person.presses("f").await?;
    person
        .waits_for(
            "the list of forms",
            "return location.pathname === '/forms' && document.activeElement.id === 'main'",
            vec![],
        )
        .await?;
    person.presses("?").await?;
    person.sees("Show this map").await?;
    person.presses("Escape").await?;
    person.no_longer_sees("Show this map").await?;

    // The look is chosen with arrows, and holds at once.
    person.presses("g").await?;
    person.presses("s").await?;
    person.sees("Contrast").await?;
    tabs_to(&person, "System").await?;
    person.presses("Right").await?;
    person.presses("Right").await?;
    person
        .waits_for(
            "the dark theme",
            "return document.documentElement.dataset.theme === 'dark'",
            vec![],
        )
        .await?;
    person.leaves().await?;
    backend.stop().await
}
