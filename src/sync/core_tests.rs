//! The decisions of one page's feed, event by event, in injected time.
#![allow(clippy::panic)]

use std::time::Duration;

use bedside_query::RowChange;
use uuid::Uuid;

use super::catch_up::{Answer, Failure, Fetch, Logged};
use super::core::{Core, Effect, Lost, Told, Trust};
use super::registry::Table;
use super::router::{Heard, Work};
use crate::data::Pace;
use crate::data::clock::Moment;

const ADA: &str = "00000000-0000-0000-0000-0000000000ad";

fn at(seconds: u64) -> Moment {
    Moment::from_millis(seconds * 1_000)
}

/// A user's page with one table in sight since the beginning, on a database without a log of changes.
fn looking_at(table: Table) -> Core {
    looking_with(Core::default(), table)
}

fn looking_with(mut core: Core, table: Table) -> Core {
    let effects = core.identify(Some(ADA.to_owned()), at(0));
    core.answered(question(&effects), Err(Failure::Absent), at(0));
    core.follow(table, at(0));
    core
}

/// When a database without a log is asked for it again.
fn asked_again() -> Option<Moment> {
    Some(at(60))
}

/// A user's page with one table in sight since the beginning, on a database with a log of changes.
fn caught_up_on(table: Table) -> Core {
    let mut core = Core::default();
    let effects = core.identify(Some(ADA.to_owned()), at(0));
    core.follow(table, at(0));
    core.answered(question(&effects), Ok(nothing_new()), at(0));
    core.trust(Trust::Live, at(0));
    core
}

fn question(effects: &[Effect]) -> u64 {
    let asked = effects.iter().find_map(|effect| match effect {
        Effect::Ask { number, .. } => Some(*number),
        _ => None,
    });
    asked.unwrap_or_default()
}

fn nothing_new() -> Answer {
    Answer {
        watermark: "w".to_owned(),
        complete: true,
        changes: Vec::new(),
        interval_ms: None,
    }
}

fn changed(row: &str) -> Heard {
    Heard::Row(RowChange::delete("profiles", row))
}

fn everything_in_question() -> [Effect; 3] {
    Table::ALL.map(|table| Effect::Cache(Work::All(table)))
}

#[test]
fn a_table_is_bound_with_those_that_decide_on_who_sees_it() {
    let mut core = Core::default();
    assert_eq!(
        core.follow(Table::Patients, at(0)),
        [Effect::Bind(Table::Profiles), Effect::Bind(Table::Patients)]
    );
    assert_eq!(core.follow(Table::Patients, at(0)), []);
}

#[test]
fn a_table_that_nobody_looks_at_lingers_and_is_doubted_when_it_goes() {
    let mut core = looking_at(Table::Profiles);
    core.unfollow(Table::Profiles, at(10));
    assert_eq!(core.due(), Some(at(40)));
    assert_eq!(core.wake(at(39)), []);
    assert_eq!(
        core.wake(at(40)),
        [
            Effect::Unbind(Table::Profiles),
            Effect::Cache(Work::Doubt(Table::Profiles)),
            Effect::Depart
        ]
    );
    assert_eq!(core.due(), asked_again());
}

#[test]
fn a_table_that_is_looked_at_again_in_time_stays() {
    let mut core = looking_at(Table::Profiles);
    core.unfollow(Table::Profiles, at(10));
    assert_eq!(core.follow(Table::Profiles, at(20)), []);
    assert_eq!(core.due(), asked_again());
}

#[test]
fn the_next_person_finds_nothing_of_the_former_one() {
    let mut core = looking_at(Table::Profiles);
    core.hear(Table::Profiles, changed("x"), at(1));
    core.hear(Table::Profiles, changed("y"), at(1));
    assert_eq!(
        core.identify(Some("bo".to_owned()), at(1)),
        [
            Effect::Forget,
            Effect::Depart,
            Effect::Identify(Some("bo".to_owned())),
            Effect::Attend("bo".to_owned()),
            Effect::Ask {
                number: 2,
                since: None
            }
        ]
    );
    assert_eq!(
        core.wake(at(2)),
        [],
        "what waited was for the former person"
    );
}

#[test]
fn nobody_attends_for_nobody() {
    let mut core = looking_at(Table::Profiles);
    let effects = core.identify(None, at(1));
    assert_eq!(
        effects,
        [Effect::Forget, Effect::Depart, Effect::Identify(None)]
    );
}

#[test]
fn a_change_of_ones_own_profile_puts_everything_in_question() {
    let mut core = looking_at(Table::Profiles);
    let own = Uuid::parse_str(ADA).unwrap_or_default();
    let heard = Heard::Row(RowChange::delete("profiles", own));
    core.hear(Table::Profiles, heard, at(1));
    assert_eq!(core.wake(at(2)), everything_in_question());
}

#[test]
fn a_changed_row_is_shown_at_once_and_what_it_does_not_tell_is_fetched() {
    let mut core = looking_at(Table::Profiles);
    let effects = core.hear(Table::Profiles, changed("x"), at(1));
    assert!(
        matches!(effects.as_slice(), [Effect::Apply(rows), Effect::Cache(Work::Stale(Table::Profiles))] if rows.len() == 1),
        "{effects:?}"
    );
}

#[test]
fn edits_that_follow_each_other_are_each_shown_within_a_frame() {
    let mut core = looking_at(Table::Profiles);
    core.hear(Table::Profiles, changed("x"), at(1));
    assert_eq!(core.hear(Table::Profiles, changed("y"), at(1)), []);
    let frame = at(1).after(super::patches::FRAME);
    assert_eq!(core.due(), Some(frame));
    let effects = core.wake(frame);
    assert!(
        matches!(effects.as_slice(), [Effect::Apply(rows)] if rows.len() == 1),
        "fetches wait for the window: {effects:?}"
    );
}

#[test]
fn a_feed_that_is_dead_from_the_beginning_is_watched_too() {
    let mut core = looking_at(Table::Patients);
    assert_eq!(core.beats_ready(), [Effect::Sound]);
    assert_eq!(core.sounded(7), [Effect::Watch]);
    assert_eq!(core.sounded(8), [], "once is enough");
    assert_eq!(core.beats_ready(), []);
}

#[test]
fn a_database_without_a_scheduler_is_not_missed() {
    let mut core = looking_at(Table::Patients);
    assert_eq!(core.sounded(0), []);
    assert_eq!(core.beat(at(5)), [Effect::Watch], "until it has one");
}

#[test]
fn a_look_at_a_page_without_a_feed_asks_for_what_is_seen() {
    let mut core = looking_at(Table::Patients);
    assert_eq!(core.seen(at(5)), [], "the feed brings what changes");
    core.trust(Trust::Doubtful, at(10));
    assert_eq!(core.seen(at(15)), everything_in_question());
    assert_eq!(core.seen(at(16)), [], "twice in a moment is once");
    assert_eq!(core.due(), Some(at(35)));
}

#[test]
fn lost_rows_go_at_once_and_what_is_left_is_fresh_only_when_fetched() {
    let mut core = looking_at(Table::Patients);
    let lost = Lost::Row(Table::Patients, "7".to_owned());
    let effects = core.told(Told::Revoked(lost.clone()), at(1));
    assert_eq!(effects.first(), Some(&Effect::Drop(lost)));
    assert!(effects.ends_with(&everything_in_question()), "{effects:?}");
    assert!(effects.contains(&Effect::Cache(Work::Doubt(Table::Patients))));
}

#[test]
fn entering_the_private_room_makes_up_for_what_was_said_before() {
    let mut core = looking_at(Table::Patients);
    assert_eq!(core.told(Told::Ready, at(1)), everything_in_question());
}

#[test]
fn without_trust_what_is_on_screen_is_asked_for_now_and_then() {
    let mut core = looking_at(Table::Patients);
    core.trust(Trust::Doubtful, at(0));
    assert_eq!(core.due(), Some(at(20)));
    core.trust(Trust::Doubtful, at(10));
    assert_eq!(core.due(), Some(at(20)), "more doubt delays nothing");
    assert_eq!(core.wake(at(20)), everything_in_question());
    assert_eq!(core.due(), Some(at(40)));
    core.trust(Trust::Live, at(30));
    assert_eq!(core.due(), asked_again());
}

#[test]
fn what_a_broken_feed_did_not_bring_is_asked_for_once_it_is_known() {
    let mut core = looking_at(Table::Patients);
    core.trust(Trust::Doubtful, at(0));
    core.trust(Trust::Broken, at(5));
    assert_eq!(core.wake(at(5)), everything_in_question());
    core.trust(Trust::Broken, at(6));
    assert_eq!(core.due(), Some(at(25)), "it is known already");
    core.trust(Trust::Live, at(7));
    core.trust(Trust::Broken, at(8));
    assert_eq!(core.due(), Some(at(8)));
}

#[test]
fn what_was_fetched_before_the_server_listened_is_in_doubt_until_its_turn_comes() {
    let spread = Duration::from_millis(300);
    let mut core = looking_with(Core::new(spread, Pace::default()), Table::Profiles);
    core.hear(Table::Profiles, Heard::Gap, at(1));
    let effects = core.hear(Table::Profiles, Heard::Ready, at(5));
    assert_eq!(effects, [Effect::Cache(Work::Doubt(Table::Profiles))]);
    let turn = at(5).after(spread);
    assert_eq!(core.due(), Some(turn));
    assert_eq!(core.wake(turn), [Effect::Cache(Work::All(Table::Profiles))]);
}

#[test]
fn a_gap_ends_with_the_last_look_at_its_table() {
    let spread = Duration::from_millis(300);
    let mut core = looking_with(Core::new(spread, Pace::default()), Table::Profiles);
    core.hear(Table::Profiles, Heard::Gap, at(1));
    core.unfollow(Table::Profiles, at(2));
    core.wake(at(2).after(Pace::default().linger()));
    core.follow(Table::Profiles, at(40));
    assert_eq!(
        core.hear(Table::Profiles, Heard::Ready, at(41)),
        [Effect::Cache(Work::All(Table::Profiles))],
        "who begins has nobody to make way for"
    );
}

#[test]
fn the_heartbeat_is_watched_from_the_first_beat_on() {
    let mut core = looking_at(Table::Patients);
    assert_eq!(core.beat(at(5)), [Effect::Watch]);
    assert_eq!(core.beat(at(15)), []);
    let effects = core.identify(Some("bo".to_owned()), at(20));
    let effects = core.answered(question(&effects), Err(Failure::Absent), at(20));
    assert!(
        effects.starts_with(&[Effect::Beats, Effect::Watch]),
        "{effects:?}"
    );
}

#[test]
fn without_a_heartbeat_own_writes_must_come_back() {
    let mut core = looking_at(Table::Patients);
    let row = Uuid::from_u128(7);
    let expected = Effect::Expect(Table::Patients, row.to_string());
    assert_eq!(core.wrote(Table::Patients, row, 2, at(1)), [expected]);
    assert_eq!(
        core.wrote(Table::FormSubmissions, row, 2, at(1)),
        [],
        "nobody listens to that table"
    );
    core.beat(at(5));
    assert_eq!(core.wrote(Table::Patients, row, 3, at(6)), []);
}

#[test]
fn a_first_beat_that_comes_late_is_not_the_first() {
    let mut core = looking_at(Table::Patients);
    let effects = core.beat(at(14));
    assert_eq!(effects.first(), Some(&Effect::Watch));
    assert!(effects.ends_with(&everything_in_question()), "{effects:?}");
}

/// The fetch of a row that the feed lost in a gap.
fn missing_row(core: &mut Core, table: Table, id: Uuid) -> Fetch {
    core.hear(table, Heard::Ready, at(1));
    let effects = core.wake(at(2));
    let answer = Answer {
        changes: vec![Logged {
            table: table.name().to_owned(),
            id: Some(id),
            version: Some(2),
            lost: false,
        }],
        ..nothing_new()
    };
    let effects = core.answered(question(&effects), Ok(answer), at(2));
    match effects.as_slice() {
        [Effect::Fetch(fetch)] => fetch.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn with_a_log_a_gap_ends_in_a_question_and_not_in_fetching_everything() {
    let mut core = caught_up_on(Table::Patients);
    assert_eq!(core.hear(Table::Patients, Heard::Gap, at(1)), []);
    assert_eq!(core.hear(Table::Patients, Heard::Ready, at(2)), []);
    assert_eq!(core.told(Told::Ready, at(2)), []);
    let effects = core.wake(at(3));
    assert!(
        matches!(effects.as_slice(), [Effect::Ask { since: Some(_), .. }]),
        "{effects:?}"
    );
    assert_eq!(
        core.answered(question(&effects), Ok(nothing_new()), at(3)),
        []
    );
}

#[test]
fn with_a_log_a_page_without_a_feed_asks_instead_of_fetching_everything() {
    let mut core = caught_up_on(Table::Patients);
    core.trust(Trust::Doubtful, at(1));
    let mut asked = 0;
    for second in 2..120 {
        for effect in core.wake(at(second)) {
            match effect {
                Effect::Ask { number, .. } => {
                    asked += 1;
                    let effects = core.answered(number, Ok(nothing_new()), at(second));
                    assert_eq!(effects, [Effect::Checked(0)]);
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert!((5..=10).contains(&asked), "{asked}");
}

#[test]
fn a_missed_change_of_ones_own_profile_puts_everything_in_question() {
    let mut core = caught_up_on(Table::Profiles);
    let own = Uuid::parse_str(ADA).unwrap_or_default();
    let fetch = missing_row(&mut core, Table::Profiles, own);
    let row = RowChange::update("profiles", own, serde_json::json!({"version": 2}));
    let effects = core.fetched(&fetch, Ok(vec![row.clone()]), at(3));
    let healed = Effect::Heal(vec![(Table::Profiles, row)]);
    assert_eq!(effects.first(), Some(&healed));
    assert!(effects.ends_with(&everything_in_question()), "{effects:?}");
}

#[test]
fn rows_that_were_fetched_for_another_user_are_dropped() {
    let mut core = caught_up_on(Table::Patients);
    let id = Uuid::from_u128(7);
    let fetch = missing_row(&mut core, Table::Patients, id);
    core.identify(Some("bo".to_owned()), at(3));
    let row = RowChange::update("patients", id, serde_json::json!({}));
    assert_eq!(core.fetched(&fetch, Ok(vec![row]), at(4)), []);
}
