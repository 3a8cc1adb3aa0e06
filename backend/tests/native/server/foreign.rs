//! Databases that a Supabase project uses are left as they are.

use bedside_backend::{Backend, StartError};
use sqlx::Connection as _;

use super::postgres::Server;
use super::{options, refused};

/// Stands in for what Realtime makes in a project's database, with bodies that nobody else would write.
const REALTIME: &str = "
    create schema realtime;
    create table realtime.schema_migrations (version bigint primary key, inserted_at timestamp);
    create table realtime.subscription (id bigint primary key, entity regclass);
    create table realtime.messages (topic text, inserted_at timestamp, payload jsonb) partition by range (inserted_at);
    create table realtime.messages_old partition of realtime.messages for values from (minvalue) to (maxvalue);
    insert into realtime.messages values ('ward', now() - interval '200 hours', '{}');
    create function realtime.send(payload jsonb, event text, topic text, private boolean default true)
      returns void language plpgsql as $$ begin raise notice 'send of Realtime'; end $$;
    create function realtime.broadcast_changes(topic_name text, event_name text, operation text, table_name text,
        table_schema text, new record, old record, level text default 'ROW')
      returns void language plpgsql as $$ begin raise notice 'broadcast_changes of Realtime'; end $$;
    create function realtime.topic() returns text language sql as $$ select 'topic of Realtime' $$;
    create table public.ward (id int primary key);
    create publication supabase_realtime for table public.ward;";

/// The same for GoTrue.
const GOTRUE: &str = "
    create schema auth;
    create table auth.schema_migrations (version text primary key);
    create table auth.users (id uuid primary key, email text);
    create function auth.uid() returns uuid language sql as $$ select '00000000-0000-4000-a000-00000000dead'::uuid $$;
    create function auth.jwt() returns jsonb language sql as $$ select '{\"of\": \"GoTrue\"}'::jsonb $$;";

/// Everything in a database that a start could have changed, and how many old messages are left.
const STATE: &str = "
    select string_agg(line, E'\\n' order by line) from (
      select 'function ' || pg_get_functiondef(p.oid) from pg_proc p where p.pronamespace::regnamespace::text !~ '^(pg_|information_schema)'
      union all
      select 'trigger ' || tgrelid::regclass || tgname from pg_trigger
      union all
      select 'event trigger ' || evtname from pg_event_trigger
      union all
      select 'column ' || attrelid::regclass || attname from pg_attribute a join pg_class c on c.oid = attrelid
      where c.relnamespace::regnamespace::text !~ '^pg_'
      union all
      select 'schema ' || nspname || coalesce(nspacl::text, '') from pg_namespace where nspname !~ '^pg_(toast_)?temp'
      union all
      select 'default ' || defaclacl::text from pg_default_acl
      union all
      select 'role ' || rolname from pg_roles
      union all
      select 'publication ' || pubname from pg_publication
    ) state (line)";

async fn state(server: &Server, database: &str) -> String {
    let mut connection = server.administrator(database).await;
    let state = sqlx::query_scalar(STATE)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    state
}

/// Prepares a database with `sql` and starts a backend on it as a superuser, whom nothing but the backend holds back.
async fn is_left_alone(server: &Server, name: &str, sql: &str) -> String {
    let url = server.owner(name, "superuser").await;
    server.administer(name, sql).await;
    let before = state(server, name).await;
    let refused = refused(&url).await;
    assert_eq!(state(server, name).await, before);
    let said = refused.to_string();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("config.json"), "{said}");
    match refused {
        StartError::NotOurs { object, .. } => object,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_database_with_realtimes_own_schema_is_refused_and_left_as_it_is() {
    let server = Server::start().await;
    assert_eq!(
        is_left_alone(&server, "project", REALTIME).await,
        "realtime.schema_migrations"
    );
    let without_a_record = format!(
        "{REALTIME} drop table realtime.schema_migrations, realtime.subscription, realtime.messages;"
    );
    assert_eq!(
        is_left_alone(&server, "functions", &without_a_record).await,
        "realtime.broadcast_changes"
    );
}

#[tokio::test]
async fn a_database_with_gotrues_own_schema_is_refused_and_left_as_it_is() {
    let server = Server::start().await;
    assert_eq!(
        is_left_alone(&server, "project", GOTRUE).await,
        "auth.schema_migrations"
    );
}

#[tokio::test]
async fn a_database_of_ours_that_realtime_took_over_is_refused_too() {
    let server = Server::start().await;
    let url = server.owner("bedside", "createrole").await;
    let backend = Backend::start(options(&url)).await.unwrap();
    backend.shutdown().await;
    let takes_over = "create table realtime.subscription (id bigint primary key)";
    server.administer("bedside", takes_over).await;
    let before = state(&server, "bedside").await;
    let refused = refused(&url).await;
    assert!(
        matches!(&refused, StartError::NotOurs { object, .. } if object == "realtime.subscription"),
        "{refused}"
    );
    assert_eq!(state(&server, "bedside").await, before);
}
