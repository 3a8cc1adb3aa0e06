//! The names of staff: one active person each, and nothing in them that can't be seen.

use crate::policies::ward::{Outcome, Person, Ward, against_a_rule, on_the_ward, taken};

async fn rename(ward: &mut Ward, person: Person, whom: Person, name: &str) -> Outcome {
    let sql = format!(
        "update public.profiles set full_name = E'{name}' where id = '{}'",
        whom.id()
    );
    ward.attempt(person, &sql).await
}

#[test]
fn nobody_takes_a_colleagues_name() {
    // The colleague is Mireille Vanterpool.
    let same = [
        "Mireille Vanterpool",
        "mireille VANTERPOOL",
        "Mireille  Vanterpool",
        "Mireille\\u00a0Vanterpool",
        "Mireille\\u2003Vanterpool ",
        "\\uff2direille Vanterpool",
    ];
    on_the_ward(|mut ward| async move {
        for name in same {
            assert_eq!(
                rename(&mut ward, Person::Viewer, Person::Viewer, name).await,
                taken(),
                "{name}"
            );
            assert_eq!(
                rename(&mut ward, Person::Admin, Person::Viewer, name).await,
                taken(),
                "{name}"
            );
            let invite = format!(
                "insert into public.staff_invitations (email, full_name, role) values ('imitator@bedside.test', E'{name}', 'viewer')"
            );
            assert_eq!(
                ward.attempt(Person::Admin, &invite).await,
                taken(),
                "{name}"
            );
        }
    });
}

#[test]
fn a_name_has_no_characters_that_cannot_be_seen() {
    on_the_ward(|mut ward| async move {
        for hidden in [
            "\\u200b",
            "\\u200d",
            "\\u202e",
            "\\u2066",
            "\\u00ad",
            "\\u0007",
            "\\ufeff",
            "\\u3164",
            "\\ufe0f",
            "\\U000E0041",
            "\\u115f",
            "\\u2800",
        ] {
            for name in [
                format!("Mireille{hidden} Vanterpool"),
                format!("{hidden}Someone Else"),
            ] {
                assert_eq!(
                    rename(&mut ward, Person::Viewer, Person::Viewer, &name).await,
                    against_a_rule(),
                    "{name}"
                );
                let invite = format!(
                    "insert into public.staff_invitations (email, full_name, role) values ('imitator@bedside.test', E'{name}', 'viewer')"
                );
                assert_eq!(
                    ward.attempt(Person::Admin, &invite).await,
                    against_a_rule(),
                    "{name}"
                );
            }
        }
        for name in [
            "Žofia Ó Dálaigh-O\\u2019Neill",
            "李 小龙",
            "Jovan Achterberg Jr.",
            "علي رضا",
        ] {
            assert_eq!(
                rename(&mut ward, Person::Viewer, Person::Viewer, name).await,
                Outcome::Rows(1),
                "{name}"
            );
        }
    });
}

#[test]
fn a_name_is_free_again_once_its_owner_has_left_and_nobody_returns_into_a_taken_one() {
    on_the_ward(|mut ward| async move {
        // Deactivated is Noor Szymborski.
        let take = format!(
            "update public.profiles set full_name = 'Noor Szymborski' where id = '{}'",
            Person::Viewer.id()
        );
        assert_eq!(ward.act(Person::Viewer, &take).await, Outcome::Rows(1));
        let back = format!(
            "update public.profiles set active = true where id = '{}'",
            Person::Deactivated.id()
        );
        assert_eq!(ward.act(Person::Admin, &back).await, taken());
    });
}

#[test]
fn a_new_account_whose_name_was_taken_since_is_told_apart() {
    on_the_ward(|mut ward| async move {
        let invite = "insert into public.staff_invitations (email, full_name, role) values ('late@bedside.test', 'Late Comer', 'viewer')";
        ward.act(Person::Admin, invite).await;
        let take = format!(
            "update public.profiles set full_name = 'Late Comer' where id = '{}'",
            Person::Viewer.id()
        );
        ward.act(Person::Viewer, &take).await;
        ward.owner(
            "insert into auth.users (id, email, raw_app_meta_data, raw_user_meta_data)
             select 'cccccccc-0000-4000-a000-000000000003', email, '{}', jsonb_build_object('invitation', code)
               from public.staff_invitations where email = 'late@bedside.test'",
        )
        .await;
        let name: String = ward
            .fact("select full_name from public.profiles where email = 'late@bedside.test'")
            .await;
        assert_eq!(name, "Late Comer (2)");
    });
}
