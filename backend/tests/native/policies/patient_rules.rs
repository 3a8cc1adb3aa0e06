//! What the database decides about a patient's row, and the hand-over.

use crate::policies::ward::{OTHER_PATIENT, OWN_NEW_PATIENT, OWN_PATIENT, Outcome, Person};
use crate::policies::ward::{Ward, against_a_rule, forbidden, on_the_ward};

#[test]
fn each_update_counts_the_version_and_moves_the_time_whatever_the_client_sends() {
    on_the_ward(|mut ward| async move {
        let forged = format!(
            "update public.patients set notes = 'x', version = 900, created_at = '1999-01-01', updated_at = '2099-01-01'
              where id = '{OWN_PATIENT}'"
        );
        for (person, version) in [(Person::ClinicianOne, 2), (Person::Admin, 3)] {
            assert_eq!(ward.act(person, &forged).await, Outcome::Rows(1));
            let kept: bool = ward
                .fact(&format!(
                    "select version = {version} and created_at = now() and updated_at = now()
                       from public.patients where id = '{OWN_PATIENT}'"
                ))
                .await;
            assert!(kept, "version {version} by {person:?}");
        }
        ward.owner(&forged).await;
        let version: i32 = ward
            .fact(&format!(
                "select version from public.patients where id = '{OWN_PATIENT}'"
            ))
            .await;
        assert_eq!(version, 4, "not even the owner skips a version");
    });
}

#[test]
fn a_new_row_begins_at_version_one_and_now() {
    on_the_ward(|mut ward| async move {
        let outcome = ward
            .act(
                Person::ClinicianOne,
                "insert into public.patients (mrn, first_name, last_name, date_of_birth, ward, version, created_at, updated_at)
                 values ('W-FORGED', 'A', 'B', '1970-01-01', 'Surgery', 12, '1999-01-01', '2099-01-01')",
            )
            .await;
        assert_eq!(outcome, Outcome::Rows(1));
        let kept: bool = ward
            .fact(&format!(
                "select version = 1 and created_at = now() and updated_at = now() and clinician_id = '{}'
                   from public.patients where mrn = 'W-FORGED'",
                Person::ClinicianOne.id()
            ))
            .await;
        assert!(
            kept,
            "stamped, and assigned to the clinician who created it"
        );
    });
}

#[test]
fn a_new_row_that_is_sent_twice_is_stored_once() {
    on_the_ward(|mut ward| async move {
        let create = "insert into public.patients (id, mrn, first_name, last_name, date_of_birth, ward)
             values ('aaaaaaaa-0000-4000-a000-0000000000ee', 'W-TWICE', 'A', 'B', '1970-01-01', 'Surgery')
             on conflict (id) do nothing";
        let one = Person::ClinicianOne;
        assert_eq!(ward.act(one, create).await, Outcome::Rows(1));
        assert_eq!(ward.act(one, create).await, Outcome::Rows(0));
    });
}

#[test]
fn an_update_that_carries_an_old_version_finds_no_row() {
    on_the_ward(|mut ward| async move {
        let save = format!(
            "update public.patients set notes = 'x' where id = '{OWN_PATIENT}' and version = 1"
        );
        assert_eq!(ward.act(Person::Admin, &save).await, Outcome::Rows(1));
        assert_eq!(
            ward.act(Person::ClinicianOne, &save).await,
            Outcome::Rows(0)
        );
    });
}

#[test]
fn a_patient_is_found_by_what_a_plain_keyboard_can_type() {
    let names = [
        ("Žukauskas", "zukauskas"),
        ("Đặng", "dang"),
        ("Ødegård", "odegard"),
        ("Łuczak", "luczak"),
        ("Yıldırım", "yildirim"),
        ("Ó Dálaigh", "o dalaigh"),
        ("D'Été", "dete"),
        ("D’Été", "dete"),
        ("Æsir-Groß", "aesirgross"),
        ("E\u{301}te\u{301}", "ete"),
        ("محمد", "محمد"),
    ];
    on_the_ward(|mut ward| async move {
        for (name, typed) in names {
            let quoted = name.replace('\'', "''");
            let sql = format!(
                "update public.patients set last_name = '{quoted}', search_text = 'forged' where id = '{OWN_PATIENT}'"
            );
            assert_eq!(ward.act(Person::ClinicianOne, &sql).await, Outcome::Rows(1));
            let text: String = ward
                .fact(&format!(
                    "select search_text from public.patients where id = '{OWN_PATIENT}'"
                ))
                .await;
            assert_eq!(text, format!("{typed} own wown"), "{name}");
        }
    });
}

#[test]
fn a_person_with_a_single_name_is_registered_and_found() {
    on_the_ward(|mut ward| async move {
        for (number, column) in [("W-SINGLE-1", "last_name"), ("W-SINGLE-2", "first_name")] {
            let create = format!(
                "insert into public.patients (mrn, {column}, date_of_birth, ward) values ('{number}', 'Suharto', '1970-01-01', 'Surgery')"
            );
            assert_eq!(
                ward.act(Person::ClinicianOne, &create).await,
                Outcome::Rows(1),
                "{column}"
            );
            let found: String = ward
                .fact(&format!(
                    "select search_text from public.patients where mrn = '{number}'"
                ))
                .await;
            assert_eq!(
                found,
                format!("suharto {}", number.to_lowercase().replace('-', ""))
            );
        }
        let nobody = "insert into public.patients (mrn, date_of_birth, ward) values ('W-SINGLE-3', '1970-01-01', 'Surgery')";
        assert_eq!(
            ward.act(Person::ClinicianOne, nobody).await,
            against_a_rule()
        );
    });
}

#[test]
fn the_database_folds_a_search_as_the_app_does() {
    let cases: Vec<(String, String)> =
        serde_json::from_str(include_str!("../../../../src/data/search_folding.json")).unwrap();
    on_the_ward(|mut ward| async move {
        for (typed, folded) in cases {
            let quoted = typed.replace('\'', "''");
            let text: String = ward
                .fact(&format!("select private.fold_for_search('{quoted}')"))
                .await;
            assert_eq!(text, folded, "{typed:?}");
        }
    });
}

#[test]
fn every_patient_is_folded_by_the_rule_in_force() {
    on_the_ward(|mut ward| async move {
        let old: i64 = ward
            .fact(
                "select count(*) from public.patients where search_text <> \
                 private.fold_for_search(concat_ws(' ', nullif(last_name, ''), nullif(first_name, ''), mrn))",
            )
            .await;
        assert_eq!(old, 0);
    });
}

#[test]
fn a_row_that_says_nonsense_is_refused() {
    let nonsense = [
        "mrn = 'lower case'",
        "mrn = ''",
        "first_name = '', last_name = ''",
        "first_name = ' padded'",
        "last_name = repeat('x', 101)",
        "date_of_birth = current_date + 2",
        "date_of_birth = '1700-01-01'",
        "sex = 'F'",
        "status = 'gone'",
        "ward = 'Broom cupboard'",
        "notes = repeat('x', 10001)",
        "id = gen_random_uuid()",
    ];
    on_the_ward(|mut ward| async move {
        for set in nonsense {
            let sql = format!("update public.patients set {set} where id = '{OWN_PATIENT}'");
            assert_eq!(
                ward.attempt(Person::Admin, &sql).await,
                against_a_rule(),
                "{set}"
            );
        }
        let taken =
            format!("update public.patients set mrn = 'W-OTHER' where id = '{OWN_PATIENT}'");
        assert_eq!(
            ward.attempt(Person::Admin, &taken).await,
            Outcome::Refused("23505".to_owned())
        );
    });
}

#[test]
fn a_patient_is_assigned_to_active_clinicians_and_admins_only() {
    on_the_ward(|mut ward| async move {
        let assign = |person: Person| {
            format!(
                "update public.patients set clinician_id = '{}' where id = '{OWN_PATIENT}'",
                person.id()
            )
        };
        let admin = Person::Admin;
        assert_eq!(
            ward.attempt(admin, &assign(Person::ClinicianTwo)).await,
            Outcome::Rows(1)
        );
        assert_eq!(
            ward.attempt(admin, &assign(Person::Admin)).await,
            Outcome::Rows(1)
        );
        for nobody in [Person::Viewer, Person::Deactivated, Person::Deleted] {
            assert_eq!(
                ward.attempt(admin, &assign(nobody)).await,
                against_a_rule(),
                "{nobody:?}"
            );
        }
    });
}

#[test]
fn a_patient_with_forms_is_not_deleted() {
    on_the_ward(|mut ward| async move {
        let delete = format!("delete from public.patients where id = '{OWN_PATIENT}'");
        assert_eq!(
            ward.attempt(Person::Admin, &delete).await,
            Outcome::Refused("23503".to_owned())
        );
    });
}

fn hand_over(patient: &str, to: Person, version: i32) -> String {
    format!(
        "select public.hand_over_patient('{patient}', '{}', {version})",
        to.id()
    )
}

async fn handed_over(ward: &mut Ward, by: Person, sql: &str) -> Option<i32> {
    ward.seen(by, sql).await
}

#[test]
fn a_clinician_hands_a_patient_over_and_sees_it_no_more() {
    on_the_ward(|mut ward| async move {
        let (one, two) = (Person::ClinicianOne, Person::ClinicianTwo);
        let give = hand_over(OWN_PATIENT, two, 1);
        assert_eq!(handed_over(&mut ward, one, &give).await, Some(2));

        let read = format!("select * from public.patients where id = '{OWN_PATIENT}'");
        let forms =
            format!("select * from public.form_submissions where patient_id = '{OWN_PATIENT}'");
        assert_eq!(ward.attempt(one, &read).await, Outcome::Rows(0));
        assert_eq!(ward.attempt(one, &forms).await, Outcome::Rows(0));
        assert_eq!(ward.attempt(two, &read).await, Outcome::Rows(1));
        assert_eq!(ward.attempt(two, &forms).await, Outcome::Rows(1));
    });
}

#[test]
fn a_hand_over_at_an_old_version_or_of_another_clinicians_patient_changes_nothing() {
    on_the_ward(|mut ward| async move {
        let (one, two) = (Person::ClinicianOne, Person::ClinicianTwo);
        let late = hand_over(OWN_PATIENT, two, 7);
        assert_eq!(handed_over(&mut ward, one, &late).await, None);
        let grab = hand_over(OTHER_PATIENT, one, 1);
        assert_eq!(handed_over(&mut ward, one, &grab).await, None);
        assert_eq!(handed_over(&mut ward, Person::Admin, &grab).await, Some(2));
    });
}

#[test]
fn only_those_who_treat_hand_over_and_only_to_somebody_who_treats() {
    on_the_ward(|mut ward| async move {
        let give = hand_over(OWN_PATIENT, Person::ClinicianTwo, 1);
        for person in [
            Person::Anon,
            Person::Viewer,
            Person::Deactivated,
            Person::Deleted,
        ] {
            assert_eq!(ward.attempt(person, &give).await, forbidden(), "{person:?}");
        }
        let to_viewer = hand_over(OWN_PATIENT, Person::Viewer, 1);
        assert_eq!(
            ward.attempt(Person::ClinicianOne, &to_viewer).await,
            against_a_rule()
        );
        let to_nobody = format!("select public.hand_over_patient('{OWN_NEW_PATIENT}', null, 1)");
        assert_eq!(
            ward.attempt(Person::ClinicianOne, &to_nobody).await,
            forbidden()
        );
        assert_eq!(
            handed_over(&mut ward, Person::Admin, &to_nobody).await,
            Some(2)
        );
    });
}
