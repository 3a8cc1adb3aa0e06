//! Accounts and their profiles: where a role comes from, and who can't take it away.

use crate::policies::ward::{Outcome, Person, Ward, against_a_rule, not_invited, on_the_ward};

const NEWCOMER: &str = "cccccccc-0000-4000-a000-000000000001";

/// App metadata as whoever holds the service key writes it.
const VIEWER: &str = "'{\"role\": \"viewer\"}'";

async fn sign_up(ward: &mut Ward, email: &str, app_metadata: &str, user_metadata: &str) {
    ward.owner(&format!(
        "insert into auth.users (id, email, raw_app_meta_data, raw_user_meta_data)
         values ('{NEWCOMER}', {email}, {app_metadata}, {user_metadata})"
    ))
    .await;
}

async fn check_newcomer(ward: &mut Ward, condition: &str) {
    let holds: bool = ward
        .fact(&format!(
            "select {condition} from public.profiles where id = '{NEWCOMER}'"
        ))
        .await;
    assert!(holds, "{condition}");
}

#[test]
fn who_signs_up_alone_gets_no_account_whatever_they_say_of_themselves() {
    on_the_ward(|mut ward| async move {
        let outcome = ward
            .act_as_owner(&format!(
                "insert into auth.users (id, email, raw_app_meta_data, raw_user_meta_data)
                 values ('{NEWCOMER}', 'nosy@bedside.test', '{{\"provider\": \"email\"}}',
                         '{{\"role\": \"admin\", \"active\": true, \"full_name\": \"Nosy Parker\"}}');
                 set constraints all immediate"
            ))
            .await;
        assert_eq!(outcome, not_invited());
    });
}

#[test]
fn who_is_given_a_role_by_the_service_starts_with_it() {
    on_the_ward(|mut ward| async move {
        sign_up(
            &mut ward,
            "'new@bedside.test'",
            "'{\"role\": \"clinician\"}'",
            "'{}'",
        )
        .await;
        check_newcomer(
            &mut ward,
            "role = 'clinician' and active and full_name = 'new'",
        )
        .await;
    });
}

#[test]
fn odd_metadata_never_keeps_an_account_from_being_made() {
    let odd = [
        ("null", "null"),
        ("''", "'{}'"),
        ("'a@bedside.test'", "'{\"full_name\": {\"first\": 1}}'"),
        ("'a@bedside.test'", "'{\"full_name\": \"   \"}'"),
        ("'a@bedside.test'", "'\"text\"'"),
        (
            "'a@bedside.test'",
            "json_build_object('full_name', repeat('ab ', 100))::jsonb",
        ),
        (
            "'a@bedside.test'",
            "json_build_object('full_name', E'\\u200b\\u202e')::jsonb",
        ),
        // A colleague's name.
        (
            "'a@bedside.test'",
            "json_build_object('full_name', 'tomasz  OKAFOR')::jsonb",
        ),
    ];
    on_the_ward(|mut ward| async move {
        for (email, user) in odd {
            sign_up(&mut ward, email, VIEWER, user).await;
            check_newcomer(&mut ward, "role = 'viewer' and active").await;
            ward.owner(&format!("delete from auth.users where id = '{NEWCOMER}'"))
                .await;
        }
    });
}

#[test]
fn a_changed_address_reaches_the_directory_and_a_deleted_account_leaves_it() {
    on_the_ward(|mut ward| async move {
        sign_up(&mut ward, "'old@bedside.test'", VIEWER, "'{}'").await;
        ward.owner(&format!(
            "update auth.users set email = 'newer@bedside.test' where id = '{NEWCOMER}'"
        ))
        .await;
        check_newcomer(&mut ward, "email = 'newer@bedside.test'").await;
        ward.owner(&format!("delete from auth.users where id = '{NEWCOMER}'"))
            .await;
        let left: i64 = ward
            .fact(&format!(
                "select count(*) from public.profiles where id = '{NEWCOMER}'"
            ))
            .await;
        assert_eq!(left, 0);
    });
}

#[test]
fn a_deleted_clinician_leaves_patients_and_forms_behind() {
    on_the_ward(|mut ward| async move {
        let one = Person::ClinicianOne.id();
        let before: i64 = ward
            .fact("select count(*) from public.form_submissions")
            .await;
        ward.owner(&format!("delete from auth.users where id = '{one}'"))
            .await;
        let after: i64 = ward
            .fact("select count(*) from public.form_submissions")
            .await;
        assert_eq!(after, before);
    });
}

#[test]
fn the_last_admin_can_neither_step_down_nor_switch_off() {
    on_the_ward(|mut ward| async move {
        let own = format!("where id = '{}'", Person::Admin.id());
        let step_down = format!("update public.profiles set role = 'viewer' {own}");
        let switch_off = format!("update public.profiles set active = false {own}");
        assert_eq!(
            ward.attempt(Person::Admin, &step_down).await,
            Outcome::Rows(1),
            "another admin is left"
        );

        ward.owner(&format!(
            "update public.profiles set role = 'viewer' where role = 'admin' and id <> '{}'",
            Person::Admin.id()
        ))
        .await;
        assert_eq!(
            ward.attempt(Person::Admin, &step_down).await,
            against_a_rule()
        );
        assert_eq!(
            ward.attempt(Person::Admin, &switch_off).await,
            against_a_rule()
        );
    });
}

#[test]
fn renaming_moves_the_time_of_the_profile() {
    on_the_ward(|mut ward| async move {
        let one = Person::ClinicianOne;
        ward.owner("alter table public.profiles disable trigger stamp_profile; update public.profiles set updated_at = '2000-01-01'; alter table public.profiles enable trigger stamp_profile").await;
        let rename = format!(
            "update public.profiles set full_name = 'New Name' where id = '{}'",
            one.id()
        );
        assert_eq!(ward.act(one, &rename).await, Outcome::Rows(1));
        let moved: bool = ward
            .fact(&format!(
                "select updated_at = now() from public.profiles where id = '{}'",
                one.id()
            ))
            .await;
        assert!(moved);
    });
}
