//! What the database decides about a form: its way from draft to approval, and whose name stands on it.

use crate::policies::ward::{
    INTAKE, OWN_FORM, OWN_NEW_PATIENT, OWN_PATIENT, Outcome, Person, Ward,
};
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
                    // The author withdraws, nobody else.
                    ("approved", _) | ("submitted", "draft") => forbidden(),
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
            forbidden(),
            "in review the answers stay"
        );
        assert_eq!(
            ward.act(Person::Admin, &set_status("returned")).await,
            Outcome::Rows(1)
        );
        assert_eq!(
            ward.act(Person::ClinicianOne, &edit).await,
            Outcome::Rows(1)
        );
    });
}

#[test]
fn a_review_step_changes_status_and_comment_only() {
    on_the_ward(|mut ward| async move {
        written_by_a_colleague(&mut ward).await;
        ward.owner(&set_status("submitted")).await;
        for step in ["in_review", "approved", "returned", "submitted"] {
            for also in [
                "answers = answers || '{\"allergies\": \"forged\"}'".to_owned(),
                "form_type = 'consent'".to_owned(),
                format!("patient_id = '{OWN_NEW_PATIENT}'"),
            ] {
                let sql = format!(
                    "update public.form_submissions set status = '{step}', review_comment = 'x', {also} where id = '{OWN_FORM}'"
                );
                for person in [Person::ClinicianOne, Person::Admin] {
                    assert_eq!(
                        ward.attempt(person, &sql).await,
                        forbidden(),
                        "{person:?} {step} {also}"
                    );
                }
            }
        }
        // A row that is sent back as it was read is no change of its answers.
        let unchanged = format!(
            "update public.form_submissions set status = 'approved', answers = answers, form_type = form_type where id = '{OWN_FORM}'"
        );
        assert_eq!(
            ward.attempt(Person::ClinicianOne, &unchanged).await,
            Outcome::Rows(1)
        );
    });
}

#[test]
fn type_and_patient_are_final_from_the_first_submission_on() {
    on_the_ward(|mut ward| async move {
        let one = Person::ClinicianOne;
        let changes = [
            "form_type = 'vitals'".to_owned(),
            format!("patient_id = '{OWN_NEW_PATIENT}'"),
        ];
        let change =
            |set: &str| format!("update public.form_submissions set {set} where id = '{OWN_FORM}'");
        for set in &changes {
            assert_eq!(
                ward.attempt(one, &change(set)).await,
                Outcome::Rows(1),
                "{set}"
            );
        }
        for status in ["submitted", "draft"] {
            assert_eq!(
                ward.act(one, &set_status(status)).await,
                Outcome::Rows(1),
                "{status}"
            );
            for set in &changes {
                for person in [one, Person::Admin] {
                    assert_eq!(
                        ward.attempt(person, &change(set)).await,
                        forbidden(),
                        "{person:?} {status} {set}"
                    );
                }
            }
        }
    });
}

#[test]
fn who_changed_a_form_last_is_whoever_sent_the_change() {
    on_the_ward(|mut ward| async move {
        let (one, two, admin) = (
            Person::ClinicianOne.id(),
            Person::ClinicianTwo.id(),
            Person::Admin.id(),
        );
        for (person, set) in [
            (Person::ClinicianOne, "review_comment = ''".to_owned()),
            (Person::ClinicianOne, format!("changed_by = '{two}'")),
            (Person::ClinicianOne, "changed_by = null".to_owned()),
            (Person::Admin, format!("changed_by = '{one}', version = 77")),
        ] {
            let sql = format!("update public.form_submissions set {set} where id = '{OWN_FORM}'");
            assert_eq!(ward.act(person, &sql).await, Outcome::Rows(1), "{set}");
            check_form(&mut ward, &format!("changed_by = '{}'", person.id())).await;
        }
        let forged = format!(
            "insert into public.form_submissions (id, patient_id, form_type, changed_by)
             values ('bbbbbbbb-0000-4000-a000-0000000000aa', '{OWN_PATIENT}', 'vitals', '{admin}')"
        );
        ward.act(Person::ClinicianOne, &forged).await;
        let by: String = ward
            .fact("select changed_by::text from public.form_submissions where id = 'bbbbbbbb-0000-4000-a000-0000000000aa'")
            .await;
        assert_eq!(by, one);
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
            "insert into public.form_submissions (id, patient_id, form_type, answers, status, submitted_by, reviewed_by, submitted_at, first_submitted_at, version, review_comment)
             values ('bbbbbbbb-0000-4000-a000-0000000000aa', '{OWN_PATIENT}', 'intake', '{INTAKE}', 'submitted', '{two}', '{two}', '1999-01-01', '1999-01-01', 9, 'fine')"
        );
        assert_eq!(
            ward.act(Person::ClinicianOne, &forged).await,
            Outcome::Rows(1)
        );
        let stamped: bool = ward
            .fact(&format!(
                "select submitted_by = '{one}' and reviewed_by is null and submitted_at = now() and first_submitted_at = now() and version = 1 and review_comment = ''
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
                "insert into public.form_submissions (patient_id, form_type, answers, status) values ('{OWN_PATIENT}', 'intake', '{INTAKE}', '{status}')"
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
fn only_a_draft_that_was_never_submitted_is_deleted() {
    on_the_ward(|mut ward| async move {
        let delete = format!("delete from public.form_submissions where id = '{OWN_FORM}'");
        for status in STATUSES {
            ward.owner(&set_status(status)).await;
            for person in [Person::ClinicianOne, Person::Admin] {
                assert_eq!(
                    ward.attempt(person, &delete).await,
                    Outcome::Rows(u64::from(status == "draft")),
                    "{person:?} {status}"
                );
            }
        }
    });
}

#[test]
fn no_way_back_to_a_draft_makes_a_submitted_form_deletable() {
    on_the_ward(|mut ward| async move {
        written_by_a_colleague(&mut ward).await;
        ward.owner(&set_status("approved")).await;
        for (person, status) in [
            (Person::Admin, "in_review"),
            (Person::Admin, "returned"),
            (Person::ClinicianOne, "draft"),
        ] {
            assert_eq!(
                ward.act(person, &set_status(status)).await,
                Outcome::Rows(1),
                "{status}"
            );
        }
        let forget = format!(
            "update public.form_submissions set first_submitted_at = null where id = '{OWN_FORM}'"
        );
        let delete = format!("delete from public.form_submissions where id = '{OWN_FORM}'");
        for person in [Person::ClinicianOne, Person::Admin] {
            assert_eq!(ward.act(person, &forget).await, Outcome::Rows(1));
            assert_eq!(
                ward.act(person, &delete).await,
                Outcome::Rows(0),
                "{person:?}"
            );
        }
    });
}
