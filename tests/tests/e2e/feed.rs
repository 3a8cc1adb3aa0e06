//! A healthy socket over a feed that loses changes: only the database can tell.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bedside_backend::{Backend, Options, Running};
use bedside_tests::api::Api;
use bedside_tests::backend::{Data, Lost};
use bedside_tests::browser::{DESKTOP, Driver};
use bedside_tests::person::Person;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::json;

use crate::{ADMIN, ONE, text};

/// A loss is healed after at most this long: the longest interval between two checks, and what is allowed for their way.
const NOTICED: Duration = Duration::from_secs(25);

/// A backend in the test's own process, whose feed and database can be broken by hand.
async fn backend() -> Result<Running> {
    let mut options = Options::in_memory(bedside_tests::root().join("supabase"));
    options.dist = Some(bedside_tests::app());
    Ok(Backend::start(options).await?)
}

fn within(what: &str, since: Instant) -> Result<()> {
    let took = since.elapsed();
    println!("{what} after {:.1} s", took.as_secs_f64());
    ensure!(took <= NOTICED, "{what} after {took:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_falls_silent_behind_an_open_socket_is_noticed_and_made_up_for() -> Result<()> {
    let backend = backend().await?;
    let driver = Driver::start()?;
    let writer = Api::sign_in(&backend.url(), ONE).await?;
    let patient = writer.own_patient().await?;
    let row = format!("patients?id=eq.{}", text(&patient, "id")?);
    let reader = Person::signed_in(driver.open(DESKTOP).await?, &backend.url(), ADMIN).await?;
    reader
        .goes_to(&format!("/patients/{}", text(&patient, "id")?))
        .await?;
    reader.waits_for_realtime(&["live"]).await?;
    reader.sees(text(&patient, "last_name")?).await?;
    let sockets = backend.realtime().open_sockets();

    // A burst is lost, and nothing in the stream tells of it.
    backend.realtime().silence_feed();
    for lost in ["Lost-One", "Lost-Two", "Lost-Three"] {
        writer.change(&row, json!({"last_name": lost})).await?;
    }
    let burst = Instant::now();
    backend.realtime().catch_up().await;
    backend.realtime().restore_feed();
    while !reader.page_text().await?.contains("Lost-Three") {
        ensure!(burst.elapsed() <= NOTICED, "the lost burst is not seen");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    within("a lost burst healed", burst)?;
    // A change that never came is a gap, and says so.
    reader.waits_for_realtime(&["degraded"]).await?;
    reader.waits_for_realtime(&["live"]).await?;

    // The feed ends for good. The screen says so, and asks for what it shows without being told.
    backend.realtime().silence_feed();
    let silence = Instant::now();
    writer.change(&row, json!({"last_name": "Unheard"})).await?;
    reader.sees("Unheard").await?;
    within("a lost change healed", silence)?;
    reader.waits_for_realtime(&["degraded"]).await?;
    ensure!(
        backend.realtime().open_sockets() == sockets,
        "the socket was not open all the time"
    );

    backend.realtime().restore_feed();
    reader.waits_for_realtime(&["live"]).await?;
    writer
        .change(&row, json!({"last_name": "Heard-Again"}))
        .await?;
    reader.sees("Heard-Again").await?;
    reader.leaves().await?;
    backend.shutdown().await;
    Ok(())
}

/// Changes are lost in windows of random length, one after the other, while the page claims to be live all the time.
#[tokio::test]
async fn what_200_random_windows_lose_is_on_the_screen_within_one_interval() -> Result<()> {
    const WINDOWS: u32 = 200;
    let flags = ["--fault-control"];
    let backend = bedside_tests::backend::Backend::start_on(0, Data::Demo, &flags).await?;
    let driver = Driver::start()?;
    let writer = Api::sign_in(&backend.url(), ADMIN).await?;
    let patients = writer.rows("patients?select=id&limit=5").await?;
    let reader = Person::signed_in(driver.open(DESKTOP).await?, &backend.url(), ADMIN).await?;
    reader.clicks("Patients").await?;
    reader.waits_for_realtime(&["live"]).await?;

    let seed = rand::random::<u64>();
    println!("seed {seed}");
    let mut dice = StdRng::seed_from_u64(seed);
    for window in 0..WINDOWS {
        let lost = Lost {
            table: dice.random_bool(0.8).then_some("patients"),
            for_ms: Some(dice.random_range(1..300)),
            count: dice.random_bool(0.3).then(|| dice.random_range(1..4)),
        };
        backend.drop_changes(lost).await?;
        // Names that lead the list, so that they are on the screen.
        let patient = dice.random_range(0..patients.len());
        let row = format!("patients?id=eq.{}", text(&patients[patient], "id")?);
        let name = format!("Aaa-{patient}-{window}");
        writer.change(&row, json!({"last_name": name})).await?;
        tokio::time::sleep(Duration::from_millis(dice.random_range(0..150))).await;
    }
    let ended = Instant::now();
    let lost = backend.dropped_changes().await?;
    ensure!(
        lost >= u64::from(WINDOWS) / 4,
        "only {lost} changes were lost"
    );
    let names = writer
        .rows("patients?select=last_name&last_name=like.Aaa-*")
        .await?;
    loop {
        let page = reader.page_text().await?;
        let mut shown = names.iter().map(|row| text(row, "last_name"));
        if shown.all(|name| name.is_ok_and(|name| page.contains(name))) {
            break;
        }
        ensure!(
            ended.elapsed() <= NOTICED,
            "{lost} lost changes, not all healed: {names:?}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    within(&format!("{lost} lost changes healed"), ended)?;
    reader.leaves().await?;
    backend.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_stands_still_is_noticed_and_what_was_saved_arrives() -> Result<()> {
    const STANDSTILL: &str = "select pg_sleep(40)";
    let backend = backend().await?;
    let driver = Driver::start()?;
    let writer = Api::sign_in(&backend.url(), ONE).await?;
    let patient = writer.own_patient().await?;
    let id = text(&patient, "id")?;
    let person = Person::signed_in(driver.open(DESKTOP).await?, &backend.url(), ONE).await?;
    person.goes_to(&format!("/patients/{id}")).await?;
    person.waits_for_realtime(&["live"]).await?;
    person.sees(text(&patient, "mrn")?).await?;

    let database = backend.db().clone();
    let standstill = tokio::spawn(async move { database.run_script(STANDSTILL).await });
    let start = Instant::now();
    person.types("Last name", "Patiently-Saved").await?;
    person.clicks("Save").await?;
    person
        .waits_for_realtime(&["degraded", "joining", "stale"])
        .await?;
    within("a database that stands still noticed", start)?;
    ensure!(
        !standstill.is_finished(),
        "it was noticed too late to matter"
    );

    standstill.await.context("the standstill")??;
    person.waits_for_realtime(&["live"]).await?;
    let kept = format!("patients?select=last_name&id=eq.{id}");
    let deadline = Instant::now() + NOTICED;
    while writer.rows(&kept).await? != [json!({"last_name": "Patiently-Saved"})] {
        ensure!(Instant::now() < deadline, "what was saved never arrived");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    person.sees("Patiently-Saved").await?;
    person.leaves().await?;
    backend.shutdown().await;
    Ok(())
}
