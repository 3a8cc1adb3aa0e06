//! That no save counts twice, whatever happens between the two times that it is sent.

use crate::policies::ward::{OWN_PATIENT, Outcome, Person, on_the_ward};

/// A save with a name, of this ward.
fn save(ward: &str, name: &str) -> String {
    format!(
        "update public.patients set ward = '{ward}', save_id = '{name}' where id = '{OWN_PATIENT}'"
    )
}

const FIRST: &str = "5a5e0000-0000-4000-a000-000000000001";
const SECOND: &str = "5a5e0000-0000-4000-a000-000000000002";

#[test]
fn a_save_that_was_had_is_refused_even_after_others_changed_the_row() {
    on_the_ward(|mut ward| async move {
        let one = Person::ClinicianOne;
        assert_eq!(
            ward.act(one, &save("Oncology", FIRST)).await,
            Outcome::Rows(1)
        );
        let undo =
            format!("update public.patients set ward = 'Surgery' where id = '{OWN_PATIENT}'");
        assert_eq!(ward.act(Person::Admin, &undo).await, Outcome::Rows(1));
        let again = ward.act(one, &save("Oncology", FIRST)).await;
        assert_eq!(again, Outcome::Refused("23505".to_owned()));
        assert_eq!(
            ward.act(one, &save("Maternity", SECOND)).await,
            Outcome::Rows(1)
        );
    });
}

#[test]
fn the_name_of_a_save_is_kept_where_nobody_reads_it() {
    on_the_ward(|mut ward| async move {
        ward.act(Person::ClinicianOne, &save("Oncology", FIRST))
            .await;
        let bare: bool = ward
            .fact("select count(save_id) = 0 from public.patients")
            .await;
        assert!(bare, "a name is left in the row");
        let known: bool = ward.fact("select count(*) = 1 from private.saves").await;
        assert!(known, "the name is not known");
        let peek = ward
            .act(Person::Admin, "select id from private.saves")
            .await;
        assert_eq!(peek, Outcome::Refused("42501".to_owned()));
    });
}

#[test]
fn a_refused_save_is_not_had() {
    on_the_ward(|mut ward| async move {
        let one = Person::ClinicianOne;
        let nowhere = ward.act(one, &save("Nowhere", FIRST)).await;
        assert_eq!(nowhere, Outcome::Refused("23514".to_owned()));
        assert_eq!(
            ward.act(one, &save("Oncology", FIRST)).await,
            Outcome::Rows(1)
        );
    });
}
