//! Rules 28 to 45: fetch, share, cancel, retry.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use bedside_query::{
    Activity, FetchStatus, Network, Overlap, Page, QueryError, QueryFilter, QueryOptions, Refetch,
    Retry, RetryDelay, RowChange, Shape, StaleTime, Status, TableDep, query_key,
};
use serde_json::json;

use super::support::{Options, Script, World, counter};

#[test]
fn r028_concurrent_fetches_share_one_call() {
    let world = World::new();
    let (key, script) = (query_key!["a"], Script::default());
    let first = world.observe(script.options(&key));
    let second = world.observe(script.options(&key));
    let third = world.start(world.client.fetch_query(script.options(&key)));
    assert_eq!(script.calls(), 1);
    script.succeed(&world, 5);
    assert_eq!(first.now().data, second.now().data);
    assert_eq!(third.borrow().as_ref().unwrap().as_deref(), Ok(&5));
}

#[test]
fn r029_replacing_starts_over_only_if_there_is_data() {
    let world = World::new();
    let (key, script) = (query_key!["a"], Script::default());
    let _o = world.observe(script.options(&key));
    world.client.refetch_queries_with(&key, Overlap::Replace);
    world.settle();
    assert_eq!(script.calls(), 1, "without data the running one is joined");
    script.succeed(&world, 1);
    world.client.refetch_queries_with(&key, Overlap::Replace);
    world.settle();
    world.client.refetch_queries_with(&key, Overlap::Replace);
    world.settle();
    assert_eq!(script.calls(), 3);
    assert_eq!(script.dropped(), 1, "the replaced one was dropped");
}

#[test]
fn r030_a_burst_of_invalidations_owes_one_fetch() {
    let world = World::new();
    let (key, script) = (query_key!["a"], Script::default());
    let observer = world.observe(script.options(&key).stale_time(StaleTime::Infinite));
    for _ in 0..1_000 {
        world.client.invalidate_queries(&key);
    }
    world.settle();
    assert_eq!(script.calls(), 1, "the running one goes on");
    script.succeed(&world, 1);
    assert_eq!(script.calls(), 2, "and one more follows");
    assert!(
        observer.now().is_stale,
        "what was read before the change is not fresh"
    );
    script.succeed(&world, 2);
    assert_eq!(script.calls(), 2);
    assert_eq!(
        (world.data(&key), observer.now().is_stale),
        (Some(2), false)
    );
}

#[test]
fn r030_mounting_joins_a_running_fetch() {
    let world = World::new();
    let (key, script) = (query_key!["a"], Script::default());
    world.client.set_query_data(&key, 0).unwrap();
    let _a = world.observe(script.options(&key));
    let _b = world.observe(script.options(&key));
    script.succeed(&world, 1);
    assert_eq!(script.calls(), 1);
}

#[test]
fn r030_who_comes_to_look_at_a_fetch_in_doubt_is_owed_another() {
    let world = World::new();
    let (key, script) = (query_key!["beds"], Script::default());
    let options = || {
        let dep = TableDep::made_from("beds", Shape::Aggregate);
        script
            .options(&key)
            .stale_time(StaleTime::Infinite)
            .deps([dep])
    };
    let first = world.observe(options());
    script.succeed(&world, 1);
    world.client.refetch_queries(&key);
    world.settle();
    // Nobody looks while the change is told, and so nobody fetches what it made stale.
    drop(first);
    let change = RowChange::insert("beds", 1, json!({"id": 1}));
    world.client.apply_with([change], Refetch::None);
    let stale = QueryFilter::prefix(key.clone()).activity(Activity::Active);
    world.client.refetch_queries_with(stale, Overlap::Owe);
    let again = world.observe(options());
    assert_eq!(script.calls(), 2);
    // The answer may be from before the change.
    script.succeed(&world, 1);
    assert_eq!(script.calls(), 3);
    script.succeed(&world, 2);
    assert_eq!((script.calls(), again.now().is_stale), (3, false));
}

#[test]
fn r031_callers_of_a_replaced_fetch_get_its_replacement() {
    let world = World::new();
    let (key, script) = (query_key!["a"], Script::default());
    world.client.set_query_data(&key, 0).unwrap();
    let _o = world.observe(script.options(&key).stale_time(StaleTime::Infinite));
    world
        .client
        .invalidate_queries_with(&key, Refetch::None, Overlap::Join);
    let waiting = world.start(world.client.fetch_query(script.options(&key)));
    world.client.refetch_queries_with(&key, Overlap::Replace);
    world.settle();
    assert!(waiting.borrow().is_none());
    assert_eq!(script.dropped(), 1);
    // The first answer goes nowhere; the second is the replacement's.
    script.succeed(&world, 1);
    script.succeed(&world, 2);
    assert_eq!(waiting.borrow().as_ref().unwrap().as_deref(), Ok(&2));
}

#[test]
fn r032_each_fetch_has_its_own_signal() {
    let world = World::new();
    let (key, script) = (query_key!["a"], Script::default());
    let _o = world.observe(script.cancellable(&key));
    script.succeed(&world, 1);
    world.client.refetch_queries(&key);
    world.settle();
    world.client.cancel_queries(&key);
    let cancelled: Vec<bool> = script
        .signals()
        .iter()
        .map(|signal| signal.is_cancelled())
        .collect();
    assert_eq!(cancelled, [false, true]);
}

#[test]
fn r032_waiting_for_a_cancellation_ends_with_it() {
    let world = World::new();
    let (key, script) = (query_key!["a"], Script::default());
    let _o = world.observe(script.cancellable(&key));
    let waiting = world.start(script.signals()[0].cancelled());
    assert!(waiting.borrow().is_none());
    world.client.cancel_queries(&key);
    world.settle();
    assert!(waiting.borrow().is_some());
}

#[test]
fn r033_a_fetch_whose_signal_was_taken_is_cancelled_with_its_last_observer() {
    let world = World::new();
    let (key, script) = (query_key!["a"], Script::default());
    drop(world.observe(script.cancellable(&key)));
    world.settle();
    assert!(script.signals()[0].is_cancelled());
    let view = world.view(&key);
    assert_eq!(
        (view.status, view.fetch_status),
        (Status::Pending, FetchStatus::Idle)
    );
}

#[test]
fn r033_any_other_fetch_runs_to_its_end_without_retries() {
    let world = World::new();
    let (key, script) = (query_key!["a"], Script::default());
    drop(world.observe(script.options(&key)));
    script.succeed(&world, 3);
    assert_eq!(world.data(&key), Some(3));
    world.client.invalidate_queries(&key);
    drop(world.observe(script.options(&key)));
    script.fail(&world);
    world.wait(60_000);
    assert_eq!(script.calls(), 2);
}

#[test]
fn r034_a_first_fetch_that_is_paused_goes_with_its_last_observer() {
    let world = World::new();
    let (key, script) = (query_key!["a"], Script::default());
    world.client.set_online(Network::Offline);
    drop(world.observe(script.options(&key)));
    assert_eq!(world.view(&key).fetch_status, FetchStatus::Idle);
    world.client.set_online(Network::Online);
    world.settle();
    assert_eq!(script.calls(), 0);
}

#[test]
fn r035_cancelling_goes_back_to_before_the_fetch() {
    let world = World::new();
    let (key, script) = (query_key!["a"], Script::default());
    let _o = world.observe(script.options(&key).retry(Retry::Never));
    script.fail(&world);
    world.client.refetch_queries(&key);
    world.settle();
    assert_eq!(world.view(&key).status, Status::Pending);
    world.client.cancel_queries(&key);
    let view = world.view(&key);
    assert_eq!(
        (view.status, view.fetch_status, view.error_update_count),
        (Status::Error, FetchStatus::Idle, 1)
    );
}

#[test]
fn r035_a_first_fetch_that_is_cancelled_rejects_its_callers() {
    let world = World::new();
    let (key, script) = (query_key!["a"], Script::default());
    let waiting = world.start(world.client.fetch_query(script.options(&key)));
    world.client.cancel_queries_keeping_state(&key);
    world.settle();
    assert!(matches!(
        waiting.borrow().as_ref(),
        Some(Err(QueryError::Cancelled))
    ));
    assert_eq!(world.view(&key).status, Status::Error);
}

#[test]
fn r036_a_write_during_a_fetch_is_neither_lost_nor_overwritten() {
    let world = World::new();
    let (key, script) = (query_key!["a"], Script::default());
    let _o = world.observe(script.options(&key));
    world.client.set_query_data(&key, 7).unwrap();
    script.succeed(&world, 1);
    assert_eq!(
        world.data(&key),
        Some(7),
        "the answer was read before the write"
    );
    assert_eq!(script.calls(), 2, "and the truth is fetched once more");
    script.succeed(&world, 8);
    assert_eq!(world.data(&key), Some(8));
}

#[test]
fn r036_cancelling_keeps_a_write_that_arrived_meanwhile() {
    let world = World::new();
    let (key, script) = (query_key!["a"], Script::default());
    let _o = world.observe(script.options(&key));
    world.client.set_query_data(&key, 7).unwrap();
    world.client.cancel_queries(&key);
    assert_eq!(
        (world.data(&key), world.view(&key).status),
        (Some(7), Status::Success)
    );
}

#[test]
fn r037_invalidated_twice_then_unmounted_rests_with_the_old_data() {
    let world = World::new();
    let (key, script) = (query_key!["a"], Script::default());
    world.client.set_query_data(&key, 1).unwrap();
    let observer = world.observe(script.cancellable(&key));
    world.client.invalidate_queries(&key);
    world.client.invalidate_queries(&key);
    drop(observer);
    world.settle();
    assert_eq!(
        (world.data(&key), world.view(&key).fetch_status),
        (Some(1), FetchStatus::Idle)
    );
    let calls = script.calls();
    let _again = world.observe(script.cancellable(&key));
    assert_eq!(script.calls(), calls + 1);
}

#[test]
fn r038_a_late_answer_of_an_old_fetch_changes_nothing() {
    let world = World::new();
    let (key, script) = (query_key!["a"], Script::default());
    world.client.set_query_data(&key, 0).unwrap();
    let _o = world.observe(script.options(&key));
    world.client.refetch_queries_with(&key, Overlap::Replace);
    world.settle();
    script.succeed(&world, 1);
    assert_eq!(world.data(&key), Some(0));
    script.succeed(&world, 2);
    assert_eq!(world.data(&key), Some(2));
}

#[test]
fn r039_a_query_without_a_fetcher_borrows_one_or_fails() {
    let world = World::new();
    let (key, script) = (query_key!["a"], Script::default());
    let plain = world.observe(Options::without_fetcher(&key).retry(Retry::Never));
    assert_eq!(plain.now().error, Some(QueryError::NoFetcher));
    let _with = world.observe(script.options(&key));
    let borrowed = world.start(world.client.fetch_query(Options::without_fetcher(&key)));
    script.succeed(&world, 4);
    assert_eq!(borrowed.borrow().as_ref().unwrap().as_deref(), Ok(&4));
}

#[test]
fn r040_cancelling_what_rests_does_nothing_and_a_cancelled_query_fetches_again() {
    let world = World::new();
    let (key, script) = (query_key!["a"], Script::default());
    let _o = world.observe(script.options(&key));
    world.client.cancel_queries(&key);
    world.client.cancel_queries(&key);
    let again = world.start(world.client.fetch_query(script.options(&key)));
    assert_eq!(script.calls(), 2);
    script.succeed(&world, 1);
    script.succeed(&world, 2);
    world.client.cancel_queries(&key);
    assert_eq!(again.borrow().as_ref().unwrap().as_deref(), Ok(&2));
    assert_eq!(world.data(&key), Some(2));
}

fn attempts(retry: Retry) -> u32 {
    let world = World::new();
    let calls = Rc::new(Cell::new(0));
    let counted = Rc::clone(&calls);
    let failing = QueryOptions::new(query_key!["a"], move |_| {
        counted.set(counted.get() + 1);
        async { Err::<i32, _>("no".to_string()) }
    });
    let _o = world.observe(failing.retry(retry));
    world.wait(20 * 60 * 1_000);
    calls.get()
}

#[test]
fn r041_three_retries_unless_told_otherwise() {
    assert_eq!(attempts(Retry::default()), 4);
    assert_eq!(attempts(Retry::Never), 1);
    assert_eq!(attempts(Retry::Times(1)), 2);
    assert!(attempts(Retry::Always) > 20);
}

#[test]
fn r041_a_closure_decides_by_count_and_error() {
    let world = World::new();
    let script = Script::default();
    let _o = world.observe(
        script
            .options(&query_key!["a"])
            .retry_if(|failures, error| {
                assert_eq!(error, "no");
                failures < 1
            }),
    );
    script.fail(&world);
    world.wait(1_000);
    script.fail(&world);
    world.wait(60_000);
    assert_eq!(script.calls(), 2);
}

#[test]
fn r042_the_delay_doubles_to_thirty_seconds() {
    let delays: Vec<u128> = (0..8)
        .map(|n| RetryDelay::default().after(n).as_millis())
        .collect();
    assert_eq!(
        delays,
        [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]
    );
    assert_eq!(
        RetryDelay::default().after(u32::MAX),
        Duration::from_secs(30)
    );
    let world = World::new();
    let script = Script::default();
    let _o = world.observe(script.options(&query_key!["a"]));
    script.fail(&world);
    world.wait(999);
    assert_eq!(script.calls(), 1);
    world.wait(1);
    assert_eq!(script.calls(), 2);
}

#[test]
fn r043_a_retry_waits_for_the_page_and_the_network() {
    let world = World::new();
    let (key, script) = (query_key!["a"], Script::default());
    let _o = world.observe(script.options(&key));
    script.fail(&world);
    world.client.set_visible(Page::Hidden);
    world.wait(5_000);
    assert_eq!(
        (script.calls(), world.view(&key).fetch_status),
        (1, FetchStatus::Paused)
    );
    world.client.set_visible(Page::Visible);
    world.settle();
    assert_eq!(script.calls(), 2);
    script.fail(&world);
    world.client.set_online(Network::Offline);
    world.wait(5_000);
    assert_eq!(
        (script.calls(), world.view(&key).fetch_status),
        (2, FetchStatus::Paused)
    );
    world.client.set_online(Network::Online);
    world.settle();
    assert_eq!(script.calls(), 3);
}

#[test]
fn r044_an_imperative_fetch_is_not_repeated_unless_told() {
    let world = World::new();
    let script = Script::default();
    let once = world.start(world.client.fetch_query(script.options(&query_key!["a"])));
    script.fail(&world);
    assert!(once.borrow().as_ref().unwrap().is_err());
    let twice = world.start(
        world
            .client
            .fetch_query(script.options(&query_key!["b"]).retry(Retry::Times(1))),
    );
    script.fail(&world);
    assert!(twice.borrow().is_none());
    world.wait(1_000);
    script.succeed(&world, 1);
    assert!(twice.borrow().as_ref().unwrap().is_ok());
}

#[test]
fn a_fetch_after_clear_belongs_to_a_new_epoch() {
    let world = World::new();
    let (key, script) = (query_key!["a"], Script::default());
    let observer = world.observe(script.options(&key));
    world.client.clear();
    script.succeed(&world, 1);
    assert_eq!(
        (world.client.counts().queries, world.client.epoch()),
        (0, 1)
    );
    assert_eq!(observer.now().data, None);
    let (_, options) = counter();
    let _new = world.observe(options(&key));
    assert_eq!(world.data(&key), Some(1));
    assert_eq!(world.client.is_fetching(QueryFilter::all()), 0);
}
