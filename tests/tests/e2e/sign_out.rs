//! What is left of a person after they signed out, in the page, the browser and its memory: nothing.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bedside_tests::backend::{Backend, Data};
use bedside_tests::house::House;
use bedside_tests::person::Person;
use serde_json::Value;

use crate::tabs::overhears;
use crate::{ONE, TWO, text};

/// Everything that the page and the browser's storage hold, as text.
const HELD: &str = "return document.documentElement.outerHTML + document.title \
    + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)";

pub(crate) async fn held(person: &Person) -> Result<String> {
    let held = person.browser.execute(HELD, vec![]).await?;
    Ok(held.json().as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn who_signs_out_in_one_tab_is_out_of_all_and_the_next_person_finds_nothing() -> Result<()> {
    let house = House::opens().await?;
    let patient = house.api(ONE).await?.own_patient().await?;
    let (id, mrn) = (text(&patient, "id")?, text(&patient, "mrn")?);
    let person = house.signs_in(ONE).await?;
    person.goes_to(&format!("/patients/{id}")).await?;
    person.sees(mrn).await?;
    let first = person.browser.window().await?;
    let second = person.browser.new_tab().await?;
    person.browser.switch_to_window(second.clone()).await?;
    person.goes_to("/patients").await?;
    person.sees_nav("Patients").await?;

    person.signs_out().await?;
    let start = Instant::now();
    person.browser.switch_to_window(first.clone()).await?;
    person.field("Password").await?;
    println!(
        "out of the other tab after {} ms",
        start.elapsed().as_millis()
    );
    ensure!(!held(&person).await?.contains(mrn), "the patient stays");
    person.browser.back().await?;
    person.field("Password").await?;
    ensure!(
        !held(&person).await?.contains(mrn),
        "back shows the patient"
    );

    // Somebody else on the same computer: both tabs are theirs, and the first one's address opens nothing.
    person.sign_in(TWO, bedside_tests::PASSWORD).await?;
    person.sees("Mireille Vanterpool").await?;
    person.goes_to(&format!("/patients/{id}")).await?;
    person.sees("does not exist").await?;
    person.browser.switch_to_window(second).await?;
    person.sees("Mireille Vanterpool").await?;
    for tab in person.browser.windows().await? {
        person.browser.switch_to_window(tab).await?;
        let held = held(&person).await?;
        ensure!(
            !held.contains(mrn) && !held.contains("Tomasz Okafor"),
            "something of the first person is left"
        );
    }
    house.closes([person]).await
}

#[tokio::test]
async fn a_page_out_of_the_history_shows_nothing_after_a_sign_out() -> Result<()> {
    let house = House::opens().await?;
    let elsewhere = Backend::start(Data::Demo).await?;
    let patient = house.api(ONE).await?.own_patient().await?;
    let mrn = text(&patient, "mrn")?;
    let person = house.signs_in(ONE).await?;
    person.goes_to("/patients").await?;
    person.sees(mrn).await?;
    let first = person.browser.window().await?;
    // What the page looks like in the very moment in which it is back, before any task of its own.
    person
        .browser
        .execute(
            "window.atOnce = null; addEventListener('pageshow', event => { \
                if (event.persisted) window.atOnce = document.documentElement.outerHTML }, true)",
            vec![],
        )
        .await?;
    person.browser.goto(elsewhere.url()).await?;
    person.field("Password").await?;
    let second = person.browser.new_tab().await?;
    person.browser.switch_to_window(second).await?;
    person.goes_to("/patients").await?;
    person.sees(mrn).await?;
    person.signs_out().await?;
    person.field("Password").await?;
    person.browser.switch_to_window(first).await?;
    person.browser.back().await?;
    person.field("Password").await?;
    ensure!(
        !held(&person).await?.contains(mrn),
        "back shows the patient"
    );
    let at_once = person
        .browser
        .execute("return window.atOnce", vec![])
        .await?;
    println!("kept by the history: {}", at_once.json().is_string());
    ensure!(
        !at_once.json().as_str().unwrap_or_default().contains(mrn),
        "the patient was there for a moment"
    );
    person.leaves().await?;
    elsewhere.stop().await?;
    house.closes([]).await
}

/// All that IndexedDB holds for this site, as text; bytes as their characters.
const DATABASES: &str = "const done = arguments[arguments.length - 1]; \
    const seen = (key, value) => value instanceof ArrayBuffer || ArrayBuffer.isView(value) \
        ? String.fromCharCode(...new Uint8Array(value.buffer ?? value)) : value; \
    (async () => { let all = ''; \
        for (const { name } of await indexedDB.databases()) { \
            const db = await new Promise((yes, no) => { const open = indexedDB.open(name); \
                open.onsuccess = () => yes(open.result); open.onerror = () => no(open.error); }); \
            for (const store of db.objectStoreNames) { \
                const rows = await new Promise((yes, no) => { const get = db.transaction(store).objectStore(store).getAll(); \
                    get.onsuccess = () => yes(get.result); get.onerror = () => no(get.error); }); \
                all += store + JSON.stringify(rows, seen); } \
            db.close(); } \
        for (const name of await caches.keys()) all += name; \
        return all; })().then(done, error => done('failed: ' + error))";

/// Keeps the memory of the app's WebAssembly within reach, from the next load on.
const KEEP_MEMORY: &str = "for (const name of ['instantiate', 'instantiateStreaming']) { \
        const make = WebAssembly[name]; \
        WebAssembly[name] = async (...args) => { const made = await make(...args); \
            window.appMemory = (made.instance ?? made).exports.memory ?? window.appMemory; return made; }; }";

/// Whether the app's memory has this text anywhere, be it in use or freed. The text comes as numbers: it should not be in the page
/// because it was asked for.
const REMEMBERS: &str = "const text = String.fromCharCode(...arguments[0]); \
    return new TextDecoder('latin1').decode(window.appMemory.buffer).includes(text)";

async fn keeps_memory(person: &Person) -> Result<()> {
    let source = serde_json::json!({ "source": KEEP_MEMORY });
    person
        .devtools("Page.addScriptToEvaluateOnNewDocument", source)
        .await
        .map(|_| ())
}

async fn remembers(person: &Person, text: &str) -> Result<bool> {
    let text = Value::from(text.as_bytes());
    let found = person.browser.execute(REMEMBERS, vec![text]).await?;
    found.json().as_bool().context("the memory was not kept")
}

/// Every string and object that is alive in the page's JavaScript, as the browser's own tools see them.
async fn heap(person: &Person) -> Result<String> {
    let driver = person.browser.handle();
    let snapshot = format!(
        "{}session/{}/chromium/heap_snapshot",
        driver.server_url(),
        driver.session_id()
    );
    let snapshot: Value = reqwest::get(snapshot).await?.json().await?;
    let value = &snapshot["value"];
    let held = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    ensure!(held.contains("strings"), "no snapshot of the heap");
    Ok(held)
}

#[tokio::test]
async fn signing_out_in_a_storm_of_changes_leaves_no_row_behind() -> Result<()> {
    let house = House::opens().await?;
    let one = house.api(ONE).await?;
    let more: Vec<Value> = (0..400)
        .map(|number| {
            serde_json::json!({
                "mrn": format!("STORM-{number:03}"), "first_name": "Storm", "last_name": format!("Nr{number:03}"),
                "date_of_birth": "1980-01-01", "ward": "Surgery", "clinician_id": one.user_id,
            })
        })
        .collect();
    one.add("patients", Value::from(more)).await?;
    let path = format!("patients?clinician_id=eq.{}", one.user_id);
    let patients = one.rows(&path).await?;
    let person = house.signs_in(ONE).await?;
    keeps_memory(&person).await?;
    person.goes_to("/patients").await?;
    person.waits_for_realtime(&["live"]).await?;
    let first = person.browser.window().await?;
    let second = person.browser.new_tab().await?;
    person.browser.switch_to_window(second.clone()).await?;
    keeps_memory(&person).await?;
    person.goes_to("/patients").await?;
    person.waits_for_realtime(&["live"]).await?;
    person.sees("STORM-").await?;
    ensure!(
        remembers(&person, "STORM-").await?,
        "the memory is not where it is looked for"
    );
    let spy = overhears(&one.user_id);
    person.browser.execute(spy.as_str(), vec![]).await?;
    let mark = "window.mark = ['STORM', document.title].join('-')";
    person.browser.execute(mark, vec![]).await?;
    ensure!(
        heap(&person).await?.contains("STORM-"),
        "the heap is not where it is looked for"
    );
    person.browser.switch_to_window(first.clone()).await?;

    let storm = tokio::spawn(async move {
        let (start, mut changes) = (Instant::now(), 0);
        for round in 0_u32.. {
            let notes = serde_json::json!({ "notes": format!("Storm {round}") });
            match one.change(&path, notes).await {
                Ok(rows) => changes += rows.len(),
                Err(error) => return Err(error),
            }
            if start.elapsed() > Duration::from_secs(8) {
                break;
            }
        }
        Ok(changes as f64 / start.elapsed().as_secs_f64())
    });
    person.browser.switch_to_window(second.clone()).await?;
    person
        .waits_for(
            "a word between the tabs",
            "return window.heard.length > 0",
            vec![],
        )
        .await?;
    person.browser.switch_to_window(first.clone()).await?;
    person.signs_out().await?;
    person.field("Password").await?;
    person.browser.switch_to_window(second.clone()).await?;
    person.field("Password").await?;
    person.browser.execute(spy, vec![]).await?;
    person.browser.switch_to_window(first.clone()).await?;
    // From here on, for as long as the storm goes on.
    while !storm.is_finished() {
        let held = held(&person).await?;
        let kept = person.browser.execute_async(DATABASES, vec![]).await?;
        let kept = kept.json().as_str().unwrap_or_default().to_owned();
        ensure!(!kept.starts_with("failed"), "{kept}");
        for patient in &patients {
            for column in ["mrn", "id", "last_name"] {
                let value = text(patient, column)?;
                // A short name may be part of a word.
                let value = format!(">{value}<");
                ensure!(!held.contains(&value), "{column} is still in the page");
            }
            let mrn = text(patient, "mrn")?;
            ensure!(
                !held.contains(mrn) && !kept.contains(mrn),
                "{mrn} is left in the browser"
            );
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let rate = storm.await??;
    person.browser.switch_to_window(second.clone()).await?;
    let heard = person
        .browser
        .execute("return window.heard.length", vec![])
        .await?;
    ensure!(heard.json().as_u64() == Some(0), "the tabs spoke on");
    ensure!(
        !held(&person).await?.contains("MRN"),
        "a row is in the other tab"
    );
    for tab in [&second, &first] {
        person.browser.switch_to_window(tab.clone()).await?;
        ensure!(
            !heap(&person).await?.contains("STORM-"),
            "a row is in the heap"
        );
        ensure!(
            !remembers(&person, "STORM-").await?,
            "a row is in the app's memory"
        );
    }
    println!("signed out under {rate:.0} changes a second");
    ensure!(rate > 200.0, "only {rate:.0} changes a second");
    house.closes([person]).await
}
