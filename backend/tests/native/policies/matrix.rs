//! Role by table by action, each cell tried.
//!
//! `yes` one row was read or written; `unseen` the statement found no row (what the API answers as an empty list);
//! `no` refused with 42501. "Other" rows belong to clinician two, "own" ones to the clinician who acts.

use crate::policies::ward::{
    self, INVITATION, OTHER_FORM, OTHER_NEW_PATIENT, OTHER_PATIENT, OWN_FORM, OWN_NEW_PATIENT,
};
use crate::policies::ward::{OWN_PATIENT, Outcome, Person, forbidden, on_the_ward};

/// Tries each cell of `table`: a header of actions, then a row for each person.
fn check(table: &str, statement: impl Fn(Person, &str) -> String) {
    on_the_ward(|mut ward| async move {
        let mut lines = table.lines().map(str::trim).filter(|line| !line.is_empty());
        let actions: Vec<&str> = lines.next().unwrap().split_whitespace().skip(1).collect();
        let mut wrong = Vec::new();
        let mut people = 0;
        for line in lines {
            let mut cells = line.split_whitespace();
            let person = Person::named(cells.next().unwrap());
            let cells: Vec<&str> = cells.collect();
            assert_eq!(cells.len(), actions.len(), "a cell for each action: {line}");
            for (action, cell) in actions.iter().zip(cells) {
                let expected = match cell {
                    "yes" => Outcome::Rows(1),
                    "unseen" => Outcome::Rows(0),
                    "no" => forbidden(),
                    other => panic!("no such outcome: {other}"),
                };
                let outcome = ward.attempt(person, &statement(person, action)).await;
                if outcome != expected {
                    wrong.push(format!(
                        "{person:?} {action}: expected {cell}, got {outcome:?}"
                    ));
                }
            }
            people += 1;
        }
        assert_eq!(people, 6, "everybody is asked");
        assert!(wrong.is_empty(), "{wrong:#?}");
    });
}

#[test]
fn patients_are_open_to_each_role_as_far_as_it_goes() {
    check(
        "
            who         read-own read-other create-own create-other change-own change-other give-away delete-own delete-other
            admin       yes      yes        yes        yes          yes        yes          yes       yes        yes
            clinician   yes      unseen     yes        no           yes        unseen       no        unseen     unseen
            viewer      yes      yes        no         no           unseen     unseen       unseen    unseen     unseen
            deactivated unseen   unseen     no         no           unseen     unseen       unseen    unseen     unseen
            deleted     unseen   unseen     no         no           unseen     unseen       unseen    unseen     unseen
            anon        no       no         no         no           no         no           no        no         no
        ",
        |_, action| match action {
            "read-own" => format!("select * from public.patients where id = '{OWN_PATIENT}'"),
            "read-other" => format!("select * from public.patients where id = '{OTHER_PATIENT}'"),
            "create-own" => create_patient(Person::ClinicianOne),
            "create-other" => create_patient(Person::ClinicianTwo),
            "change-own" => format!("update public.patients set notes = 'x' where id = '{OWN_PATIENT}'"),
            "change-other" => format!("update public.patients set notes = 'x' where id = '{OTHER_PATIENT}'"),
            "give-away" => format!(
                "update public.patients set clinician_id = '{}' where id = '{OWN_PATIENT}'",
                Person::ClinicianTwo.id()
            ),
            "delete-own" => format!("delete from public.patients where id = '{OWN_NEW_PATIENT}'"),
            "delete-other" => format!("delete from public.patients where id = '{OTHER_NEW_PATIENT}'"),
            other => panic!("{other}"),
        },
    );
}

fn create_patient(clinician: Person) -> String {
    format!(
        "insert into public.patients (id, mrn, first_name, last_name, date_of_birth, ward, clinician_id) values
           ('aaaaaaaa-0000-4000-a000-0000000000ff', 'W-CREATED', 'New', 'Patient', '1970-01-01', 'Surgery', '{}')",
        clinician.id()
    )
}

#[test]
fn form_submissions_are_open_to_each_role_as_far_as_their_patient_is() {
    check(
        "
            who         read-own read-other create-own create-other change-own change-other move-to-other delete-own delete-other
            admin       yes      yes        yes        yes          yes        yes          yes           yes        yes
            clinician   yes      unseen     yes        no           yes        unseen       no            yes        unseen
            viewer      yes      yes        no         no           unseen     unseen       unseen        unseen     unseen
            deactivated unseen   unseen     no         no           unseen     unseen       unseen        unseen     unseen
            deleted     unseen   unseen     no         no           unseen     unseen       unseen        unseen     unseen
            anon        no       no         no         no           no         no           no            no         no
        ",
        |_, action| match action {
            "read-own" => format!("select * from public.form_submissions where id = '{OWN_FORM}'"),
            "read-other" => format!("select * from public.form_submissions where id = '{OTHER_FORM}'"),
            "create-own" => create_form(OWN_PATIENT),
            "create-other" => create_form(OTHER_PATIENT),
            "change-own" => change_form(OWN_FORM, "answers = '{\"reason\": \"x\"}'"),
            "change-other" => change_form(OTHER_FORM, "answers = '{\"reason\": \"x\"}'"),
            "move-to-other" => change_form(OWN_FORM, &format!("patient_id = '{OTHER_PATIENT}'")),
            "delete-own" => format!("delete from public.form_submissions where id = '{OWN_FORM}'"),
            "delete-other" => format!("delete from public.form_submissions where id = '{OTHER_FORM}'"),
            other => panic!("{other}"),
        },
    );
}

fn create_form(patient: &str) -> String {
    format!(
        "insert into public.form_submissions (id, patient_id, form_type) values
           ('bbbbbbbb-0000-4000-a000-0000000000ff', '{patient}', 'vitals')"
    )
}

fn change_form(form: &str, set: &str) -> String {
    format!("update public.form_submissions set {set} where id = '{form}'")
}

#[test]
fn the_staff_directory_is_read_by_active_staff_and_ruled_by_admins() {
    check(
        "
            who         read-self read-colleague rename-self rename-colleague promote-self promote-colleague activate-self change-email create delete
            admin       yes       yes            yes         yes              yes          yes               yes           no           no     no
            clinician   yes       yes            yes         unseen           no           unseen            yes           no           no     no
            viewer      yes       yes            yes         unseen           no           unseen            yes           no           no     no
            deactivated yes       unseen         unseen      unseen           unseen       unseen            unseen        no           no     no
            deleted     unseen    unseen         unseen      unseen           unseen       unseen            unseen        no           no     no
            anon        no        no             no          no               no           no                no            no           no     no
        ",
        |person, action| {
            let own = format!("where id = nullif('{}', '')::uuid", person.id());
            let colleague = format!("where id = '{}'", Person::ClinicianTwo.id());
            match action {
                "read-self" => format!("select * from public.profiles {own}"),
                "read-colleague" => format!("select * from public.profiles {colleague}"),
                "rename-self" => format!("update public.profiles set full_name = 'Renamed' {own}"),
                "rename-colleague" => format!("update public.profiles set full_name = 'Renamed' {colleague}"),
                "promote-self" => format!("update public.profiles set role = 'admin' {own}"),
                "promote-colleague" => format!("update public.profiles set role = 'admin' {colleague}"),
                // Of those who are active already this changes nothing, so it is not refused.
                "activate-self" => format!("update public.profiles set active = true {own}"),
                "change-email" => format!("update public.profiles set email = 'x@bedside.test' {own}"),
                "create" => "insert into public.profiles (id, email, full_name)
                             values (gen_random_uuid(), 'x@bedside.test', 'X')".to_owned(),
                "delete" => format!("delete from public.profiles {colleague}"),
                other => panic!("{other}"),
            }
        },
    );
}

#[test]
fn invitations_are_the_admins_alone() {
    check(
        "
            who         read   create change delete
            admin       yes    yes    no     yes
            clinician   unseen no     no     unseen
            viewer      unseen no     no     unseen
            deactivated unseen no     no     unseen
            deleted     unseen no     no     unseen
            anon        no     no     no     no
        ",
        |_, action| match action {
            "read" => format!("select * from public.staff_invitations where id = '{INVITATION}'"),
            "create" => "insert into public.staff_invitations (email, full_name, role)
                         values ('x@bedside.test', 'X', 'viewer')"
                .to_owned(),
            "change" => "update public.staff_invitations set role = 'admin'".to_owned(),
            "delete" => format!("delete from public.staff_invitations where id = '{INVITATION}'"),
            other => panic!("{other}"),
        },
    );
}

#[test]
fn the_heartbeat_is_read_by_the_signed_in_and_written_by_nobody() {
    check(
        "
            who         read change create delete call
            admin       yes  no     no     no     no
            clinician   yes  no     no     no     no
            viewer      yes  no     no     no     no
            deactivated yes  no     no     no     no
            deleted     yes  no     no     no     no
            anon        no   no     no     no     no
        ",
        |_, action| match action {
            "read" => "select * from public.feed_heartbeat".to_owned(),
            "change" => "update public.feed_heartbeat set beat = 0".to_owned(),
            "create" => "insert into public.feed_heartbeat default values".to_owned(),
            "delete" => "delete from public.feed_heartbeat".to_owned(),
            "call" => "select private.beat_feed()".to_owned(),
            other => panic!("{other}"),
        },
    );
}

#[test]
fn a_clinician_reads_no_patient_of_anybody_else_in_any_way() {
    on_the_ward(|mut ward| async move {
        for person in [Person::ClinicianOne, Person::ClinicianTwo] {
            let id = person.id();
            let (own, foreign) = ward::both(&mut ward, person, &format!(
                "select count(*) filter (where clinician_id = '{id}'), count(*) filter (where clinician_id is distinct from '{id}')
                   from public.patients")).await;
            let truly: i64 = ward
                .fact(&format!(
                    "select count(*) from public.patients where clinician_id = '{id}'"
                ))
                .await;
            assert_eq!((own, foreign), (truly, 0), "patients of {person:?}");

            let (joined, forms) = ward::both(&mut ward, person,
                "select count(p.id), count(*) from public.form_submissions f left join public.patients p on p.id = f.patient_id").await;
            let truly: i64 = ward
                .fact(&format!(
                    "select count(*) from public.form_submissions f join public.patients p on p.id = f.patient_id
                      where p.clinician_id = '{id}'"
                ))
                .await;
            assert_eq!((joined, forms), (truly, truly), "forms of {person:?}");
        }
    });
}

#[test]
fn viewer_and_admin_read_every_patient_and_every_form() {
    on_the_ward(|mut ward| async move {
        let all: i64 = ward.fact("select count(*) from public.patients").await;
        let forms: i64 = ward
            .fact("select count(*) from public.form_submissions")
            .await;
        for person in [Person::Admin, Person::Viewer] {
            let seen: i64 = ward
                .seen(person, "select count(*) from public.patients")
                .await;
            let seen_forms: i64 = ward
                .seen(person, "select count(*) from public.form_submissions")
                .await;
            assert_eq!((seen, seen_forms), (all, forms), "{person:?}");
        }
    });
}

#[test]
fn a_changed_role_counts_from_the_next_statement_on() {
    on_the_ward(|mut ward| async move {
        let read = format!("select * from public.patients where id = '{OWN_PATIENT}'");
        let change = format!("update public.patients set notes = 'x' where id = '{OTHER_PATIENT}'");
        let two = Person::ClinicianTwo;
        assert_eq!(ward.attempt(two, &read).await, Outcome::Rows(0));
        assert_eq!(ward.attempt(two, &change).await, Outcome::Rows(1));

        ward.owner(&format!(
            "update public.profiles set role = 'viewer' where id = '{}'",
            two.id()
        ))
        .await;
        assert_eq!(ward.attempt(two, &read).await, Outcome::Rows(1));
        assert_eq!(ward.attempt(two, &change).await, Outcome::Rows(0));
    });
}
