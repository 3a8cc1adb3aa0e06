//! What people save or type is never lost: not to a slow server, a refusal, the next user of the computer, another tab, or a browser whose
//! storage fails.

use anyhow::{Context, Result, ensure};
use bedside_tests::api::Api;
use bedside_tests::house::House;
use bedside_tests::lens::Trouble;
use bedside_tests::person::Person;
use serde_json::{Value, json};

use crate::{ADMIN, ONE, TWO, text};

/// Requests that change a row go out two seconds late.
const SLOW_SAVES: &str = "const fetch = window.fetch; window.fetch = async (request, ...rest) => { \
        if (request.method === 'PATCH') await new Promise(done => setTimeout(done, 2000)); \
        return fetch(request, ...rest); };";

/// From the next load on, the page's storage is as this script leaves it.
async fn from_the_next_load(person: &Person, script: &str) -> Result<()> {
    person
        .devtools(
            "Page.addScriptToEvaluateOnNewDocument",
            json!({ "source": script }),
        )
        .await
        .map(|_| ())
}

async fn run(person: &Person, script: &str) -> Result<Value> {
    Ok(person.browser.execute(script, vec![]).await?.json().clone())
}

/// A clinician at a patient of theirs, and the way to the patient's row.
async fn at_own_patient(house: &House) -> Result<(Api, String, String, Person)> {
    let api = house.api(ONE).await?;
    let id = text(&api.own_patient().await?, "id")?.to_owned();
    let one = house.signs_in(ONE).await?;
    one.goes_to(&format!("/patients/{id}")).await?;
    one.waits_for_realtime(&["live"]).await?;
    let path = format!("patients?id=eq.{id}");
    Ok((api, id, path, one))
}

#[tokio::test]
async fn what_is_typed_while_a_save_is_on_its_way_stays_unsaved() -> Result<()> {
    let house = House::opens().await?;
    let (api, _, path, one) = at_own_patient(&house).await?;
    run(&one, SLOW_SAVES).await?;
    one.types("Notes", "A").await?;
    one.clicks("Save").await?;
    one.field("Notes").await?.send_keys(" B").await?;
    one.sees("Saved.").await?;
    ensure!(one.field("Notes").await?.value().await?.as_deref() == Some("A B"));
    ensure!(
        one.offers("Discard changes").await?,
        "\" B\" counts as saved"
    );
    api.row_once(&path, |row| row["notes"] == "A").await?;
    one.clicks("Save").await?;
    api.row_once(&path, |row| row["notes"] == "A B").await?;
    house.closes([one]).await
}

#[tokio::test]
async fn a_registration_whose_number_was_taken_meanwhile_reopens_filled_in() -> Result<()> {
    let house = House::opens().await?;
    let admin = house.api(ADMIN).await?;
    let one = house.signs_in(ONE).await?;
    one.goes_to("/patients/new").await?;
    one.types("Record number", "TAKEN-1").await?;
    one.types("First name", "Ieva").await?;
    one.types("Last name", "Ozola").await?;
    one.picks("Date of birth", "1956-03-09").await?;
    one.field("Ward").await?.send_keys("Oncology").await?;
    one.types("Notes", "Came by ambulance").await?;
    one.meets(Trouble::Refused("*/rest/v1/patients*")).await?;
    one.clicks("Save").await?;
    one.sees("is not registered yet").await?;
    let other = json!({
        "mrn": "TAKEN-1", "first_name": "Other", "last_name": "Patient",
        "date_of_birth": "1980-01-01", "ward": "Surgery",
    });
    admin.add("patients", other).await?;
    one.meets(Trouble::None).await?;
    one.sees("1 change needs you").await?;

    one.clicks("Edit").await?;
    one.sees("Another patient has this record number").await?;
    for (field, value) in [
        ("Record number", "TAKEN-1"),
        ("First name", "Ieva"),
        ("Last name", "Ozola"),
        ("Notes", "Came by ambulance"),
    ] {
        let found = one.field(field).await?.value().await?;
        ensure!(found.as_deref() == Some(value), "{field} holds {found:?}");
    }
    one.types("Record number", "FREE-1").await?;
    one.clicks("Save").await?;
    one.sees("is registered").await?;
    one.no_longer_sees("needs you").await?;
    let row = admin
        .row_once("patients?mrn=eq.FREE-1", |row| {
            row["notes"] == "Came by ambulance"
        })
        .await?;
    ensure!(row["last_name"] == "Ozola");
    house.closes([one]).await
}

#[tokio::test]
async fn a_save_that_is_finally_refused_can_be_read_and_copied() -> Result<()> {
    let house = House::opens().await?;
    let (_, _, path, one) = at_own_patient(&house).await?;
    let two = house.api(TWO).await?.user_id;
    one.meets(Trouble::Refused("*/rest/v1/patients*")).await?;
    one.types("Notes", "Words that must not be lost").await?;
    one.clicks("Save").await?;
    one.sees("1 change waiting to be sent").await?;
    let handed_over = json!({ "clinician_id": two });
    house.api(ADMIN).await?.change(&path, handed_over).await?;
    one.meets(Trouble::None).await?;
    one.sees("1 change needs you").await?;
    run(
        &one,
        "document.querySelector('.outbox-content summary').click()",
    )
    .await?;
    one.sees("Words that must not be lost").await?;
    run(
        &one,
        "window.copied = ''; navigator.clipboard.writeText = async text => { window.copied = text };",
    )
    .await?;
    one.clicks("Copy").await?;
    one.sees("Copied.").await?;
    let copied = run(&one, "return window.copied").await?;
    ensure!(
        copied
            .as_str()
            .unwrap_or_default()
            .contains("Words that must not be lost"),
        "copied {copied}"
    );
    house.closes([one]).await
}

/// A user saves while no request gets through.
async fn saves_unsent(one: &Person, notes: &str) -> Result<()> {
    one.meets(Trouble::Refused("*/rest/v1/patients*")).await?;
    one.types("Notes", notes).await?;
    one.clicks("Save").await?;
    one.sees("1 change waiting to be sent").await
}

#[tokio::test]
async fn what_one_person_could_not_send_outlives_the_next_person() -> Result<()> {
    let house = House::opens().await?;
    let (api, _, path, one) = at_own_patient(&house).await?;
    saves_unsent(&one, "For later").await?;
    // The session ends, and another user works here.
    run(
        &one,
        "localStorage.setItem('bedside.session', 'ended:ended')",
    )
    .await?;
    one.goes_to("/sign-in").await?;
    one.sees(&format!("1 change of {ONE} is not sent yet"))
        .await?;
    one.meets(Trouble::None).await?;
    one.sign_in(TWO, bedside_tests::PASSWORD).await?;
    one.sees_nav("Patients").await?;
    ensure!(
        !one.page_text().await?.contains("waiting to be sent"),
        "the next person sees somebody else's change"
    );
    one.signs_out().await?;
    one.sees(&format!("1 change of {ONE} is not sent yet"))
        .await?;
    one.sign_in(ONE, bedside_tests::PASSWORD).await?;
    api.row_once(&path, |row| row["notes"] == "For later")
        .await?;
    house.closes([one]).await
}

#[tokio::test]
async fn a_storage_that_can_t_be_read_deletes_nothing() -> Result<()> {
    let house = House::opens().await?;
    let (api, _, path, one) = at_own_patient(&house).await?;
    saves_unsent(&one, "Still here").await?;
    let session = run(&one, "return localStorage.getItem('bedside.session')").await?;
    let session = session.as_str().context("no session")?.to_owned();
    // Damaged in another tab, then unreadable in all.
    for odd in ["{", "", "{\"format\":9}"] {
        run(
            &one,
            &format!(
                "localStorage.setItem('bedside.session', {odd:?}); \
                 dispatchEvent(new StorageEvent('storage', {{key: 'bedside.session', newValue: {odd:?}}}));"
            ),
        )
        .await?;
        one.sees("1 change waiting to be sent").await?;
    }
    run(
        &one,
        "const read = Storage.prototype.getItem; \
         Storage.prototype.getItem = () => { throw new Error('for a moment') }; \
         dispatchEvent(new StorageEvent('storage', {key: 'bedside.session'})); \
         Storage.prototype.getItem = read;",
    )
    .await?;
    one.sees("1 change waiting to be sent").await?;
    // After a reload no user is signed in, and nothing is deleted.
    one.goes_to("/patients").await?;
    one.field("Password").await?;
    one.sees(&format!("1 change of {ONE} is not sent yet"))
        .await?;
    one.browser
        .execute(
            "localStorage.setItem('bedside.session', arguments[0])",
            vec![Value::from(session)],
        )
        .await?;
    one.meets(Trouble::None).await?;
    // The session is back, and locked: nothing says when the screen was last touched.
    one.goes_to("/patients").await?;
    one.types("Password", bedside_tests::PASSWORD).await?;
    one.clicks("Unlock").await?;
    api.row_once(&path, |row| row["notes"] == "Still here")
        .await?;
    house.closes([one]).await
}

#[tokio::test]
async fn every_way_out_asks_about_what_is_typed_and_what_is_not_sent() -> Result<()> {
    let house = House::opens().await?;
    let (_, _, _, one) = at_own_patient(&house).await?;
    one.types("Notes", "Only typed").await?;
    one.signs_out().await?;
    one.sees("Typing in 1 record not saved").await?;
    one.clicks("Cancel").await?;
    saves_unsent(&one, "Not sent").await?;
    one.clicks("Settings").await?;
    one.clicks("Sign out everywhere").await?;
    one.sees("1 change not sent yet").await?;
    house.closes([one]).await
}

#[tokio::test]
async fn a_database_that_never_opens_holds_up_no_save() -> Result<()> {
    let house = House::opens().await?;
    let (api, _, path, one) = at_own_patient(&house).await?;
    from_the_next_load(&one, "IDBFactory.prototype.open = () => ({});").await?;
    one.browser.refresh().await?;
    one.waits_for_realtime(&["live"]).await?;
    one.types("Notes", "Sent all the same").await?;
    one.clicks("Save").await?;
    api.row_once(&path, |row| row["notes"] == "Sent all the same")
        .await?;
    one.meets(Trouble::Refused("*/rest/v1/patients*")).await?;
    one.types("Notes", "Only in this tab").await?;
    one.clicks("Save").await?;
    one.sees("This browser can't keep it").await?;
    ensure!(!one.page_text().await?.contains("Kept on this device"));
    one.meets(Trouble::None).await?;
    api.row_once(&path, |row| row["notes"] == "Only in this tab")
        .await?;
    house.closes([one]).await
}

#[tokio::test]
async fn a_connection_that_the_browser_closes_is_opened_again() -> Result<()> {
    let house = House::opens().await?;
    let (api, id, path, one) = at_own_patient(&house).await?;
    from_the_next_load(
        &one,
        "window.open_dbs = []; const open = IDBFactory.prototype.open; \
         IDBFactory.prototype.open = function(...how) { const asked = open.apply(this, how); \
            asked.addEventListener('success', () => window.open_dbs.push(asked.result)); return asked; };",
    )
    .await?;
    one.browser.refresh().await?;
    one.waits_for_realtime(&["live"]).await?;
    run(&one, "window.open_dbs.forEach(db => db.close())").await?;
    one.types("Notes", "Typed after that").await?;
    one.clicks("Patients").await?;
    one.sees("kept until you come back").await?;
    one.goes_to(&format!("/patients/{id}")).await?;
    one.sees("did not save").await?;
    ensure!(one.field("Notes").await?.value().await?.as_deref() == Some("Typed after that"));

    one.waits_for_realtime(&["live"]).await?;
    run(&one, "window.open_dbs.forEach(db => db.close())").await?;
    one.meets(Trouble::Refused("*/rest/v1/patients*")).await?;
    one.clicks("Save").await?;
    one.sees("Kept on this device").await?;
    ensure!(!one.page_text().await?.contains("This browser can't keep"));
    one.meets(Trouble::None).await?;
    api.row_once(&path, |row| row["notes"] == "Typed after that")
        .await?;
    house.closes([one]).await
}

#[tokio::test]
async fn two_tabs_register_two_patients() -> Result<()> {
    let house = House::opens().await?;
    let one = house.signs_in(ONE).await?;
    one.goes_to("/patients/new").await?;
    one.types("First name", "Ieva").await?;
    let first = one.browser.window().await?;
    let second = one.browser.new_tab().await?;
    one.browser.switch_to_window(second).await?;
    one.goes_to("/patients/new").await?;
    one.types("First name", "Karlis").await?;
    one.browser.switch_to_window(first).await?;
    one.browser.refresh().await?;
    one.sees("did not save").await?;
    let held = one.field("First name").await?.value().await?;
    ensure!(
        held.as_deref() == Some("Ieva"),
        "the first tab holds {held:?}"
    );

    // What a closed tab left is offered to the next form.
    one.clicks("Cancel").await?;
    one.sees("about a new patient is kept").await?;
    let third = one.browser.new_tab().await?;
    one.browser.switch_to_window(third).await?;
    one.goes_to("/patients/new").await?;
    one.clicks("Continue Ieva").await?;
    let held = one.field("First name").await?.value().await?;
    ensure!(
        held.as_deref() == Some("Ieva"),
        "the third tab holds {held:?}"
    );
    ensure!(
        !one.page_text().await?.contains("Karlis"),
        "an open form is offered"
    );
    house.closes([one]).await
}

#[tokio::test]
async fn two_tabs_at_one_patient_keep_a_draft_each() -> Result<()> {
    let house = House::opens().await?;
    let (_, id, _, one) = at_own_patient(&house).await?;
    let page = format!("/patients/{id}");
    one.types("Notes", "From the first tab").await?;
    let first = one.browser.window().await?;
    let second = one.browser.new_tab().await?;
    one.browser.switch_to_window(second.clone()).await?;
    one.goes_to(&page).await?;
    one.waits_for_realtime(&["live"]).await?;
    one.types("Notes", "From the second tab").await?;
    ensure!(
        !one.page_text().await?.contains("did not save"),
        "the second tab goes on with the first one's draft"
    );
    for (tab, typed) in [
        (&first, "From the first tab"),
        (&second, "From the second tab"),
    ] {
        one.browser.switch_to_window(tab.clone()).await?;
        one.browser.refresh().await?;
        one.sees("did not save").await?;
        let held = one.field("Notes").await?.value().await?;
        ensure!(held.as_deref() == Some(typed), "{typed:?} became {held:?}");
    }

    // What a closed tab left is found by the next one that opens the record.
    one.clicks("Patients").await?;
    one.sees("kept until you come back").await?;
    let third = one.browser.new_tab().await?;
    one.browser.switch_to_window(third).await?;
    one.goes_to(&page).await?;
    one.sees("did not save").await?;
    let held = one.field("Notes").await?.value().await?;
    ensure!(
        held.as_deref() == Some("From the second tab"),
        "the third tab holds {held:?}"
    );
    house.closes([one]).await
}

#[tokio::test]
async fn signing_out_asks_about_answers_that_could_not_be_saved() -> Result<()> {
    let house = House::opens().await?;
    let api = house.api(ONE).await?;
    let path = format!(
        "form_submissions?submitted_by=eq.{}&status=eq.draft&form_type=eq.vitals&limit=1",
        api.user_id
    );
    let draft = api.rows(&path).await?.remove(0);
    let one = house.signs_in(ONE).await?;
    one.goes_to(&format!("/forms/{}", text(&draft, "id")?))
        .await?;
    let too_long = "A novel. ".repeat(500);
    let field = one.field("Remark").await?;
    let script = "const [field, text] = arguments; field.focus(); document.execCommand('insertText', false, text);";
    let arguments = vec![field.to_json()?, Value::from(too_long.clone())];
    one.browser.execute(script, arguments).await?;
    one.sees("Not saved").await?;
    one.signs_out().await?;
    one.sees("Typing in 1 record not saved").await?;
    one.clicks("Cancel").await?;

    // Nor does a reload lose them.
    one.browser.refresh().await?;
    one.sees("did not save").await?;
    let held = one.field("Remark").await?.value().await?;
    ensure!(
        held.is_some_and(|held| held.contains(too_long.trim_end())),
        "the text is lost"
    );
    house.closes([one]).await
}

#[tokio::test]
async fn a_browser_whose_locks_never_answer_is_live_all_the_same() -> Result<()> {
    let house = House::opens().await?;
    let (_, _, _, one) = at_own_patient(&house).await?;
    let never = "LockManager.prototype.request = () => new Promise(() => {});";
    from_the_next_load(&one, never).await?;
    one.browser.refresh().await?;
    one.waits_for_realtime(&["live"]).await?;
    house.closes([one]).await
}

/// Notes in the page, in order: what is put on disk, when that is complete, and when a change goes out.
const DISK_AND_NETWORK: &str = "window.noted = []; const put = IDBObjectStore.prototype.put; \
    IDBObjectStore.prototype.put = function(...what) { \
        if (this.name === 'saves') { window.noted.push('put'); \
            this.transaction.addEventListener('complete', () => window.noted.push('complete')); } \
        return put.apply(this, what); }; \
    const fetch = window.fetch; window.fetch = (request, ...rest) => { \
        if (request.method === 'PATCH') window.noted.push('sent'); \
        return fetch(request, ...rest); };";

#[tokio::test]
async fn a_save_is_on_disk_before_its_request_is_sent() -> Result<()> {
    let house = House::opens().await?;
    let (api, _, path, one) = at_own_patient(&house).await?;
    run(&one, DISK_AND_NETWORK).await?;
    one.types("Notes", "First on disk").await?;
    one.clicks("Save").await?;
    api.row_once(&path, |row| row["notes"] == "First on disk")
        .await?;
    let noted: Vec<String> = serde_json::from_value(run(&one, "return window.noted").await?)?;
    let before: Vec<&str> = noted
        .iter()
        .map(String::as_str)
        .take_while(|what| *what != "sent")
        .collect();
    let count = |word: &str| before.iter().filter(|what| **what == word).count();
    // As it was saved, and as one that may have been sent.
    ensure!(
        count("put") >= 2 && count("put") == count("complete"),
        "{noted:?}"
    );
    house.closes([one]).await
}
