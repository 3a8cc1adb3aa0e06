//! `feed_since`: who is told of which change, what a watermark must be, and what is kept of the log.
//!
//! A story is one transaction, which no watermark taken inside it has seen; so it is told of every change in the
//! log. The log is emptied first, or it would hold the rows of the stage.

use bedside_backend::Running;
use reqwest::Method;
use serde_json::{Value, json};

use crate::policies::over_http::{rest, rows, token};
use crate::policies::ward::{
    OTHER_FORM, OTHER_PATIENT, OWN_FORM, OWN_NEW_PATIENT, OWN_PATIENT, Outcome, Person, Ward,
    against_a_rule, forbidden, on_the_ward, over_http,
};

const NEW_PATIENT: &str = "aaaaaaaa-0000-4000-a000-0000000000ff";
const NEW_FORM: &str = "bbbbbbbb-0000-4000-a000-0000000000ff";
/// A xid8 literal of the transaction that a story runs in.
const THIS_TRANSACTION: &str = "pg_current_xact_id()";

async fn ask(ward: &mut Ward, person: Person, watermark: &str) -> Value {
    let sql = format!("select public.feed_since('{watermark}')");
    ward.seen(person, &sql).await
}

/// Empties the log and takes a watermark.
async fn begin(ward: &mut Ward) -> String {
    ward.owner("delete from private.feed_log").await;
    let first: Value = ward.seen(Person::Admin, "select public.feed_since()").await;
    assert_eq!(
        (&first["complete"], &first["reason"], &first["changes"]),
        (&json!(true), &Value::Null, &json!([])),
        "{first}"
    );
    first["watermark"].as_str().unwrap().to_owned()
}

fn label(id: &str) -> &str {
    match id {
        OWN_PATIENT => "own",
        OTHER_PATIENT => "other",
        OWN_NEW_PATIENT => "own-new",
        NEW_PATIENT => "new",
        OWN_FORM => "own-form",
        OTHER_FORM => "other-form",
        NEW_FORM => "new-form",
        id => [
            (Person::ClinicianOne, "one"),
            (Person::ClinicianTwo, "two"),
            (Person::OtherViewer, "colleague"),
            (Person::Deactivated, "off"),
        ]
        .into_iter()
        .find(|(person, _)| person.id() == id)
        .map_or(id, |(_, name)| name),
    }
}

/// The changes of a complete answer, as `row=version` or `row=lost`; a profile's version as `seen`.
fn changes(answer: &Value) -> Vec<String> {
    assert_eq!(
        (&answer["complete"], &answer["reason"]),
        (&json!(true), &Value::Null),
        "{answer}"
    );
    let mut changes: Vec<String> = answer["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| {
            let keys: Vec<&String> = change.as_object().unwrap().keys().collect();
            let table = change["table"].as_str().unwrap();
            match (table, change["lost"] == json!(true)) {
                ("*", true) => {
                    assert_eq!(keys, ["lost", "table"], "{change}");
                    "*=lost".to_owned()
                }
                (_, true) => {
                    assert_eq!(keys, ["id", "lost", "table"], "{change}");
                    format!("{}=lost", label(change["id"].as_str().unwrap()))
                }
                (table, false) => {
                    assert_eq!(keys, ["id", "table", "version"], "{change}");
                    let row = label(change["id"].as_str().unwrap());
                    let version = change["version"].as_i64().unwrap();
                    match table {
                        "profiles" => format!("{row}=seen"),
                        _ => format!("{row}={version}"),
                    }
                }
            }
        })
        .collect();
    changes.sort();
    changes
}

fn update_patient(set: &str) -> String {
    format!("update public.patients set {set} where id = '{OWN_PATIENT}'")
}

fn assign(to: Person) -> String {
    update_patient(&format!("clinician_id = '{}'", to.id()))
}

fn update_form(set: &str) -> String {
    format!("update public.form_submissions set {set} where id = '{OWN_FORM}'")
}

fn update_profile(person: Person, set: &str) -> String {
    format!(
        "update public.profiles set {set} where id = '{}'",
        person.id()
    )
}

fn statement(change: &str) -> String {
    match change {
        "create-patient" => format!(
            "insert into public.patients (id, mrn, first_name, last_name, date_of_birth, ward, clinician_id) values
               ('{NEW_PATIENT}', 'W-CREATED', 'New', 'Patient', '1970-01-01', 'Surgery', '{}')",
            Person::ClinicianOne.id()
        ),
        "change-patient" => update_patient("notes = 'x'"),
        "change-twice" => format!(
            "{}; {}",
            update_patient("notes = 'x'"),
            update_patient("notes = 'y'")
        ),
        "reassign" => assign(Person::ClinicianTwo),
        "unassign" => update_patient("clinician_id = null"),
        "give-and-return" => format!(
            "{}; {}",
            assign(Person::ClinicianTwo),
            assign(Person::ClinicianOne)
        ),
        "delete-patient" => format!("delete from public.patients where id = '{OWN_NEW_PATIENT}'"),
        "create-form" => format!(
            "insert into public.form_submissions (id, patient_id, form_type) values ('{NEW_FORM}', '{OWN_PATIENT}', 'vitals')"
        ),
        "change-form" => update_form("answers = '{\"reason\": \"x\"}'"),
        "move-form" => update_form(&format!("patient_id = '{OTHER_PATIENT}'")),
        "delete-form" => format!("delete from public.form_submissions where id = '{OWN_FORM}'"),
        "create-and-delete" => format!(
            "{}; delete from public.form_submissions where id = '{NEW_FORM}'",
            statement("create-form")
        ),
        "rename-two" => update_profile(Person::ClinicianTwo, "full_name = 'Renamed'"),
        "rename-off" => update_profile(Person::Deactivated, "full_name = 'Renamed'"),
        "one-to-viewer" => update_profile(Person::ClinicianOne, "role = 'viewer'"),
        "one-to-admin" => update_profile(Person::ClinicianOne, "role = 'admin'"),
        "deactivate-two" => update_profile(Person::ClinicianTwo, "active = false"),
        "activate-off" => update_profile(Person::Deactivated, "active = true"),
        "remove-account" => format!(
            "delete from auth.users where id = '{}'",
            Person::OtherViewer.id()
        ),
        "find-no-row" => format!("{} and false", update_patient("notes = 'x'")),
        "roll-back" => format!(
            "savepoint undone; {}; {}; {}; rollback to savepoint undone",
            statement("reassign"),
            statement("delete-form"),
            statement("one-to-viewer")
        ),
        "beat" => "select private.beat_feed()".to_owned(),
        other => panic!("{other}"),
    }
}

/// Each cell is the whole answer: what is not in it was not said.
#[test]
fn each_person_is_told_of_what_they_see_or_lost_and_of_nothing_else() {
    let table = "
        change            admin              one                viewer             two                off              gone
        create-patient    new=1              new=1              new=1              -                  -                -
        change-patient    own=2              own=2              own=2              -                  -                -
        change-twice      own=3              own=3              own=3              -                  -                -
        reassign          own=2              own=lost           own=2              own=2              -                -
        unassign          own=2              own=lost           own=2              -                  -                -
        give-and-return   own=3              own=3              own=3              own=lost           -                -
        delete-patient    own-new=lost       own-new=lost       own-new=lost       -                  -                -
        create-form       new-form=1         new-form=1         new-form=1         -                  -                -
        change-form       own-form=2         own-form=2         own-form=2         -                  -                -
        move-form         own-form=2         own-form=lost      own-form=2         own-form=2         -                -
        delete-form       own-form=lost      own-form=lost      own-form=lost      -                  -                -
        create-and-delete new-form=lost      new-form=lost      new-form=lost      -                  -                -
        rename-two        two=seen           two=seen           two=seen           two=seen           -                -
        rename-off        off=seen           off=seen           off=seen           off=seen           off=seen         -
        one-to-viewer     one=seen           *=lost,one=seen    one=seen           one=seen           -                -
        one-to-admin      one=seen           *=lost,one=seen    one=seen           one=seen           -                -
        deactivate-two    two=seen           two=seen           two=seen           *=lost,two=seen    -                -
        activate-off      off=seen           off=seen           off=seen           off=seen           *=lost,off=seen  -
        remove-account    colleague=lost     colleague=lost     colleague=lost     colleague=lost     -                -
        roll-back         -                  -                  -                  -                  -                -
        find-no-row       -                  -                  -                  -                  -                -
        beat              -                  -                  -                  -                  -                -
    ";
    on_the_ward(|mut ward| async move {
        let people = [
            Person::Admin,
            Person::ClinicianOne,
            Person::Viewer,
            Person::ClinicianTwo,
            Person::Deactivated,
            Person::Deleted,
        ];
        let watermark = begin(&mut ward).await;
        let mut wrong = Vec::new();
        let lines = table.lines().map(str::trim).filter(|line| !line.is_empty());
        for line in lines.skip(1) {
            let mut cells = line.split_whitespace();
            let change = cells.next().unwrap();
            let cells: Vec<&str> = cells.collect();
            assert_eq!(cells.len(), people.len(), "a cell for each person: {line}");
            ward.owner("savepoint change").await;
            ward.owner(&statement(change)).await;
            for (person, cell) in people.into_iter().zip(cells) {
                let told = changes(&ask(&mut ward, person, &watermark).await).join(",");
                let told = if told.is_empty() { "-" } else { &told };
                if told != cell {
                    wrong.push(format!(
                        "{change}, {person:?}: expected {cell}, told {told}"
                    ));
                }
            }
            ward.owner("rollback to savepoint change").await;
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    });
}

#[test]
fn a_removed_account_is_told_to_let_go_of_everything() {
    on_the_ward(|mut ward| async move {
        let watermark = begin(&mut ward).await;
        ward.owner(&statement("remove-account")).await;
        let answer = ask(&mut ward, Person::OtherViewer, &watermark).await;
        assert_eq!(changes(&answer), ["*=lost"]);
    });
}

/// The policies decide when the request is made, not when the log was written.
#[test]
fn access_that_changed_after_the_log_was_written_counts() {
    on_the_ward(|mut ward| async move {
        let watermark = begin(&mut ward).await;
        ward.owner(&statement("change-patient")).await;
        ward.owner(&assign(Person::ClinicianTwo)).await;
        let one = ask(&mut ward, Person::ClinicianOne, &watermark).await;
        assert_eq!(changes(&one), ["own=lost"]);
        ward.owner(&update_profile(Person::ClinicianTwo, "active = false"))
            .await;
        let two = ask(&mut ward, Person::ClinicianTwo, &watermark).await;
        assert_eq!(changes(&two), ["*=lost", "two=seen"]);
    });
}

/// Rows that somebody lost by their role are covered by "*". Naming deleted rows to a new admin would name rows
/// that this person saw in no role.
#[test]
fn a_changed_role_covers_all_other_losses() {
    on_the_ward(|mut ward| async move {
        let watermark = begin(&mut ward).await;
        ward.owner(&format!(
            "delete from public.form_submissions where id = '{OTHER_FORM}'"
        ))
        .await;
        ward.owner(&statement("one-to-admin")).await;
        let one = ask(&mut ward, Person::ClinicianOne, &watermark).await;
        assert_eq!(changes(&one), ["*=lost", "one=seen"]);
    });
}

#[test]
fn many_reassigned_patients_are_named_one_by_one() {
    on_the_ward(|mut ward| async move {
        let watermark = begin(&mut ward).await;
        let (one, two) = (Person::ClinicianOne.id(), Person::ClinicianTwo.id());
        let sql = format!(
            "update public.patients set clinician_id = '{two}' where clinician_id = '{one}'"
        );
        let Outcome::Rows(moved) = ward.act(Person::Admin, &sql).await else {
            panic!("an admin reassigns");
        };
        assert!(moved > 20, "{moved}");
        let told = changes(&ask(&mut ward, Person::ClinicianOne, &watermark).await);
        assert_eq!(told.len() as u64, moved);
        assert!(told.iter().all(|change| change.ends_with("=lost")));
    });
}

#[test]
fn an_upsert_is_told_whichever_way_it_goes() {
    on_the_ward(|mut ward| async move {
        let watermark = begin(&mut ward).await;
        for notes in ["first", "second"] {
            ward.owner(&format!(
                "insert into public.patients (id, mrn, first_name, last_name, date_of_birth, ward, notes) values
                   ('{NEW_PATIENT}', 'W-CREATED', 'New', 'Patient', '1970-01-01', 'Surgery', '{notes}')
                 on conflict (id) do update set notes = excluded.notes"
            ))
            .await;
        }
        let answer = ask(&mut ward, Person::Viewer, &watermark).await;
        assert_eq!(changes(&answer), ["new=2"]);
    });
}

#[test]
fn only_the_signed_in_ask_and_nobody_reads_the_log_itself() {
    on_the_ward(|mut ward| async move {
        for person in [Person::Anon, Person::Service] {
            assert_eq!(
                ward.attempt(person, "select public.feed_since()").await,
                forbidden(),
                "{person:?}"
            );
        }
        for sql in [
            "select * from private.feed_log",
            "select * from private.feed_log_start",
            "select * from private.feed_epoch",
            "select private.clean_feed_log(1)",
            "select private.parse_watermark('')",
            "delete from private.feed_log",
            "delete from private.feed_epoch",
        ] {
            for person in [Person::Anon, Person::Admin, Person::Service] {
                assert_eq!(
                    ward.attempt(person, sql).await,
                    forbidden(),
                    "{person:?} {sql}"
                );
            }
        }
    });
}

/// Asks as an admin, and expects to be told why there are no changes, with a watermark that is good.
async fn check_refused(ward: &mut Ward, watermark: &str, reason: &str) {
    let answer = ask(ward, Person::Admin, watermark).await;
    let shown = &watermark[..watermark.len().min(80)];
    assert_eq!(
        (&answer["complete"], &answer["reason"], &answer["changes"]),
        (&json!(false), &json!(reason), &json!([])),
        "{shown}"
    );
    // No watermark of this transaction has seen its own rows.
    ward.owner("savepoint refused; delete from private.feed_log")
        .await;
    let next = answer["watermark"].as_str().unwrap().to_owned();
    changes(&ask(ward, Person::Admin, &next).await);
    ward.owner("rollback to savepoint refused").await;
}

#[test]
fn what_is_no_watermark_is_unreadable_and_never_an_error() {
    on_the_ward(|mut ward| async move {
        let good = begin(&mut ward).await;
        let (identity, snapshot) = good.split_once('/').unwrap();
        ward.owner(&statement("change-patient")).await;
        let unreadable = [
            "/".to_owned(),
            "text".to_owned(),
            "null".to_owned(),
            "-1:-1:".to_owned(),
            "9999999999999999999999:1:".to_owned(),
            "\u{1F4A5}/1:1:".to_owned(),
            identity.to_owned(),
            snapshot.to_owned(),
            format!("{good}\n"),
            format!("{good}x"),
            format!(" {good}"),
            format!("{identity}/"),
            format!("{identity}/0:0:"),
            format!("{identity}/-5:5:"),
            format!("{identity}/5:4:"),
            format!("{identity}/5:9:4"),
            format!("{identity}/5:9:9"),
            format!("{identity}/5:9:7,6"),
            format!("{identity}/5:9:6,,7"),
            format!("{identity}/5:9:,"),
            format!("{identity}/5:9:6,"),
            format!("{identity}/5:9:6,-7"),
            format!("{identity}/5:9:6,99999999999999999999999"),
            format!("{identity}/9999999999999999999999:1:"),
            format!("{identity}/5:18446744073709551616:"),
            format!("{identity}/5:9:{}", "6,".repeat(500_000)),
            "x".repeat(1_000_000),
            "9".repeat(1_000_000),
        ];
        for watermark in unreadable {
            check_refused(&mut ward, &watermark, "unreadable").await;
        }
    });
}

#[test]
fn a_watermark_of_another_database_is_told_so() {
    on_the_ward(|mut ward| async move {
        let good = begin(&mut ward).await;
        let (identity, snapshot) = good.split_once('/').unwrap();
        let parts: Vec<&str> = identity.split('.').collect();
        assert_eq!(
            parts.len(),
            4,
            "cluster, database, table, epoch: {identity}"
        );
        for part in 0..parts.len() {
            let mut others = parts.clone();
            others[part] = "2";
            let other = format!("{}/{snapshot}", others.join("."));
            check_refused(&mut ward, &other, "other_database").await;
        }
        check_refused(&mut ward, &format!("a.b/{snapshot}"), "other_database").await;
    });
}

/// Crash recovery, the restore of a physical backup and a promotion empty the table, a TRUNCATE deletes its row.
#[test]
fn a_new_epoch_ends_all_watermarks() {
    on_the_ward(|mut ward| async move {
        let first = begin(&mut ward).await;
        ward.owner("delete from private.feed_epoch").await;
        check_refused(&mut ward, &first, "other_database").await;
        let second = begin(&mut ward).await;
        assert_eq!(
            changes(&ask(&mut ward, Person::Admin, &second).await),
            Vec::<String>::new()
        );
        ward.owner("truncate public.form_submissions").await;
        check_refused(&mut ward, &second, "other_database").await;
    });
}

#[test]
fn a_watermark_from_the_future_is_told_so() {
    on_the_ward(|mut ward| async move {
        let good = begin(&mut ward).await;
        let identity = good.split_once('/').unwrap().0;
        for future in [
            "999999999999999999:999999999999999999:",
            "1:999999999999999999:5,6",
        ] {
            check_refused(&mut ward, &format!("{identity}/{future}"), "future").await;
        }
    });
}

#[test]
fn a_watermark_older_than_the_log_is_told_so() {
    on_the_ward(|mut ward| async move {
        let good = begin(&mut ward).await;
        let identity = good.split_once('/').unwrap().0;
        ward.owner("update private.feed_log_start set xid = '100'")
            .await;
        check_refused(&mut ward, &format!("{identity}/99:99:"), "too_old").await;
        check_refused(&mut ward, &format!("{identity}/99:200:150"), "too_old").await;
        let oldest = ask(&mut ward, Person::Admin, &format!("{identity}/100:100:")).await;
        assert_eq!(changes(&oldest), Vec::<String>::new());
    });
}

/// With a dump come the numbers of another cluster. They must neither reject every watermark nor be told as changes.
#[test]
fn transaction_ids_of_a_restored_dump_do_no_harm() {
    on_the_ward(|mut ward| async move {
        begin(&mut ward).await;
        ward.owner(&format!(
            "update private.feed_log_start set xid = '900000000000';
             insert into private.feed_log (xid, table_name, key, version, horizon, at)
             values ('900000000001', 'patients', '{OWN_PATIENT}', 1, '900000000001', now() - interval '1 hour')"
        ))
        .await;
        let first: Value = ward.seen(Person::Admin, "select public.feed_since()").await;
        let watermark = first["watermark"].as_str().unwrap().to_owned();
        assert_eq!(
            changes(&ask(&mut ward, Person::Admin, &watermark).await),
            Vec::<String>::new()
        );
        ward.owner("select private.clean_feed_log(100)").await;
        let start: bool = ward
            .fact(&format!(
                "select xid <= {THIS_TRANSACTION} from private.feed_log_start"
            ))
            .await;
        assert!(start);
    });
}

#[test]
fn two_thousand_rows_are_told_and_one_more_is_too_many() {
    on_the_ward(|mut ward| async move {
        let watermark = begin(&mut ward).await;
        ward.owner(
            "insert into private.feed_log (table_name, key, version)
             select 'patients', gen_random_uuid(), 1 from generate_series(1, 1999)",
        )
        .await;
        // However often one row changed, it counts once.
        for _ in 0..3 {
            ward.owner(&statement("change-patient")).await;
        }
        let answer = ask(&mut ward, Person::Admin, &watermark).await;
        assert_eq!(changes(&answer), ["own=4"]);
        ward.owner(&statement("change-form")).await;
        check_refused(&mut ward, &watermark, "too_many").await;
    });
}

#[test]
fn a_row_that_changed_too_often_to_be_read_is_too_many() {
    on_the_ward(|mut ward| async move {
        let watermark = begin(&mut ward).await;
        ward.owner(&format!(
            "insert into private.feed_log (table_name, key, version)
             select 'patients', '{OWN_PATIENT}', n from generate_series(1, 50000) n"
        ))
        .await;
        check_refused(&mut ward, &watermark, "too_many").await;
    });
}

#[test]
fn the_interval_grows_with_the_staff() {
    on_the_ward(|mut ward| async move {
        for (staff, interval) in [
            (-1, 15_000), // never analysed: counted
            (0, 15_000),
            (50, 15_000),
            (1025, 37_500),
            (2000, 60_000),
            (90_000, 60_000),
        ] {
            ward.owner(&format!(
                "set local allow_system_table_mods = on;
                 update pg_class set reltuples = {staff} where oid = 'public.profiles'::regclass"
            ))
            .await;
            let answer = ask(&mut ward, Person::Admin, "").await;
            assert_eq!(answer["interval_ms"], json!(interval), "{staff}");
        }
    });
}

/// The log is part of the change: one that is not logged would be lost unnoticed.
#[test]
fn a_change_that_cannot_be_logged_fails() {
    on_the_ward(|mut ward| async move {
        ward.owner(
            "alter table private.feed_log add constraint broken check (version is null or version < 2) not valid",
        )
        .await;
        for sql in [statement("change-patient"), statement("change-form")] {
            assert_eq!(
                ward.act(Person::ClinicianOne, &sql).await,
                against_a_rule(),
                "{sql}"
            );
        }
        let unchanged: bool = ward
            .fact(&format!(
                "select version = 1 and notes = '' from public.patients where id = '{OWN_PATIENT}'"
            ))
            .await;
        assert!(unchanged);
    });
}

/// The snapshot of the first watermark, after `log` is what the log holds.
async fn first_snapshot(ward: &mut Ward, log: &str) -> String {
    begin(ward).await;
    ward.owner("update private.feed_log_start set xid = '3'")
        .await;
    ward.owner(&format!(
        "insert into private.feed_log (xid, horizon, at, table_name, key, version)
         select xid::text::xid8, horizon::text::xid8, now() - age, 'patients', gen_random_uuid(), 1
           from (values {log}) as logged (xid, horizon, age)"
    ))
    .await;
    let first: Value = ward.seen(Person::Admin, "select public.feed_since()").await;
    let watermark = first["watermark"].as_str().unwrap();
    watermark.split_once('/').unwrap().1.to_owned()
}

/// Answers of other requests that began in the last 30 seconds are covered by the first watermark.
#[test]
fn a_first_watermark_reaches_back_to_what_ran_thirty_seconds_ago() {
    on_the_ward(|mut ward| async move {
        let log = "(20, 11, interval '40 s'), (30, 21, interval '31 s'), (40, 31, interval '29 s')";
        assert_eq!(first_snapshot(&mut ward, log).await, "21:21:");
        let recent = "(30, 21, interval '29 s'), (40, 31, interval '2 s')";
        assert_eq!(first_snapshot(&mut ward, recent).await, "30:30:");
        // What was cleaned is no start.
        let cleaned = "(2, 2, interval '40 s'), (30, 21, interval '2 s')";
        assert_eq!(first_snapshot(&mut ward, cleaned).await, "30:30:");
    });
}

/// Transactions that are left after cleaning `log` once, and where the log then starts.
async fn cleaned(ward: &mut Ward, batch: u32, log: &str) -> (Vec<i64>, i64) {
    ward.owner(&format!(
        "delete from private.feed_log;
         update private.feed_log_start set xid = '3';
         insert into private.feed_log (xid, horizon, at, table_name, key, version)
         select xid::text::xid8, xid::text::xid8, now() - age, 'patients', gen_random_uuid(), 1
           from (values {log}) as logged (xid, age)"
    ))
    .await;
    clean_again(ward, batch).await
}

async fn clean_again(ward: &mut Ward, batch: u32) -> (Vec<i64>, i64) {
    ward.owner(&format!("select private.clean_feed_log({batch})"))
        .await;
    let left = ward
        .fact("select coalesce(array_agg(xid::text::bigint order by xid), '{}') from private.feed_log")
        .await;
    let start = ward
        .fact("select xid::text::bigint from private.feed_log_start")
        .await;
    (left, start)
}

#[test]
fn rows_older_than_a_day_are_cleaned() {
    on_the_ward(|mut ward| async move {
        let log = "(20, interval '30 h'), (21, interval '25 h'), (22, interval '23 h'), (23, interval '1 h')";
        assert_eq!(cleaned(&mut ward, 100, log).await, (vec![22, 23], 22));
        assert_eq!(clean_again(&mut ward, 100).await, (vec![22, 23], 22));
    });
}

#[test]
fn cleaning_is_bounded_and_goes_on_next_time() {
    on_the_ward(|mut ward| async move {
        let log = "(20, interval '30 h'), (21, interval '25 h'), (22, interval '25 h'), (23, interval '1 h')";
        assert_eq!(cleaned(&mut ward, 1, log).await, (vec![21, 22, 23], 21));
        assert_eq!(clean_again(&mut ward, 1).await, (vec![22, 23], 22));
        // A transaction with more rows than that is cleaned bit by bit; none of it is promised meanwhile.
        let log = "(20, interval '30 h'), (20, interval '30 h'), (20, interval '30 h'), (23, interval '1 h')";
        assert_eq!(cleaned(&mut ward, 2, log).await, (vec![20, 23], 23));
        assert_eq!(clean_again(&mut ward, 2).await, (vec![23], 23));
    });
}

/// A long transaction has a low id and writes today.
#[test]
fn a_young_row_keeps_older_ones_of_later_transactions() {
    on_the_ward(|mut ward| async move {
        let log = "(20, interval '30 h'), (21, interval '1 h'), (22, interval '25 h')";
        assert_eq!(cleaned(&mut ward, 100, log).await, (vec![21, 22], 21));
    });
}

#[test]
fn a_bulk_change_cleans_up_by_itself() {
    on_the_ward(|mut ward| async move {
        ward.owner(
            "update private.feed_log_start set xid = '3'; delete from private.feed_log;
             insert into private.feed_log (xid, at, table_name) values ('20', now() - interval '30 h', 'patients')",
        )
        .await;
        let old = "select count(*) from private.feed_log where xid = '20'";
        ward.owner(&statement("change-patient")).await;
        assert_eq!(ward.fact::<i64>(old).await, 1);
        ward.owner(
            "insert into public.patients (mrn, first_name, last_name, date_of_birth, ward)
             select 'BULK-' || n, 'Bulk', 'Patient', '1970-01-01', 'Surgery' from generate_series(1, 1001) n",
        )
        .await;
        assert_eq!(ward.fact::<i64>(old).await, 0);
    });
}

#[test]
fn the_version_of_a_profile_counts_up_and_nobody_sets_it() {
    on_the_ward(|mut ward| async move {
        let read = format!(
            "select version from public.profiles where id = '{}'",
            Person::Viewer.id()
        );
        let before: i32 = ward.fact(&read).await;
        let forged = update_profile(Person::Viewer, "version = 900");
        assert_eq!(ward.attempt(Person::Admin, &forged).await, forbidden());
        assert_eq!(ward.act(Person::Service, &forged).await, Outcome::Rows(1));
        assert_eq!(ward.fact::<i32>(&read).await, before + 1);
        let rename = update_profile(Person::Viewer, "full_name = 'Renamed'");
        ward.act(Person::Viewer, &rename).await;
        assert_eq!(ward.fact::<i32>(&read).await, before + 2);
    });
}

async fn ask_over_http(backend: &Running, token: &str, body: Value) -> Value {
    let request = rest(backend, token, Method::POST, "rpc/feed_since").json(&body);
    let mut answers = rows(request).await;
    assert_eq!(answers.len(), 1, "{answers:?}");
    answers.remove(0)
}

fn has_change(answer: &Value, id: &str) -> bool {
    assert_eq!(answer["complete"], json!(true), "{answer}");
    let mut changes = answer["changes"].as_array().unwrap().iter();
    changes.any(|change| change["id"] == json!(id))
}

#[test]
fn a_committed_change_is_told_once() {
    over_http(|backend| async move {
        let one = token(backend, "clinician.one@bedside.test").await;
        let two = token(backend, "clinician.two@bedside.test").await;
        let first = ask_over_http(backend, &one, json!({})).await;
        assert_eq!(first["changes"], json!([]));
        let id = "dddddddd-0000-4000-a000-00000000feed";
        let new = json!({ "id": id, "mrn": "FEED-1", "first_name": "A", "last_name": "B", "date_of_birth": "1980-02-29", "ward": "Surgery" });
        rows(rest(backend, &one, Method::POST, "patients").json(&new)).await;
        for (who, told) in [(&one, true), (&two, false)] {
            let body = json!({ "watermark": first["watermark"] });
            let answer = ask_over_http(backend, who, body).await;
            assert_eq!(has_change(&answer, id), told, "{answer}");
            let body = json!({ "watermark": answer["watermark"] });
            let answer = ask_over_http(backend, who, body).await;
            assert!(!has_change(&answer, id), "{answer}");
        }
        let body = json!({ "watermark": "x".repeat(1_000_000) });
        let refused = ask_over_http(backend, &one, body).await;
        assert_eq!(refused["reason"], json!("unreadable"));
        let body = json!({ "watermark": null });
        assert_eq!(
            ask_over_http(backend, &one, body).await["complete"],
            json!(true)
        );
    });
}
