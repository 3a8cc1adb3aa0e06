//! The panel for developers: hidden until it is wished for, and then everything that the cache and the feed know, with acts.

use anyhow::{Context, Result, ensure};
use bedside_tests::house::House;
use bedside_tests::person::Person;
use serde_json::{Value, json};

use crate::ONE;

/// The panel is a document of its own inside the page's.
const PANEL: &str =
    "document.querySelector('[role=region][aria-label=Devtools]')?.shadowRoot ?? null";

/// What the panel says now.
async fn says(one: &Person) -> Result<Value> {
    let script = format!("return ({PANEL})?.textContent ?? null");
    let said = one.browser.execute(&script, vec![]).await?;
    Ok(said.json().clone())
}

/// Presses what is called so in the panel: a tab, a query, an act.
async fn presses_in_panel(one: &Person, name: &str) -> Result<()> {
    let script = format!(
        "const pressed = [...({PANEL})?.querySelectorAll('button') ?? []] \
             .find(button => button.textContent.includes(arguments[0])); \
         pressed?.click(); return !!pressed;"
    );
    one.waits_for(&format!("button {name:?}"), &script, vec![json!(name)])
        .await
}

/// How often the list of patients was asked for.
async fn asked(one: &Person) -> Result<u64> {
    let script = "return performance.getEntriesByType('resource') \
        .filter(entry => entry.name.includes('/rest/v1/patients?')).length";
    let asked = one.browser.execute(script, vec![]).await?;
    asked.json().as_u64().context("no number")
}

#[tokio::test]
async fn the_panel_shows_the_cache_and_acts_on_it_for_whoever_wished_for_it() -> Result<()> {
    let house = House::opens().await?;
    let one = house.signs_in(ONE).await?;
    one.clicks("Patients").await?;
    one.waits_for_realtime(&["live"]).await?;
    one.presses("`").await?;
    ensure!(says(&one).await?.is_null(), "the panel opens unasked");
    let fetched = "return performance.getEntriesByType('resource').some(entry => entry.name.endsWith('/devtools.js'))";
    let loaded = one.browser.execute(fetched, vec![]).await?;
    ensure!(loaded.json() == &json!(false), "everybody pays for it");

    one.clicks("Settings").await?;
    one.clicks_switch("Devtools").await?;
    one.clicks("Patients").await?;
    one.table("Patients").await?;
    one.presses("Escape").await?;
    one.presses("`").await?;

    // A query is chosen, its data shown, and each act done to it: the first two ask the server anew.
    presses_in_panel(&one, "[\"patients\",\"list\"").await?;
    let shown = format!(
        "return ({PANEL})?.querySelector('aside pre')?.textContent.includes('last_name') ?? false"
    );
    one.waits_for("rows in the panel", &shown, vec![]).await?;
    for act in ["refetch", "invalidate"] {
        let before = asked(&one).await?;
        presses_in_panel(&one, act).await?;
        let again = "return performance.getEntriesByType('resource') \
            .filter(entry => entry.name.includes('/rest/v1/patients?')).length > arguments[0]";
        one.waits_for(&format!("request to {act}"), again, vec![json!(before)])
            .await?;
    }
    presses_in_panel(&one, "remove").await?;
    let gone =
        format!("return !({PANEL})?.querySelector('aside pre')?.textContent.includes('last_name')");
    one.waits_for("removed data", &gone, vec![]).await?;

    // What happened is in the other lists, and the key that opened the panel closes it.
    presses_in_panel(&one, "Events").await?;
    let events = format!("return ({PANEL}).textContent.includes('removed')");
    one.waits_for("the event", &events, vec![]).await?;
    presses_in_panel(&one, "Frames").await?;
    let frames = format!("return ({PANEL}).querySelectorAll('.row.frames').length > 3");
    one.waits_for("frames", &frames, vec![]).await?;
    one.presses("Escape").await?;
    one.presses("`").await?;
    one.waits_for(
        "closed panel",
        &format!("return ({PANEL}) === null"),
        vec![],
    )
    .await?;
    house.closes([one]).await
}
