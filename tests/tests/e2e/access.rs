//! Access: every page and state held against axe's rules, in both widths and themes; nothing that jumps while it loads; and the main
//! tasks by keyboard alone.

use anyhow::{Result, ensure};
use bedside_tests::backend::{Backend, Data};
use bedside_tests::browser::{DESKTOP, Driver, PHONE, Size};
use bedside_tests::house::House;
use bedside_tests::lens::Theme;
use bedside_tests::person::Person;
use bedside_tests::places::{
    ADMIN, ADMINS, CLINICIAN, CLINICIANS, Place, Rows, SIGNED_OUT, VIEWER, VIEWERS,
};

use crate::ONE;

/// How far things may move while a page opens, as browsers score it.
const SHIFT: f64 = 0.02;

/// Each way to look at a page, with the rules that can hold or break there: a theme changes colours and nothing else.
const LOOKS: [(&str, Size, Theme, &[&str]); 4] = [
    ("wide, light", DESKTOP, Theme::Light, &[]),
    ("wide, dark", DESKTOP, Theme::Dark, &["color-contrast"]),
    ("narrow, dark", PHONE, Theme::Dark, &["color-contrast"]),
    ("narrow, light", PHONE, Theme::Light, &[]),
];

/// A person goes to these places, one after the other, and writes down everything that is wrong there.
async fn wrong_at(
    driver: &Driver,
    url: &str,
    email: Option<&str>,
    places: impl Iterator<Item = &'static Place>,
) -> Result<Vec<String>> {
    let browser = driver.open(DESKTOP).await?;
    let person = match email {
        Some(email) => Person::signed_in(browser, url, email).await?,
        None => Person::at(browser, url).await?,
    };
    person.inspects().await?;
    let rows = Rows::of(url, email.unwrap_or(CLINICIAN)).await?;
    let mut wrong = Vec::new();
    for place in places {
        let name = format!("{}, {}", email.unwrap_or("a visitor"), place.name);
        let found = looks_around(&person, place, &rows).await;
        // A place that can't be looked at is as wrong as one that breaks a rule.
        let found = found.unwrap_or_else(|error| vec![format!("{error:#}")]);
        wrong.extend(found.into_iter().map(|found| format!("{name}: {found}")));
    }
    person.leaves().await?;
    Ok(wrong)
}

async fn looks_around(person: &Person, place: &Place, rows: &Rows) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    let [(_, size, theme, _), ..] = LOOKS;
    person.looks(size, theme).await?;
    place.visit(person, rows).await?;
    let moved = person.moved().await?;
    if moved.by > SHIFT {
        let what = moved.what.join("; ");
        wrong.push(format!("moves by {:.3}: {what}", moved.by));
    }
    for (look, size, theme, rules) in LOOKS {
        person.looks(size, theme).await?;
        person.waits_until_still().await?;
        for found in person.violations(rules).await? {
            wrong.push(format!("{look}: {found}"));
        }
    }
    place.leave(person).await?;
    Ok(wrong)
}

#[tokio::test]
async fn no_page_in_any_state_breaks_a_rule_of_axe_or_jumps_while_it_loads() -> Result<()> {
    let backend = Backend::start(Data::Demo).await?;
    let driver = Driver::start()?;
    let url = backend.url();
    let (seen_by_clinicians, rest) = CLINICIANS.split_at(CLINICIANS.len() / 2);
    // Two at a time: as many as a small machine can show.
    let (first, second) = tokio::try_join!(
        async {
            let mut wrong = wrong_at(&driver, &url, None, SIGNED_OUT.iter()).await?;
            wrong
                .extend(wrong_at(&driver, &url, Some(CLINICIAN), seen_by_clinicians.iter()).await?);
            wrong.extend(wrong_at(&driver, &url, Some(VIEWER), VIEWERS.iter()).await?);
            anyhow::Ok(wrong)
        },
        async {
            let mut wrong = wrong_at(&driver, &url, Some(CLINICIAN), rest.iter()).await?;
            wrong.extend(wrong_at(&driver, &url, Some(ADMIN), ADMINS.iter()).await?);
            anyhow::Ok(wrong)
        },
    )?;
    let wrong = [first, second].concat();
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    backend.stop().await
}

#[tokio::test]
async fn from_sign_in_to_a_patient_and_back_by_keyboard_alone() -> Result<()> {
    let house = House::opens().await?;
    let api = house.api(ONE).await?;
    let patient = api.own_patient().await?;
    let (mrn, last_name) = (
        crate::text(&patient, "mrn")?,
        crate::text(&patient, "last_name")?,
    );
    let person = house.visitor(DESKTOP).await?;
    person.field("Email").await?;

    person.tabs_to("Email").await?;
    person.presses(ONE).await?;
    person.tabs_to("Password").await?;
    person.presses(bedside_tests::PASSWORD).await?;
    person.presses("Enter").await?;
    person.sees_nav("Patients").await?;

    // The palette finds the patient by number; Escape would close it, Enter opens.
    person.presses_with_control("k").await?;
    person.field("Find a page").await?;
    person.presses(mrn).await?;
    // Enter opens what is marked, and a form of the patient's may be found first.
    person
        .waits_for(
            "the patient, marked",
            "const marked = document.querySelector('[role=option][aria-selected=true]'); \
             return [...arguments].every(word => marked?.textContent.includes(word))",
            vec![mrn.into(), last_name.into()],
        )
        .await?;
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
    person.tabs_to("System").await?;
    person.presses("Right").await?;
    person.presses("Right").await?;
    person
        .waits_for(
            "the dark theme",
            "return document.documentElement.dataset.theme === 'dark'",
            vec![],
        )
        .await?;
    let high = "return document.getElementById('idle-minutes').offsetHeight";
    let high = person.browser.execute(high, vec![]).await?;
    person.tabs_to("Comfortable").await?;
    person.presses("Right").await?;

    // And after a reload, before anything is drawn.
    person.browser.refresh().await?;
    person.sees("Contrast").await?;
    person
        .waits_for(
            "a dark and dense page",
            "const look = document.documentElement.dataset; return look.theme === 'dark' && look.density === 'compact' \
                && document.getElementById('idle-minutes').offsetHeight < arguments[0]",
            vec![high.json().clone()],
        )
        .await?;
    house.closes([person]).await
}

#[tokio::test]
async fn nothing_moves_when_somebody_comes_to_the_same_record_types_and_goes() -> Result<()> {
    let house = House::opens().await?;
    let api = house.api(ONE).await?;
    let name = api.full_name().await?;
    let rows = Rows::of(&house.url(), ONE).await?;
    let one = house.signs_in(ONE).await?;
    let admin = house.signs_in(ADMIN).await?;
    admin.inspects().await?;
    for size in [DESKTOP, PHONE] {
        admin.looks(size, Theme::Light).await?;
        for (page, field) in [
            ("/patients/{patient}", Some("Notes")),
            ("/forms/{form}", None),
        ] {
            let page = rows.in_path(page);
            one.goes_to("/help").await?;
            admin.goes_to(&page).await?;
            admin.waits_for_realtime(&["live"]).await?;
            admin.waits_until_still().await?;
            let before = admin.moved().await?;

            one.goes_to(&page).await?;
            admin.sees(&format!("{name} is here")).await?;
            if let Some(field) = field {
                one.field(field).await?.send_keys("She").await?;
                admin.sees(&format!("{name} is typing")).await?;
            }
            one.goes_to("/help").await?;
            admin.no_longer_sees(&format!("{name} is here")).await?;
            admin.waits_until_still().await?;
            let after = admin.moved().await?;
            let what = after.what.get(before.what.len()..).unwrap_or_default();
            // The words about them are theirs to move.
            ensure!(after.by - before.by < 0.001, "{page}: {}", what.join("; "));
        }
    }
    house.closes([one, admin]).await
}
