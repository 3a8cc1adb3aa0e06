//! What makes the app fast, where a clock can't be trusted: how much a page makes, moves and asks for when somebody does something.
//! `cargo xtask bench app` measures the times.

use anyhow::{Context, Result, ensure};
use bedside_tests::crowd;
use bedside_tests::house::House;
use bedside_tests::person::Person;
use serde_json::{Value, json};

use crate::{ADMIN, ONE};

/// Counts from here on the elements of a kind that are made.
async fn counts(person: &Person, selector: &str) -> Result<()> {
    let script = "const [selector] = arguments; window.made = 0; \
        new MutationObserver(list => { for (const change of list) for (const node of change.addedNodes) \
            if (node.nodeType === 1) made += node.matches(selector) + node.querySelectorAll(selector).length; }) \
        .observe(document.body, {childList: true, subtree: true});";
    person
        .browser
        .execute(script, vec![Value::from(selector)])
        .await?;
    Ok(())
}

async fn number(person: &Person, script: &str) -> Result<u64> {
    let answer = person.browser.execute(script, vec![]).await?;
    answer.json().as_u64().context("no number")
}

#[tokio::test]
async fn sorting_and_scrolling_make_only_the_rows_near_the_screen() -> Result<()> {
    let house = House::opens().await?;
    let admin = house.signs_in(ADMIN).await?;
    admin.goes_to("/patients").await?;
    admin.table("Patients").await?;
    let first = "return document.querySelector('tbody tr:nth-child(2)').innerText";
    let before = admin.browser.execute(first, vec![]).await?;
    counts(&admin, "tr").await?;
    admin.clicks("Ward").await?;
    admin
        .waits_for(
            "another order",
            &format!("return (() => {{ {first} }})() !== arguments[0]"),
            vec![before.json().clone()],
        )
        .await?;
    let made = number(&admin, "return window.made").await?;
    ensure!(
        made <= 8,
        "sorting made {made} rows: it writes to those that stand"
    );

    let mut most = 0;
    for _ in 0..20 {
        admin.browser.execute("scrollBy(0, 700)", vec![]).await?;
        most = most.max(
            number(
                &admin,
                "return document.querySelectorAll('tbody tr').length",
            )
            .await?,
        );
    }
    ensure!(most <= 60, "scrolling kept {most} rows at once");
    house.closes([admin]).await
}

#[tokio::test]
async fn ten_thousand_patients_scroll_by_and_whoever_stops_finds_rows() -> Result<()> {
    const GOES: usize = 3;
    let house = House::opens().await?;
    crowd::fill(&house.api(ADMIN).await?, 10_000).await?;
    let admin = house.signs_in(ADMIN).await?;
    admin.clicks("Patients").await?;
    admin.table("Patients").await?;
    admin.waits_for_realtime(&["live"]).await?;
    admin
        .browser
        .execute(
            "window.tasks = []; \
             new PerformanceObserver(list => tasks.push(...list.getEntries().map(e => e.duration))).observe({type: 'longtask'});",
            vec![],
        )
        .await?;
    let mut longest = Vec::new();
    for go in 0..GOES {
        // There and back, slowly enough to read and too fast to.
        let step = if go % 2 == 0 { 600 } else { -600 };
        for flick in [1, 1, 1, 10, 10, 10, 10] {
            for _ in 0..6 {
                let wheel = json!({"type": "mouseWheel", "x": 700, "y": 500, "deltaX": 0, "deltaY": step * flick});
                admin.devtools("Input.dispatchMouseEvent", wheel).await?;
            }
        }
        let filled = "return document.querySelectorAll('tbody tr').length > 10 \
                      && !document.querySelector('tbody tr[aria-busy=true]')";
        admin
            .waits_for("rows that are there", filled, vec![])
            .await?;
        let tasks = "const all = tasks.splice(0); return Math.max(0, ...all)";
        longest.push(
            number(
                &admin,
                &format!("return Math.round((() => {{ {tasks} }})())"),
            )
            .await?,
        );
    }
    // Told, not judged: how long a task takes is the machine's affair as well.
    println!("the longest tasks over 50 ms of {GOES} goes: {longest:?} ms");
    house.closes([admin]).await
}

#[tokio::test]
async fn typing_makes_next_to_nothing_and_asks_the_server_for_nothing() -> Result<()> {
    let house = House::opens().await?;
    let one = house.signs_in(ONE).await?;
    one.clicks("Patients").await?;
    // Rows that are still on their way can't take the focus.
    let filled = "return !!document.querySelector('tbody tr[aria-busy=false]')";
    one.waits_for("rows that are there", filled, vec![]).await?;
    one.presses("j").await?;
    one.waits_for(
        "a row with the focus",
        "return !!document.activeElement.closest('tbody')",
        vec![],
    )
    .await?;
    one.presses("Enter").await?;
    one.field("Notes").await?;
    one.sees("Registered").await?;
    one.types("Notes", "S").await?;
    one.sees("Discard changes").await?;
    counts(&one, "*").await?;
    let asked = "return performance.getEntriesByType('resource').filter(entry => entry.name.includes('/rest/')).length";
    let before = number(&one, asked).await?;
    one.types(
        "Notes",
        "Slept well, ate half of it, walked to the window and back.",
    )
    .await?;
    let made = number(&one, "return window.made").await?;
    ensure!(made <= 5, "58 letters made {made} elements");
    let after = number(&one, asked).await?;
    ensure!(after == before, "typing asked {} times", after - before);
    house.closes([one]).await
}
