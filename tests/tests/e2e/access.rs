//! Access: every page and state held against axe's rules, in both widths and themes; nothing that jumps while it loads; and the main
//! tasks by keyboard alone.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use bedside_tests::backend::{Backend, Data};
use bedside_tests::browser::{DESKTOP, Driver, PHONE};
use bedside_tests::lens::Theme;
use bedside_tests::person::Person;
use bedside_tests::places::{CLINICIAN, PEOPLE, Place, Rows, SIGNED_OUT};
use serde_json::Value;

use crate::ONE;

/// How far things may move while a page opens, as browsers score it.
const SHIFT: f64 = 0.02;

async fn axe() -> Result<String> {
    let folder = bedside_tests::npm::installed("axe", &[]).await?;
    let file = Path::new(&folder).join("node_modules/axe-core/axe.min.js");
    std::fs::read_to_string(&file).with_context(|| file.display().to_string())
}

/// What breaks a rule on this page now. `rules` chooses among all by name; none means all.
async fn violations(person: &Person, axe: &str, rules: &[&str]) -> Result<Vec<String>> {
    let script = format!(
        "{axe}; const [rules, done] = arguments; \
         axe.run(document, {{resultTypes: ['violations'], ...(rules.length ? {{runOnly: rules}} : {{}})}}) \
            .then(found => done(found.violations.map(v => `${{v.id}}: ${{v.nodes.map(n => n.html.slice(0, 160)).slice(0, 3).join(' | ')}}`)), \
                  error => done([String(error)]));"
    );
    let answer = person
        .browser
        .execute_async(script, vec![serde_json::json!(rules)])
        .await?;
    serde_json::from_value(answer.json().clone()).context("axe's answer is not a list")
}

/// How far things moved since the page began, without what the person's own acts moved.
async fn shift(person: &Person) -> Result<f64> {
    let answer = person
        .browser
        .execute_async(
            "const done = arguments[0]; let sum = 0; \
             new PerformanceObserver(list => { for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value; }) \
                .observe({type: 'layout-shift', buffered: true}); \
             requestAnimationFrame(() => setTimeout(() => done(sum), 0));",
            vec![],
        )
        .await?;
    answer.json().as_f64().context("no sum")
}

/// Goes to a place and writes down everything that is wrong with it, one that can't be looked at included.
async fn inspect(person: &Person, who: &str, place: &Place, rows: &Rows, axe: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if let Err(error) = look_at(person, who, place, rows, axe, &mut wrong).await {
        wrong.push(format!("{who}-{}: {error:#}", place.name));
    }
    wrong
}

async fn look_at(
    person: &Person,
    who: &str,
    place: &Place,
    rows: &Rows,
    axe: &str,
    wrong: &mut Vec<String>,
) -> Result<()> {
    person.looks(DESKTOP, Theme::Light).await?;
    place.visit(person, rows).await?;
    let moved = shift(person).await?;
    if moved > SHIFT {
        wrong.push(format!("{who}-{}: moves by {moved:.3}", place.name));
    }
    for (width, size) in [("wide", DESKTOP), ("narrow", PHONE)] {
        // A theme changes colours, and nothing else.
        for (theme, rules) in [
            (Theme::Light, &[][..]),
            (Theme::Dark, &["color-contrast"][..]),
        ] {
            person.looks(size, theme).await?;
            person.waits_until_still().await?;
            for found in violations(person, axe, rules).await? {
                wrong.push(format!(
                    "{who}-{} {width} {}: {found}",
                    place.name,
                    theme.word()
                ));
            }
        }
    }
    place.leave(person).await
}

#[tokio::test]
async fn no_page_in_any_state_breaks_a_rule_of_axe_or_jumps_while_it_loads() -> Result<()> {
    let axe = axe().await?;
    let backend = Backend::start(Data::InMemory).await?;
    let driver = Driver::start().await?;
    let mut wrong = Vec::new();

    let visitor = Person::at(driver.open(DESKTOP).await?, &backend.url()).await?;
    let rows = Rows::of(&backend.url(), CLINICIAN).await?;
    for place in SIGNED_OUT {
        wrong.extend(inspect(&visitor, "visitor", place, &rows, &axe).await);
    }
    visitor.leaves().await?;
    for (who, email, places) in PEOPLE {
        let person = Person::signed_in(driver.open(DESKTOP).await?, &backend.url(), email).await?;
        let rows = Rows::of(&backend.url(), email).await?;
        for place in *places {
            wrong.extend(inspect(&person, who, place, &rows, &axe).await);
        }
        person.leaves().await?;
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    backend.stop().await
}

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
