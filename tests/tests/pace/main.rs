//! How fast the app answers on a slow computer: `cargo xtask bench app`. The processor is slowed down four times, there are 10,000
//! patients, and a person does what people do; for each act, the time to the next paint and the longest task. It only prints: how fast a
//! shared machine is today says nothing about the code.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bedside_tests::api::Api;
use bedside_tests::backend::{Backend, Data};
use bedside_tests::browser::{DESKTOP, Driver};
use bedside_tests::person::Person;
use serde_json::{Value, json};

const ADMIN: &str = "admin@bedside.test";
const PATIENTS: usize = 10_000;
const PORTION: usize = 500;
const SLOWDOWN: u32 = 4;
/// What an act sets off is over by then.
const ECHO: Duration = Duration::from_millis(1_500);

/// Writes down every interaction and every long task from the first moment of a document on.
const WATCH: &str = "window.acts = []; window.tasks = []; \
     new PerformanceObserver(list => { for (const e of list.getEntries()) if (e.interactionId) acts.push(e.duration); }) \
        .observe({type: 'event', durationThreshold: 16, buffered: true}); \
     new PerformanceObserver(list => { for (const e of list.getEntries()) tasks.push(e.duration); }) \
        .observe({type: 'longtask', buffered: true});";

#[tokio::main]
async fn main() -> Result<()> {
    let backend = Backend::start(Data::InMemory).await?;
    let driver = Driver::start().await?;
    let api = Api::sign_in(&backend.url(), ADMIN).await?;
    let seeded = api.rows("patients?select=id").await?.len();
    for portion in 0..(PATIENTS.saturating_sub(seeded)) / PORTION {
        let rows: Vec<Value> = (0..PORTION)
            .map(|row| patient(portion * PORTION + row))
            .collect();
        api.add("patients", json!(rows)).await?;
    }

    let person = Person::at(driver.open(DESKTOP).await?, &backend.url()).await?;
    let watch = json!({ "source": WATCH });
    person.devtools("Page.enable", json!({})).await?;
    person
        .devtools("Page.addScriptToEvaluateOnNewDocument", watch)
        .await?;
    person.goes_to("/").await?;
    person.sign_in(ADMIN, bedside_tests::PASSWORD).await?;
    person.sees_nav("Patients").await?;
    person.waits_for_realtime(&["live"]).await?;
    let slow = json!({ "rate": SLOWDOWN });
    person
        .devtools("Emulation.setCPUThrottlingRate", slow)
        .await?;

    println!("{:28} {:>14} {:>14}", "", "to next paint", "longest task");
    told(&person, "until here").await?;
    person.clicks("Patients").await?;
    person.sees("patients").await?;
    told(&person, "opening the list").await?;
    for column in ["Ward", "Born", "Name"] {
        person.clicks(column).await?;
        tokio::time::sleep(ECHO).await;
    }
    told(&person, "sorting").await?;
    person.types("Search", "family 12").await?;
    told(&person, "typing in the search").await?;
    person.types("Search", "").await?;
    told(&person, "emptying the search").await?;
    for _ in 0..60 {
        let wheel = json!({"type": "mouseWheel", "x": 700, "y": 500, "deltaX": 0, "deltaY": 1500});
        person.devtools("Input.dispatchMouseEvent", wheel).await?;
    }
    told(&person, "scrolling 90,000 pixels").await?;
    // From the search down to what it found.
    person.presses("Down").await?;
    person
        .waits_for(
            "a row with the focus",
            "return !!document.activeElement.closest('tbody')",
            vec![],
        )
        .await?;
    person.presses("Enter").await?;
    person.field("Notes").await?;
    told(&person, "opening a patient").await?;
    person.types("Notes", "Slept well, ate half of it.").await?;
    told(&person, "typing in the notes").await?;
    person.clicks("Save").await?;
    person.sees("Saved").await?;
    told(&person, "saving").await?;
    person.presses_with_control("k").await?;
    person.presses("family").await?;
    told(&person, "finding by the palette").await?;
    person.leaves().await?;
    backend.stop().await
}

fn patient(number: usize) -> Value {
    let wards = ["Cardiology", "Emergency", "Surgery", "Oncology"];
    json!({
        "mrn": format!("ZZ-{:06}", 100_000 + number),
        "first_name": format!("Given {number}"),
        "last_name": format!("Family {}", number * 7_919 % 10_007),
        "date_of_birth": format!("19{:02}-0{}-1{}", number % 90 + 10, number % 9 + 1, number % 10),
        "sex": "female",
        "status": "admitted",
        "ward": wards[number % wards.len()],
        "notes": "",
    })
}

/// Prints the worst of what was written down since the last time.
async fn told(person: &Person, act: &str) -> Result<()> {
    tokio::time::sleep(ECHO).await;
    let worst = person
        .browser
        .execute(
            "return [acts.splice(0), tasks.splice(0)].map(all => Math.max(0, ...all));",
            vec![],
        )
        .await?;
    let [paint, task]: [f64; 2] =
        serde_json::from_value(worst.json().clone()).context("two figures")?;
    ensure!(paint.is_finite() && task.is_finite());
    println!("{act:28} {paint:>11.0} ms {task:>11.0} ms");
    Ok(())
}
