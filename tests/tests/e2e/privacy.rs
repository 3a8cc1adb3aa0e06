//! What a shared browser keeps of a person's work: no patient's name in a title, no search in an address.

use anyhow::{Result, ensure};
use bedside_tests::house::House;
use serde_json::Value;

use crate::{ONE, TWO, text};

#[tokio::test]
async fn the_browser_s_history_names_no_patient_and_no_search() -> Result<()> {
    let house = House::opens().await?;
    let patient = house.api(ONE).await?.own_patient().await?;
    let (id, name) = (text(&patient, "id")?, text(&patient, "last_name")?);
    let one = house.signs_in(ONE).await?;
    one.goes_to(&format!("/patients?q={name}")).await?;
    one.sees(name).await?;
    one.waits_for(
        "an address without the search",
        "return !location.href.includes(arguments[0])",
        vec![Value::from(name)],
    )
    .await?;
    let typed = one.browser.execute(
        "return document.querySelector('input[type=search]')?.value",
        vec![],
    );
    ensure!(
        typed.await?.json().as_str() == Some(name),
        "the search is lost"
    );

    one.goes_to(&format!("/patients/{id}")).await?;
    one.sees(text(&patient, "mrn")?).await?;
    let title = one.browser.title().await?;
    ensure!(
        title.contains("Patient") && !title.contains(name),
        "{title}"
    );

    one.signs_out().await?;
    one.field("Password").await?;
    one.sign_in(TWO, bedside_tests::PASSWORD).await?;
    one.sees_nav("Patients").await?;
    for _ in 0..4 {
        one.browser.back().await?;
        let said = one
            .browser
            .execute("return location.href + document.title", vec![])
            .await?;
        let said = said.json().as_str().unwrap_or_default().to_owned();
        ensure!(!said.contains(name), "{said}");
    }
    house.closes([one]).await
}
