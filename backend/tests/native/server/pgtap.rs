//! The pgTAP tests in `supabase/tests`, which `supabase test db` runs on a local stack: here on a server of our own.

use bedside_backend::Backend;
use sqlx::{AssertSqlSafe, Executor as _, Row as _};

use super::options;
use super::postgres::Server;

/// What is wrong in the answers of one file.
async fn problems(server: &Server, database: &str, sql: &str) -> Vec<String> {
    let mut connection = server.administrator(database).await;
    let rows = connection
        .fetch_all(sqlx::raw_sql(AssertSqlSafe(sql)))
        .await
        .unwrap();
    let lines: Vec<String> = rows
        .iter()
        // Other statements of a file return nothing, or void.
        .filter_map(|row| row.try_get::<String, _>(0).ok())
        .collect();
    assert!(
        lines.iter().any(|line| line.starts_with("ok ")),
        "no test ran: {lines:?}"
    );
    // `finish()` comments on tests that failed or are missing.
    lines
        .into_iter()
        .filter(|line| line.starts_with("not ok") || line.contains("Looks like"))
        .collect()
}

#[tokio::test]
async fn the_tests_of_the_supabase_project_pass() {
    let server = Server::start().await;
    let url = server.owner("bedside", "createrole").await;
    // An administrator, since the tests create an extension and act as every role.
    server
        .administer("bedside", "alter role bedside superuser")
        .await;
    Backend::start(options(&url))
        .await
        .unwrap()
        .shutdown()
        .await;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../supabase/tests");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        let sql = std::fs::read_to_string(&file).unwrap();
        let problems = problems(&server, "bedside", &sql).await;
        assert!(problems.is_empty(), "{}: {problems:#?}", file.display());
    }
}

#[tokio::test]
async fn a_failing_test_of_theirs_is_noticed() {
    let server = Server::start().await;
    let fails = "begin; create extension pgtap; select plan(2); select ok(true); select ok(false, 'broken');
                 select * from finish(); rollback;";
    let problems = problems(&server, "postgres", fails).await;
    assert!(
        problems.iter().any(|line| line.contains("broken")),
        "{problems:?}"
    );
}
