//! The history of forms: what a form held from its first submission on, whose change it was, also after the form is gone.

use crate::policies::ward::on_the_ward;
use crate::policies::ward::{INTAKE, OWN_FORM, OWN_NEW_PATIENT, Outcome, Person, Ward};

const OF_FORM: &str =
    "from public.form_changes where form_id = 'bbbbbbbb-0000-4000-a000-000000000001'";

async fn act(ward: &mut Ward, person: Person, set: &str) {
    let sql = format!("update public.form_submissions set {set} where id = '{OWN_FORM}'");
    assert_eq!(ward.act(person, &sql).await, Outcome::Rows(1), "{set}");
}

/// Whether the latest entry is by `person` and holds this.
async fn check_latest(ward: &mut Ward, person: Person, condition: &str) {
    let holds: Option<bool> = ward
        .fact(&format!(
            "select changed_by = '{}' and ({condition}) {OF_FORM} order by version desc limit 1",
            person.id()
        ))
        .await;
    assert_eq!(holds, Some(true), "{condition}");
}

async fn entries(ward: &mut Ward) -> i64 {
    ward.fact(&format!("select count(*) {OF_FORM}")).await
}

#[test]
fn typing_in_a_draft_is_no_history_and_the_first_submission_records_every_answer() {
    on_the_ward(|mut ward| async move {
        let one = Person::ClinicianOne;
        act(
            &mut ward,
            one,
            "answers = answers || '{\"reason\": \"Cough\"}'",
        )
        .await;
        assert_eq!(entries(&mut ward).await, 1, "it began");
        act(&mut ward, one, "status = 'submitted'").await;
        check_latest(
            &mut ward,
            one,
            "changes -> 'answers' -> 'reason' = '[null, \"Cough\"]' and changes -> 'answers' ? 'contact_phone'
             and changes -> 'status' ->> 1 = 'submitted'",
        )
        .await;
    });
}

#[test]
fn from_then_on_each_change_is_recorded_with_both_values() {
    on_the_ward(|mut ward| async move {
        let (one, admin) = (Person::ClinicianOne, Person::Admin);
        act(&mut ward, one, "status = 'submitted'").await;
        act(
            &mut ward,
            admin,
            "status = 'returned', review_comment = 'Which drug?'",
        )
        .await;
        check_latest(
            &mut ward,
            admin,
            "changes -> 'status' = '[\"submitted\", \"returned\"]' and changes -> 'review_comment' = '[\"\", \"Which drug?\"]'
             and not changes ? 'answers'",
        )
        .await;
        act(&mut ward, one, "answers = answers - 'contact_phone' || jsonb_build_object('allergies', repeat('x', 3000) || 'penicillin')").await;
        check_latest(
            &mut ward,
            one,
            "changes #>> '{answers,allergies,0}' = 'None known' and changes #>> '{answers,allergies,1}' like '%xpenicillin'
             and changes #> '{answers,contact_phone}' = '[\"+44 7700 900001\", null]' and (select count(*) from jsonb_object_keys(changes -> 'answers')) = 2",
        )
        .await;
    });
}

#[test]
fn a_deleted_draft_leaves_what_it_held() {
    on_the_ward(|mut ward| async move {
        let one = Person::ClinicianOne;
        let delete = format!("delete from public.form_submissions where id = '{OWN_FORM}'");
        assert_eq!(ward.act(one, &delete).await, Outcome::Rows(1));
        check_latest(
            &mut ward,
            one,
            "action = 'deleted' and changes -> 'answers' -> 'reason' = '[\"Chest pain\", null]' and changes -> 'form_type' ->> 0 = 'intake'",
        )
        .await;
        let read = format!("select {OF_FORM}");
        assert_eq!(ward.attempt(Person::Admin, &read).await, Outcome::Rows(2));
        assert_eq!(ward.attempt(one, &read).await, Outcome::Rows(0));

        // The key can be used again; the history goes on.
        let again = format!(
            "insert into public.form_submissions (id, patient_id, form_type, answers) values ('{OWN_FORM}', '{OWN_NEW_PATIENT}', 'intake', '{INTAKE}')"
        );
        assert_eq!(ward.act(one, &again).await, Outcome::Rows(1));
        act(&mut ward, one, "status = 'submitted'").await;
        assert_eq!(entries(&mut ward).await, 4);
    });
}

#[test]
fn the_history_is_seen_with_its_form_and_changed_by_nobody() {
    on_the_ward(|mut ward| async move {
        let read = format!("select {OF_FORM}");
        for (person, rows) in [
            (Person::ClinicianOne, 1),
            (Person::ClinicianTwo, 0),
            (Person::Viewer, 1),
            (Person::Admin, 1),
            (Person::Deactivated, 0),
        ] {
            assert_eq!(
                ward.attempt(person, &read).await,
                Outcome::Rows(rows),
                "{person:?}"
            );
        }
        ward.is_append_only(
            "public.form_changes",
            "update public.form_changes set changed_by = null",
            "insert into public.form_changes (form_id, patient_id, version, action) select id, patient_id, 99, 'changed' from public.form_submissions limit 1",
        )
        .await;
    });
}
