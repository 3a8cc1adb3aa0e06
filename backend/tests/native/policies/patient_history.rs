//! The history of patients: written by every change, true about who made it, seen by whoever sees the patient, changed by nobody.

use crate::policies::ward::on_the_ward;
use crate::policies::ward::{OTHER_PATIENT, OWN_PATIENT, Outcome, Person};

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
        for write in [
            "delete from public.patient_changes",
            "update public.patient_changes set changes = '{}'",
            "insert into public.patient_changes (patient_id, version) select id, 99 from public.patients limit 1",
        ] {
            assert_eq!(
                ward.act(Person::Admin, write).await,
                crate::policies::ward::forbidden(),
                "{write}"
            );
        }
    });
}
