//! The demo data: enough, varied, plausible, and the same each time.

use crate::policies::ward::{Person, Ward, on_the_ward};

async fn check(ward: &mut Ward, condition: &str) {
    let holds: bool = ward.fact(&format!("select {condition}")).await;
    assert!(holds, "{condition}");
}

#[test]
fn there_is_enough_to_work_with() {
    on_the_ward(|mut ward| async move {
        check(
            &mut ward,
            "(select count(*) from public.profiles where active) >= 11",
        )
        .await;
        check(&mut ward, "(select count(*) from public.patients) >= 240").await;
        check(
            &mut ward,
            "(select count(*) from public.form_submissions) >= 700",
        )
        .await;
        for person in [Person::ClinicianOne, Person::ClinicianTwo] {
            check(
                &mut ward,
                &format!("(select count(*) from public.patients where clinician_id = '{}') between 55 and 70", person.id()),
            )
            .await;
        }
    });
}

#[test]
fn the_demo_accounts_have_the_roles_that_their_names_say() {
    on_the_ward(|mut ward| async move {
        let roles: Vec<String> = ward
            .fact("select array_agg(email || ' ' || role order by email) from public.profiles
                    where active and email in ('admin@bedside.test', 'clinician.one@bedside.test', 'clinician.two@bedside.test', 'viewer@bedside.test')")
            .await;
        assert_eq!(
            roles,
            [
                "admin@bedside.test admin",
                "clinician.one@bedside.test clinician",
                "clinician.two@bedside.test clinician",
                "viewer@bedside.test viewer"
            ]
        );
    });
}

#[test]
fn everything_that_a_screen_can_filter_by_occurs() {
    on_the_ward(|mut ward| async move {
        check(
            &mut ward,
            "(select count(distinct (form_type, status)) from public.form_submissions) >= 17",
        )
        .await;
        check(
            &mut ward,
            "(select count(distinct status) from public.patients) = 4",
        )
        .await;
        check(
            &mut ward,
            "(select count(distinct ward) from public.patients) = 10",
        )
        .await;
        check(
            &mut ward,
            "(select count(distinct sex) from public.patients) >= 3",
        )
        .await;
        check(
            &mut ward,
            "exists (select from public.patients where clinician_id is null)",
        )
        .await;
        for person in [Person::ClinicianOne, Person::ClinicianTwo] {
            check(
                &mut ward,
                &format!("(select count(distinct f.status) from public.form_submissions f join public.patients p on p.id = f.patient_id
                           where p.clinician_id = '{}') = 5", person.id()),
            )
            .await;
        }
    });
}

#[test]
fn no_two_patients_share_a_name_and_notes_vary() {
    on_the_ward(|mut ward| async move {
        check(&mut ward, "(select count(*) = count(distinct (first_name, last_name)) from public.patients where mrn like 'BH-%')").await;
        check(
            &mut ward,
            "(select count(distinct notes) > 120 from public.patients where mrn like 'BH-%')",
        )
        .await;
        check(&mut ward, "exists (select from public.patients where notes = '') and exists (select from public.patients where notes like E'%\\n%')").await;
        check(&mut ward, "(select count(*) > 60 from public.patients where first_name || last_name ~ '[^\\x01-\\x7f]')").await;
    });
}

#[test]
fn times_follow_from_each_other_and_none_lies_ahead() {
    on_the_ward(|mut ward| async move {
        check(&mut ward, "not exists (select from public.patients where updated_at > now() or created_at > updated_at)").await;
        check(
            &mut ward,
            "not exists (select from public.form_submissions f join public.patients p on p.id = f.patient_id
              where f.updated_at > now() or f.created_at > f.updated_at or f.created_at < p.created_at
                 or f.submitted_at not between f.created_at and f.updated_at)",
        )
        .await;
        check(&mut ward, "(select count(distinct submitted_at::date) >= 14 from public.form_submissions where submitted_at > now() - interval '15 days')").await;
    });
}

#[test]
fn answers_fit_the_kind_of_form() {
    on_the_ward(|mut ward| async move {
        let wrong: Vec<String> = ward
            .fact(
                "select coalesce(array_agg(form_type || ': ' || problem), '{}')
                   from public.form_submissions, private.answers_problem(form_type, answers) problem
                  where status <> 'draft' and problem is not null and patient_id in (select id from public.patients where mrn like 'BH-%')",
            )
            .await;
        assert!(wrong.is_empty(), "{wrong:?}");
        check(
            &mut ward,
            "not exists (select from public.form_submissions where status <> 'draft' and form_type = 'vitals'
               and patient_id in (select id from public.patients where mrn like 'BH-%')
               and not ((answers ->> 'heart_rate')::numeric between 40 and 180 and (answers ->> 'temperature')::numeric between 35 and 41
                 and (answers ->> 'weight_kg')::numeric between 2 and 150))",
        )
        .await;
        check(&mut ward, "not exists (select from public.form_submissions f join public.patients p on p.id = f.patient_id where f.form_type = 'discharge' and p.status <> 'discharged')").await;
    });
}

#[test]
fn seeding_again_changes_nothing() {
    let seed = include_str!("../../../../supabase/seed.sql");
    let state = "select md5(string_agg(t::text, ',' order by t::text)) from (
                   select p::text from public.patients p union all select f::text from public.form_submissions f
                   union all select s::text from public.profiles s) t";
    on_the_ward(|mut ward| async move {
        let before: String = ward.fact(state).await;
        ward.owner(seed).await;
        let after: String = ward.fact(state).await;
        assert_eq!(after, before);
    });
}
