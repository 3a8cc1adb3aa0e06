//! The dashboard's numbers: live, and to be read as well as seen.

use anyhow::{Context, Result, ensure};
use bedside_tests::house::House;
use serde_json::{Value, json};

use crate::{ONE, VIEWER, text};

/// What the table of forms by status says of a status.
const COUNT: &str = "const row = [...document.querySelectorAll('[aria-labelledby=chart-statuses] tbody tr')] \
     .find(row => row.cells[0].innerText === arguments[0]); return row ? Number(row.cells[1].innerText) : null;";

#[tokio::test]
async fn a_form_handed_in_elsewhere_is_counted_at_once_and_nothing_blinks() -> Result<()> {
    let house = House::opens().await?;
    let clinician = house.api(ONE).await?;
    let path = format!(
        "form_submissions?status=eq.draft&submitted_by=eq.{}&order=id&limit=1",
        clinician.user_id
    );
    let drafts = clinician.rows(&path).await?;
    let draft = drafts.first().context("no draft")?;

    let viewer = house.signs_in(VIEWER).await?;
    viewer.waits_for_realtime(&["live"]).await?;
    viewer.clicks("Forms by status as a table").await?;
    viewer
        .waits_for(
            "the table",
            "return !!document.querySelector('[aria-labelledby=chart-statuses] tbody tr')",
            vec![],
        )
        .await?;
    let before = viewer
        .browser
        .execute(COUNT, vec![Value::from("Submitted")])
        .await?;
    let before = before.json().as_u64().context("no count")?;
    // A card that is taken away and drawn anew would lose its mark.
    viewer
        .browser
        .execute(
            "for (const card of document.querySelectorAll('.chart-card')) card.marked = true",
            vec![],
        )
        .await?;

    let form = format!("form_submissions?id=eq.{}", text(draft, "id")?);
    let changed = clinician
        .change(&form, json!({"status": "submitted"}))
        .await?;
    ensure!(changed.len() == 1, "the draft was not handed in");
    viewer
        .waits_for(
            "one submitted form more",
            &format!("return (function() {{ {COUNT} }})(...arguments) === arguments[1]"),
            vec![Value::from("Submitted"), Value::from(before + 1)],
        )
        .await?;
    let kept = viewer
        .browser
        .execute(
            "return [...document.querySelectorAll('.chart-card')].every(card => card.marked)",
            vec![],
        )
        .await?;
    ensure!(kept.json() == &Value::Bool(true), "a chart was drawn anew");
    house.closes([viewer]).await
}

#[tokio::test]
async fn as_many_wards_as_there_are_stand_within_their_chart() -> Result<()> {
    let house = House::opens().await?;
    let viewer = house.signs_in(VIEWER).await?;
    let drawn = "return document.querySelectorAll('.chart li').length > 12";
    viewer.waits_for("the charts", drawn, vec![]).await?;
    let beyond = viewer
        .browser
        .execute(
            "return [...document.querySelectorAll('.chart')].flatMap(chart => { \
                 const frame = chart.getBoundingClientRect(); \
                 const beyond = box => box.top < frame.top || box.bottom > frame.bottom; \
                 return [...chart.querySelectorAll('li')] \
                     .filter(bar => beyond(bar.getBoundingClientRect())).map(bar => bar.innerText); \
             })",
            vec![],
        )
        .await?;
    ensure!(
        beyond.json() == &json!([]),
        "beyond their chart: {}",
        beyond.json()
    );
    house.closes([viewer]).await
}
