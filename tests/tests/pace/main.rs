//! How fast the app answers on a slow computer: `cargo xtask bench app`. The processor is slowed down four times, there are 10,000
//! patients, and a person does what people do, several times over; for each act, the time to the next paint and the longest task, as the median
//! and the worst of the rounds. It only prints: how fast a shared machine is today says nothing about the code.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bedside_tests::api::Api;
use bedside_tests::backend::{Backend, Data};
use bedside_tests::browser::{DESKTOP, Driver};
use bedside_tests::crowd;
use bedside_tests::person::Person;
use serde_json::json;

const ADMIN: &str = "admin@bedside.test";
const PATIENTS: usize = 10_000;
const SLOWDOWN: u32 = 4;
const ROUNDS: usize = 5;
const BETWEEN_KEYS: Duration = Duration::from_millis(60);

/// True once nothing is on its way any more: what was asked for is there, and a timer that is longer than any pause by which a field waits for
/// the next letter came on time. (The browser's own word for idle never comes after a scroll that a wheel began and a key ended.)
const AT_REST: &str = "\
    if (document.querySelector('[aria-busy=true], [data-refetching=true], .skeleton')) window.rest = null; \
    else if (!window.rest) { \
        const rest = window.rest = {}, asked = performance.now(); \
        setTimeout(() => { if (performance.now() - asked < 350) rest.reached = true; else window.rest = null; }, 300); \
    } \
    const reached = window.rest?.reached === true; \
    if (reached) window.rest = null; \
    return reached;";

/// Writes down every interaction and every long task from the first moment of a document on.
const WATCH: &str = "window.acts = []; window.tasks = []; \
     new PerformanceObserver(list => { for (const e of list.getEntries()) if (e.interactionId) acts.push(e.duration); }) \
        .observe({type: 'event', durationThreshold: 16, buffered: true}); \
     new PerformanceObserver(list => { for (const e of list.getEntries()) tasks.push(e.duration); }) \
        .observe({type: 'longtask', buffered: true});";

#[tokio::main]
async fn main() -> Result<()> {
    let backend = Backend::start(Data::Demo).await?;
    let driver = Driver::start()?;
    let api = Api::sign_in(&backend.url(), ADMIN).await?;
    crowd::fill(&api, PATIENTS).await?;

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

    let mut figures = Figures::default();
    at_rest(&person).await?;
    figures.forget(&person).await?;
    for round in 0..ROUNDS {
        a_shift(&person, round, &mut figures).await?;
    }
    figures.print();
    person.leaves().await?;
    backend.stop().await
}

/// What people do, once.
async fn a_shift(person: &Person, round: usize, figures: &mut Figures) -> Result<()> {
    person.clicks("Patients").await?;
    figures.note(person, "opening the list").await?;
    for column in ["Ward", "Born", "Name"] {
        person.clicks(column).await?;
        figures.note(person, "sorting").await?;
    }
    person.types("Search", "").await?;
    types_on(person, "family 12").await?;
    figures.note(person, "typing in the search").await?;
    person.types("Search", "").await?;
    figures.note(person, "emptying the search").await?;
    for _ in 0..60 {
        let wheel = json!({"type": "mouseWheel", "x": 700, "y": 500, "deltaX": 0, "deltaY": 1500});
        person.devtools("Input.dispatchMouseEvent", wheel).await?;
    }
    figures.note(person, "scrolling 90,000 pixels").await?;
    // From the search down to what it found.
    person.types("Search", "").await?;
    person.presses("Down").await?;
    person
        .waits_for(
            "a row with the focus",
            "return !!document.activeElement.closest('tbody')",
            vec![],
        )
        .await?;
    figures.note(person, "going to a row by key").await?;
    person.presses("Enter").await?;
    person.field("Notes").await?;
    figures.note(person, "opening a patient").await?;
    let notes = format!("Slept well, ate half of it. {round}");
    person.types("Notes", "").await?;
    types_on(person, &notes).await?;
    figures.note(person, "typing in the notes").await?;
    person.clicks("Save").await?;
    person.no_longer_sees("Discard changes").await?;
    figures.note(person, "saving").await?;
    person.presses_with_control("k").await?;
    person.field("Find a page").await?;
    person.presses("family").await?;
    figures.note(person, "finding by the palette").await?;
    person.presses("Escape").await?;
    figures.note(person, "closing the palette").await?;
    person.clicks("Forms").await?;
    figures.note(person, "opening the forms").await?;
    person.clicks("Dashboard").await?;
    figures.note(person, "opening the dashboard").await
}

/// Types letter by letter, as fast as fingers can; a whole text at once would measure how long its letters wait for each other.
async fn types_on(person: &Person, text: &str) -> Result<()> {
    for letter in text.chars() {
        person.presses(letter.encode_utf8(&mut [0; 4])).await?;
        tokio::time::sleep(BETWEEN_KEYS).await;
    }
    Ok(())
}

async fn at_rest(person: &Person) -> Result<()> {
    person.waits_for("page at rest", AT_REST, vec![]).await
}

/// What each act took, by its name, in the order of the first round.
#[derive(Default)]
struct Figures {
    acts: Vec<(&'static str, Vec<[f64; 2]>)>,
}

impl Figures {
    /// Throws away what was written down so far.
    async fn forget(&self, person: &Person) -> Result<[f64; 2]> {
        let worst = person
            .browser
            .execute(
                "return [acts.splice(0), tasks.splice(0)].map(all => Math.max(0, ...all));",
                vec![],
            )
            .await?;
        serde_json::from_value(worst.json().clone()).context("two figures")
    }

    /// Waits until an act is over, and keeps the worst of what was written down meanwhile.
    async fn note(&mut self, person: &Person, act: &'static str) -> Result<()> {
        at_rest(person).await.with_context(|| act.to_owned())?;
        let worst = self.forget(person).await?;
        ensure!(worst.iter().all(|figure| figure.is_finite()));
        match self.acts.iter_mut().find(|(name, _)| *name == act) {
            Some((_, figures)) => figures.push(worst),
            None => self.acts.push((act, vec![worst])),
        }
        Ok(())
    }

    fn print(&self) {
        println!(
            "{:28} {:>22} {:>22}",
            "median (worst), ms", "to next paint", "longest task"
        );
        for (act, figures) in &self.acts {
            let [paint, task] = [0, 1].map(|which| {
                let mut figures: Vec<f64> = figures.iter().map(|figure| figure[which]).collect();
                figures.sort_by(f64::total_cmp);
                let median = figures.get(figures.len() / 2).copied().unwrap_or_default();
                let worst = figures.last().copied().unwrap_or_default();
                format!("{median:.0} ({worst:.0})")
            });
            println!("{act:28} {paint:>22} {task:>22}");
        }
    }
}
