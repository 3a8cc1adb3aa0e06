//! What Supabase owns in a project's database: API roles, the `auth` schema, the publication, default privileges.
//!
//! The migrations in `supabase/` rely on it and never create any of it, so that they apply unchanged to a real
//! project. Every statement can run again on a database that has it already.
//!
//! A database elsewhere is checked first: one that a Supabase project uses is left as it is, and a role that lacks
//! rights is told which. Nothing is written before that.

use sqlx::Row as _;

use crate::db::Db;
use crate::error::StartError;
use crate::realtime;

const OWNERSHIP: &str = include_str!("../bootstrap/ownership.sql");
const RIGHTS: &str = include_str!("../bootstrap/rights.sql");
const ROLES: &str = include_str!("../bootstrap/roles.sql");
const AUTH: &str = include_str!("../bootstrap/auth.sql");

/// Looks for what forbids a start on a database elsewhere; writes nothing.
pub(crate) async fn check(db: &Db) -> Result<(), StartError> {
    let failed = || StartError::database("looking at what the database holds");
    let in_the_way = sqlx::query(OWNERSHIP)
        .fetch_optional(db.pool())
        .await
        .map_err(failed())?;
    if let Some(row) = in_the_way {
        return Err(refusal(&row).unwrap_or_else(failed()));
    }
    let statements: Vec<String> = sqlx::query_scalar(RIGHTS)
        .fetch_all(db.pool())
        .await
        .map_err(failed())?;
    match statements.is_empty() {
        true => Ok(()),
        false => Err(StartError::Rights { statements }),
    }
}

fn refusal(row: &sqlx::postgres::PgRow) -> Result<StartError, sqlx::Error> {
    let object = row.try_get("object")?;
    Ok(match row.try_get("foreign_object")? {
        true => StartError::NotOurs {
            object,
            database: row.try_get("database")?,
        },
        false => StartError::OtherOwner {
            object,
            owner: row.try_get("owner")?,
        },
    })
}

/// Brings a database to the state in which a new Supabase project is.
pub(crate) async fn apply(db: &Db) -> Result<(), StartError> {
    // In one transaction: the mark by which a database is recognised as ours comes together with everything it promises.
    let scripts = [ROLES, AUTH, realtime::bootstrap_sql()].join("\n");
    db.run_script(&scripts)
        .await
        .map_err(StartError::database("preparing what Supabase owns"))?;
    let bypasses: bool =
        sqlx::query_scalar("select rolbypassrls from pg_roles where rolname = 'service_role'")
            .fetch_one(db.pool())
            .await
            .map_err(StartError::database("looking at the role service_role"))?;
    if !bypasses {
        tracing::warn!(
            "requests with the service key see only what policies allow: an administrator can change that with \
             `alter role service_role bypassrls`"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    //! What PostgreSQL 16 and later make of roles, which the embedded one shows: CREATEROLE gives rights only over roles
    //! that one has made.
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )]
    use super::*;
    use crate::embedded::Embedded;

    /// A database that belongs to the role `bedside` with these attributes, which is the current one.
    async fn owned(attributes: &str, by_the_administrator: &str) -> (Embedded, Db) {
        let (embedded, db) = Embedded::in_memory().await.unwrap();
        db.run_script(&format!(
            "create role bedside {attributes};
             do $$ begin execute format('alter database %I owner to bedside', current_database()); end $$;
             {by_the_administrator}"
        ))
        .await
        .unwrap();
        db.run_script("set session authorization bedside")
            .await
            .unwrap();
        (embedded, db)
    }

    async fn end(embedded: Embedded, db: Db) {
        db.close().await;
        embedded.stop().await;
    }

    async fn fact(db: &Db, sql: &'static str) -> bool {
        sqlx::query_scalar(sql).fetch_one(db.pool()).await.unwrap()
    }

    const BYPASSES: &str = "select rolbypassrls from pg_roles where rolname = 'service_role'";

    #[tokio::test]
    async fn an_owner_with_createrole_makes_the_roles_and_takes_them_on() {
        let (embedded, db) = owned("createrole", "").await;
        for _start in 0..2 {
            check(&db).await.unwrap();
            apply(&db).await.unwrap();
        }
        for role in ["anon", "authenticated", "service_role"] {
            db.run_script(&format!("set role {role}; reset role"))
                .await
                .unwrap();
        }
        assert!(!fact(&db, BYPASSES).await);
        end(embedded, db).await;
    }

    #[tokio::test]
    async fn an_owner_that_bypasses_row_security_passes_that_on_to_the_service_role() {
        let (embedded, db) = owned("createrole bypassrls", "").await;
        check(&db).await.unwrap();
        apply(&db).await.unwrap();
        assert!(fact(&db, BYPASSES).await);
        end(embedded, db).await;
    }

    #[tokio::test]
    async fn roles_that_an_administrator_made_have_to_be_granted_even_to_an_owner_with_createrole()
    {
        let made =
            "create role anon; create role authenticated; create role service_role bypassrls";
        let (embedded, db) = owned("createrole", made).await;
        let Err(StartError::Rights { statements }) = check(&db).await else {
            panic!("nothing is missing");
        };
        let grants = ["anon", "authenticated", "service_role"];
        assert_eq!(
            statements,
            grants.map(|role| format!("grant {role} to bedside"))
        );
        let as_administrator = format!(
            "set session authorization postgres; {}; set session authorization bedside",
            statements.join(";")
        );
        db.run_script(&as_administrator).await.unwrap();
        check(&db).await.unwrap();
        apply(&db).await.unwrap();
        assert!(fact(&db, BYPASSES).await);
        end(embedded, db).await;
    }
}
