//! The address of the database, as the program is given it.

use std::net::TcpListener;

use sqlx::Connection as _;

use super::postgres::{PASSWORD, Server};
use crate::backend::program::{Program, command, fails_with};
use crate::backend::stage::Project;

const VARIABLE: &str = "BEDSIDE_DATABASE_URL";

/// What the program says to an address in the environment; never the password in it.
fn refusal(url: &str) -> String {
    let said = fails_with(
        command(&Project::new())
            .args(["--port", "0"])
            .env(VARIABLE, url),
    );
    assert!(
        said.starts_with("error: ") && said.lines().count() == 1,
        "{said}"
    );
    assert!(!said.contains("s3cret"), "{said}");
    said
}

#[tokio::test]
async fn the_environment_names_the_database() {
    let server = Server::start().await;
    let url = server.owner("bedside", "createrole").await;
    let project = Project::new();
    let mut with_address = command(&project);
    with_address.args(["--port", "0"]).env(VARIABLE, &url);
    let program = Program::run(&mut with_address);
    assert_eq!(program.sign_up("someone@ward.test").await, 200);
    let mut connection = server.administrator("bedside").await;
    let accounts: Vec<String> = sqlx::query_scalar("select email from auth.users")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    assert_eq!(accounts, ["someone@ward.test"]);
}

#[tokio::test]
async fn what_is_wrong_with_an_address_is_one_line_without_its_password() {
    let server = Server::start().await;
    server.owner("bedside", "").await;
    let no_database = refusal(&server.url("bedside", "elsewhere"));
    assert!(
        no_database.contains("database \"elsewhere\" does not exist"),
        "{no_database}"
    );
    let wrong = server
        .url("bedside", "bedside")
        .replace(PASSWORD, "another-s3cret");
    let wrong_password = refusal(&wrong);
    assert!(
        wrong_password.contains("password authentication failed for user \"bedside\""),
        "{wrong_password}"
    );
}

#[test]
fn an_address_where_no_server_listens_is_named() {
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let said = refusal(&format!("postgres://someone:s3cret@{free}/db"));
    assert!(said.contains(&format!("cannot reach {free}")), "{said}");
}

#[test]
fn what_is_not_an_address_of_postgresql_is_told_the_form_of_one() {
    for url in [
        "",
        "s3cret",
        "http://someone:s3cret@127.0.0.1/db",
        "postgres://someone:s3cret@127.0.0.1:port/db",
    ] {
        let said = refusal(url);
        assert!(
            said.contains("postgres://user:password@host:port/database"),
            "{said}"
        );
    }
}

#[test]
fn a_flag_for_another_database_beside_the_environment_is_refused() {
    for flag in ["--in-memory", "--reset"] {
        let said = fails_with(
            command(&Project::new())
                .args(["--port", "0", flag])
                .env(VARIABLE, "postgres://someone:s3cret@127.0.0.1/db"),
        );
        assert!(
            said.contains(flag) && said.contains("--database-url") && said.contains(VARIABLE),
            "{said}"
        );
        assert!(!said.contains("s3cret"), "{said}");
    }
}

#[test]
fn the_help_names_the_variable_and_not_its_value() {
    let shown = command(&Project::new())
        .arg("--help")
        .env(VARIABLE, "postgres://someone:s3cret@127.0.0.1/db")
        .output()
        .unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(
        shown.contains(VARIABLE) && !shown.contains("s3cret"),
        "{shown}"
    );
}
