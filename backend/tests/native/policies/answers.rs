//! What the database checks about answers: limits that keep every row readable, and at submission what the form asks for.

use crate::policies::ward::{INTAKE, OWN_FORM, OWN_PATIENT, Outcome, Person, Ward};
use crate::policies::ward::{against_a_rule, on_the_ward};

const VITALS: &str = r#"{"heart_rate": 72, "systolic": 121, "diastolic": 78, "temperature": 36.8, "respiratory_rate": 14,
    "oxygen_saturation": 98}"#;
const CONSENT: &str = r#"{"procedure": "Lumbar puncture", "anaesthesia": false, "risks_explained": true, "questions_answered": true,
    "interpreter": false, "data_sharing": false, "signed_by": "patient", "signature": "Ada Patient"}"#;

/// Submits a new form with `answers`, an expression of SQL.
async fn submit(ward: &mut Ward, form_type: &str, answers: &str) -> Outcome {
    ward.attempt(
        Person::ClinicianOne,
        &format!(
            "insert into public.form_submissions (patient_id, form_type, status, answers)
             values ('{OWN_PATIENT}', '{form_type}', 'submitted', {answers})"
        ),
    )
    .await
}

/// Answers with a time of measurement, so long from now and with this format of `to_char`.
fn measured(ago: &str, zone: &str, offset: &str) -> String {
    format!(
        "'{VITALS}'::jsonb || jsonb_build_object('measured_at',
           to_char((now() - interval '{ago}') at time zone '{zone}', 'YYYY-MM-DD\"T\"HH24:MI') || '{offset}')"
    )
}

#[test]
fn no_draft_holds_what_a_client_cannot_read() {
    let refused = [
        "'{\"pain\": 1e400}'::jsonb",
        "'{\"pain\": -1e400}'::jsonb",
        "'{\"pain\": [1e400]}'::jsonb",
        "'{\"pain\": 9007199254740993}'::jsonb",
        "'{\"pain\": 1e-400}'::jsonb",
        "('{\"a\": ' || repeat('[', 125) || repeat(']', 125) || '}')::jsonb",
        "'{\"a\": {\"b\": {\"c\": {\"d\": {\"e\": {}}}}}}'::jsonb",
        "jsonb_build_object(repeat('k', 101), 1)",
        "jsonb_build_object('a', repeat('x', 20001))",
        "jsonb_build_object('a', repeat('x', 70000))",
        "(select jsonb_object_agg('k' || n, n) from generate_series(1, 1001) n)",
        "(select jsonb_build_object('a', jsonb_agg(n)) from generate_series(1, 1001) n)",
    ];
    let accepted = [
        "'{}'::jsonb",
        "'{\"pain\": 3, \"remark\": \"36.\", \"risks\": [\"fall\"], \"later\": {\"a\": [1, null, true]}}'::jsonb",
        "'{\"a\": 999999999999, \"b\": -0.000000001}'::jsonb",
        "jsonb_build_object('a', repeat('é', 20000))",
    ];
    on_the_ward(|mut ward| async move {
        for (answers, expected) in refused
            .map(|answers| (answers, against_a_rule()))
            .into_iter()
            .chain(accepted.map(|answers| (answers, Outcome::Rows(1))))
        {
            let update = format!(
                "update public.form_submissions set answers = {answers} where id = '{OWN_FORM}'"
            );
            let insert = format!(
                "insert into public.form_submissions (patient_id, form_type, answers) values ('{OWN_PATIENT}', 'vitals', {answers})"
            );
            for sql in [update, insert] {
                for person in [Person::ClinicianOne, Person::Service] {
                    assert_eq!(
                        ward.attempt(person, &sql).await,
                        expected,
                        "{person:?} {sql}"
                    );
                }
            }
        }
    });
}

#[test]
fn a_draft_may_be_unfinished_and_a_submission_may_not() {
    on_the_ward(|mut ward| async move {
        for answers in ["{}", "{\"heart_rate\": \"7\"}", "{\"heart_rate\": 5000}"] {
            let draft = format!(
                "insert into public.form_submissions (patient_id, form_type, answers) values ('{OWN_PATIENT}', 'vitals', '{answers}')"
            );
            assert_eq!(
                ward.attempt(Person::ClinicianOne, &draft).await,
                Outcome::Rows(1)
            );
            for form_type in ["intake", "vitals", "consent", "discharge"] {
                assert_eq!(
                    submit(&mut ward, form_type, &format!("'{answers}'")).await,
                    against_a_rule(),
                    "{form_type} {answers}"
                );
            }
        }
        // A draft and a returned form are checked on their way to the review, too.
        for status in ["draft", "returned"] {
            ward.owner(&format!(
                "update public.form_submissions set status = '{status}' where id = '{OWN_FORM}'"
            ))
            .await;
            let hand_in = |answers: &str| {
                format!(
                    "update public.form_submissions set status = 'submitted', answers = {answers} where id = '{OWN_FORM}'"
                )
            };
            let one = Person::ClinicianOne;
            assert_eq!(
                ward.attempt(one, &hand_in("answers - 'allergies'")).await,
                against_a_rule()
            );
            assert_eq!(
                ward.attempt(one, &hand_in("answers")).await,
                Outcome::Rows(1)
            );
        }
    });
}

#[test]
fn each_kind_of_answer_has_its_type_and_bounds() {
    let intake = [
        ("{\"reason\": \"   \"}", false),
        ("{\"reason\": 5}", false),
        ("{\"mobility\": \"flying\"}", false),
        ("{\"risks\": \"fall\"}", false),
        ("{\"risks\": [\"fall\", \"crocodiles\"]}", false),
        ("{\"risks\": [[\"fall\"]]}", false),
        ("{\"risks\": [\"fall\", \"infection\"]}", true),
        ("{\"risks\": []}", true),
        ("{\"asked_by_a_newer_app\": {\"a\": [1]}}", true),
    ];
    let consent = [
        ("{}", true),
        ("{\"anaesthesia\": \"yes\"}", false),
        ("{\"anaesthesia\": null}", false),
        ("{\"interpreter\": true}", false),
        (
            "{\"interpreter\": true, \"interpreter_name\": \"Luca Moretti\"}",
            true,
        ),
        ("{\"signed_on\": \"2027-02-31\"}", false),
        ("{\"signed_on\": \"31 02 2027\"}", false),
        ("{\"signed_on\": \"0000-01-01\"}", false),
    ];
    let vitals = [
        ("{}", true),
        ("{\"heart_rate\": \"72\"}", false),
        ("{\"heart_rate\": 72.5}", false),
        ("{\"heart_rate\": 19}", false),
        ("{\"heart_rate\": 301}", false),
        ("{\"temperature\": 36.85}", false),
        ("{\"temperature\": 36.80}", true),
        ("{\"weight_kg\": 0.3}", true),
        ("{\"weight_kg\": 0.2}", false),
        ("{\"systolic\": 78, \"diastolic\": 121}", false),
        ("{\"systolic\": 78}", false),
    ];
    on_the_ward(|mut ward| async move {
        let consents = consent.map(|(change, good)| {
            let signed = format!(
                "'{CONSENT}'::jsonb || jsonb_build_object('signed_on', current_date) || '{change}'"
            );
            ("consent", signed, good)
        });
        let intakes = intake
            .map(|(change, good)| ("intake", format!("'{INTAKE}'::jsonb || '{change}'"), good));
        let vitals = vitals.map(|(change, good)| {
            (
                "vitals",
                format!("{} || '{change}'", measured("1 hour", "UTC", "Z")),
                good,
            )
        });
        for (form_type, answers, good) in intakes.into_iter().chain(consents).chain(vitals) {
            let expected = if good {
                Outcome::Rows(1)
            } else {
                against_a_rule()
            };
            assert_eq!(
                submit(&mut ward, form_type, &answers).await,
                expected,
                "{answers}"
            );
        }
    });
}

#[test]
fn a_time_of_measurement_is_compared_as_an_instant_with_minutes_of_tolerance() {
    on_the_ward(|mut ward| async move {
        for (ago, zone, offset, good) in [
            ("1 minute", "UTC", "Z", true),
            ("1 minute", "UTC", "+00:00", true),
            // A clock that is three minutes fast, and one that is ten.
            ("-3 minutes", "UTC", "Z", true),
            ("-10 minutes", "UTC", "Z", false),
            // The same instant, written in other time zones.
            ("1 minute", "Pacific/Kiritimati", "+14:00", true),
            ("-10 minutes", "Pacific/Kiritimati", "+14:00", false),
            ("1 minute", "Etc/GMT+11", "-11:00", true),
            ("-10 minutes", "Etc/GMT+11", "-11:00", false),
            // Eight in the morning in Berlin is not yet eight in New York.
            ("1 minute", "Europe/Berlin", "-05:00", false),
            // Without an offset only what is ahead everywhere is refused.
            ("1 minute", "Pacific/Kiritimati", "", true),
            ("-10 minutes", "Pacific/Kiritimati", "", false),
            ("400 days", "UTC", "Z", false),
        ] {
            let expected = if good {
                Outcome::Rows(1)
            } else {
                against_a_rule()
            };
            assert_eq!(
                submit(&mut ward, "vitals", &measured(ago, zone, offset)).await,
                expected,
                "{ago} ago in {zone}, written as {offset:?}"
            );
        }
        for odd in [
            "2026-02-30T08:00Z",
            "2026-11-22T24:00Z",
            "2026-11-22",
            "2026-11-22T08:30+15:00",
            "now",
        ] {
            let answers = format!("'{VITALS}'::jsonb || '{{\"measured_at\": \"{odd}\"}}'");
            assert_eq!(
                submit(&mut ward, "vitals", &answers).await,
                against_a_rule(),
                "{odd}"
            );
        }
    });
}
