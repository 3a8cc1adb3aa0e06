//! A network that lets pages through and no live feed: the app goes on without it, and never claims to be up to date.

use anyhow::{Result, ensure};
use bedside_tests::browser::DESKTOP;
use bedside_tests::house::House;
use bedside_tests::wire_tap::WireTap;
use serde_json::json;

use crate::{ADMIN, ONE, text};

#[tokio::test]
async fn without_a_live_feed_one_reads_and_saves_on_and_is_told_since_when() -> Result<()> {
    let house = House::opens().await?;
    let writer = house.api(ONE).await?;
    let patient = writer.own_patient().await?;
    let path = format!("patients?id=eq.{}", text(&patient, "id")?);
    let tap = WireTap::before(house.port(), "postgres_changes").await?;
    let reader = house.signs_in_at(&tap.url(), DESKTOP, ADMIN).await?;
    reader
        .goes_to(&format!("/patients/{}", text(&patient, "id")?))
        .await?;
    reader.waits_for_realtime(&["live"]).await?;

    // A proxy that knows no sockets comes in between. Nothing on the screen goes away, and the time of the last proof is said.
    tap.cuts_sockets();
    reader
        .waits_for_realtime(&["connecting", "stale", "degraded"])
        .await?;
    reader.sees("As of").await?;
    reader.sees(text(&patient, "mrn")?).await?;

    // What others change comes when one looks, instead of by itself.
    let changed = writer
        .change(&path, json!({"last_name": "Changed-Unheard"}))
        .await?;
    ensure!(changed.len() == 1, "the change did not happen");
    let away = reader.turns_away().await?;
    reader.comes_back(away).await?;
    reader.sees("Changed-Unheard").await?;

    // What one changes oneself is saved as ever.
    reader.types("Notes", "Saved without a feed.").await?;
    reader.clicks("Save").await?;
    reader.sees("Saved.").await?;
    let row = writer.rows(&path).await?.remove(0);
    ensure!(row["notes"] == "Saved without a feed.", "stored: {row}");
    ensure!(
        reader.realtime_state().await? != "live",
        "a feed that is dead is called live"
    );

    // The proxy is gone again, and so is the doubt.
    tap.mends_sockets();
    reader.clicks("Reconnect").await?;
    reader.waits_for_realtime(&["live"]).await?;
    reader.no_longer_sees("As of").await?;
    house.closes([reader]).await
}
