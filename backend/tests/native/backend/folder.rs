//! The data folder: what survives a restart, what runs once, and what is refused.

use std::path::Path;

use bedside_backend::jwt::DEMO_SECRET;
use bedside_backend::{Backend, Database, OnStart, Options, Running, StartError};
use serde_json::{Value, json};

use crate::backend::stage::{Project, answer};

async fn start(project: &Project, data: &Path) -> Result<Running, StartError> {
    Backend::start(Options::in_folder(project.path(), data)).await
}

fn refusal(started: Result<Running, StartError>) -> String {
    match started {
        Ok(_) => panic!("it started"),
        Err(error) => error.to_string(),
    }
}

async fn number(backend: &Running, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql)
        .fetch_one(backend.db().pool())
        .await
        .unwrap()
}

async fn titles(backend: &Running) -> Vec<String> {
    sqlx::query_scalar("select title from public.notes order by title")
        .fetch_all(backend.db().pool())
        .await
        .unwrap()
}

const SEED: &str = "
insert into auth.users (id, email) values ('00000000-0000-4000-a000-000000000001', 'seeded@ward.test');
insert into public.notes (owner, title) values ('00000000-0000-4000-a000-000000000001', 'from the seed');
";

async fn add(backend: &Running, title: &str) {
    let key = backend.keys().service_role_key();
    let row = json!({ "owner": "00000000-0000-4000-a000-000000000001", "title": title });
    let request = reqwest::Client::new()
        .post(format!("{}/rest/v1/notes", backend.url()))
        .header("apikey", key)
        .json(&row);
    let (status, error): (u16, Value) = answer(request).await;
    assert_eq!(status, 201, "{error}");
}

#[tokio::test]
async fn rows_survive_a_restart_and_migrations_and_seed_run_once() {
    let project = Project::new();
    project.write("seed.sql", SEED);
    let data = project.beside("data");
    let first = start(&project, &data).await.unwrap();
    add(&first, "kept").await;
    first.shutdown().await;

    project.write(
        "migrations/20260202000000_more.sql",
        "create table public.more (id int primary key);",
    );
    project.write("seed.sql", "this is not SQL, and must not be run again");
    let second = start(&project, &data).await.unwrap();
    assert_eq!(titles(&second).await, ["from the seed", "kept"]);
    assert_eq!(number(&second, "select count(*) from public.more").await, 0);
    let recorded: Vec<(String, String)> = sqlx::query_as(
        "select version, name from supabase_migrations.schema_migrations order by version",
    )
    .fetch_all(second.db().pool())
    .await
    .unwrap();
    let recorded: Vec<_> = recorded
        .iter()
        .map(|(v, n)| (v.as_str(), n.as_str()))
        .collect();
    assert_eq!(
        recorded,
        [("20260101000000", "notes"), ("20260202000000", "more")]
    );
    second.shutdown().await;
}

#[tokio::test]
async fn a_reset_starts_from_the_seed_again() {
    let project = Project::new();
    project.write("seed.sql", SEED);
    let data = project.beside("data");
    let first = start(&project, &data).await.unwrap();
    add(&first, "not kept").await;
    let old_secret = first.keys().secret().to_owned();
    first.shutdown().await;
    std::fs::write(data.join("mine.txt"), "not the backend's").unwrap();

    let options = Options {
        database: Database::Folder(data.clone(), OnStart::Reset),
        ..Options::in_memory(project.path())
    };
    let second = Backend::start(options).await.unwrap();
    assert_eq!(titles(&second).await, ["from the seed"]);
    assert_ne!(
        second.keys().secret(),
        old_secret,
        "no token outlives its account"
    );
    assert!(
        data.join("mine.txt").exists(),
        "a reset removes only what a backend wrote"
    );
    second.shutdown().await;
}

#[tokio::test]
async fn a_failing_migration_names_its_line_and_leaves_nothing_of_itself() {
    let project = Project::new();
    project.write("seed.sql", SEED);
    let data = project.beside("data");
    start(&project, &data).await.unwrap().shutdown().await;

    project.write(
        "migrations/20260202000000_broken.sql",
        "create table public.half (id int);\nselect nonsense;\n",
    );
    let message = refusal(start(&project, &data).await);
    assert!(
        message.contains("20260202000000_broken.sql") && message.contains("line 2"),
        "{message}"
    );
    assert!(!message.contains('\n'));

    project.write(
        "migrations/20260202000000_broken.sql",
        "create table public.half (id int);",
    );
    let repaired = start(&project, &data).await.unwrap();
    assert_eq!(titles(&repaired).await, ["from the seed"]);
    repaired.shutdown().await;
}

#[tokio::test]
async fn a_first_start_that_fails_leaves_nothing_in_the_way_of_the_next() {
    let project = Project::new();
    project.write("seed.sql", "select nonsense");
    let data = project.beside("data");
    let message = refusal(start(&project, &data).await);
    assert!(message.contains("seed.sql"), "{message}");

    project.write("seed.sql", SEED);
    let second = start(&project, &data).await.unwrap();
    assert_eq!(titles(&second).await, ["from the seed"]);
    second.shutdown().await;
}

#[tokio::test]
async fn a_half_written_folder_is_refused_by_a_message_that_names_the_way_out() {
    let project = Project::new();
    let data = project.beside("data");
    start(&project, &data).await.unwrap().shutdown().await;
    // What a kill during the first start leaves.
    std::fs::remove_file(data.join("complete")).unwrap();
    let message = refusal(start(&project, &data).await);
    assert!(
        message.contains("half written") && message.contains("--reset"),
        "{message}"
    );
    assert!(!message.contains('\n'), "{message}");
}

#[tokio::test]
async fn a_damaged_folder_is_refused_and_not_quietly_made_anew() {
    let project = Project::new();
    let data = project.beside("data");
    start(&project, &data).await.unwrap().shutdown().await;
    let control = data.join("postgres/tmp/pglite/base/global/pg_control");
    let sound = std::fs::read(&control).unwrap();
    for damage in [None, Some(&sound[..100]), Some(&[0; 8192][..])] {
        match damage {
            None => std::fs::remove_file(&control).unwrap(),
            Some(bytes) => std::fs::write(&control, bytes).unwrap(),
        }
        let message = refusal(start(&project, &data).await);
        assert!(
            message.contains("damaged") && message.contains("--reset"),
            "{message}"
        );
        assert!(!message.contains('\n'), "{message}");
    }
    std::fs::write(&control, sound).unwrap();
    start(&project, &data).await.unwrap().shutdown().await;
}

#[tokio::test]
async fn two_backends_do_not_share_a_folder() {
    let project = Project::new();
    let data = project.beside("data");
    let first = start(&project, &data).await.unwrap();
    let message = refusal(start(&project, &data).await);
    assert!(message.contains("in use by another backend"), "{message}");
    first.shutdown().await;
    start(&project, &data).await.unwrap().shutdown().await;
}

#[tokio::test]
async fn a_folder_without_migrations_is_named() {
    let empty = tempfile::tempdir().unwrap();
    let message = refusal(Backend::start(Options::in_memory(empty.path())).await);
    assert!(message.contains("--supabase-dir"), "{message}");
}

#[tokio::test]
async fn a_folder_signs_with_a_secret_of_its_own_that_only_its_owner_reads() {
    let project = Project::new();
    let (data, other) = (project.beside("data"), project.beside("other"));
    let mut secrets = Vec::new();
    for folder in [&data, &data, &other] {
        let backend = start(&project, folder).await.unwrap();
        secrets.push(backend.keys().secret().to_owned());
        backend.shutdown().await;
    }
    let [first, again, elsewhere] = &secrets[..] else {
        panic!("three starts");
    };
    assert_eq!(first, again);
    assert_ne!(first, elsewhere);
    assert_ne!(first, DEMO_SECRET);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let file = std::fs::metadata(data.join("jwt-secret")).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn without_a_folder_each_backend_has_a_secret_of_its_own_unless_one_is_given() {
    let project = Project::new();
    let mut secrets = Vec::new();
    for given in [None, None, Some(DEMO_SECRET.to_owned())] {
        let options = Options {
            jwt_secret: given,
            ..Options::in_memory(project.path())
        };
        let backend = Backend::start(options).await.unwrap();
        secrets.push(backend.keys().secret().to_owned());
        backend.shutdown().await;
    }
    assert_ne!(secrets[0], secrets[1]);
    assert_ne!(secrets[0], DEMO_SECRET);
    assert_eq!(secrets[2], DEMO_SECRET);
    let short = Options {
        jwt_secret: Some("guess".to_owned()),
        ..Options::in_memory(project.path())
    };
    let message = refusal(Backend::start(short).await);
    assert!(message.contains("at least 32"), "{message}");
}
