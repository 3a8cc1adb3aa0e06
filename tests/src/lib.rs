//! What the tests that need more than one crate stand on: a backend of their own, a browser of their own, and the
//! acts of a person on a page. Knows the product by its address, its words and its roles, never its code.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

pub mod api;
pub mod axe;
pub mod backend;
pub mod browser;
pub mod crowd;
pub mod house;
pub mod keyboard;
pub mod lens;
pub mod npm;
pub mod person;
pub mod places;
pub mod story;
pub mod wire_tap;

use std::path::{Path, PathBuf};

/// The password of every demo account.
pub const PASSWORD: &str = "bedside-demo";

/// The workspace's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ lies in the workspace")
}

/// The built app: the one that `cargo xtask` names, else the one beside this very test.
pub fn app() -> PathBuf {
    std::env::var_os("BEDSIDE_APP").map_or_else(|| target(1).join("app"), PathBuf::from)
}

/// A folder above this very test, which lies in `target/debug/deps`: 0 is `debug`, 1 is `target`.
fn target(level: usize) -> PathBuf {
    let here = std::env::current_exe().expect("a test has a path");
    let folder = here.ancestors().nth(2 + level);
    folder.expect("a test lies in target/debug/deps").to_owned()
}

/// Where the workspace's programs are built.
pub fn built(program: &str) -> PathBuf {
    let path = target(0).join(program);
    assert!(
        path.is_file(),
        "{} is not built; run `cargo xtask test e2e`",
        path.display()
    );
    path
}

/// The median-like figure that a person notices: `share` of the values are at most this.
pub fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}
