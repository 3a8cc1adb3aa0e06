//! A session's life in one browser: locked, renewed, kept through an outage, and never anybody else's.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bedside_backend::jwt::{DEMO_SECRET, JwtKeys};
use bedside_tests::api::Api;
use bedside_tests::backend::{Backend, Data};
use bedside_tests::browser::{DESKTOP, Driver};
use bedside_tests::house::House;
use bedside_tests::person::Person;
use serde_json::Value;

use crate::sign_out::held;
use crate::{ONE, TWO, VIEWER, text};

/// Everything that the page holds; what was typed and not saved waits in the storage for its author.
const SHOWN: &str = "return document.documentElement.outerHTML + document.title";

async fn shown(person: &Person) -> Result<String> {
    let shown = person.browser.execute(SHOWN, vec![]).await?;
    Ok(shown.json().as_str().unwrap_or_default().to_owned())
}

async fn keep(person: &Person, key: &str, value: &str) -> Result<()> {
    let script = "localStorage.setItem(arguments[0], arguments[1])";
    let arguments = vec![Value::from(key), Value::from(value)];
    person.browser.execute(script, arguments).await?;
    Ok(())
}

/// Locks the screens after so many seconds, as another tab would choose it: this page hears of it too.
async fn lock_after(person: &Person, seconds: &str) -> Result<()> {
    let script = "const [key, newValue] = arguments; localStorage.setItem(key, newValue); \
                  window.dispatchEvent(new StorageEvent('storage', {key, newValue}))";
    let arguments = vec![Value::from("bedside.idle"), Value::from(seconds)];
    person.browser.execute(script, arguments).await?;
    Ok(())
}

async fn value_of(person: &Person, label: &str) -> Result<String> {
    let field = person.field(label).await?;
    Ok(field.prop("value").await?.unwrap_or_default())
}

#[tokio::test]
async fn an_idle_screen_locks_over_the_data_and_opens_where_one_left_off() -> Result<()> {
    let house = House::opens().await?;
    let patient = house.api(ONE).await?.own_patient().await?;
    let (id, mrn) = (text(&patient, "id")?, text(&patient, "mrn")?);
    let person = house.signs_in(ONE).await?;
    person.goes_to(&format!("/patients/{id}")).await?;
    person.sees(mrn).await?;
    person.types("Last name", "Half-Written").await?;
    let first = person.browser.window().await?;
    let second = person.browser.new_tab().await?;
    person.browser.switch_to_window(second.clone()).await?;
    person.goes_to("/patients").await?;
    person.sees("Patients").await?;
    // Chosen in one tab, it holds in the other; and so does a touch.
    lock_after(&person, "20").await?;
    person.clicks("Dashboard").await?;

    person.sees("The screen locks in").await?;
    for tab in [&second, &first] {
        person.browser.switch_to_window(tab.clone()).await?;
        person.field("Password").await?;
        let shown = shown(&person).await?;
        ensure!(!shown.contains(mrn), "the patient is still there");
        ensure!(
            !shown.contains("Half-Written"),
            "what was typed is still there"
        );
    }
    // Neither a reload nor a wrong password opens it.
    person.browser.switch_to_window(second.clone()).await?;
    person.browser.refresh().await?;
    person.types("Password", "not-the-password").await?;
    person.clicks("Unlock").await?;
    ensure!(person.alert().await?.contains("Wrong password"));
    lock_after(&person, "900").await?;
    person.types("Password", bedside_tests::PASSWORD).await?;
    person.clicks("Unlock").await?;
    person.sees_nav("Patients").await?;

    // One password for the browser: the other tab is open, and as it was left.
    person.browser.switch_to_window(first).await?;
    person.sees(mrn).await?;
    ensure!(value_of(&person, "Last name").await? == "Half-Written");
    house.closes([person]).await
}

#[tokio::test]
async fn a_locked_screen_leaves_no_token_and_opens_for_no_trick() -> Result<()> {
    let house = House::opens().await?;
    let patient = house.api(ONE).await?.own_patient().await?;
    let (id, mrn) = (text(&patient, "id")?, text(&patient, "mrn")?);
    let person = house.signs_in(ONE).await?;
    person.goes_to(&format!("/patients/{id}")).await?;
    person.sees(mrn).await?;
    let session = "return localStorage.getItem('bedside.session')";
    let before = person
        .browser
        .execute(session, vec![])
        .await?
        .json()
        .clone();
    person.clicks("Lock the screen").await?;
    person.field("Password").await?;
    let tokens = "return Object.values(localStorage).some(text => text.includes('_token'))";
    let found = person.browser.execute(tokens, vec![]).await?;
    ensure!(
        found.json() == &Value::Bool(false),
        "a token is still there"
    );

    // What another tab, or a user of the browser's developer tools, may write.
    let trick = "localStorage.removeItem('bedside.locked'); \
                 const hear = (key, newValue) => window.dispatchEvent(new StorageEvent('storage', {key, newValue})); \
                 hear('bedside.locked', null); \
                 const forged = JSON.parse(arguments[0]); forged.access_token = 'a.b.c'; forged.refresh_token = 'forged'; \
                 const text = JSON.stringify(forged); const locked = localStorage.getItem('bedside.session'); \
                 localStorage.setItem('bedside.session', text); hear('bedside.session', text); \
                 setTimeout(() => localStorage.setItem('bedside.session', locked), 1000);";
    person.browser.execute(trick, vec![before]).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    ensure!(!shown(&person).await?.contains(mrn), "the screen is open");

    // Without the lock flag the screen is still locked; without the session no user is signed in.
    let forget =
        "for (const key of ['bedside.locked', 'bedside.touched']) localStorage.removeItem(key)";
    person.browser.execute(forget, vec![]).await?;
    person.browser.refresh().await?;
    person.sees("Locked").await?;
    person.types("Password", bedside_tests::PASSWORD).await?;
    person.clicks("Unlock").await?;
    person.sees(mrn).await?;
    person.clicks("Lock the screen").await?;
    person.field("Password").await?;
    person
        .browser
        .execute(
            "localStorage.removeItem('bedside.session'); localStorage.removeItem('bedside.locked')",
            vec![],
        )
        .await?;
    person.browser.refresh().await?;
    person.field("Email").await?;
    ensure!(!shown(&person).await?.contains(mrn));
    house.closes([person]).await
}

/// How often this tab has asked for a new token since it was loaded.
async fn renewals(person: &Person) -> Result<u64> {
    let count = person
        .browser
        .execute(
            "return performance.getEntriesByType('resource').filter(e => e.name.includes('grant_type=refresh_token')).length",
            vec![],
        )
        .await?;
    count.json().as_u64().context("no count")
}

#[tokio::test]
async fn many_tabs_renew_a_short_lived_token_once_for_all_and_nobody_is_signed_out() -> Result<()> {
    const LIFE: u64 = 20;
    // Fifteen lives are five minutes: for whoever wants to see it for longer.
    let lives_to_see: u64 = match std::env::var("BEDSIDE_TOKEN_LIVES") {
        Ok(lives) => lives.parse()?,
        Err(_) => 3,
    };
    let backend = Backend::start_on(0, Data::Demo, &["--token-life", "20"]).await?;
    let driver = Driver::start()?;
    let person = Person::signed_in(driver.open(DESKTOP).await?, &backend.url(), ONE).await?;
    let mut tabs = vec![person.browser.window().await?];
    for _ in 0..3 {
        let tab = person.browser.new_tab().await?;
        person.browser.switch_to_window(tab.clone()).await?;
        person.goes_to("/patients").await?;
        person.waits_for_realtime(&["live"]).await?;
        tabs.push(tab);
    }
    // A tab that only waits asks for nothing; these are looked at and moved about in.
    let (start, mut closed) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_secs(LIFE * lives_to_see) {
        for (place, tab) in tabs.clone().into_iter().enumerate() {
            person.browser.switch_to_window(tab).await?;
            person
                .clicks(if place % 2 == 0 { "Patients" } else { "Forms" })
                .await?;
            person.waits_for_realtime(&["live"]).await?;
            person.clicks("Dashboard").await?;
        }
        // One goes, another comes.
        if tabs.len() > 3 {
            let last = tabs.pop().context("there are tabs")?;
            person.browser.switch_to_window(last).await?;
            closed += renewals(&person).await?;
            person.browser.close_window().await?;
            person.browser.switch_to_window(tabs[0].clone()).await?;
        } else {
            let tab = person.browser.new_tab().await?;
            person.browser.switch_to_window(tab.clone()).await?;
            person.goes_to("/").await?;
            tabs.push(tab);
        }
    }
    let mut count = closed;
    for tab in &tabs {
        person.browser.switch_to_window(tab.clone()).await?;
        person.sees_nav("Patients").await?;
        count += renewals(&person).await?;
    }
    let lives = start.elapsed().as_secs() / LIFE + 1;
    println!(
        "{count} renewals in {lives} token lives, {} tabs",
        tabs.len()
    );
    ensure!(count >= lives_to_see, "a token was used beyond its life");
    ensure!(
        count <= 2 * lives,
        "{count} renewals in {lives} token lives"
    );
    person.leaves().await?;
    backend.stop().await
}

#[tokio::test]
async fn a_session_outlives_a_server_that_is_away_when_its_token_ends() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let flags = ["--token-life", "8"];
    let backend = Backend::start_on(0, Data::Folder(folder.path()), &flags).await?;
    let port = backend.port;
    let driver = Driver::start()?;
    let person = Person::signed_in(driver.open(DESKTOP).await?, &backend.url(), ONE).await?;
    person.waits_for_realtime(&["live"]).await?;
    backend.kill().await?;
    person
        .waits_for_realtime(&["offline", "connecting", "stale", "degraded"])
        .await?;
    // Longer than the token lives: every try to renew it fails meanwhile.
    tokio::time::sleep(Duration::from_secs(10)).await;
    ensure!(!person.offers("Sign in").await?, "signed out by an outage");
    let back = Backend::start_on(port, Data::Folder(folder.path()), &flags).await?;
    person.waits_for_realtime(&["live"]).await?;
    person.sees_nav("Patients").await?;
    person.leaves().await?;
    back.stop().await
}

#[tokio::test]
async fn a_storage_that_holds_anything_but_a_session_leads_to_the_sign_in_page() -> Result<()> {
    let house = House::opens().await?;
    let person = house.signs_in(ONE).await?;
    let whole = person
        .browser
        .execute("return localStorage.getItem('bedside.session')", vec![])
        .await?;
    let whole = whole.json().as_str().context("no session")?.to_owned();
    let elsewhere = whole.replace(&house.url(), "https://elsewhere.test");
    let older = whole.replace("\"project\"", "\"former\"");
    ensure!(elsewhere != whole && older != whole);
    let odd = [
        "",
        "{",
        "null",
        "[[[[",
        "ended:nonsense",
        &whole[..whole.len() / 2],
        &elsewhere,
        &older,
    ];
    for text in odd {
        keep(&person, "bedside.session", text).await?;
        person.goes_to("/patients").await?;
        person.field("Password").await?;
    }
    // Back in its place it is good again: nothing was ended by looking. The screen is locked, since nothing says when it was last
    // touched.
    keep(&person, "bedside.session", &whole).await?;
    person.goes_to("/patients").await?;
    person.types("Password", bedside_tests::PASSWORD).await?;
    person.clicks("Unlock").await?;
    person.sees_nav("Patients").await?;
    house.closes([person]).await
}

#[tokio::test]
async fn a_refused_token_costs_one_renewal_and_nothing_on_the_screen() -> Result<()> {
    let house = House::opens().await?;
    let patient = house.api(ONE).await?.own_patient().await?;
    let person = house.signs_in(ONE).await?;
    // A token that looks as fresh as it did, and is not the server's any more.
    person
        .browser
        .execute(
            "const kept = JSON.parse(localStorage.getItem('bedside.session')); \
             const [head, claims, proof] = kept.access_token.split('.'); \
             kept.access_token = [head, claims, [...proof].reverse().join('')].join('.'); \
             localStorage.setItem('bedside.session', JSON.stringify(kept))",
            vec![],
        )
        .await?;
    person.goes_to("/patients").await?;
    person.sees(text(&patient, "mrn")?).await?;
    person.waits_for_realtime(&["live"]).await?;
    let refused = person
        .browser
        .execute(
            "return performance.getEntriesByType('resource') \
                .filter(e => e.name.includes('/rest/v1/') && e.responseStatus === 401).length",
            vec![],
        )
        .await?;
    ensure!(
        refused.json().as_u64() > Some(0),
        "the server refused nothing"
    );
    let renewals = renewals(&person).await?;
    ensure!(renewals == 1, "{renewals} renewals");
    house.closes([person]).await
}

#[tokio::test]
async fn a_browser_that_keeps_nothing_is_good_for_as_long_as_its_page() -> Result<()> {
    let backend = Backend::start(Data::Demo).await?;
    let driver = Driver::start()?;
    let one = Api::sign_in(&backend.url(), ONE).await?;
    let patient = one.own_patient().await?;
    let (id, mrn) = (text(&patient, "id")?, text(&patient, "mrn")?);
    let browser = driver.open_forgetful(DESKTOP).await?;
    let person = Person::at(browser, &backend.url()).await?;
    person.sign_in(ONE, bedside_tests::PASSWORD).await?;
    person.clicks("Patients").await?;
    person.sees(mrn).await?;
    let forbidden = person
        .browser
        .execute(
            "try { localStorage.length; return false } catch { return true }",
            vec![],
        )
        .await?;
    ensure!(
        forbidden.json() == &Value::Bool(true),
        "the browser keeps things"
    );
    // Alone, without the other tabs' channel, the feed is live and an edit is saved.
    person.waits_for_realtime(&["live"]).await?;
    let path = format!("patients?id=eq.{id}");
    one.change(&path, serde_json::json!({"last_name": "Aaunkept"}))
        .await?;
    person.sees("Aaunkept").await?;

    person.goes_to("/patients").await?;
    person.field("Password").await?;
    ensure!(
        !shown(&person).await?.contains(mrn),
        "a reload shows the patient to nobody"
    );
    person.sign_in(ONE, bedside_tests::PASSWORD).await?;
    person.sees(mrn).await?;
    person.signs_out().await?;
    person.field("Password").await?;
    // Somebody else is not thrown out again by the change of persons.
    person.sign_in(TWO, bedside_tests::PASSWORD).await?;
    person.sees("Mireille Vanterpool").await?;
    person.leaves().await?;
    backend.stop().await
}

#[tokio::test]
async fn a_full_storage_costs_the_next_load_its_session_and_nothing_else() -> Result<()> {
    let house = House::opens().await?;
    let patient = house.api(ONE).await?.own_patient().await?;
    let mrn = text(&patient, "mrn")?;
    let person = house.visitor(DESKTOP).await?;
    person.field("Password").await?;
    person
        .browser
        .execute(
            "let text = ''; \
             for (let size = 1 << 23; size >= 1; size >>= 1) { \
                try { localStorage.setItem('full', text + 'x'.repeat(size)); text += 'x'.repeat(size) } catch {} }",
            vec![],
        )
        .await?;
    person.sign_in(ONE, bedside_tests::PASSWORD).await?;
    person.clicks("Patients").await?;
    person.sees(mrn).await?;
    person.waits_for_realtime(&["live"]).await?;
    person.goes_to("/patients").await?;
    person.field("Password").await?;
    person
        .browser
        .execute("localStorage.removeItem('full')", vec![])
        .await?;
    person.sign_in(ONE, bedside_tests::PASSWORD).await?;
    person.sees(mrn).await?;
    person.goes_to("/patients").await?;
    person.sees(mrn).await?;
    house.closes([person]).await
}

/// From here on this page's storage has no room for a session, and the server refuses the token of its next request for rows.
const FULL_AND_REFUSED: &str = "const set = Storage.prototype.setItem; \
    Storage.prototype.setItem = function(key, value) { \
        if (value.length > 100) throw new DOMException('full', 'QuotaExceededError'); \
        return set.call(this, key, value); }; \
    const fetch = window.fetch; window.refused = 0; window.fetch = (request, init) => { \
        const url = request.url ?? String(request); \
        if (!url.includes('/rest/v1/') || window.refused++) return fetch(request, init); \
        return Promise.resolve(new Response('{\"code\":\"PGRST303\",\"message\":\"JWT expired\"}', {status: 401})); };";

#[tokio::test]
async fn a_storage_that_is_full_in_one_tab_signs_no_other_tab_out() -> Result<()> {
    let house = House::opens().await?;
    let patient = house.api(ONE).await?.own_patient().await?;
    let mrn = text(&patient, "mrn")?;
    let person = house.signs_in(ONE).await?;
    person.goes_to("/patients").await?;
    person.sees(mrn).await?;
    let other = person.browser.window().await?;
    let full = person.browser.new_tab().await?;
    person.browser.switch_to_window(full).await?;
    person.goes_to("/patients").await?;
    person.sees(mrn).await?;
    person.browser.execute(FULL_AND_REFUSED, vec![]).await?;
    person.clicks("Forms").await?;
    let renewed = "return localStorage.getItem('bedside.session') === 'unkept' || !localStorage.getItem('bedside.session')";
    person.waits_for("the renewal", renewed, vec![]).await?;
    person.sees_nav("Patients").await?;
    person.browser.switch_to_window(other).await?;
    // Long enough for what the storage says to be heard.
    tokio::time::sleep(Duration::from_secs(1)).await;
    ensure!(
        shown(&person).await?.contains(mrn),
        "the other tab is signed out"
    );
    house.closes([person]).await
}

#[tokio::test]
async fn whose_account_is_deleted_is_shut_out_and_told_why() -> Result<()> {
    let flags = ["--token-life", "8", "--jwt-secret", DEMO_SECRET];
    let backend = Backend::start_on(0, Data::Demo, &flags).await?;
    let driver = Driver::start()?;
    let viewer = Api::sign_in(&backend.url(), VIEWER).await?;
    let person = Person::signed_in(driver.open(DESKTOP).await?, &backend.url(), VIEWER).await?;
    person.goes_to("/patients").await?;
    person.waits_for_realtime(&["live"]).await?;
    let service = JwtKeys::new(DEMO_SECRET).service_role_key().to_owned();
    let deleted = reqwest::Client::new()
        .delete(format!(
            "{}/auth/v1/admin/users/{}",
            backend.url(),
            viewer.user_id
        ))
        .header("apikey", &service)
        .bearer_auth(&service)
        .send()
        .await?;
    ensure!(deleted.status().is_success(), "{}", deleted.status());
    person.field("Password").await?;
    let page = person.page_text().await?;
    ensure!(
        page.contains("Your session has ended") || page.contains("Your account"),
        "no reason is given: {page}"
    );
    ensure!(!held(&person).await?.contains("MRN"), "rows stay");
    person.leaves().await?;
    backend.stop().await
}
