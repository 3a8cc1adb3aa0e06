//! What the database decides about a form: its way from draft to approval, and whose name stands on it.

use crate::policies::ward::{OWN_FORM, OWN_NEW_PATIENT, OWN_PATIENT, Outcome, Person, Ward};
use crate::policies::ward::{against_a_rule, forbidden, on_the_ward};

const STATUSES: [&str; 5] = ["draft", "submitted", "in_review", "approved", "returned"];

fn set_status(status: &str) -> String {
    format!(
        "update public.form_submissions set status = '{status}', review_comment = 'Which side?' where id = '{OWN_FORM}'"
    )
}

/// The form becomes one that a colleague wrote.
async fn written_by_a_colleague(ward: &mut Ward) {
    let two = Person::ClinicianTwo.id();
    ward.owner(&format!(
        "update public.form_submissions set submitted_by = '{two}' where id = '{OWN_FORM}'"
    ))
    .await;
}

async fn check_form(ward: &mut Ward, condition: &str) {
    let holds: Option<bool> = ward
        .fact(&format!(
            "select {condition} from public.form_submissions where id = '{OWN_FORM}'"
        ))
        .await;
    assert_eq!(holds, Some(true), "{condition}");
}

#[test]
fn a_form_goes_only_where_its_way_leads() {
    let ways = [
        ("draft", "submitted"),
        ("submitted", "draft"),
        ("submitted", "in_review"),
        ("submitted", "approved"),
        ("submitted", "returned"),
        ("in_review", "submitted"),
        ("in_review", "approved"),
        ("in_review", "returned"),
        ("returned", "draft"),
        ("returned", "submitted"),
    ];
    on_the_ward(|mut ward| async move {
        written_by_a_colleague(&mut ward).await;
        for from in STATUSES {
            ward.owner(&set_status(from)).await;
            for to in STATUSES {
                let outcome = ward.attempt(Person::ClinicianOne, &set_status(to)).await;
                let expected = match (from, to) {
                    ("approved", _) => forbidden(),
                    way if from == to || ways.contains(&way) => Outcome::Rows(1),
                    _ => against_a_rule(),
                };
                assert_eq!(outcome, expected, "{from} to {to}");
            }
        }
    });
}

#[test]
fn an_approved_form_changes_only_by_an_admin_taking_it_back_into_review() {
    on_the_ward(|mut ward| async move {
        ward.owner(&set_status("approved")).await;
        let edit = format!(
            "update public.form_submissions set answers = '{{\"pain\": 1}}' where id = '{OWN_FORM}'"
        );
        let delete = format!("delete from public.form_submissions where id = '{OWN_FORM}'");
        for person in [Person::ClinicianOne, Person::Admin] {
            assert_eq!(ward.attempt(person, &edit).await, forbidden(), "{person:?}");
            assert_eq!(
                ward.attempt(person, &delete).await,
                Outcome::Rows(0),
                "{person:?}"
            );
        }
        assert_eq!(
            ward.act(Person::Admin, &set_status("in_review")).await,
            Outcome::Rows(1)
        );
        assert_eq!(
            ward.act(Person::ClinicianOne, &edit).await,
            Outcome::Rows(1)
        );
    });
}

#[test]
fn nobody_reviews_a_form_of_their_own() {
    on_the_ward(|mut ward| async move {
        ward.owner(&set_status("submitted")).await;
        for decision in ["in_review", "approved", "returned"] {
            let outcome = ward
                .attempt(Person::ClinicianOne, &set_status(decision))
                .await;
            assert_eq!(outcome, forbidden(), "{decision}");
            let outcome = ward.attempt(Person::Admin, &set_status(decision)).await;
            assert_eq!(outcome, Outcome::Rows(1), "{decision}");
        }
        let admin = Person::Admin.id();
        ward.owner(&format!(
            "update public.form_submissions set submitted_by = '{admin}' where id = '{OWN_FORM}'"
        ))
        .await;
        assert_eq!(
            ward.attempt(Person::Admin, &set_status("approved")).await,
            forbidden()
        );
    });
}

#[test]
fn a_form_is_returned_with_a_comment_or_not_at_all() {
    on_the_ward(|mut ward| async move {
        ward.owner(&set_status("submitted")).await;
        for comment in ["", "  ", &"x".repeat(2001)] {
            let sql = format!(
                "update public.form_submissions set status = 'returned', review_comment = '{comment}' where id = '{OWN_FORM}'"
            );
            assert_eq!(
                ward.attempt(Person::Admin, &sql).await,
                against_a_rule(),
                "{comment:?}"
            );
        }
        assert_eq!(
            ward.act(Person::Admin, &set_status("returned")).await,
            Outcome::Rows(1)
        );
        check_form(&mut ward, "review_comment = 'Which side?'").await;
    });
}

#[test]
fn what_the_reviewer_said_is_not_the_authors_to_change() {
    on_the_ward(|mut ward| async move {
        ward.owner(&set_status("submitted")).await;
        ward.act(Person::Admin, &set_status("returned")).await;
        for set in [
            "review_comment = ''",
            "review_comment = 'All fine', status = 'submitted'",
        ] {
            let sql = format!("update public.form_submissions set {set} where id = '{OWN_FORM}'");
            assert_eq!(
                ward.act(Person::ClinicianOne, &sql).await,
                Outcome::Rows(1),
                "{set}"
            );
            check_form(&mut ward, "review_comment = 'Which side?'").await;
        }
        ward.act(Person::Admin, &set_status("in_review")).await;
        let reworded = format!(
            "update public.form_submissions set review_comment = 'Left or right?' where id = '{OWN_FORM}'"
        );
        ward.act(Person::Admin, &reworded).await;
        check_form(&mut ward, "review_comment = 'Left or right?'").await;
    });
}

#[test]
fn the_names_on_a_form_are_of_those_who_did_it() {
    on_the_ward(|mut ward| async move {
        let (one, two, admin) = (
            Person::ClinicianOne.id(),
            Person::ClinicianTwo.id(),
            Person::Admin.id(),
        );
        let forged = format!(
            "insert into public.form_submissions (id, patient_id, form_type, status, submitted_by, reviewed_by, submitted_at, version, review_comment)
             values ('bbbbbbbb-0000-4000-a000-0000000000aa', '{OWN_PATIENT}', 'vitals', 'submitted', '{two}', '{two}', '1999-01-01', 9, 'fine')"
        );
        assert_eq!(
            ward.act(Person::ClinicianOne, &forged).await,
            Outcome::Rows(1)
        );
        let stamped: bool = ward
            .fact(&format!(
                "select submitted_by = '{one}' and reviewed_by is null and submitted_at = now() and version = 1 and review_comment = ''
                   from public.form_submissions where id = 'bbbbbbbb-0000-4000-a000-0000000000aa'"
            ))
            .await;
        assert!(stamped);

        let forged = format!(
            "update public.form_submissions set status = 'submitted', submitted_by = '{two}', reviewed_by = '{two}', submitted_at = '1999-01-01'
              where id = '{OWN_FORM}'"
        );
        assert_eq!(
            ward.act(Person::ClinicianOne, &forged).await,
            Outcome::Rows(1)
        );
        check_form(&mut ward, &format!("submitted_by = '{one}' and reviewed_by is null and submitted_at = now() and version = 2")).await;

        let forged = format!(
            "update public.form_submissions set status = 'in_review', submitted_by = '{two}', reviewed_by = '{two}' where id = '{OWN_FORM}'"
        );
        assert_eq!(ward.act(Person::Admin, &forged).await, Outcome::Rows(1));
        check_form(
            &mut ward,
            &format!("submitted_by = '{one}' and reviewed_by = '{admin}' and version = 3"),
        )
        .await;
    });
}

#[test]
fn releasing_a_form_from_review_keeps_its_submission_and_withdrawing_it_does_not() {
    on_the_ward(|mut ward| async move {
        let one = Person::ClinicianOne.id();
        ward.owner(&format!(
            "update public.form_submissions set status = 'in_review', submitted_at = '2020-05-05', reviewed_by = '{one}' where id = '{OWN_FORM}'"
        ))
        .await;
        assert_eq!(
            ward.act(Person::Admin, &set_status("submitted")).await,
            Outcome::Rows(1)
        );
        check_form(
            &mut ward,
            &format!(
                "submitted_at = '2020-05-05' and submitted_by = '{one}' and reviewed_by is null"
            ),
        )
        .await;

        assert_eq!(
            ward.act(Person::ClinicianOne, &set_status("draft")).await,
            Outcome::Rows(1)
        );
        check_form(&mut ward, "submitted_at is null").await;
    });
}

#[test]
fn a_form_begins_as_draft_or_submitted() {
    on_the_ward(|mut ward| async move {
        for status in STATUSES {
            let create = format!(
                "insert into public.form_submissions (patient_id, form_type, status) values ('{OWN_PATIENT}', 'vitals', '{status}')"
            );
            let expected = match status {
                "draft" | "submitted" => Outcome::Rows(1),
                _ => against_a_rule(),
            };
            assert_eq!(
                ward.attempt(Person::ClinicianOne, &create).await,
                expected,
                "{status}"
            );
        }
    });
}

#[test]
fn answers_are_an_object_of_bearable_size() {
    on_the_ward(|mut ward| async move {
        for nonsense in [
            "answers = '[]'",
            "answers = '\"text\"'",
            "answers = jsonb_build_object('novel', repeat('x', 70000))",
            "form_type = 'poem'",
            "status = 'lost'",
        ] {
            let sql =
                format!("update public.form_submissions set {nonsense} where id = '{OWN_FORM}'");
            assert_eq!(
                ward.attempt(Person::ClinicianOne, &sql).await,
                against_a_rule(),
                "{nonsense}"
            );
        }
    });
}

#[test]
fn a_form_moves_between_patients_of_the_same_clinician() {
    on_the_ward(|mut ward| async move {
        let sql = format!(
            "update public.form_submissions set patient_id = '{OWN_NEW_PATIENT}' where id = '{OWN_FORM}'"
        );
        assert_eq!(
            ward.attempt(Person::ClinicianOne, &sql).await,
            Outcome::Rows(1)
        );
    });
}

#[test]
fn a_clinician_deletes_a_draft_and_an_admin_whatever_is_not_approved() {
    on_the_ward(|mut ward| async move {
        let delete = format!("delete from public.form_submissions where id = '{OWN_FORM}'");
        for status in STATUSES {
            ward.owner(&set_status(status)).await;
            let by_clinician = ward.attempt(Person::ClinicianOne, &delete).await;
            let by_admin = ward.attempt(Person::Admin, &delete).await;
            assert_eq!(
                by_clinician,
                Outcome::Rows(u64::from(status == "draft")),
                "{status}"
            );
            assert_eq!(
                by_admin,
                Outcome::Rows(u64::from(status != "approved")),
                "{status}"
            );
        }
    });
}
