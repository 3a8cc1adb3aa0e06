#![allow(clippy::unwrap_used, clippy::panic)]
use super::*;

const PATIENT: Uuid = Uuid::from_u128(7);
const OTHER: Uuid = Uuid::from_u128(8);

fn at(millis: u64) -> Moment {
    Moment::from_millis(millis)
}

fn all(_: Table) -> bool {
    true
}

fn answer(watermark: &str, changes: Vec<Logged>) -> Answer {
    Answer {
        watermark: watermark.to_owned(),
        complete: true,
        changes,
        interval_ms: Some(15_000),
    }
}

fn changed(id: Uuid, version: Version) -> Logged {
    Logged {
        table: "patients".to_owned(),
        id: Some(id),
        version: Some(version),
        lost: false,
    }
}

fn lost(id: Uuid) -> Logged {
    Logged {
        version: None,
        lost: true,
        ..changed(id, 0)
    }
}

/// A catch-up at its first second, live, with a watermark and nothing missing.
fn caught_up() -> CatchUp {
    let mut catch_up = CatchUp::new(0.5);
    catch_up.identify(true, at(0));
    catch_up.answered(1, Ok(answer("w1", Vec::new())), all, at(100));
    catch_up.set_live(Live::Yes, at(100));
    assert!(catch_up.is_proven(at(100)));
    catch_up
}

/// Asks as soon as it is due, and returns the question's number.
fn ask(catch_up: &mut CatchUp) -> (u64, Moment) {
    loop {
        let due = catch_up.due().unwrap();
        match catch_up.wake(due).as_slice() {
            [] => {}
            [Step::Ask { number, .. }] => return (*number, due),
            other => panic!("{other:?}"),
        }
    }
}

/// Answers the next question.
fn told(catch_up: &mut CatchUp, changes: Vec<Logged>) -> (Vec<Step>, Moment) {
    let (number, at) = ask(catch_up);
    let steps = catch_up.answered(number, Ok(answer("w2", changes)), all, at);
    (steps, at)
}

fn fetch(steps: &[Step]) -> Fetch {
    match steps {
        [Step::Fetch(fetch)] => fetch.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_first_question_is_asked_at_sign_in_and_carries_no_watermark() {
    let mut catch_up = CatchUp::new(0.0);
    let first = Step::Ask {
        number: 1,
        since: None,
    };
    assert_eq!(catch_up.identify(true, at(0)), [first]);
    assert_eq!(catch_up.identify(false, at(1)), []);
    assert_eq!(catch_up.due(), None);
}

#[test]
fn the_next_question_carries_the_watermark_and_comes_after_the_interval() {
    let mut catch_up = caught_up();
    assert_eq!(catch_up.due(), Some(at(15_100)));
    let next = Step::Ask {
        number: 2,
        since: Some("w1".to_owned()),
    };
    assert_eq!(catch_up.wake(at(15_100)), [next]);
}

#[test]
fn pages_ask_at_different_times() {
    let asks = |place: f64| {
        let mut catch_up = CatchUp::new(place);
        catch_up.identify(true, at(0));
        catch_up.set_live(Live::Yes, at(0));
        catch_up.answered(1, Ok(answer("w1", Vec::new())), all, at(0));
        catch_up.due().unwrap()
    };
    assert_eq!(asks(0.0), at(12_000));
    assert_eq!(asks(1.0), at(18_000));
}

#[test]
fn a_change_that_the_feed_brought_needs_nothing() {
    let mut catch_up = caught_up();
    catch_up.brought(Source::Feed, (Table::Patients, PATIENT), 3, at(200));
    let (steps, now) = told(&mut catch_up, vec![changed(PATIENT, 3)]);
    assert_eq!(steps, []);
    assert!(catch_up.is_proven(now));
    assert_eq!(catch_up.stats().missing, 0);
}

#[test]
fn a_change_in_transit_is_waited_for_and_then_fetched() {
    let mut catch_up = caught_up();
    let (steps, asked) = told(&mut catch_up, vec![changed(PATIENT, 3), changed(OTHER, 1)]);
    assert_eq!(steps, [], "Realtime may be about to send them");
    catch_up.brought(Source::Feed, (Table::Patients, OTHER), 1, asked);
    assert_eq!(catch_up.due(), Some(asked.after(IN_TRANSIT)));
    let fetch = fetch(&catch_up.wake(asked.after(IN_TRANSIT)));
    assert_eq!((fetch.table, fetch.ids), (Table::Patients, vec![PATIENT]));
    let now = asked.after(IN_TRANSIT);
    assert!(!catch_up.is_proven(now), "the row isn't on the screen yet");
    catch_up.brought(Source::Fetch, (Table::Patients, PATIENT), 3, now);
    assert_eq!(catch_up.fetched(fetch.number, Ok(&[PATIENT]), now), []);
    assert!(catch_up.is_proven(now));
}

/// A caught-up page that fetched a missing row, and when.
fn fetched_missing_row() -> (CatchUp, Moment) {
    let mut catch_up = caught_up();
    let (_, asked) = told(&mut catch_up, vec![changed(PATIENT, 3)]);
    let now = asked.after(IN_TRANSIT);
    let fetch = fetch(&catch_up.wake(now));
    catch_up.brought(Source::Fetch, (Table::Patients, PATIENT), 3, now);
    catch_up.fetched(fetch.number, Ok(&[PATIENT]), now);
    (catch_up, now)
}

#[test]
fn a_change_that_never_comes_is_a_loss_and_the_feed_is_told() {
    let (mut catch_up, now) = fetched_missing_row();
    let steps = catch_up.wake(now.after(LATE));
    assert!(steps.contains(&Step::Checked(1)), "{steps:?}");
    assert_eq!(catch_up.stats().lost, 1);
    catch_up.set_live(Live::No, now.after(LATE));
    let number = match steps.as_slice() {
        [Step::Checked(_), Step::Ask { number, .. }] => *number,
        _ => ask(&mut catch_up).0,
    };
    let clean = catch_up.answered(number, Ok(answer("w3", Vec::new())), all, now.after(LATE));
    assert_eq!(clean, [Step::Checked(0)]);
}

#[test]
fn a_change_that_comes_late_is_no_loss() {
    let (mut catch_up, now) = fetched_missing_row();
    catch_up.brought(
        Source::Feed,
        (Table::Patients, PATIENT),
        3,
        now.after(IN_TRANSIT),
    );
    let steps = catch_up.wake(now.after(LATE));
    assert!(!steps.contains(&Step::Checked(1)), "{steps:?}");
    assert_eq!(catch_up.stats().lost, 0);
}

#[test]
fn an_older_version_proves_nothing_about_a_newer_one() {
    let mut catch_up = caught_up();
    catch_up.brought(Source::Feed, (Table::Patients, PATIENT), 2, at(200));
    let (_, asked) = told(&mut catch_up, vec![changed(PATIENT, 3)]);
    assert_eq!(
        fetch(&catch_up.wake(asked.after(IN_TRANSIT))).ids,
        [PATIENT]
    );
}

#[test]
fn after_a_gap_nothing_is_in_transit() {
    let mut catch_up = caught_up();
    catch_up.interrupted(at(200));
    assert!(!catch_up.is_proven(at(300)));
    catch_up.suspect(Duration::ZERO, at(1_000));
    let (steps, now) = told(&mut catch_up, vec![changed(PATIENT, 3)]);
    assert_eq!(now, at(1_000).after(GATHER));
    assert_eq!(fetch(&steps).ids, [PATIENT]);
}

#[test]
fn three_tables_that_become_ready_cost_one_question() {
    let mut catch_up = caught_up();
    for _ in 0..3 {
        catch_up.suspect(Duration::ZERO, at(1_000));
    }
    let (steps, now) = told(&mut catch_up, Vec::new());
    assert_eq!(steps, []);
    assert!(catch_up.is_proven(now));
    assert_eq!(catch_up.stats().questions, 2);
}

#[test]
fn a_suspicion_during_a_question_is_a_question_more() {
    let mut catch_up = caught_up();
    catch_up.suspect(Duration::ZERO, at(1_000));
    let (number, now) = ask(&mut catch_up);
    catch_up.suspect(Duration::ZERO, now);
    catch_up.answered(number, Ok(answer("w2", Vec::new())), all, now);
    assert!(!catch_up.is_proven(now));
    let (_, now) = told(&mut catch_up, Vec::new());
    assert!(catch_up.is_proven(now));
}

#[test]
fn a_lost_row_is_dropped_at_once_and_only_once() {
    let mut catch_up = caught_up();
    let row = Lost::Row(Table::Patients, PATIENT.to_string());
    let (steps, _) = told(&mut catch_up, vec![lost(PATIENT)]);
    assert_eq!(steps, [Step::Drop(row.clone())]);
    let mut catch_up = caught_up();
    catch_up.dropped(&row, at(200));
    let (steps, _) = told(&mut catch_up, vec![lost(PATIENT)]);
    assert_eq!(steps, [], "the message in the private room was faster");
}

#[test]
fn a_row_that_came_back_and_was_lost_again_is_dropped_again() {
    let mut catch_up = caught_up();
    let row = Lost::Row(Table::Patients, PATIENT.to_string());
    catch_up.dropped(&row, at(200));
    catch_up.brought(Source::Feed, (Table::Patients, PATIENT), 4, at(300));
    let (steps, _) = told(&mut catch_up, vec![lost(PATIENT)]);
    assert_eq!(steps, [Step::Drop(row)]);
}

#[test]
fn a_row_that_is_not_found_is_lost() {
    let mut catch_up = caught_up();
    let (_, asked) = told(&mut catch_up, vec![changed(PATIENT, 3)]);
    let now = asked.after(IN_TRANSIT);
    let fetch = fetch(&catch_up.wake(now));
    let steps = catch_up.fetched(fetch.number, Ok(&[]), now);
    let row = Lost::Row(Table::Patients, PATIENT.to_string());
    assert_eq!(steps, [Step::Drop(row)]);
}

#[test]
fn an_answer_that_is_older_than_what_the_feed_brought_is_no_news() {
    let mut catch_up = caught_up();
    let (_, asked) = told(&mut catch_up, vec![changed(PATIENT, 3), changed(OTHER, 1)]);
    let now = asked.after(IN_TRANSIT);
    let number = fetch(&catch_up.wake(now)).number;
    catch_up.brought(Source::Feed, (Table::Patients, PATIENT), GONE, now);
    catch_up.brought(Source::Feed, (Table::Patients, OTHER), 2, now);
    assert!(
        !catch_up.is_current(number, PATIENT, 3),
        "deleted in the meantime"
    );
    assert!(!catch_up.is_current(number, OTHER, 1));
    assert!(catch_up.is_current(number, OTHER, 2));
    assert_eq!(
        catch_up.fetched(number, Ok(&[]), now),
        [],
        "the feed said what became of them"
    );
}

#[test]
fn a_failed_fetch_is_repeated() {
    let mut catch_up = caught_up();
    let (_, asked) = told(&mut catch_up, vec![changed(PATIENT, 3)]);
    let now = asked.after(IN_TRANSIT);
    let first = fetch(&catch_up.wake(now));
    assert_eq!(
        catch_up.fetched(first.number, Err(Failure::Transient), now),
        []
    );
    assert!(!catch_up.is_proven(now));
    catch_up.suspect(Duration::ZERO, now);
    let (_, later) = told(&mut catch_up, Vec::new());
    assert!(
        !catch_up.is_proven(later),
        "an answer names a row only once"
    );
    assert_eq!(fetch(&catch_up.wake(now.after(RETRY))).ids, [PATIENT]);
    let mut catch_up = caught_up();
    let (_, asked) = told(&mut catch_up, vec![changed(PATIENT, 3)]);
    let fetch = fetch(&catch_up.wake(asked.after(IN_TRANSIT)));
    let steps = catch_up.fetched(fetch.number, Err(Failure::Unreadable), asked);
    assert_eq!(steps, [Step::Refetch(Table::Patients)]);
}

#[test]
fn too_many_missing_rows_are_fetched_as_lists() {
    let mut catch_up = caught_up();
    let many = (0..=BY_KEY as u128).map(|id| changed(Uuid::from_u128(id), 1));
    let (_, asked) = told(&mut catch_up, many.collect());
    let steps = catch_up.wake(asked.after(IN_TRANSIT));
    assert_eq!(steps, [Step::Refetch(Table::Patients)]);
}

#[test]
fn an_answer_that_cannot_say_what_changed_refetches_everything() {
    let mut catch_up = caught_up();
    let (number, now) = ask(&mut catch_up);
    let too_old = Answer {
        complete: false,
        ..answer("w9", vec![changed(PATIENT, 3)])
    };
    assert_eq!(
        catch_up.answered(number, Ok(too_old), all, now),
        [Step::RefetchAll]
    );
    assert_eq!(catch_up.watermark(), Some("w9"));
    assert_eq!(catch_up.stats().incomplete, 1);
}

#[test]
fn a_first_answer_that_comes_late_covers_no_fetch_before_it() {
    let mut catch_up = CatchUp::new(0.5);
    catch_up.identify(true, at(0));
    let late = at(0).after(FIRST_COVERS).after(GATHER);
    let steps = catch_up.answered(1, Ok(answer("w1", Vec::new())), all, late);
    assert_eq!(steps, [Step::RefetchAll]);
}

#[test]
fn a_database_without_a_log_is_watched_by_its_heartbeat_and_asked_again() {
    let mut catch_up = CatchUp::new(0.5);
    catch_up.identify(true, at(0));
    let steps = catch_up.answered(1, Err(Failure::Absent), all, at(100));
    assert_eq!(steps, [Step::UseHeartbeat]);
    assert_eq!(catch_up.mode(), Mode::Heartbeat);
    assert_eq!(catch_up.due(), Some(at(100).after(ASK_ABSENT)));
    let (number, now) = ask(&mut catch_up);
    let steps = catch_up.answered(number, Ok(answer("w1", Vec::new())), all, now);
    assert_eq!(steps, [Step::RefetchAll], "the migration came in between");
    assert_eq!(catch_up.mode(), Mode::Log);
}

#[test]
fn a_failing_log_is_asked_ever_less_often_and_does_not_keep_rows_from_the_screen() {
    let mut catch_up = caught_up();
    let (mut waits, mut failed) = (Vec::new(), None);
    for failure in 1..=6 {
        let (number, now) = ask(&mut catch_up);
        waits.extend(
            failed
                .replace(now)
                .map(|failed| now.since(failed).as_secs()),
        );
        let steps = catch_up.answered(number, Err(Failure::Transient), all, now);
        let refetches = steps == [Step::RefetchAll];
        assert_eq!(refetches, failure >= GIVES_UP, "{failure}: {steps:?}");
    }
    assert_eq!(waits, [2, 4, 8, 16, 20]);
}

#[test]
fn an_answer_that_does_not_come_is_overdue_until_it_comes() {
    let mut catch_up = caught_up();
    let (number, _) = ask(&mut catch_up);
    let lapses = at(15_000).after(OVERDUE);
    assert_eq!(catch_up.due(), Some(lapses));
    catch_up.wake(at(18_999));
    assert!(!catch_up.is_overdue());
    catch_up.wake(lapses);
    assert!(catch_up.is_overdue());
    assert_eq!(catch_up.due(), None, "it is known");
    catch_up.answered(number, Ok(answer("w2", Vec::new())), all, at(30_000));
    assert!(!catch_up.is_overdue(), "asked again at once");
}

#[test]
fn a_first_answer_settles_no_suspicion() {
    let mut catch_up = CatchUp::new(0.5);
    let [Step::Ask { number, .. }] = catch_up.identify(true, at(0))[..] else {
        panic!("not asked");
    };
    catch_up.set_live(Live::Yes, at(100));
    let failed = Err(Failure::Transient);
    catch_up.answered(number, failed, all, at(150));
    catch_up.suspect(Duration::ZERO, at(200));
    let (number, asked) = ask(&mut catch_up);
    catch_up.answered(number, Ok(answer("w1", Vec::new())), all, asked);
    assert!(!catch_up.is_proven(asked), "nothing was named yet");
    let (steps, asked) = told(&mut catch_up, vec![lost(PATIENT)]);
    assert!(
        matches!(&steps[..], [Step::Drop(Lost::Row(..))]),
        "{steps:?}"
    );
    assert!(catch_up.is_proven(asked));
}

#[test]
fn what_an_overdue_answer_names_is_not_waited_for() {
    let mut catch_up = caught_up();
    let (number, _) = ask(&mut catch_up);
    catch_up.wake(at(15_000).after(OVERDUE));
    let answer = Ok(answer("w2", vec![changed(PATIENT, 3)]));
    let steps = catch_up.answered(number, answer, all, at(30_000));
    assert_eq!(fetch(&steps).ids, [PATIENT]);
    assert!(!catch_up.is_proven(at(30_000)), "its row is on the way");
}

#[test]
fn what_was_proven_long_ago_is_not_proven() {
    let catch_up = caught_up();
    assert!(catch_up.is_proven(at(19_000)));
    assert!(!catch_up.is_proven(at(19_001)));
}

#[test]
fn an_own_write_whose_echo_is_missing_is_asked_about() {
    let mut catch_up = caught_up();
    catch_up.wrote(Table::Patients, PATIENT, 2, at(1_000));
    catch_up.wrote(Table::Patients, OTHER, 5, at(1_000));
    catch_up.brought(Source::Feed, (Table::Patients, PATIENT), 2, at(1_200));
    assert_eq!(catch_up.due(), Some(at(1_000).after(ECHO)));
    catch_up.wake(at(1_000).after(ECHO));
    assert!(!catch_up.is_proven(at(4_000)));
    let (steps, _) = told(&mut catch_up, vec![changed(OTHER, 5)]);
    assert_eq!(fetch(&steps).ids, [OTHER]);
}

#[test]
fn a_hidden_page_asks_nothing_until_it_is_seen() {
    let mut catch_up = caught_up();
    catch_up.set_hidden(true, at(1_000));
    catch_up.suspect(Duration::ZERO, at(2_000));
    assert_eq!(catch_up.due(), None);
    catch_up.set_hidden(false, at(600_000));
    assert!(!catch_up.is_proven(at(600_000)));
    assert_eq!(catch_up.due(), Some(at(2_000).after(GATHER)));
}

#[test]
fn without_a_feed_the_database_is_asked_and_nothing_is_waited_for() {
    let mut catch_up = caught_up();
    catch_up.set_live(Live::No, at(1_000));
    let (steps, now) = told(&mut catch_up, vec![changed(PATIENT, 3)]);
    assert_eq!(fetch(&steps).ids, [PATIENT]);
    assert!(catch_up.due().unwrap().since(now) <= POLL);
}

#[test]
fn an_answer_for_an_earlier_user_is_ignored() {
    let mut catch_up = caught_up();
    let (number, now) = ask(&mut catch_up);
    catch_up.identify(true, now);
    let steps = catch_up.answered(number, Ok(answer("w2", vec![lost(PATIENT)])), all, now);
    assert_eq!(steps, []);
    assert_eq!(catch_up.watermark(), None);
}

#[test]
fn a_table_that_nobody_follows_is_not_fetched() {
    let mut catch_up = caught_up();
    let (number, now) = ask(&mut catch_up);
    let none = |_: Table| false;
    let steps = catch_up.answered(
        number,
        Ok(answer("w2", vec![changed(PATIENT, 3)])),
        none,
        now,
    );
    assert_eq!(steps, []);
    assert!(catch_up.wake(now.after(IN_TRANSIT)).is_empty());
}

#[test]
fn a_loss_of_everything_and_a_table_of_a_newer_schema_are_told_apart() {
    let mut catch_up = caught_up();
    let everything = Logged {
        table: "*".to_owned(),
        id: None,
        ..lost(PATIENT)
    };
    let newer = Logged {
        table: "beds".to_owned(),
        ..changed(PATIENT, 1)
    };
    let (steps, _) = told(&mut catch_up, vec![newer, everything]);
    assert_eq!(steps, [Step::Drop(Lost::Everything)]);
}

#[test]
fn the_answer_is_read_as_the_database_writes_it() {
    let text = r#"{"watermark":"7/1:1:","complete":true,"reason":null,"interval_ms":15000,"changes":[
        {"table":"patients","id":"00000000-0000-0000-0000-000000000007","version":3},
        {"table":"patients","id":"00000000-0000-0000-0000-000000000008","lost":true},
        {"table":"*","lost":true}]}"#;
    let read: Answer = serde_json::from_str(text).unwrap();
    assert_eq!(read.changes.first(), Some(&changed(PATIENT, 3)));
    assert_eq!(read.changes.get(1).map(|row| row.lost), Some(true));
    assert_eq!(read.changes.get(2).and_then(|row| row.id), None);
    for text in [
        "{}",
        "null",
        r#"{"watermark":7,"complete":true,"changes":[]}"#,
    ] {
        assert!(serde_json::from_str::<Answer>(text).is_err(), "{text}");
    }
}
