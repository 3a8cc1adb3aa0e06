//! Letting a person in: who writes invitations, and what a sign-up with and without one comes to.

use crate::policies::ward::{Outcome, Person, Ward, forbidden, not_invited, on_the_ward, taken};

const NEWCOMER: &str = "cccccccc-0000-4000-a000-000000000002";
const INVITE: &str = "insert into public.staff_invitations (email, full_name, role)
    values (' New.Person@Bedside.test ', ' New Person ', 'clinician')";

/// The code of the invitation that [`INVITE`] writes.
async fn code(ward: &mut Ward) -> String {
    ward.fact("select code from public.staff_invitations where email like 'new.person%'")
        .await
}

/// A sign-up as the auth service writes it, by somebody who names a code (or none).
async fn sign_up(ward: &mut Ward, email: &str, code: Option<&str>) -> Outcome {
    let said = code.map_or_else(
        || r#"{"full_name": "Somebody Else", "role": "admin"}"#.to_owned(),
        |code| {
            format!(r#"{{"full_name": "Somebody Else", "role": "admin", "invitation": "{code}"}}"#)
        },
    );
    ward.act_as_owner(&format!(
        "insert into auth.users (id, email, raw_app_meta_data, raw_user_meta_data)
         values ('{NEWCOMER}', '{email}', '{{}}', '{said}');
         set constraints all immediate"
    ))
    .await
}

async fn newcomer(ward: &mut Ward) -> String {
    ward.fact(&format!(
        "select coalesce((select role || ' ' || full_name || case when active then ' active' else ' inactive' end
           from public.profiles where id = '{NEWCOMER}'), 'nobody')"
    ))
    .await
}

async fn open_invitations(ward: &mut Ward) -> i64 {
    ward.fact("select count(*) from public.staff_invitations where email like 'new.person%'")
        .await
}

#[test]
fn who_signs_up_with_the_code_is_what_the_admin_wrote_down_and_the_code_is_used_up() {
    on_the_ward(|mut ward| async move {
        assert_eq!(ward.act(Person::Admin, INVITE).await, Outcome::Rows(1));
        let code = code(&mut ward).await;
        let typed = format!("{} - {}", code[..6].to_lowercase(), &code[6..]);
        assert_eq!(
            sign_up(&mut ward, "new.person@bedside.test", Some(&typed)).await,
            Outcome::Rows(1)
        );
        assert_eq!(newcomer(&mut ward).await, "clinician New Person active");
        assert_eq!(open_invitations(&mut ward).await, 0);
    });
}

#[test]
fn an_invited_address_is_taken_by_nobody_without_the_code() {
    on_the_ward(|mut ward| async move {
        ward.act(Person::Admin, INVITE).await;
        for code in [None, Some("000000000000"), Some("")] {
            assert_eq!(
                sign_up(&mut ward, "New.Person@bedside.test", code).await,
                not_invited(),
                "{code:?}"
            );
        }
        assert_eq!(open_invitations(&mut ward).await, 1);
    });
}

#[test]
fn an_address_that_nobody_invited_gets_no_account_and_the_same_answer() {
    on_the_ward(|mut ward| async move {
        for code in [None, Some("000000000000"), Some("")] {
            assert_eq!(
                sign_up(&mut ward, "stranger@bedside.test", code).await,
                not_invited(),
                "{code:?}"
            );
        }
    });
}

#[test]
fn an_account_gets_its_role_later_in_the_transaction_as_gotrue_does_it_or_is_refused() {
    on_the_ward(|mut ward| async move {
        let create = format!(
            "insert into auth.users (id, email, raw_app_meta_data, raw_user_meta_data)
             values ('{NEWCOMER}', 'made@bedside.test', '{{\"provider\": \"email\"}}', '{{\"full_name\": \"Made Later\"}}');"
        );
        let role = format!(
            "update auth.users set raw_app_meta_data = raw_app_meta_data || '{{\"role\": \"clinician\"}}' where id = '{NEWCOMER}';"
        );
        let commit = "set constraints all immediate";
        assert_eq!(
            ward.act_as_owner(&format!("{create} {commit}")).await,
            not_invited()
        );
        ward.owner(&format!(
            "set constraints all deferred; {create} {role} {commit}"
        ))
        .await;
        assert_eq!(newcomer(&mut ward).await, "clinician Made Later active");
    });
}

#[test]
fn nobody_moves_to_an_invited_address() {
    on_the_ward(|mut ward| async move {
        ward.act(Person::Admin, INVITE).await;
        let code = code(&mut ward).await;
        let move_to = |address: &str| {
            format!(
                "update auth.users set email = '{address}' where id = '{}'",
                Person::Viewer.id()
            )
        };
        assert_eq!(
            ward.act_as_owner(&move_to("New.Person@bedside.test")).await,
            taken()
        );
        assert_eq!(
            ward.act_as_owner(&move_to("elsewhere@bedside.test")).await,
            Outcome::Rows(1)
        );
        assert_eq!(
            sign_up(&mut ward, "new.person@bedside.test", Some(&code)).await,
            Outcome::Rows(1)
        );
    });
}

#[test]
fn a_code_is_good_for_its_own_address_only() {
    on_the_ward(|mut ward| async move {
        ward.act(Person::Admin, INVITE).await;
        let code = code(&mut ward).await;
        assert_eq!(
            sign_up(&mut ward, "other@bedside.test", Some(&code)).await,
            not_invited()
        );
    });
}

#[test]
fn an_invitation_that_ran_out_or_was_withdrawn_lets_nobody_in() {
    for end in [
        "update public.staff_invitations set expires_at = now() - interval '1 second'",
        "delete from public.staff_invitations",
    ] {
        on_the_ward(|mut ward| async move {
            ward.act(Person::Admin, INVITE).await;
            let code = code(&mut ward).await;
            ward.owner(end).await;
            assert_eq!(
                sign_up(&mut ward, "new.person@bedside.test", Some(&code)).await,
                not_invited(),
                "{end}"
            );
            assert_eq!(newcomer(&mut ward).await, "nobody");
            // And the address can be invited again.
            assert_eq!(ward.act(Person::Admin, INVITE).await, Outcome::Rows(1));
        });
    }
}

#[test]
fn whoever_is_on_the_staff_or_invited_already_is_not_invited_again() {
    on_the_ward(|mut ward| async move {
        ward.act(Person::Admin, INVITE).await;
        assert_eq!(ward.attempt(Person::Admin, INVITE).await, taken());
        let colleague = "insert into public.staff_invitations (email, full_name, role)
            values ('Viewer@bedside.test', 'Again', 'admin')";
        assert_eq!(ward.attempt(Person::Admin, colleague).await, taken());
    });
}

#[test]
fn nobody_writes_a_code_an_inviter_or_a_date_of_their_own() {
    on_the_ward(|mut ward| async move {
        for (column, value) in [
            ("code", "'AAAAAAAAAAAA'"),
            ("invited_by", "null"),
            ("expires_at", "'2100-01-01'"),
        ] {
            let sql = format!(
                "insert into public.staff_invitations (email, full_name, role, {column})
                 values ('x@bedside.test', 'X', 'viewer', {value})"
            );
            assert_eq!(
                ward.attempt(Person::Admin, &sql).await,
                forbidden(),
                "{column}"
            );
        }
        ward.act(Person::Admin, INVITE).await;
        let by: String = ward
            .fact("select invited_by::text from public.staff_invitations where email like 'new.person%'")
            .await;
        assert_eq!(by, Person::Admin.id());
    });
}

#[test]
fn who_is_made_by_the_service_needs_no_code_and_ends_the_invitation() {
    on_the_ward(|mut ward| async move {
        ward.act(Person::Admin, INVITE).await;
        ward.owner(&format!(
            "insert into auth.users (id, email, raw_app_meta_data, raw_user_meta_data)
             values ('{NEWCOMER}', 'new.person@bedside.test', '{{\"role\": \"viewer\"}}', '{{}}')"
        ))
        .await;
        assert_eq!(newcomer(&mut ward).await, "viewer new.person active");
        assert_eq!(open_invitations(&mut ward).await, 0);
    });
}
