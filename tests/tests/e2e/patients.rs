//! Patients: found among many, registered by keyboard, edited in company, in conflict, handed over, and with a history that writes itself.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bedside_tests::house::House;
use bedside_tests::person::Person;
use serde_json::json;

use crate::{ADMIN, ONE, TWO, text};

#[tokio::test]
async fn a_patient_is_registered_by_keyboard_alone_and_only_once() -> Result<()> {
    let house = House::opens().await?;
    let one = house.signs_in(ONE).await?;
    one.goes_to("/patients").await?;
    one.sees("New patient").await?;
    one.tabs_to("New patient").await?;
    one.presses("Enter").await?;
    one.field("Record number").await?;

    // Too early: what is missing is said where it is missing, and nothing is sent.
    one.tabs_to("Save").await?;
    one.presses("Enter").await?;
    one.sees("Record number is needed").await?;
    ensure!(
        one.focused().await? == "Record number",
        "the focus is elsewhere"
    );

    for (field, typed) in [
        ("Record number", "kb-1"),
        ("First name", "مريم"),
        ("Last name", "O'Neill <b>"),
        ("Date of birth", "03091956"),
        ("Ward", "Oncology"),
        ("Notes", "<img src=x onerror=alert(1)> walks alone"),
    ] {
        one.tabs_to(field).await?;
        one.presses(typed).await?;
    }
    one.tabs_to("Save").await?;
    // A double press is one patient.
    one.presses("Enter").await?;
    one.presses("Enter").await?;
    one.sees("KB-1").await?;
    one.sees("<img src=x onerror=alert(1)> walks alone").await?;
    one.sees("Registered").await?;

    let rows = house.api(ONE).await?.rows("patients?mrn=eq.KB-1").await?;
    ensure!(rows.len() == 1, "{} patients were registered", rows.len());
    house.closes([one]).await
}

#[tokio::test]
async fn of_many_patients_only_those_near_the_screen_are_made() -> Result<()> {
    let house = House::opens().await?;
    let all = house
        .api(ADMIN)
        .await?
        .rows("patients?select=id")
        .await?
        .len();
    let admin = house.signs_in(ADMIN).await?;
    admin.goes_to("/patients").await?;
    admin.sees(&format!("{all} patients")).await?;
    let rows = admin.table("Patients").await?.len();
    ensure!(rows < 80, "{rows} rows are made");

    // The keys go through all of them, and the back button comes back to the place.
    admin.presses("j").await?;
    admin.presses("End").await?;
    let last = format!(
        "return document.activeElement.closest('tr')?.getAttribute('aria-rowindex') === '{}'",
        all + 1
    );
    admin
        .waits_for("the focus on the last patient", &last, vec![])
        .await?;
    let name = admin.focused().await?;
    admin
        .waits_for(
            "the place in the address",
            "return location.search.includes('row=')",
            vec![],
        )
        .await?;
    admin.presses("Enter").await?;
    admin.sees("Record").await?;
    admin.browser.back().await?;
    admin.sees(&name).await?;
    admin
        .waits_for("the old place", "return scrollY > 1000", vec![])
        .await?;
    house.closes([admin]).await
}

#[tokio::test]
async fn two_people_who_change_one_text_see_both_and_merge_them_by_keyboard_alone() -> Result<()> {
    let house = House::opens().await?;
    let api = house.api(ONE).await?;
    let patient = api.own_patient().await?;
    let id = text(&patient, "id")?;
    api.change(
        &format!("patients?id=eq.{id}"),
        json!({"notes": "Calm. Awake."}),
    )
    .await?;
    let one = house.signs_in(ONE).await?;
    one.goes_to(&format!("/patients/{id}")).await?;
    one.waits_for_realtime(&["live"]).await?;
    one.tabs_to("Notes").await?;
    one.presses_with_control("a").await?;
    one.presses("Calm since noon. Awake.").await?;

    // Another field first: that merges by itself. Then the very same.
    let path = format!("patients?id=eq.{id}");
    let two = house.api(ADMIN).await?;
    let name = two.full_name().await?;
    two.change(&path, json!({"ward": "Oncology"})).await?;
    one.sees(&format!("Changed by {name}")).await?;
    two.change(&path, json!({"notes": "Calm. Awake. Ate well."}))
        .await?;
    one.sees(&format!("{name} changed this too")).await?;
    // The keys go from one step to the next, and in the end back to the field.
    one.tabs_to("Merge both").await?;
    one.presses("Enter").await?;
    one.waits_for_focus_on("Notes, both versions in one")
        .await?;
    one.tabs_to("Use this text").await?;
    one.presses("Enter").await?;
    one.waits_for_focus_on("Notes").await?;
    one.tabs_to("Save").await?;
    one.presses("Enter").await?;
    one.sees("Saved").await?;

    let row = api
        .row_once(&path, |row| {
            row["notes"] == "Calm since noon. Awake. Ate well."
        })
        .await?;
    ensure!(
        row["ward"] == "Oncology",
        "the other's field was overwritten"
    );
    house.closes([one]).await
}

#[tokio::test]
async fn a_patient_handed_over_by_keyboard_alone_is_with_the_colleague_and_out_of_sight()
-> Result<()> {
    let house = House::opens().await?;
    let patient = house.api(ONE).await?.own_patient().await?;
    let (id, mrn) = (text(&patient, "id")?, text(&patient, "mrn")?);
    let two = house.api(TWO).await?;
    let colleague = two.full_name().await?;

    let one = house.signs_in(ONE).await?;
    one.goes_to(&format!("/patients/{id}")).await?;
    one.sees(mrn).await?;
    one.tabs_to("Hand over…").await?;
    one.presses("Enter").await?;
    one.field("New clinician").await?;
    one.tabs_to("New clinician").await?;
    one.presses(&colleague).await?;
    one.sees("You will no longer see this record").await?;
    one.tabs_to("Hand over").await?;
    one.presses("Enter").await?;
    one.sees(&format!("is with {colleague} now")).await?;
    one.sees("59 patients").await?;
    one.no_longer_sees(mrn).await?;

    let rows = two.rows(&format!("patients?id=eq.{id}")).await?;
    ensure!(rows.len() == 1, "the colleague does not have the patient");
    let steps = two
        .rows(&format!(
            "patient_changes?patient_id=eq.{id}&order=version.desc"
        ))
        .await?;
    ensure!(
        steps[0]["changes"]["clinician_id"][1] == two.user_id.as_str(),
        "{}",
        steps[0]
    );
    house.closes([one]).await
}

#[tokio::test]
async fn a_change_is_in_the_history_as_it_happens_and_an_undo_too() -> Result<()> {
    let house = House::opens().await?;
    let api = house.api(ONE).await?;
    let patient = api.own_patient().await?;
    let id = text(&patient, "id")?;
    let me = api.full_name().await?;
    api.change(
        &format!("patients?id=eq.{id}"),
        json!({"status": "admitted"}),
    )
    .await?;

    let reader = house.signs_in(ADMIN).await?;
    let writer = house.signs_in(ONE).await?;
    for person in [&reader, &writer] {
        person.goes_to(&format!("/patients/{id}")).await?;
        person.waits_for_realtime(&["live"]).await?;
    }
    let latest = |words: &str| {
        format!(
            "return document.querySelector('.history-step')?.innerText.replace(/\\s+/g, ' ').includes({words:?})"
        )
    };
    writer.clicks("Discharged").await?;
    reader
        .waits_for(
            "the step",
            &latest("Status: Admitted became Discharged"),
            vec![],
        )
        .await?;
    reader.waits_for("who it was", &latest(&me), vec![]).await?;
    // To the writer it is no news: nothing on their page says that somebody else changed it.
    writer.clicks("Undo").await?;
    reader
        .waits_for(
            "the step back",
            &latest("Status: Discharged became Admitted"),
            vec![],
        )
        .await?;
    writer
        .waits_for(
            "the step back",
            &latest("Status: Discharged became Admitted"),
            vec![],
        )
        .await?;
    ensure!(
        !writer.page_text().await?.contains("Changed elsewhere"),
        "one's own change is marked as somebody else's"
    );
    house.closes([reader, writer]).await
}

#[tokio::test]
async fn who_edits_a_patient_is_seen_by_the_other_and_gone_with_their_tab() -> Result<()> {
    let house = House::opens().await?;
    let api = house.api(ONE).await?;
    let patient = api.own_patient().await?;
    let page = format!("/patients/{}", text(&patient, "id")?);
    let name = api.full_name().await?;

    let one = house.signs_in(ONE).await?;
    let admin = house.signs_in(ADMIN).await?;
    for person in [&one, &admin] {
        person.goes_to(&page).await?;
        person.waits_for_realtime(&["live"]).await?;
    }
    admin.sees(&format!("{name} is here")).await?;
    one.field("Notes").await?.send_keys("She").await?;
    admin.sees(&format!("{name} is typing")).await?;
    // Their caret stands in this copy of the text where it stands in theirs: after all that is stored. What they type is not sent.
    let caret = "const caret = document.querySelector('.caret'), before = document.createRange(); \
        if (!caret) return false; \
        before.setStart(caret.parentElement, 0); before.setEndBefore(caret); \
        return caret.dataset.name === arguments[0] && before.toString() === document.getElementById('patient-notes').value";
    admin
        .waits_for("caret of the other", caret, vec![json!(name)])
        .await?;
    admin.field("Notes").await?.click().await?;
    admin.sees(&format!("{name} is in this field too")).await?;

    let closed = Instant::now();
    one.leaves().await?;
    admin.no_longer_sees(&format!("{name} is here")).await?;
    ensure!(
        closed.elapsed() < Duration::from_secs(5),
        "gone only after {:?}",
        closed.elapsed()
    );
    house.closes([admin]).await
}

/// How many drafts this browser keeps, and whether any of the words can be read in them.
async fn kept_drafts(person: &Person, words: &str) -> Result<(u64, bool)> {
    let answer = person
        .browser
        .execute_async(
            "const [words, done] = arguments; const open = indexedDB.open('bedside.outbox'); \
             open.onsuccess = () => { \
                const all = open.result.transaction('drafts').objectStore('drafts').getAll(); \
                all.onsuccess = () => { \
                    const bytes = all.result.map(kept => new TextDecoder('latin1').decode(kept.sealed)); \
                    open.result.close(); \
                    done([all.result.length, [...bytes, JSON.stringify(localStorage)].some(text => text.includes(words))]); \
                }; };",
            vec![json!(words)],
        )
        .await?;
    Ok(serde_json::from_value(answer.json().clone())?)
}

#[tokio::test]
async fn what_was_typed_waits_until_the_person_comes_back_and_is_gone_after_sign_out() -> Result<()>
{
    let house = House::opens().await?;
    let patient = house.api(ONE).await?.own_patient().await?;
    let page = format!("/patients/{}", text(&patient, "id")?);
    let one = house.signs_in(ONE).await?;
    one.goes_to(&page).await?;
    one.types("Notes", "Half a sentence").await?;
    one.clicks("Patients").await?;
    one.sees("kept until you come back").await?;
    one.browser.back().await?;
    one.sees("did not save").await?;
    ensure!(one.field("Notes").await?.value().await?.as_deref() == Some("Half a sentence"));
    ensure!(
        kept_drafts(&one, "Half a sentence").await? == (1, false),
        "the draft is not on the disk, or lies there for anybody to read"
    );

    one.signs_out().await?;
    one.sees("Typing in 1 record not saved").await?;
    one.clicks("Sign out and delete").await?;
    one.field("Password").await?;
    let begun = Instant::now();
    while kept_drafts(&one, "").await?.0 > 0 {
        ensure!(begun.elapsed() < Duration::from_secs(5), "a draft is left");
    }
    house.closes([one]).await
}

#[tokio::test]
async fn a_half_registered_patient_waits_until_the_person_comes_back() -> Result<()> {
    let house = House::opens().await?;
    let one = house.signs_in(ONE).await?;
    one.goes_to("/patients/new").await?;
    one.types("Record number", "half-1").await?;
    one.types("First name", "Ieva").await?;
    one.clicks("Cancel").await?;
    one.sees("about a new patient is kept").await?;

    // A reload later it is all there; what is still missing is added, and that is one patient.
    one.browser.refresh().await?;
    one.clicks("New patient").await?;
    one.sees("did not save").await?;
    ensure!(one.field("First name").await?.value().await?.as_deref() == Some("Ieva"));
    ensure!(one.field("Record number").await?.value().await?.as_deref() == Some("HALF-1"));
    one.types("Last name", "Ozola").await?;
    one.picks("Date of birth", "1956-03-09").await?;
    one.field("Ward").await?.send_keys("Oncology").await?;
    one.clicks("Save").await?;
    one.sees("Registered").await?;
    one.goes_to("/patients/new").await?;
    one.field("First name").await?;
    ensure!(
        !one.page_text().await?.contains("did not save"),
        "a registered patient comes back as a draft"
    );
    house.closes([one]).await
}
