//! Who stops seeing a row is told so on a private topic of their own, and nobody else is.

use crate::policies::ward::{
    OTHER_PATIENT, OWN_FORM, OWN_PATIENT, Outcome, Person, Ward, on_the_ward,
};

/// What was sent since the ward opened: `topic table id`, and all of it private broadcasts named `access_revoked`.
async fn told(ward: &mut Ward) -> Vec<String> {
    let odd: i64 = ward
        .fact("select count(*) from realtime.messages where event <> 'access_revoked' or not private or extension <> 'broadcast'")
        .await;
    assert_eq!(odd, 0);
    ward.fact(
        "select coalesce(array_agg(concat_ws(' ', topic, payload ->> 'table', case when payload ->> 'table' <> '*' then payload ->> 'id' end) order by topic), '{}')
           from realtime.messages",
    )
    .await
}

fn topic(person: Person) -> String {
    format!("user:{}", person.id())
}

fn assign(patient: &str, to: Person) -> String {
    format!(
        "update public.patients set clinician_id = '{}' where id = '{patient}'",
        to.id()
    )
}

#[test]
fn the_former_clinician_is_told_of_a_reassigned_patient() {
    on_the_ward(|mut ward| async move {
        let outcome = ward
            .act(Person::Admin, &assign(OWN_PATIENT, Person::ClinicianTwo))
            .await;
        assert_eq!(outcome, Outcome::Rows(1));
        let expected = format!("{} patients {OWN_PATIENT}", topic(Person::ClinicianOne));
        assert_eq!(told(&mut ward).await, [expected]);
    });
}

#[test]
fn a_hand_over_and_an_unassignment_tell_as_well() {
    on_the_ward(|mut ward| async move {
        let give = format!(
            "select public.hand_over_patient('{OWN_PATIENT}', '{}', 1)",
            Person::ClinicianTwo.id()
        );
        assert_eq!(
            ward.act(Person::ClinicianOne, &give).await,
            Outcome::Rows(1)
        );
        ward.owner(&format!(
            "update public.patients set clinician_id = null where id = '{OTHER_PATIENT}'"
        ))
        .await;
        assert_eq!(
            told(&mut ward).await,
            [
                format!("{} patients {OWN_PATIENT}", topic(Person::ClinicianOne)),
                format!("{} patients {OTHER_PATIENT}", topic(Person::ClinicianTwo)),
            ]
        );
    });
}

#[test]
fn a_change_that_hides_nothing_tells_nobody() {
    on_the_ward(|mut ward| async move {
        let one = Person::ClinicianOne;
        ward.act(
            one,
            &format!("update public.patients set notes = 'x' where id = '{OWN_PATIENT}'"),
        )
        .await;
        ward.act(
            one,
            &format!(
                "update public.form_submissions set status = 'submitted' where id = '{OWN_FORM}'"
            ),
        )
        .await;
        ward.act(
            one,
            &format!(
                "update public.profiles set full_name = 'X' where id = '{}'",
                one.id()
            ),
        )
        .await;
        // An admin who treated the patient sees it still.
        ward.owner(&assign(OTHER_PATIENT, Person::Admin)).await;
        ward.owner("delete from realtime.messages").await;
        ward.owner(&assign(OTHER_PATIENT, Person::ClinicianTwo))
            .await;
        assert_eq!(told(&mut ward).await, Vec::<String>::new());
    });
}

#[test]
fn a_form_that_moves_to_another_clinicians_patient_is_announced_to_the_former_one() {
    on_the_ward(|mut ward| async move {
        let sql = format!(
            "update public.form_submissions set patient_id = '{OTHER_PATIENT}' where id = '{OWN_FORM}'"
        );
        assert_eq!(ward.act(Person::Admin, &sql).await, Outcome::Rows(1));
        let expected = format!(
            "{} form_submissions {OWN_FORM}",
            topic(Person::ClinicianOne)
        );
        assert_eq!(told(&mut ward).await, [expected]);
    });
}

#[test]
fn many_rows_in_one_statement_become_one_message() {
    on_the_ward(|mut ward| async move {
        let (one, two) = (Person::ClinicianOne.id(), Person::ClinicianTwo.id());
        let sql = format!(
            "update public.patients set clinician_id = '{two}' where clinician_id = '{one}'"
        );
        let Outcome::Rows(moved) = ward.act(Person::Admin, &sql).await else {
            panic!("an admin reassigns");
        };
        assert!(moved > 20, "{moved} patients");
        assert_eq!(
            told(&mut ward).await,
            [format!("{} *", topic(Person::ClinicianOne))]
        );
    });
}

#[test]
fn each_change_of_role_but_the_raise_to_admin_and_each_deactivation_says_look_at_all_again() {
    let cases = [
        (Person::Admin, "role = 'viewer'", true),
        (Person::Admin, "role = 'clinician'", true),
        (Person::ClinicianOne, "role = 'viewer'", true),
        (Person::Viewer, "role = 'clinician'", true),
        (Person::ClinicianOne, "active = false", true),
        (Person::ClinicianOne, "role = 'admin'", false),
        (Person::Viewer, "role = 'admin'", false),
        (Person::Deactivated, "active = true", false),
        (Person::Deactivated, "role = 'viewer'", false),
    ];
    on_the_ward(|mut ward| async move {
        for (person, set, is_told) in cases {
            ward.owner(&format!(
                "savepoint story; update public.profiles set {set} where id = '{}'",
                person.id()
            ))
            .await;
            let expected: Vec<String> = is_told
                .then(|| format!("{} *", topic(person)))
                .into_iter()
                .collect();
            assert_eq!(told(&mut ward).await, expected, "{person:?} {set}");
            ward.owner("rollback to savepoint story").await;
        }
    });
}

#[test]
fn a_message_names_the_row_and_nothing_that_is_in_it() {
    on_the_ward(|mut ward| async move {
        ward.owner(&assign(OWN_PATIENT, Person::ClinicianTwo)).await;
        let keys: Vec<String> = ward
            .fact(
                "select array(select jsonb_object_keys(payload) order by 1) from realtime.messages",
            )
            .await;
        assert_eq!(keys, ["id", "table"]);
    });
}

#[test]
fn only_the_person_reads_their_topic_and_nobody_writes_to_it() {
    on_the_ward(|mut ward| async move {
        ward.owner(&assign(OWN_PATIENT, Person::ClinicianTwo)).await;
        let one = Person::ClinicianOne;
        ward.owner(&format!(
            "select set_config('realtime.topic', '{}', true)",
            topic(one)
        ))
        .await;
        let read = "select * from realtime.messages";
        assert_eq!(ward.attempt(one, read).await, Outcome::Rows(1));
        for person in [
            Person::Admin,
            Person::ClinicianTwo,
            Person::Viewer,
            Person::Deleted,
            Person::Anon,
        ] {
            assert_eq!(
                ward.attempt(person, read).await,
                Outcome::Rows(0),
                "{person:?}"
            );
        }
        let write = format!(
            "insert into realtime.messages (topic, extension, event, private, payload)
             values ('{}', 'broadcast', 'access_revoked', true, '{{}}')",
            topic(one)
        );
        for person in [one, Person::Admin, Person::Anon] {
            assert_eq!(
                ward.attempt(person, &write).await,
                crate::policies::ward::forbidden(),
                "{person:?}"
            );
        }
    });
}

#[test]
fn who_was_shut_out_may_still_hear_of_it() {
    on_the_ward(|mut ward| async move {
        let one = Person::ClinicianOne;
        ward.owner(&format!(
            "update public.profiles set active = false where id = '{}'",
            one.id()
        ))
        .await;
        ward.owner(&format!(
            "select set_config('realtime.topic', '{}', true)",
            topic(one)
        ))
        .await;
        assert_eq!(
            ward.attempt(one, "select * from realtime.messages").await,
            Outcome::Rows(1)
        );
    });
}

/// A `realtime.send` that fails is caught as well, but that can't be tried here: an exception block of PL/pgSQL catches nothing in
/// the embedded PostgreSQL, the error always ends the statement.
#[test]
fn a_hand_over_succeeds_where_there_is_no_realtime_to_send_with() {
    on_the_ward(|mut ward| async move {
        ward.owner(
            "alter function realtime.send(jsonb, text, text, boolean) rename to send_no_more",
        )
        .await;
        let outcome = ward
            .act(Person::Admin, &assign(OWN_PATIENT, Person::ClinicianTwo))
            .await;
        assert_eq!(outcome, Outcome::Rows(1));
        assert_eq!(told(&mut ward).await, Vec::<String>::new());
    });
}
