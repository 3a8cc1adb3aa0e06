//! The history of patients: written by every change, true about who made it, seen by whoever sees the patient, changed by nobody.

use crate::policies::ward::on_the_ward;
use crate::policies::ward::{OTHER_PATIENT, OWN_NEW_PATIENT, OWN_PATIENT, Outcome, Person};

#[test]
fn each_change_is_written_down_with_what_it_was_and_who_made_it() {
    on_the_ward(|mut ward| async move {
        let change = format!(
            "update public.patients set status = 'discharged', notes = notes || ' x' where id = '{OWN_PATIENT}'"
        );
        assert_eq!(
            ward.act(Person::ClinicianOne, &change).await,
            Outcome::Rows(1)
        );
        let written: bool = ward
            .fact(&format!(
                "select changes -> 'status' ->> 1 = 'discharged' and changes ? 'notes' and not changes ? 'version'
                        and changed_by = '{}' and changed_at = now()
                   from public.patient_changes where patient_id = '{OWN_PATIENT}' order by version desc limit 1",
                Person::ClinicianOne.id()
            ))
            .await;
        assert!(written);
    });
}

#[test]
fn a_hand_over_is_written_down_under_the_name_of_who_gave() {
    on_the_ward(|mut ward| async move {
        let give = format!(
            "select public.hand_over_patient('{OWN_PATIENT}', '{}', (select version from public.patients where id = '{OWN_PATIENT}'))",
            Person::ClinicianTwo.id()
        );
        assert_eq!(
            ward.act(Person::ClinicianOne, &give).await,
            Outcome::Rows(1)
        );
        let written: bool = ward
            .fact(&format!(
                "select changes -> 'clinician_id' = jsonb_build_array('{}', '{}') and changed_by = '{0}'
                   from public.patient_changes where patient_id = '{OWN_PATIENT}' order by version desc limit 1",
                Person::ClinicianOne.id(),
                Person::ClinicianTwo.id()
            ))
            .await;
        assert!(written);
    });
}

#[test]
fn the_history_is_seen_with_its_patient_and_written_by_nobody() {
    on_the_ward(|mut ward| async move {
        let of = |patient: &str| {
            format!("select from public.patient_changes where patient_id = '{patient}'")
        };
        assert_eq!(
            ward.act(Person::ClinicianOne, &of(OWN_PATIENT)).await,
            Outcome::Rows(1)
        );
        assert_eq!(
            ward.act(Person::ClinicianOne, &of(OTHER_PATIENT)).await,
            Outcome::Rows(0)
        );
        assert_eq!(
            ward.act(Person::Viewer, &of(OTHER_PATIENT)).await,
            Outcome::Rows(1)
        );
        ward.is_append_only(
            "public.patient_changes",
            "update public.patient_changes set changes = '{}'",
            "insert into public.patient_changes (patient_id, version) select id, 99 from public.patients limit 1",
        )
        .await;
    });
}

#[test]
fn a_long_text_is_kept_as_a_whole() {
    on_the_ward(|mut ward| async move {
        let write = |tail: &str| {
            format!(
                "update public.patients set notes = repeat('x', 1000) || '{tail}' where id = '{OWN_PATIENT}'"
            )
        };
        for tail in [" Allergic to penicillin.", ""] {
            assert_eq!(
                ward.act(Person::ClinicianOne, &write(tail)).await,
                Outcome::Rows(1)
            );
        }
        let kept: bool = ward
            .fact(&format!(
                "select changes #>> '{{notes,0}}' = repeat('x', 1000) || ' Allergic to penicillin.' and changes #>> '{{notes,1}}' = repeat('x', 1000)
                   from public.patient_changes where patient_id = '{OWN_PATIENT}' order by version desc limit 1"
            ))
            .await;
        assert!(kept);
    });
}

#[test]
fn the_history_of_a_deleted_patient_stays_for_admins() {
    on_the_ward(|mut ward| async move {
        let delete = format!("delete from public.patients where id = '{OWN_NEW_PATIENT}'");
        assert_eq!(ward.act(Person::Admin, &delete).await, Outcome::Rows(1));
        let read =
            format!("select from public.patient_changes where patient_id = '{OWN_NEW_PATIENT}'");
        for (person, rows) in [
            (Person::Admin, 2),
            (Person::ClinicianOne, 0),
            (Person::Viewer, 0),
        ] {
            assert_eq!(
                ward.attempt(person, &read).await,
                Outcome::Rows(rows),
                "{person:?}"
            );
        }
        let last: bool = ward
            .fact(&format!(
                "select action = 'deleted' and changed_by = '{}' and changes -> 'mrn' = '[\"W-OWN-NEW\", null]' and changes ? 'notes'
                   from public.patient_changes where patient_id = '{OWN_NEW_PATIENT}' order by version desc limit 1",
                Person::Admin.id()
            ))
            .await;
        assert!(last);
    });
}

#[test]
fn a_patient_that_is_made_again_goes_on_where_the_history_ends() {
    on_the_ward(|mut ward| async move {
        let one = Person::ClinicianOne;
        let statements = [
            (
                Person::Admin,
                format!("delete from public.patients where id = '{OWN_NEW_PATIENT}'"),
            ),
            (
                one,
                format!(
                    "insert into public.patients (id, mrn, first_name, last_name, date_of_birth, ward) values ('{OWN_NEW_PATIENT}', 'W-AGAIN', 'A', 'B', '1970-01-01', 'Surgery')"
                ),
            ),
            (
                one,
                format!("update public.patients set notes = 'x' where id = '{OWN_NEW_PATIENT}'"),
            ),
        ];
        for (person, sql) in statements {
            assert_eq!(ward.act(person, &sql).await, Outcome::Rows(1), "{sql}");
        }
        let versions: Vec<i32> = ward
            .fact(&format!("select array_agg(version order by version) from public.patient_changes where patient_id = '{OWN_NEW_PATIENT}'"))
            .await;
        assert_eq!(versions, [1, 2, 3, 4]);
    });
}

#[test]
fn an_author_whose_account_is_deleted_stays_the_author() {
    on_the_ward(|mut ward| async move {
        let two = Person::ClinicianTwo.id();
        ward.owner(&format!("delete from auth.users where id = '{two}'"))
            .await;
        let change = format!("update public.patients set notes = 'x' where id = '{OWN_PATIENT}'");
        ward.act(Person::ClinicianOne, &change).await;
        let one = Person::ClinicianOne.id();
        ward.owner(&format!("delete from auth.users where id = '{one}'"))
            .await;
        let by: String = ward
            .fact(&format!("select changed_by::text from public.patient_changes where patient_id = '{OWN_PATIENT}' order by version desc limit 1"))
            .await;
        assert_eq!(by, one);
    });
}
