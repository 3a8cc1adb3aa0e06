//! `--database-url`: the backend on a PostgreSQL server that runs beside it.

mod address;
mod feed_log;
mod foreign;
mod ordinary_role;
mod pgtap;
mod postgres;
mod session;

use bedside_backend::{Backend, Database, Options, StartError};

/// A backend on the database at `url`, with the project's own migrations and seed.
fn options(url: &str) -> Options {
    Options {
        database: Database::Url(url.to_owned()),
        ..Options::in_memory(concat!(env!("CARGO_MANIFEST_DIR"), "/../supabase"))
    }
}

/// Why no backend starts on the database at `url`.
async fn refused(url: &str) -> StartError {
    let started = Backend::start(options(url)).await;
    started.err().expect("a refusal")
}
