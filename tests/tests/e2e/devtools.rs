//! The panel for developers: hidden until it is wished for, and then everything that the cache and the feed know.

use anyhow::{Result, ensure};
use bedside_tests::backend::{Backend, Data};
use bedside_tests::browser::{DESKTOP, Driver};
use bedside_tests::person::Person;
use serde_json::Value;

use crate::ONE;

/// What the panel says; it is a document of its own inside the page's.
const SAYS: &str = "const panel = document.querySelector('[role=region][aria-label=Devtools]'); return panel?.shadowRoot?.textContent";

#[tokio::test]
async fn the_panel_shows_the_cache_and_the_feed_to_whoever_wished_for_it() -> Result<()> {
    let backend = Backend::start(Data::InMemory).await?;
    let driver = Driver::start().await?;
    let one = Person::signed_in(driver.open(DESKTOP).await?, &backend.url(), ONE).await?;
    one.clicks("Patients").await?;
    one.waits_for_realtime(&["live"]).await?;
    one.presses("`").await?;
    let fetched = "return performance.getEntriesByType('resource').some(entry => entry.name.endsWith('/devtools.js'))";
    let says = one.browser.execute(SAYS, vec![]).await?;
    ensure!(says.json().is_null(), "the panel opens unasked");
    let loaded = one.browser.execute(fetched, vec![]).await?;
    ensure!(
        loaded.json() == &Value::Bool(false),
        "everybody pays for the panel"
    );

    one.clicks("Settings").await?;
    one.clicks_switch("Devtools").await?;
    one.clicks("Patients").await?;
    one.presses("Escape").await?;
    one.presses("`").await?;
    one.waits_for(
        "the queries of the page",
        &format!("return !!(() => {{ {SAYS} }})()?.includes('patients')"),
        vec![],
    )
    .await?;
    one.leaves().await?;
    backend.stop().await
}
