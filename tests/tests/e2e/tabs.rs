//! Many tabs of one person in one browser: one socket for all, and none of them notices which one holds it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use bedside_tests::api::Api;
use bedside_tests::backend::{Backend, Data};
use bedside_tests::browser::{DESKTOP, Driver};
use bedside_tests::percentile;
use bedside_tests::person::Person;
use bedside_tests::wire_tap::WireTap;
use serde_json::{Value, json};
use thirtyfour::WindowHandle;

use crate::{ADMIN, text};

/// What only the changes say that a story makes in rounds: a channel that is joined again repeats no name.
const ROUND: &str = "\"Round ";

/// Notes in the page when the feed's state changes.
const WATCH: &str = "window.states = []; const widget = document.querySelector('[data-realtime-state]'); \
    new MutationObserver(() => window.states.push([Date.now(), widget.dataset.realtimeState])) \
        .observe(widget, { attributes: true, attributeFilter: ['data-realtime-state'] })";

/// When the page was live again after it had not been; null before that.
const BACK: &str = "const lost = window.states.findIndex(s => s[1] !== 'live'); \
    const last = window.states.at(-1); return lost >= 0 && last[1] === 'live' ? last[0] : null";

const NOW: &str = "return Date.now()";

struct Tabs {
    person: Person,
    open: Vec<WindowHandle>,
}

impl Tabs {
    /// So many tabs with the list of patients, all live.
    async fn opened(driver: &Driver, url: &str, count: usize) -> Result<Tabs> {
        let person = Person::signed_in(driver.open(DESKTOP).await?, url, ADMIN).await?;
        let mut open = vec![person.browser.window().await?];
        while open.len() < count {
            let tab = person.browser.new_tab().await?;
            person.browser.switch_to_window(tab.clone()).await?;
            person.goes_to("/patients").await?;
            open.push(tab);
        }
        let tabs = Tabs { person, open };
        for place in 0..count {
            tabs.look_at(place).await?;
            tabs.person.clicks("Patients").await?;
            tabs.person.waits_for_realtime(&["live"]).await?;
        }
        Ok(tabs)
    }

    async fn look_at(&self, place: usize) -> Result<()> {
        let tab = self.open[place].clone();
        Ok(self.person.browser.switch_to_window(tab).await?)
    }

    async fn runs(&self, script: &str) -> Result<Value> {
        let answer = self.person.browser.execute(script, vec![]).await?;
        Ok(answer.json().clone())
    }

    /// The tab whose widget says that it leads.
    async fn leader(&self) -> Result<usize> {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(20) {
            for place in 0..self.open.len() {
                self.look_at(place).await?;
                if self.person.page_text().await?.contains("This tab leads") {
                    return Ok(place);
                }
            }
        }
        bail!("no tab says that it leads")
    }

    async fn watch(&self, but: usize) -> Result<()> {
        for place in (0..self.open.len()).filter(|place| *place != but) {
            self.look_at(place).await?;
            self.runs(WATCH).await?;
        }
        Ok(())
    }

    /// How long after a moment each tab but one was live again, in milliseconds.
    async fn back_after(&self, moment: f64, but: Option<usize>) -> Result<Vec<f64>> {
        let mut times = Vec::new();
        for place in (0..self.open.len()).filter(|place| Some(*place) != but) {
            self.look_at(place).await?;
            let start = Instant::now();
            let back = loop {
                if let Some(back) = self.runs(BACK).await?.as_f64() {
                    break back;
                }
                ensure!(
                    start.elapsed() < Duration::from_secs(30),
                    "never live again"
                );
                tokio::time::sleep(Duration::from_millis(50)).await;
            };
            times.push(back - moment);
        }
        Ok(times)
    }

    async fn all_see(&self, name: &str, but: Option<usize>) -> Result<()> {
        for place in (0..self.open.len()).filter(|place| Some(*place) != but) {
            self.look_at(place).await?;
            self.person.sees(name).await?;
        }
        Ok(())
    }
}

/// The first patient of the list, as an admin sees it, changed so that each tab has something new to show.
async fn change(api: &Api, name: &str) -> Result<()> {
    let first = api
        .rows("patients?order=last_name,first_name&limit=1")
        .await?;
    let id = text(first.first().context("no patients")?, "id")?;
    api.change(
        &format!("patients?id=eq.{id}"),
        json!({ "first_name": name }),
    )
    .await?;
    Ok(())
}

#[tokio::test]
async fn ten_tabs_share_one_socket_and_a_change_crosses_the_wire_once() -> Result<()> {
    let backend = Backend::start(Data::Demo).await?;
    let tap = WireTap::before(backend.port, ROUND).await?;
    let driver = Driver::start()?;
    let tabs = Tabs::opened(&driver, &tap.url(), 10).await?;
    ensure!(tap.open() == 1, "{} sockets", tap.open());
    tabs.look_at(0).await?;
    tabs.person.sees("This tab leads 9 others").await?;

    let api = Api::sign_in(&backend.url(), ADMIN).await?;
    let before = tap.words();
    for round in 0..10 {
        change(&api, &format!("Round {round}")).await?;
    }
    tabs.all_see("Round 9", None).await?;
    let said = tap.words() - before;
    println!(
        "10 changes in 10 tabs: {said} frames on {} socket",
        tap.open()
    );
    ensure!(said == 10, "{said} frames for 10 changes");
    ensure!(tap.open() == 1 && tap.ever() == 1, "{} sockets", tap.ever());
    tabs.person.leaves().await?;
    backend.stop().await
}

#[tokio::test]
async fn a_leader_that_closes_hands_over_within_three_seconds_and_nothing_is_missed() -> Result<()>
{
    let backend = Backend::start(Data::Demo).await?;
    let tap = WireTap::before(backend.port, ROUND).await?;
    let driver = Driver::start()?;
    let mut tabs = Tabs::opened(&driver, &tap.url(), 7).await?;
    let api = Api::sign_in(&backend.url(), ADMIN).await?;
    let mut times = Vec::new();
    for round in 0..4 {
        let leader = tabs.leader().await?;
        tabs.watch(leader).await?;
        tabs.look_at(leader).await?;
        let moment = tabs.runs(NOW).await?.as_f64().context("no time")?;
        tabs.person.browser.close_window().await?;
        tabs.open.remove(leader);
        // While nobody listens.
        let name = format!("Lost {round}");
        change(&api, &name).await?;
        tabs.look_at(0).await?;
        times.extend(tabs.back_after(moment, None).await?);
        tabs.all_see(&name, None).await?;
        ensure!(tap.open() == 1, "{} sockets", tap.open());
    }
    let p95 = percentile(&times, 0.95);
    println!(
        "live again after the leader closed: p95 {p95:.0} ms of {}",
        times.len()
    );
    ensure!(p95 < 3_000.0, "p95 {p95:.0} ms");
    tabs.person.leaves().await?;
    backend.stop().await
}

#[tokio::test]
async fn a_leader_that_crashes_hands_over_within_three_seconds_and_nothing_is_missed() -> Result<()>
{
    let backend = Backend::start(Data::Demo).await?;
    let tap = WireTap::before(backend.port, ROUND).await?;
    let driver = Driver::start()?;
    let tabs = Tabs::opened(&driver, &tap.url(), 4).await?;
    let api = Api::sign_in(&backend.url(), ADMIN).await?;
    let leader = tabs.leader().await?;
    tabs.watch(leader).await?;
    tabs.look_at(leader).await?;
    let moment = tabs.runs(NOW).await?.as_f64().context("no time")?;
    let crash = tabs.person.devtools("Page.crash", json!({}));
    // A page that is gone answers nothing, or that it is gone.
    let _ = tokio::time::timeout(Duration::from_secs(1), crash).await;
    change(&api, "While nobody listened").await?;
    let times = tabs.back_after(moment, Some(leader)).await?;
    println!("live again after the leader crashed: {times:.0?} ms");
    tabs.all_see("While nobody listened", Some(leader)).await?;
    ensure!(times.iter().all(|time| *time < 3_000.0), "{times:?}");
    ensure!(tap.open() == 1, "{} sockets", tap.open());
    tabs.person.leaves().await?;
    backend.stop().await
}

#[tokio::test]
async fn a_leader_that_hangs_loses_the_lead_and_follows_when_it_is_back() -> Result<()> {
    let backend = Backend::start(Data::Demo).await?;
    let tap = WireTap::before(backend.port, ROUND).await?;
    let driver = Driver::start()?;
    let tabs = Tabs::opened(&driver, &tap.url(), 3).await?;
    let api = Api::sign_in(&backend.url(), ADMIN).await?;
    let leader = tabs.leader().await?;
    tabs.watch(leader).await?;
    tabs.look_at(leader).await?;
    let moment = tabs.runs(NOW).await?.as_f64().context("no time")?;
    // Its thread does nothing else for a while: no timer, no message, no frame.
    tabs.runs("setTimeout(() => { const end = Date.now() + 9000; while (Date.now() < end); }, 50)")
        .await?;
    change(&api, "While it hung").await?;
    let other = usize::from(leader == 0);
    tabs.look_at(other).await?;
    let times = tabs.back_after(moment, Some(leader)).await?;
    println!("live again after the leader hung: {times:.0?} ms");
    tabs.all_see("While it hung", Some(leader)).await?;
    ensure!(times.iter().all(|time| *time < 4_000.0), "{times:?}");
    // Back again, it follows, and its socket is gone.
    tabs.look_at(leader).await?;
    tabs.person.sees("Another tab leads").await?;
    tabs.person.waits_for_realtime(&["live"]).await?;
    tabs.person.sees("While it hung").await?;
    ensure!(tap.open() == 1, "{} sockets", tap.open());
    tabs.person.leaves().await?;
    backend.stop().await
}

/// Hears the channel of a person's tabs, as anything of this site could.
pub fn overhears(user: &str) -> String {
    format!(
        "window.heard = []; window.spy = new BroadcastChannel('bedside.feed.1.{user}'); \
         window.spy.onmessage = event => window.heard.push(String(event.data))"
    )
}

#[tokio::test]
async fn after_a_sign_out_the_tabs_say_nothing_to_each_other_and_no_socket_is_left() -> Result<()> {
    let backend = Backend::start(Data::Demo).await?;
    let tap = WireTap::before(backend.port, ROUND).await?;
    let driver = Driver::start()?;
    let tabs = Tabs::opened(&driver, &tap.url(), 3).await?;
    let api = Api::sign_in(&backend.url(), ADMIN).await?;
    tabs.look_at(2).await?;
    tabs.runs(&overhears(&api.user_id)).await?;
    change(&api, "Overheard").await?;
    tabs.all_see("Overheard", None).await?;
    tabs.look_at(2).await?;
    let heard = tabs.runs("return window.heard.join()").await?;
    let heard = heard.as_str().unwrap_or_default();
    ensure!(heard.contains("Overheard"), "the spy hears nothing");
    ensure!(!heard.contains("eyJ"), "a token was said");

    tabs.look_at(1).await?;
    tabs.person.signs_out().await?;
    for place in [0, 2] {
        tabs.look_at(place).await?;
        tabs.person.field("Password").await?;
    }
    // The page is a new one, and listens anew.
    tabs.runs(&overhears(&api.user_id)).await?;
    for round in 0..20 {
        change(&api, &format!("Secret {round}")).await?;
    }
    ensure!(tap.open() == 0, "{} sockets", tap.open());
    let heard = tabs.runs("return window.heard.length").await?;
    ensure!(heard == json!(0), "{heard} words after the sign-out");

    // The next person's tabs share a socket of their own.
    tabs.person
        .sign_in(crate::TWO, bedside_tests::PASSWORD)
        .await?;
    tabs.person.waits_for_realtime(&["live"]).await?;
    let start = Instant::now();
    while tap.open() != 1 {
        ensure!(
            start.elapsed() < Duration::from_secs(10),
            "{} sockets",
            tap.open()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let heard = tabs.runs("return window.heard.length").await?;
    ensure!(
        heard == json!(0),
        "{heard} words on the former person's channel"
    );
    tabs.person.leaves().await?;
    backend.stop().await
}
