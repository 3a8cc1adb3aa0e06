//! More patients than anybody can look through: what lists are measured with.

use anyhow::Result;
use serde_json::{Value, json};

use crate::api::Api;

/// So many go in one request.
const PORTION: usize = 500;

/// Adds made-up patients until there are about this many.
pub async fn fill(admin: &Api, patients: usize) -> Result<()> {
    let there = admin.rows("patients?select=id").await?.len();
    for portion in 0..patients.saturating_sub(there) / PORTION {
        let rows: Vec<Value> = (0..PORTION)
            .map(|row| patient(portion * PORTION + row))
            .collect();
        admin.add("patients", json!(rows)).await?;
    }
    Ok(())
}

fn patient(number: usize) -> Value {
    let wards = ["Cardiology", "Emergency", "Surgery", "Oncology"];
    json!({
        "mrn": format!("ZZ-{:06}", 100_000 + number),
        "first_name": format!("Given {number}"),
        "last_name": format!("Family {}", number * 7_919 % 10_007),
        "date_of_birth": format!("19{:02}-0{}-1{}", number % 90 + 10, number % 9 + 1, number % 10),
        "sex": "female",
        "status": "admitted",
        "ward": wards[number % wards.len()],
        "notes": "",
    })
}
