//! A PostgreSQL server elsewhere, named by `--database-url`: its address, and why it can't be reached.
//!
//! What goes wrong here is said in one line that never holds the address itself, because that may hold a password.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection};

use crate::db::Db;
use crate::error::StartError;

/// How long the server may take to answer the first time.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
const FORM: &str = "it has the form postgres://user:password@host:port/database";

/// Connects to the database at `url`.
pub(crate) async fn connect(url: &str) -> Result<Db, StartError> {
    let options = parse(url).map_err(StartError::Url)?;
    // A single connection first: the pool would wait for a server that isn't there, and not say why.
    let first = tokio::time::timeout(ANSWERS_WITHIN, PgConnection::connect_with(&options));
    let connection = match first.await {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => return Err(StartError::Url(explain(&options, &error))),
        Err(_) => {
            let seconds = ANSWERS_WITHIN.as_secs();
            let reason = format!("no answer from {} within {seconds} s", place(&options));
            return Err(StartError::Url(reason));
        }
    };
    let pool = async {
        connection.close().await?;
        Db::connect(options).await
    };
    pool.await
        .map_err(StartError::database("connecting to --database-url"))
}

fn parse(url: &str) -> Result<PgConnectOptions, String> {
    let rest = ["postgres://", "postgresql://"]
        .into_iter()
        .find_map(|scheme| url.strip_prefix(scheme))
        .ok_or_else(|| format!("this is not the address of a PostgreSQL database: {FORM}"))?;
    // A password with one of these characters would be cut there, and half of it be taken for a host or port.
    let (authority, after) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if !authority.is_empty() && !authority.contains('@') && after.contains('@') {
        return Err("write / ? and # in the password as %2F, %3F and %23".to_owned());
    }
    url.parse()
        .map_err(|_| format!("this is not the address of a PostgreSQL database: {FORM}"))
}

fn explain(options: &PgConnectOptions, error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => {
            let message = error.message();
            match error.code().as_deref() {
                Some("3D000") => format!("{message}: create it first, or name another"),
                _ => message.to_owned(),
            }
        }
        sqlx::Error::Io(error) => format!("cannot reach {}: {error}", place(options)),
        error => error.to_string(),
    }
}

/// Where the server is looked for.
fn place(options: &PgConnectOptions) -> String {
    match options.get_socket() {
        Some(folder) => format!("the socket in {}", folder.display()),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )]
    use super::*;

    #[test]
    fn addresses_of_postgresql_are_understood() {
        for url in [
            "postgres://me:pw@localhost:5433/db",
            "postgresql://me@localhost/db",
            "postgres://me:a%2Fb%23c@localhost/db",
            "postgres:///db?host=/run/postgresql&user=me@ward",
        ] {
            assert!(parse(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn what_is_wrong_with_an_address_is_said_without_its_password() {
        for url in [
            "",
            "s3cret",
            "mysql://me:s3cret@localhost/db",
            "postgres://me:s3cret@localhost:port/db",
            "postgres://me:123#s3cret@localhost/db",
            "postgres://me:123/s3cret@localhost/db",
        ] {
            let said = parse(url).unwrap_err();
            assert!(
                !said.contains("s3cret") && said.lines().count() == 1,
                "{said}"
            );
        }
    }
}
