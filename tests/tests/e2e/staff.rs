//! Staff administration: letting a person in, and shutting one out while they work.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bedside_tests::browser::PHONE;
use bedside_tests::house::House;
use serde_json::json;

use crate::{ADMIN, ONE, VIEWER, text};

const PASSWORD: &str = "a password of her own";

#[tokio::test]
async fn an_invited_person_makes_an_account_and_is_what_the_admin_wrote_down() -> Result<()> {
    let house = House::opens().await?;
    let admin = house.signs_in(ADMIN).await?;
    admin.clicks("Staff").await?;
    admin.clicks("Invite a person").await?;
    admin.types("Full name", "Nova Lindahl").await?;
    admin.types("Work email", "nova@bedside.test").await?;
    admin.clicks("Invite").await?;
    admin.sees("Give Nova Lindahl this code").await?;
    let page = admin.page_text().await?;
    let code = page
        .split_whitespace()
        .find(|word| word.len() == 14 && word.matches('-').count() == 2)
        .context("no code on the page")?
        .to_owned();
    admin.clicks("Done").await?;

    let newcomer = house.visitor(PHONE).await?;
    newcomer.clicks("I was invited").await?;
    newcomer.types("Email", "nova@bedside.test").await?;
    newcomer.types("Invitation code", "AAAA-BBBB-CCCC").await?;
    newcomer.types("New password", PASSWORD).await?;
    newcomer.clicks("Create account").await?;
    ensure!(newcomer.alert().await?.contains("This code isn't valid."));
    newcomer.types("Invitation code", &code).await?;
    newcomer.clicks("Create account").await?;
    newcomer.sees_nav("Patients").await?;

    let staff = admin.table("Staff").await?;
    ensure!(
        staff.iter().any(|row| row.contains("Nova Lindahl")),
        "she is not on the list: {staff:?}"
    );
    admin.no_longer_sees("Good until").await?;

    // A clinician by the invitation, and no admin by an address.
    newcomer.goes_to("/staff").await?;
    newcomer.sees("You are signed in as clinician").await?;
    ensure!(!newcomer.offers("Invite a person").await?);
    house.closes([admin, newcomer]).await
}

#[tokio::test]
async fn a_deactivated_account_is_shut_out_of_every_tab_and_told_why() -> Result<()> {
    let house = House::opens().await?;
    let admin = house.api(ADMIN).await?;
    let one = house.api(ONE).await?;
    let patient = one.own_patient().await?;
    let person = house.signs_in(ONE).await?;
    person
        .goes_to(&format!("/patients/{}", text(&patient, "id")?))
        .await?;
    person.sees(text(&patient, "mrn")?).await?;
    let first = person.browser.window().await?;
    let second = person.browser.new_tab().await?;
    person.browser.switch_to_window(second.clone()).await?;
    person.goes_to("/patients").await?;
    person.waits_for_realtime(&["live"]).await?;

    let start = Instant::now();
    let path = format!("profiles?id=eq.{}", one.user_id);
    let changed = admin.change(&path, json!({ "active": false })).await?;
    ensure!(changed.len() == 1, "the account was not switched off");
    for tab in [second, first] {
        person.browser.switch_to_window(tab).await?;
        person.sees("Your account is not active").await?;
        let took = start.elapsed();
        println!("shut out after {} ms", took.as_millis());
        ensure!(took < Duration::from_secs(2), "it took {took:?}");
        let page = person.browser.source().await?;
        ensure!(!page.contains(text(&patient, "mrn")?), "the patient stays");
    }
    // The right password opens nothing any more, and says so.
    let elsewhere = house.visitor(PHONE).await?;
    elsewhere.sign_in(ONE, bedside_tests::PASSWORD).await?;
    elsewhere.sees("Your account is not active").await?;
    elsewhere.leaves().await?;
    admin.change(&path, json!({ "active": true })).await?;
    person.sign_in(ONE, bedside_tests::PASSWORD).await?;
    person.sees_nav("Patients").await?;
    house.closes([person]).await
}

#[tokio::test]
async fn whatever_role_a_person_is_given_they_never_see_a_row_that_it_does_not_show() -> Result<()>
{
    let house = House::opens().await?;
    let admin = house.api(ADMIN).await?;
    let viewer = house.api(VIEWER).await?;
    let path = format!("profiles?id=eq.{}", viewer.user_id);
    // Nobody's patient is a viewer's: as a clinician this person sees none.
    let other = house.api(ONE).await?.own_patient().await?;
    let mrn = text(&other, "mrn")?;
    let person = house.signs_in(VIEWER).await?;
    person
        .goes_to(&format!("/patients/{}", text(&other, "id")?))
        .await?;
    person.sees(mrn).await?;
    person.waits_for_realtime(&["live"]).await?;
    for role in ["clinician", "admin", "clinician", "viewer", "clinician"] {
        admin.change(&path, json!({ "role": role })).await?;
        if role == "clinician" {
            person.sees("does not exist").await?;
            person.no_longer_sees(mrn).await?;
            ensure!(
                !person.browser.source().await?.contains(mrn),
                "as a clinician the row is still in the page"
            );
        } else {
            person.sees(mrn).await?;
        }
        let shown = person.offers("Staff").await?;
        ensure!(shown == (role == "admin"), "{role}: staff link is {shown}");
    }
    house.closes([person]).await
}
