//! What must hold of every table and function, those of later migrations included.

use crate::policies::ward::{OWN_FORM, OWN_PATIENT, Outcome, Person, Ward, on_the_ward};

/// The query lists offenders; there must be none.
async fn check_none(ward: &mut Ward, offenders: &str) {
    let found: Vec<String> = ward
        .fact(&format!(
            "select coalesce(array_agg(x::text), '{{}}') from ({offenders}) as offenders (x)"
        ))
        .await;
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn the_database_is_the_embedded_postgresql() {
    on_the_ward(|mut ward| async move {
        let version: String = ward.fact("show server_version").await;
        assert!(version.starts_with("17"), "{version}");
    });
}

#[test]
fn every_migration_file_was_applied_once() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../supabase/migrations");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".sql"))
        .filter_map(|name| name.split('_').next().map(str::to_owned))
        .collect();
    files.sort();
    assert!(files.len() >= 5, "{files:?}");
    on_the_ward(|mut ward| async move {
        let applied: Vec<String> = ward
            .fact("select array_agg(version::text order by version) from supabase_migrations.schema_migrations")
            .await;
        assert_eq!(applied, files);
    });
}

#[test]
fn every_exposed_table_has_row_level_security_and_policies() {
    on_the_ward(|mut ward| async move {
        check_none(&mut ward, "select oid::regclass from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relrowsecurity").await;
        check_none(&mut ward, "select oid::regclass from pg_class c where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
                               and not exists (select from pg_policy where polrelid = c.oid)").await;
    });
}

#[test]
fn nobody_who_is_not_signed_in_has_any_right() {
    on_the_ward(|mut ward| async move {
        check_none(&mut ward, "select oid::regclass from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm')
                               and (has_table_privilege('anon', oid, 'select, insert, update, delete, truncate, references, trigger')
                                    or has_any_column_privilege('anon', oid, 'select, insert, update, references'))").await;
        check_none(&mut ward, "select oid::regprocedure from pg_proc where pronamespace in ('public'::regnamespace, 'private'::regnamespace)
                               and has_function_privilege('anon', oid, 'execute')").await;
        check_none(&mut ward, "select nspname from pg_namespace where nspname = 'private' and has_schema_privilege('anon', oid, 'usage')").await;
    });
}

#[test]
fn people_can_neither_truncate_nor_create() {
    on_the_ward(|mut ward| async move {
        check_none(&mut ward, "select oid::regclass from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
                               and has_table_privilege('authenticated', oid, 'truncate, references, trigger')").await;
        check_none(&mut ward, "select nspname from pg_namespace where nspname in ('public', 'private') and has_schema_privilege('authenticated', oid, 'create')").await;
    });
}

#[test]
fn every_function_of_ours_fixes_its_search_path() {
    on_the_ward(|mut ward| async move {
        check_none(&mut ward, "select oid::regprocedure from pg_proc where pronamespace in ('public'::regnamespace, 'private'::regnamespace)
                               and not exists (select from unnest(proconfig) setting where setting in ('search_path=', 'search_path=\"\"'))").await;
    });
}

#[test]
fn what_the_screens_follow_is_published_once_and_shows_no_former_values() {
    on_the_ward(|mut ward| async move {
        let published: Vec<String> = ward
            .fact("select array_agg(tablename::text order by tablename) from pg_publication_tables where pubname = 'supabase_realtime' and schemaname = 'public'")
            .await;
        assert_eq!(
            published,
            ["feed_heartbeat", "form_submissions", "patients", "profiles"]
        );
        check_none(&mut ward, "select oid::regclass from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and relreplident <> 'd'").await;
    });
}

#[test]
fn every_foreign_key_has_an_index_to_follow_it_back() {
    on_the_ward(|mut ward| async move {
        check_none(&mut ward, "select conrelid::regclass || '.' || conname from pg_constraint k
                               where contype = 'f' and connamespace = 'public'::regnamespace
                               and not exists (select from pg_index i where i.indrelid = k.conrelid and i.indkey[0] = k.conkey[1])").await;
    });
}

/// Columns by which rows tell who did something, when, and how often: `version`, `.._at`, `.._by`, and what else the database keeps.
#[test]
fn no_client_sets_an_author_a_time_or_a_version() {
    on_the_ward(|mut ward| async move {
        let settable: Vec<String> = ward
            .fact(
                "select array_agg(format('%s %s %s', relname, attname, format_type(atttypid, null)) order by relname, attname)
                   from pg_class c join pg_attribute a on a.attrelid = c.oid
                  where relnamespace = 'public'::regnamespace and relkind = 'r' and attnum > 0 and not attisdropped
                    and attname ~ '(_at|_by|^version|^at|^beat|^search_text|^code)$'
                    and has_column_privilege('authenticated', c.oid, attnum, 'update')",
            )
            .await;
        assert!(
            !settable.is_empty(),
            "a client may send back a row as it read it"
        );
        for column in settable {
            let (table, rest) = column.split_once(' ').unwrap();
            let (name, data_type) = rest.split_once(' ').unwrap();
            let id = match table {
                "patients" => OWN_PATIENT,
                "form_submissions" => OWN_FORM,
                other => panic!("forge {name} of {other} here, too"),
            };
            let forged = match data_type {
                "uuid" => format!("'{}'", Person::ClinicianTwo.id()),
                "integer" => "900".to_owned(),
                "text" => "'forged'".to_owned(),
                _ => "'1999-01-01'".to_owned(),
            };
            let sql = format!("update public.{table} set {name} = {forged} where id = '{id}'");
            for person in [Person::ClinicianOne, Person::Admin] {
                assert_eq!(ward.act(person, &sql).await, Outcome::Rows(1), "{sql}");
                let kept: bool = ward
                    .fact(&format!(
                        "select {name} is distinct from {forged} from public.{table} where id = '{id}'"
                    ))
                    .await;
                assert!(kept, "{person:?} {sql}");
            }
        }
        let insertable: Vec<String> = ward
            .fact(
                "select coalesce(array_agg(format('%s %s', relname, attname)), '{}')
                   from pg_class c join pg_attribute a on a.attrelid = c.oid
                  where relnamespace = 'public'::regnamespace and relkind = 'r' and attnum > 0 and not attisdropped
                    and relname not in ('patients', 'form_submissions')
                    and attname ~ '(_at|_by|^version|^at|^beat|^search_text|^code)$'
                    and has_column_privilege('authenticated', c.oid, attnum, 'insert')",
            )
            .await;
        assert!(insertable.is_empty(), "{insertable:?}");
    });
}
