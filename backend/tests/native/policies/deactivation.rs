//! A deactivated account: its sessions end, its rooms close, its address stays.

use crate::policies::ward::{OWN_PATIENT, Outcome, Person, forbidden, not_invited, on_the_ward};

#[test]
fn deactivation_ends_the_sessions_of_the_account_and_no_others() {
    on_the_ward(|mut ward| async move {
        let (viewer, one) = (Person::Viewer.id(), Person::ClinicianOne.id());
        ward.owner(&format!(
            "delete from auth.sessions;
             insert into auth.sessions (id, user_id) select gen_random_uuid(), id from auth.users where id in ('{viewer}', '{one}');
             insert into auth.refresh_tokens (token, user_id, session_id) select 'token ' || id, user_id, id from auth.sessions;
             insert into auth.refresh_tokens (token, user_id) values ('without a session', '{viewer}')"
        ))
        .await;
        let left = "select array_agg(distinct user_id::text) from (select user_id::text from auth.sessions union all select user_id from auth.refresh_tokens) t";
        let rename =
            format!("update public.profiles set full_name = 'Renamed' where id = '{viewer}'");
        ward.act(Person::Admin, &rename).await;
        let both: Vec<String> = ward.fact(left).await;
        assert_eq!(both.len(), 2, "another change ends no session");

        let deactivate = format!("update public.profiles set active = false where id = '{viewer}'");
        assert_eq!(ward.act(Person::Admin, &deactivate).await, Outcome::Rows(1));
        let one_left: Vec<String> = ward.fact(left).await;
        assert_eq!(one_left, [one]);
    });
}

#[test]
fn a_deactivated_account_keeps_its_address() {
    on_the_ward(|mut ward| async move {
        let change = format!(
            "update auth.users set email = 'elsewhere@bedside.test' where id = '{}'",
            Person::Deactivated.id()
        );
        assert_eq!(ward.act_as_owner(&change).await, not_invited());
    });
}

#[test]
fn the_rooms_are_closed_to_a_deactivated_account() {
    on_the_ward(|mut ward| async move {
        let one = Person::ClinicianOne;
        for (room, writes) in [
            (format!("patient:{OWN_PATIENT}"), "broadcast"),
            ("ward:forms".to_owned(), "presence"),
        ] {
            ward.owner(&format!(
                "insert into realtime.messages (topic, extension, event, private, payload) values ('{room}', 'broadcast', 'x', true, '{{}}');
                 select set_config('realtime.topic', '{room}', true)"
            ))
            .await;
            let read = format!("select from realtime.messages where topic = '{room}'");
            let write = format!(
                "insert into realtime.messages (topic, extension, event, private, payload) values ('{room}', '{writes}', 'x', true, '{{}}')"
            );
            for (active, seen, written) in [
                (true, Outcome::Rows(1), Outcome::Rows(1)),
                (false, Outcome::Rows(0), forbidden()),
            ] {
                ward.owner(&format!(
                    "update public.profiles set active = {active} where id = '{}'",
                    one.id()
                ))
                .await;
                assert_eq!(ward.attempt(one, &read).await, seen, "{room}");
                assert_eq!(ward.attempt(one, &write).await, written, "{room}");
            }
            ward.owner(&format!(
                "update public.profiles set active = true where id = '{}'",
                one.id()
            ))
            .await;
        }
    });
}
