#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
use serde_json::json;

use super::answer::{FIRST_PAUSE, LONGEST_PAUSE};
use super::*;
use crate::sync::outbox::Side;

const ROW: Uuid = Uuid::from_u128(7);

fn at(seconds: u64) -> Moment {
    Moment::from_millis(seconds * 1_000)
}

fn columns(json: Value) -> Columns {
    json.as_object().cloned().unwrap()
}

fn name(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn edit(version: Version, seen: Value, set: Value) -> Change {
    let seen = columns(seen);
    Change::update(
        Table::Patients,
        ROW,
        version,
        &seen,
        columns(set),
        "Marsh, Ines",
    )
}

fn making() -> Change {
    Change::create(
        Table::Patients,
        ROW,
        columns(json!({"mrn": "BD-1"})),
        "Marsh, Ines",
    )
}

/// A queue with these saves, named from 1.
fn queue_of(changes: impl IntoIterator<Item = Change>) -> Queue {
    let mut queue = Queue::default();
    for (place, change) in changes.into_iter().enumerate() {
        queue.save(name(place as u128 + 1), change, 1_000);
    }
    queue
}

fn row(version: Version, ward: &str) -> Columns {
    columns(json!({"id": ROW, "version": version, "ward": ward, "notes": ""}))
}

fn told(effects: &[Effect]) -> Option<&Outcome> {
    effects.iter().find_map(|effect| match effect {
        Effect::Tell(_, outcome) => Some(outcome),
        _ => None,
    })
}

fn sent(queue: &mut Queue, now: Moment) -> Request {
    queue.next(now).expect("something to send").request
}

fn refused(code: &str, message: &str) -> Reply {
    Reply::Trouble(DataError::Refused {
        code: code.to_owned(),
        message: message.to_owned(),
    })
}

#[test]
fn a_change_is_sent_for_the_version_that_the_person_saw_and_leaves_when_it_is_stored() {
    let mut queue = queue_of([edit(3, json!({"ward": "A"}), json!({"ward": "B"}))]);
    let Request::Update {
        version, columns, ..
    } = sent(&mut queue, at(0))
    else {
        panic!("not an update");
    };
    assert_eq!(version, 3);
    assert_eq!(columns["ward"], "B");
    assert_eq!(columns["save_id"], name(1).to_string());
    let effects = queue.answered(name(1), Reply::Row(row(4, "B")), at(0));
    assert_eq!(effects[0], Effect::Drop(name(1)));
    assert_eq!(told(&effects), Some(&Outcome::Stored(row(4, "B"))));
    assert!(queue.entries().is_empty());
}

#[test]
fn only_one_save_is_on_its_way() {
    let mut other = making();
    other.row = name(70);
    let mut queue = queue_of([making(), other]);
    assert!(queue.next(at(0)).is_some());
    assert_eq!(queue.next(at(0)), None);
    assert_eq!(queue.due(at(0)), None);
}

#[test]
fn without_a_network_saves_wait_ever_longer_and_go_at_once_when_it_is_back() {
    let mut queue = queue_of([edit(1, json!({"ward": "A"}), json!({"ward": "B"}))]);
    let mut now = at(0);
    let mut pauses = Vec::new();
    for _ in 0..8 {
        queue.next(now).unwrap();
        let effects = queue.answered(name(1), Reply::Trouble(DataError::Offline), now);
        assert_eq!(told(&effects), Some(&Outcome::Waiting));
        assert_eq!(queue.next(now), None);
        let due = queue.due(now).unwrap();
        pauses.push(due.since(now));
        now = due;
    }
    assert!(pauses[0] <= FIRST_PAUSE && pauses[0] >= FIRST_PAUSE / 2);
    assert!(pauses[3] > pauses[0] * 2);
    assert!(pauses.iter().all(|pause| *pause <= LONGEST_PAUSE));
    queue.next(now).unwrap();
    queue.answered(name(1), Reply::Trouble(DataError::TimedOut), now);
    assert_eq!(queue.next(now), None);
    queue.wake();
    assert!(queue.next(now).is_some());
}

#[test]
fn a_refused_save_is_never_tried_again_by_itself_and_holds_up_its_row_only() {
    let mut other = edit(1, json!({"ward": "A"}), json!({"ward": "B"}));
    other.row = name(70);
    let status = |from: &str, to: &str| edit(1, json!({"status": from}), json!({"status": to}));
    let mut queue = queue_of([
        status("waiting", "admitted"),
        status("admitted", "lost"),
        other,
    ]);
    queue.next(at(0)).unwrap();
    let effects = queue.answered(name(1), refused("23514", "no"), at(0));
    assert!(matches!(told(&effects), Some(Outcome::Failed(_))));
    let next = queue.next(at(0)).unwrap();
    assert_eq!(next.entry.id, name(3), "the one behind must wait");
    queue.answered(name(3), Reply::Row(row(2, "B")), at(0));
    queue.wake();
    assert_eq!(queue.next(at(1_000)), None);
    assert_eq!(queue.due(at(1_000)), None);
    queue.retry(name(1), name(9));
    assert_eq!(queue.next(at(1_000)).unwrap().entry.id, name(9));
}

#[test]
fn a_save_that_the_server_fails_on_does_not_hold_up_the_others() {
    let mut other = making();
    other.row = name(70);
    let mut queue = queue_of([making(), other]);
    queue.next(at(0)).unwrap();
    queue.answered(
        name(1),
        Reply::Trouble(DataError::Server { status: 500 }),
        at(0),
    );
    assert_eq!(queue.next(at(0)).unwrap().entry.id, name(2));
}

#[test]
fn a_change_of_other_fields_is_carried_over_by_itself() {
    let mut queue = queue_of([edit(1, json!({"ward": "A"}), json!({"ward": "B"}))]);
    queue.next(at(0)).unwrap();
    queue.answered(name(1), Reply::NoRow, at(0));
    assert!(matches!(sent(&mut queue, at(0)), Request::Read { .. }));
    let mut theirs = row(5, "A");
    theirs.insert("notes".to_owned(), json!("theirs"));
    queue.answered(name(1), Reply::Row(theirs), at(0));
    let Request::Update {
        version, columns, ..
    } = sent(&mut queue, at(0))
    else {
        panic!("not an update");
    };
    assert_eq!((version, columns.get("notes")), (5, None));
    assert_eq!(columns["ward"], "B");
}

/// A queue in which both sides changed the ward, from A: mine to B, theirs to C.
fn in_conflict() -> Queue {
    let mut queue = queue_of([edit(1, json!({"ward": "A"}), json!({"ward": "B"}))]);
    queue.next(at(0)).unwrap();
    queue.answered(name(1), Reply::NoRow, at(0));
    queue.next(at(0)).unwrap();
    let effects = queue.answered(name(1), Reply::Row(row(5, "C")), at(0));
    let Some(Outcome::Conflict(clash)) = told(&effects) else {
        panic!("no conflict: {effects:?}");
    };
    assert_eq!(clash.fields[0].base, "A");
    assert_eq!(clash.fields[0].mine, "B");
    assert_eq!(clash.fields[0].theirs, "C");
    assert_eq!(queue.next(at(100)), None, "it waits for a person");
    queue
}

#[test]
fn the_same_field_on_both_sides_waits_for_a_person_who_may_keep_mine() {
    let mut queue = in_conflict();
    queue.resolve(name(1), name(9), &[("ward".to_owned(), Side::Mine)]);
    let Request::Update {
        version, columns, ..
    } = sent(&mut queue, at(0))
    else {
        panic!("not an update");
    };
    assert_eq!((version, columns["ward"].as_str()), (5, Some("B")));
}

#[test]
fn who_takes_theirs_has_nothing_left_to_send() {
    let mut queue = in_conflict();
    let effects = queue.resolve(name(1), name(9), &[("ward".to_owned(), Side::Theirs)]);
    assert_eq!(told(&effects), Some(&Outcome::Stored(row(5, "C"))));
    assert!(queue.entries().is_empty());
}

#[test]
fn a_change_whose_reply_was_lost_is_found_in_place() {
    let mut queue = queue_of([edit(1, json!({"ward": "A"}), json!({"ward": "B"}))]);
    queue.next(at(0)).unwrap();
    queue.answered(name(1), Reply::Trouble(DataError::Offline), at(0));
    queue.wake();
    queue.next(at(1)).unwrap();
    queue.answered(name(1), Reply::NoRow, at(1));
    queue.next(at(1)).unwrap();
    let effects = queue.answered(name(1), Reply::Row(row(2, "B")), at(1));
    assert_eq!(told(&effects), Some(&Outcome::Stored(row(2, "B"))));
}

#[test]
fn a_change_that_was_stored_and_then_undone_by_others_is_not_made_twice() {
    let mut queue = queue_of([edit(1, json!({"ward": "A"}), json!({"ward": "B"}))]);
    queue.next(at(0)).unwrap();
    queue.answered(name(1), Reply::Trouble(DataError::TimedOut), at(0));
    queue.wake();
    queue.next(at(1)).unwrap();
    queue.answered(name(1), Reply::NoRow, at(1));
    queue.next(at(1)).unwrap();
    // Somebody put it back: from here it looks as if it had never been stored.
    queue.answered(name(1), Reply::Row(row(3, "A")), at(1));
    queue.next(at(1)).unwrap();
    let had = "duplicate key value violates unique constraint \"saves_pkey\"";
    queue.answered(name(1), refused("23505", had), at(1));
    queue.next(at(1)).unwrap();
    let effects = queue.answered(name(1), Reply::Row(row(3, "A")), at(1));
    assert_eq!(told(&effects), Some(&Outcome::Stored(row(3, "A"))));
}

#[test]
fn a_row_that_was_made_is_known_by_its_id() {
    let mut queue = queue_of([making()]);
    queue.next(at(0)).unwrap();
    queue.answered(name(1), Reply::Trouble(DataError::Offline), at(0));
    queue.wake();
    queue.next(at(1)).unwrap();
    queue.answered(name(1), refused("23505", "patients_pkey"), at(1));
    assert!(matches!(sent(&mut queue, at(1)), Request::Read { .. }));
    let effects = queue.answered(name(1), Reply::Row(row(1, "A")), at(1));
    assert_eq!(told(&effects), Some(&Outcome::Stored(row(1, "A"))));
}

#[test]
fn a_row_whose_number_is_taken_is_refused() {
    let mut queue = queue_of([making()]);
    queue.next(at(0)).unwrap();
    queue.answered(name(1), refused("23505", "patients_mrn_key"), at(0));
    queue.next(at(0)).unwrap();
    let effects = queue.answered(name(1), Reply::NoRow, at(0));
    assert!(matches!(
        told(&effects),
        Some(Outcome::Failed(DataError::Refused { .. }))
    ));
}

#[test]
fn a_row_that_may_only_be_read_is_a_refusal_not_a_conflict() {
    let mut queue = queue_of([edit(3, json!({"ward": "A"}), json!({"ward": "B"}))]);
    queue.next(at(0)).unwrap();
    queue.answered(name(1), Reply::NoRow, at(0));
    queue.next(at(0)).unwrap();
    let effects = queue.answered(name(1), Reply::Row(row(3, "A")), at(0));
    assert!(matches!(
        told(&effects),
        Some(Outcome::Failed(DataError::Forbidden(_)))
    ));
}

#[test]
fn saves_of_one_row_follow_each_other_over_the_version_that_comes_back() {
    let step = |from: &str, to: &str| edit(1, json!({"status": from}), json!({"status": to}));
    let mut queue = queue_of([step("waiting", "admitted"), step("admitted", "discharged")]);
    queue.next(at(0)).unwrap();
    let stored = columns(json!({"version": 2, "status": "admitted"}));
    queue.answered(name(1), Reply::Row(stored), at(0));
    let Request::Update {
        version, columns, ..
    } = sent(&mut queue, at(0))
    else {
        panic!("not an update");
    };
    assert_eq!(
        (version, columns["status"].as_str()),
        (2, Some("discharged"))
    );
}

#[test]
fn typing_on_over_a_save_that_is_on_its_way_is_no_conflict_with_oneself() {
    let notes = |set: &str| edit(1, json!({"notes": ""}), json!({"notes": set}));
    let mut queue = queue_of([notes("a")]);
    queue.next(at(0)).unwrap();
    queue.save(name(2), notes("ab"), 1_000);
    let stored = columns(json!({"version": 2, "notes": "a"}));
    queue.answered(name(1), Reply::Row(stored), at(0));
    let Request::Update {
        version, columns, ..
    } = sent(&mut queue, at(0))
    else {
        panic!("not an update");
    };
    assert_eq!((version, columns["notes"].as_str()), (2, Some("ab")));
}

/// New ids, from 100.
fn names() -> impl FnMut() -> Uuid {
    let mut last = 99;
    move || {
        last += 1;
        name(last)
    }
}

#[test]
fn saves_that_never_went_out_are_sent_as_one_unless_they_are_steps() {
    let mut queue = queue_of([
        edit(1, json!({"notes": ""}), json!({"notes": "a"})),
        edit(
            1,
            json!({"ward": "A", "notes": ""}),
            json!({"ward": "B", "notes": "ab"}),
        ),
        edit(
            1,
            json!({"status": "waiting"}),
            json!({"status": "admitted"}),
        ),
    ]);
    let effects = queue.fold(names());
    assert_eq!(queue.entries().len(), 2);
    let folded = &queue.entries()[0];
    assert_eq!(folded.id, name(100));
    assert_eq!(
        folded.change,
        edit(
            1,
            json!({"ward": "A", "notes": ""}),
            json!({"ward": "B", "notes": "ab"})
        )
    );
    let written = effects
        .iter()
        .position(|effect| matches!(effect, Effect::Keep(_)));
    let deleted = effects
        .iter()
        .position(|effect| matches!(effect, Effect::Drop(_)));
    assert!(
        written < deleted,
        "a tab that is closed in between loses nothing"
    );
    for old in [name(1), name(2)] {
        let moved = Effect::Replaced { old, by: name(100) };
        assert!(effects.contains(&Effect::Drop(old)) && effects.contains(&moved));
        assert_eq!(queue.entry(old).unwrap().id, name(100));
    }
    assert_eq!(queue.fold(names()), [], "once is enough");
}

#[test]
fn what_may_have_been_sent_is_never_made_one_with_another() {
    let notes = |seen: &str, set: &str| edit(1, json!({"notes": seen}), json!({"notes": set}));
    let mut queue = queue_of([notes("", "a"), notes("", "ab"), notes("", "abc")]);
    queue.next(at(0)).unwrap();
    queue.answered(name(1), Reply::Trouble(DataError::TimedOut), at(0));
    queue.fold(names());
    let ids: Vec<Uuid> = queue.entries().iter().map(|entry| entry.id).collect();
    assert_eq!(ids, [name(1), name(100)]);
    assert_eq!(queue.entries()[0].change.columns["notes"], "a");
    assert_eq!(queue.entries()[1].change.columns["notes"], "abc");
}

/// The other tab sends; this one has not heard of it, and its user goes on typing.
#[test]
fn typing_over_a_save_that_another_tab_is_sending_is_a_save_of_its_own() {
    let notes = |seen: &str, set: &str| edit(1, json!({"notes": seen}), json!({"notes": set}));
    let mut here = queue_of([notes("", "a")]);
    let first = here.entries()[0].clone();
    here.kept(&first);
    let mut there = Queue::default();
    there.follow(vec![first.clone()]);
    there.next(at(0)).unwrap();

    let effects = here.save(name(2), notes("", "ab"), 1_000);
    let Some(Effect::Keep(second)) = effects.first() else {
        panic!("not written: {effects:?}");
    };
    assert_eq!(second.id, name(2));
    here.kept(second);
    there.answered(
        name(1),
        Reply::Row(columns(json!({"version": 2, "notes": "a"}))),
        at(0),
    );
    there.follow(vec![Entry::clone(second)]);
    let Request::Update { columns, .. } = sent(&mut there, at(0)) else {
        panic!("not an update");
    };
    assert_eq!(columns["notes"], "ab");
}

#[test]
fn a_save_that_became_part_of_another_is_not_told_to_be_stored() {
    let notes = |seen: &str, set: &str| edit(1, json!({"notes": seen}), json!({"notes": set}));
    let mut here = queue_of([notes("", "a"), notes("", "ab")]);
    let disk: Vec<Entry> = here.entries().to_vec();
    for entry in &disk {
        here.kept(entry);
    }
    let mut there = Queue::default();
    there.follow(disk);
    there.fold(names());
    let effects = here.follow(there.entries().to_vec());
    assert_eq!(told(&effects), None, "{effects:?}");
    let moved = Effect::Replaced {
        old: name(1),
        by: name(100),
    };
    assert!(effects.contains(&moved));
    assert_eq!(here.entries()[0].id, name(100));
}

#[test]
fn what_a_closed_tab_left_beside_its_successor_is_deleted_and_not_sent() {
    let mut gone = queue_of([edit(1, json!({"ward": "A"}), json!({"ward": "B"}))]);
    gone.save(
        name(2),
        edit(1, json!({"notes": ""}), json!({"notes": "a"})),
        1_000,
    );
    let mut disk = gone.entries().to_vec();
    gone.fold(names());
    disk.extend(gone.entries().to_vec());
    let mut queue = Queue::default();
    let effects = queue.follow(disk);
    assert!(effects.contains(&Effect::Drop(name(1))) && effects.contains(&Effect::Drop(name(2))));
    assert_eq!(queue.entries().len(), 1);
    assert_eq!(queue.entries()[0].id, name(100));
}

#[test]
fn what_is_on_disk_and_can_t_be_read_is_not_gone() {
    let mut queue = queue_of([edit(1, json!({"ward": "A"}), json!({"ward": "B"}))]);
    let entry = queue.entries()[0].clone();
    queue.kept(&entry);
    let found = Found {
        entries: Vec::new(),
        unreadable: vec![name(1)],
    };
    assert_eq!(queue.follow(found), []);
    assert_eq!(queue.entries().len(), 1);
}

#[test]
fn a_person_who_is_back_finds_what_was_on_its_way_to_be_sent_again() {
    let mut queue = queue_of([edit(1, json!({"ward": "A"}), json!({"ward": "B"}))]);
    queue.next(at(0)).unwrap();
    queue.put_aside();
    assert_eq!(queue.next(at(0)).unwrap().entry.attempts, 2);
}

#[test]
fn what_the_disk_refused_is_written_once_it_works_again() {
    let mut queue = queue_of([edit(1, json!({"ward": "A"}), json!({"ward": "B"}))]);
    let entry = queue.entries()[0].clone();
    assert_eq!(queue.unkept(), [Effect::Keep(Box::new(entry.clone()))]);
    queue.kept(&entry);
    assert_eq!(queue.unkept(), []);
}

/// The server has the save, its response was lost, and a colleague changed the same field.
#[test]
fn a_decision_after_a_lost_response_is_sent_as_a_new_save() {
    let mut queue = queue_of([edit(1, json!({"ward": "A"}), json!({"ward": "B"}))]);
    let first = queue.next(at(0)).unwrap();
    queue.answered(name(1), Reply::Trouble(DataError::TimedOut), at(0));
    queue.wake();
    queue.next(at(1)).unwrap();
    queue.answered(name(1), Reply::NoRow, at(1));
    queue.next(at(1)).unwrap();
    queue.answered(name(1), Reply::Row(row(3, "C")), at(1));
    let effects = queue.resolve(name(1), name(2), &[("ward".to_owned(), Side::Mine)]);
    assert!(matches!(&effects[0], Effect::Keep(entry) if entry.id == name(2)));
    assert_eq!(effects[1], Effect::Drop(name(1)));
    let Request::Update { columns: old, .. } = first.request else {
        panic!("not an update");
    };
    let Request::Update {
        version, columns, ..
    } = sent(&mut queue, at(1))
    else {
        panic!("not an update");
    };
    assert_eq!((version, columns["ward"].as_str()), (3, Some("B")));
    assert_ne!(
        columns["save_id"], old["save_id"],
        "the server would say that it has it already"
    );
}

#[test]
fn a_corrected_save_takes_the_place_of_the_refused_one_and_of_nothing_behind_it() {
    let form = Change::create(
        Table::FormSubmissions,
        name(80),
        columns(json!({"patient_id": ROW})),
        "Intake",
    );
    let mut queue = queue_of([making(), form]);
    queue.next(at(0)).unwrap();
    queue.answered(name(1), refused("23505", "patients_mrn_key"), at(0));
    queue.next(at(0)).unwrap();
    queue.answered(name(1), Reply::NoRow, at(0));
    let mut corrected = making();
    corrected.columns.insert("mrn".to_owned(), json!("BD-2"));
    queue.save_instead(name(1), name(3), corrected.clone(), 2_000);
    let next = queue.next(at(0)).unwrap();
    assert_eq!((next.entry.id, next.entry.change), (name(3), corrected));
    queue.answered(name(3), Reply::Row(row(1, "A")), at(0));
    assert_eq!(
        queue.next(at(0)).unwrap().entry.id,
        name(2),
        "the form is lost"
    );
}

#[test]
fn what_was_saved_over_a_corrected_change_is_no_conflict_with_oneself() {
    let ward = |from: &str, to: &str| edit(1, json!({"ward": from}), json!({"ward": to}));
    let mut queue = queue_of([ward("A", "Nowhere"), ward("Nowhere", "C")]);
    queue.next(at(0)).unwrap();
    queue.answered(name(1), refused("23514", "no"), at(0));
    queue.save_instead(name(1), name(3), ward("A", "B"), 2_000);
    queue.next(at(0)).unwrap();
    queue.answered(name(3), Reply::Row(row(2, "B")), at(0));
    let Request::Update { columns, .. } = sent(&mut queue, at(0)) else {
        panic!("not an update");
    };
    assert_eq!(columns["ward"], "C");
}

#[test]
fn typing_on_over_a_refused_save_corrects_it() {
    let mut queue = queue_of([edit(
        1,
        json!({"notes": "", "ward": "A"}),
        json!({"notes": "x", "ward": "Nowhere"}),
    )]);
    queue.next(at(0)).unwrap();
    queue.answered(name(1), refused("23514", "no"), at(0));
    let change = edit(1, json!({"ward": "Nowhere"}), json!({"ward": "B"}));
    queue.amend(name(1), name(2), change, 2_000);
    let next = queue.next(at(0)).unwrap();
    let whole = edit(
        1,
        json!({"notes": "", "ward": "A"}),
        json!({"notes": "x", "ward": "B"}),
    );
    assert_eq!((next.entry.id, next.entry.change), (name(2), whole));
}

#[test]
fn correcting_a_save_that_goes_on_by_itself_is_a_save_of_its_own() {
    let mut queue = queue_of([edit(1, json!({"ward": "A"}), json!({"ward": "B"}))]);
    queue.next(at(0)).unwrap();
    let change = edit(1, json!({"ward": "A"}), json!({"ward": "C"}));
    queue.save_instead(name(1), name(2), change, 2_000);
    assert_eq!(queue.entries().len(), 2);
}

#[test]
fn a_form_waits_for_the_patient_that_it_is_about() {
    let form = Change::create(
        Table::FormSubmissions,
        name(80),
        columns(json!({"patient_id": ROW})),
        "Intake",
    );
    let mut queue = queue_of([making(), form]);
    queue.next(at(0)).unwrap();
    queue.answered(name(1), refused("23514", "no"), at(0));
    assert_eq!(queue.next(at(0)), None);
    let effects = queue.withdraw(name(1));
    assert!(
        queue.entries().is_empty(),
        "what belongs to it goes with it: {effects:?}"
    );
}

#[test]
fn what_was_saved_over_a_withdrawn_change_goes_on_from_what_was_before_it() {
    let step = |from: &str, to: &str| edit(1, json!({"status": from}), json!({"status": to}));
    let mut queue = queue_of([step("waiting", "lost"), step("lost", "discharged")]);
    queue.next(at(0)).unwrap();
    queue.answered(name(1), refused("23514", "no"), at(0));
    queue.withdraw(name(1));
    let Write::Update { base, .. } = &queue.entries()[0].change.write else {
        panic!("not an update");
    };
    assert_eq!(base["status"], "waiting");
}

#[test]
fn what_is_on_its_way_cannot_be_taken_back() {
    let mut queue = queue_of([making()]);
    queue.next(at(0)).unwrap();
    assert_eq!(queue.withdraw(name(1)), []);
    assert_eq!(queue.entries().len(), 1);
}

#[test]
fn a_tab_that_opens_takes_over_what_another_left_and_sends_it() {
    let mut gone = queue_of([making()]);
    let left = gone.next(at(0)).unwrap().entry;
    assert_eq!(left.standing, Standing::Sending);
    let mut queue = Queue::default();
    let effects = queue.follow(vec![left.clone()]);
    assert!(matches!(effects.as_slice(), [Effect::Show(_)]));
    assert_eq!(queue.next(at(0)).unwrap().entry.attempts, 2);
}

#[test]
fn what_another_tab_saw_to_is_not_sent_again() {
    let mut queue = queue_of([making()]);
    let entry = queue.entries()[0].clone();
    assert_eq!(
        queue.follow(Vec::new()),
        [],
        "not on disk yet: nobody else can have seen it"
    );
    queue.kept(&entry);
    let effects = queue.follow(Vec::new());
    assert_eq!(told(&effects), Some(&Outcome::Elsewhere));
    assert_eq!(queue.next(at(0)), None);
}

#[test]
fn the_disk_never_takes_back_what_is_newer_here() {
    let mut queue = queue_of([edit(1, json!({"notes": ""}), json!({"notes": "a"}))]);
    let old = queue.entries()[0].clone();
    queue.kept(&old);
    queue.next(at(0)).unwrap();
    queue.answered(name(1), refused("23514", "no"), at(0));
    queue.follow(vec![old]);
    assert!(matches!(queue.entries()[0].standing, Standing::Failed(_)));
}

#[test]
fn an_answer_to_nothing_that_was_asked_changes_nothing() {
    let mut queue = queue_of([making()]);
    assert_eq!(queue.answered(name(1), Reply::NoRow, at(0)), []);
    assert_eq!(queue.answered(name(9), Reply::NoRow, at(0)), []);
    assert_eq!(queue.entries().len(), 1);
}
