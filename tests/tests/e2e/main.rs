//! The product as people use it: the built app, a fresh backend, real Chromium. Each test is a story of its own; each
//! file tells the stories of one part of the product.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use anyhow::{Context, Result};
use serde_json::Value;

mod access;
mod bad_input;
mod dashboard;
mod devtools;
mod edits;
mod fallback;
mod feed;
mod forms;
mod gateway;
mod lost_work;
mod mistaken;
mod notices;
mod outbox;
mod patients;
mod privacy;
mod sessions;
mod sign_out;
mod speed;
mod staff;
mod sync;
mod tabs;

const ADMIN: &str = "admin@bedside.test";
const ONE: &str = "clinician.one@bedside.test";
const TWO: &str = "clinician.two@bedside.test";
const VIEWER: &str = "viewer@bedside.test";

fn text<'a>(row: &'a Value, column: &str) -> Result<&'a str> {
    row[column]
        .as_str()
        .with_context(|| format!("no {column} in the row"))
}
