//! A role that owns its database and is no superuser.

use bedside_backend::{Backend, StartError};

use super::postgres::Server;
use super::session::Session;
use super::{options, refused};

#[tokio::test]
async fn an_ordinary_owner_gets_migrations_seed_sign_in_and_live_changes_and_keeps_them() {
    let server = Server::start().await;
    let url = server.owner("bedside", "createrole").await;

    let backend = Backend::start(options(&url)).await.unwrap();
    let session = Session::sign_in(&backend, "clinician.one@bedside.test").await;
    let patient = session.patient().await;
    session.rename(&patient, "Before").await;
    backend.shutdown().await;

    let backend = Backend::start(options(&url)).await.unwrap();
    let session = Session::sign_in(&backend, "clinician.one@bedside.test").await;
    assert_eq!(session.first_name(&patient).await, "Before");
    session.rename(&patient, "After").await;
    backend.shutdown().await;
}

#[tokio::test]
async fn an_owner_without_createrole_is_told_the_statements_that_an_administrator_runs_once() {
    let server = Server::start().await;
    let url = server.owner("bedside", "nocreaterole").await;

    let refused = refused(&url).await;
    assert_eq!(refused.to_string().lines().count(), 1, "{refused}");
    let StartError::Rights { statements } = refused else {
        panic!("{refused}");
    };
    server.administer("bedside", &statements.join(";")).await;

    let backend = Backend::start(options(&url)).await.unwrap();
    let session = Session::sign_in(&backend, "clinician.two@bedside.test").await;
    session.rename(&session.patient().await, "Renamed").await;
    backend.shutdown().await;
}

#[tokio::test]
async fn every_right_that_a_role_lacks_is_in_the_list() {
    let server = Server::start().await;
    let url = server.owner("bedside", "nocreaterole").await;
    let taken = "
        alter database bedside owner to administrator;
        create role anon; create role authenticated; create role service_role; create role authenticator;
        create role supabase_admin; create role supabase_auth_admin; create role supabase_realtime_admin;
        create role dashboard_user;
        grant anon to bedside;
        revoke usage on schema public from public;
        create schema auth; create schema realtime; create schema extensions; create schema supabase_migrations;
        create publication supabase_realtime;";
    server.administer("bedside", taken).await;

    let refused = refused(&url).await;
    let StartError::Rights { statements } = refused else {
        panic!("{refused}");
    };
    assert!(
        !statements.contains(&"grant anon to bedside".to_owned()),
        "{statements:?}"
    );
    server.administer("bedside", &statements.join(";")).await;

    let backend = Backend::start(options(&url)).await.unwrap();
    let session = Session::sign_in(&backend, "clinician.two@bedside.test").await;
    session.rename(&session.patient().await, "Renamed").await;
    backend.shutdown().await;
}

#[tokio::test]
async fn a_database_that_another_role_prepared_is_refused_with_the_name_of_that_role() {
    let server = Server::start().await;
    let url = server.owner("bedside", "createrole").await;
    server
        .administer(
            "postgres",
            "create role previous_owner login superuser password 's3cret-of-the-role'",
        )
        .await;
    let previous_owner = server.url("previous_owner", "bedside");
    let backend = Backend::start(options(&previous_owner)).await.unwrap();
    backend.shutdown().await;

    let refused = refused(&url).await;
    assert!(
        matches!(&refused, StartError::OtherOwner { owner, .. } if owner == "previous_owner"),
        "{refused}"
    );
}
