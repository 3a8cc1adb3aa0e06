//! Rules 75 to 90: what callers do to many queries, and what they hear of it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use bedside_query::{
    Action, ClientOptions, EventKind, MutationOptions, Network, Overlap, QueryError, QueryFilter,
    QueryOptions, Refetch, RefetchOn, Retry, StaleTime, Status, Time, query_key,
};
use futures::channel::oneshot;

use super::support::{Options, Script, World, counter, seen};

#[test]
fn r075_which_are_fetched_is_the_callers_choice() {
    let world = World::new();
    let (active, (active_calls, active_options)) = (query_key!["q", "active"], counter());
    let (idle, (idle_calls, idle_options)) = (query_key!["q", "idle"], counter());
    let _o = world.observe(active_options(&active).stale_time(StaleTime::Infinite));
    drop(world.observe(idle_options(&idle)));
    let check = |refetch, expected| {
        world
            .client
            .invalidate_queries_with(query_key!["q"], refetch, Overlap::Owe);
        world.settle();
        assert_eq!(
            (active_calls.get(), idle_calls.get()),
            expected,
            "{refetch:?}"
        );
    };
    check(Refetch::Active, (2, 1));
    check(Refetch::None, (2, 1));
    check(Refetch::Inactive, (2, 2));
    check(Refetch::All, (3, 3));
}

#[test]
fn r076_disabled_static_and_never_fetched_queries_are_left_alone() {
    let world = World::new();
    let (calls, options) = counter();
    let _disabled = world.observe(options(&query_key!["disabled"]).enabled(false));
    let _static = world.observe(
        options(&query_key!["static"])
            .stale_time(StaleTime::Static)
            .initial_data(1),
    );
    drop(world.observe(options(&query_key!["never"]).enabled(false)));
    world
        .client
        .invalidate_queries_with(QueryFilter::all(), Refetch::All, Overlap::Owe);
    world.client.refetch_queries(QueryFilter::all());
    world.settle();
    assert_eq!(calls.get(), 0);
}

#[test]
fn r077_waiting_ends_when_the_fetches_do_and_swallows_errors() {
    let world = World::new();
    let script = Script::default();
    let _o = world.observe(script.options(&query_key!["a"]).retry(Retry::Never));
    let settled = world.start(world.client.when_settled(QueryFilter::all()));
    assert!(settled.borrow().is_none());
    script.fail(&world);
    assert!(settled.borrow().is_some());
    world.client.set_online(Network::Offline);
    world.client.refetch_queries(QueryFilter::all());
    let paused = world.start(world.client.when_settled(QueryFilter::all()));
    assert!(paused.borrow().is_some(), "paused ones are not waited for");
}

#[test]
fn r078_all_are_reset_before_the_active_ones_fetch() {
    let world = World::new();
    let (calls, options) = counter();
    let _o = world.observe(options(&query_key!["active"]).stale_time(StaleTime::Infinite));
    world.client.set_query_data(query_key!["idle"], 1).unwrap();
    world.client.reset_queries(QueryFilter::all());
    world.settle();
    assert_eq!(
        (calls.get(), world.data(&query_key!["active"])),
        (2, Some(2))
    );
    assert_eq!(
        (
            world.data(&query_key!["idle"]),
            world.view(&query_key!["idle"]).status
        ),
        (None, Status::Pending)
    );
}

#[test]
fn r079_observers_of_a_removed_query_keep_what_they_showed() {
    let world = World::new();
    let key = query_key!["a"];
    world.client.set_query_data(&key, 4).unwrap();
    let (observer, seen) = seen(&world, Options::skip(&key));
    let before = seen.borrow().len();
    world.client.remove_queries(&key);
    assert_eq!(
        (world.client.counts().queries, seen.borrow().len()),
        (0, before)
    );
    assert_eq!(observer.now().data.as_deref(), Some(&4));
}

#[test]
fn r080_writing_makes_a_query_and_writing_nothing_does_not() {
    let world = World::new();
    world
        .client
        .update_query_data(query_key!["a"], |_: Option<&i32>| None)
        .unwrap();
    assert_eq!(world.client.counts().queries, 0);
    world.client.set_query_data(query_key!["a"], 1).unwrap();
    assert_eq!(world.data(&query_key!["a"]), Some(1));
}

#[test]
fn r081_a_write_makes_fresh_and_leaves_the_fetch_alone() {
    let world = World::new();
    let (key, script) = (query_key!["a"], Script::default());
    let _o = world.observe(script.options(&key).retry(Retry::Never));
    script.fail(&world);
    world.client.refetch_queries(&key);
    world.settle();
    world.client.set_query_data_at(&key, 1, Time(77)).unwrap();
    let view = world.view(&key);
    assert_eq!(
        (view.status, view.is_invalidated, view.data_updated_at),
        (Status::Success, false, Some(Time(77)))
    );
    assert_eq!(view.fetch_status, bedside_query::FetchStatus::Fetching);
}

#[test]
fn a_patch_is_not_a_fetch() {
    let world = World::new();
    let key = query_key!["a"];
    world.client.set_query_data_at(&key, 1, Time(77)).unwrap();
    world.client.invalidate_queries(&key);
    assert_eq!(world.client.patch(&key, |n: &i32| Some(n + 1)), Ok(true));
    let view = world.view(&key);
    assert_eq!(
        (world.data(&key), view.is_invalidated, view.data_updated_at),
        (Some(2), true, Some(Time(77)))
    );
    assert_eq!(
        world
            .client
            .patch(query_key!["none"], |n: &i32| Some(n + 1)),
        Ok(false)
    );
}

#[test]
fn a_patch_during_a_fetch_is_replayed_over_its_result() {
    let world = World::new();
    let (key, script) = (query_key!["a"], Script::default());
    world.client.set_query_data(&key, 1).unwrap();
    let observer = world.observe(script.options(&key).stale_time(StaleTime::Zero));
    world.client.patch(&key, |n: &i32| Some(n + 100)).unwrap();
    assert_eq!(world.data(&key), Some(101));
    script.succeed(&world, 2);
    assert_eq!((world.data(&key), script.calls()), (Some(102), 1));
    assert!(observer.now().error.is_none());
}

#[test]
fn r082_writing_many_touches_only_what_is_there() {
    let world = World::new();
    world.client.set_query_data(query_key!["a", 1], 1).unwrap();
    world.client.set_query_data(query_key!["a", 2], 2).unwrap();
    world
        .client
        .set_query_data(query_key!["a", "other type"], 2_u8)
        .unwrap();
    let (_o, seen) = seen(&world, Options::skip(query_key!["a", 1]));
    let written = world
        .client
        .update_queries_data(query_key!["a"], |n: &i32| Some(n * 10));
    assert_eq!(written, 2);
    assert_eq!(world.data(&query_key!["a", 2]), Some(20));
    assert_eq!(seen.borrow().last(), Some(&Some(10)));
}

#[test]
fn r083_reading_never_makes_a_query() {
    let world = World::new();
    world.client.set_query_data(query_key!["a", 1], 1).unwrap();
    assert_eq!(world.data(&query_key!["a"]), None);
    assert_eq!(world.client.counts().queries, 1);
}

#[test]
fn r084_ensuring_takes_any_data_however_stale() {
    let world = World::new();
    let (key, (calls, options)) = (query_key!["a"], counter());
    world.client.set_query_data(&key, 9).unwrap();
    world.client.invalidate_queries(&key);
    let held = world.start(world.client.ensure_query_data(options(&key)));
    assert_eq!(held.borrow().as_ref().unwrap().as_deref(), Ok(&9));
    let fetched = world.start(world.client.ensure_query_data(options(&query_key!["b"])));
    assert_eq!(fetched.borrow().as_ref().unwrap().as_deref(), Ok(&1));
    assert_eq!(calls.get(), 1);
}

#[test]
fn r085_fetching_takes_fresh_data_and_ignores_enabled() {
    let world = World::new();
    let (key, (calls, options)) = (query_key!["a"], counter());
    let fetch = |stale_time| {
        world.start(
            world
                .client
                .fetch_query(options(&key).enabled(false).stale_time(stale_time)),
        )
    };
    fetch(StaleTime::Infinite);
    fetch(StaleTime::Infinite);
    assert_eq!(calls.get(), 1);
    let again = fetch(StaleTime::Zero);
    assert_eq!(again.borrow().as_ref().unwrap().as_deref(), Ok(&2));
}

#[test]
fn r086_prefetching_swallows_errors_and_is_collected_unused() {
    let world = World::new();
    let (good, bad) = (Script::default(), Script::default());
    world
        .client
        .prefetch_query(good.options(&query_key!["good"]));
    world.client.prefetch_query(bad.options(&query_key!["bad"]));
    world.settle();
    good.succeed(&world, 1);
    bad.fail(&world);
    assert_eq!(
        (
            world.data(&query_key!["good"]),
            world.data(&query_key!["bad"])
        ),
        (Some(1), None)
    );
    world.wait(5 * 60 * 1_000);
    assert_eq!(world.client.counts().queries, 0);
}

#[test]
fn r087_counting_what_runs() {
    let world = World::new();
    let script = Script::default();
    let _a = world.observe(script.options(&query_key!["a", 1]));
    let _b = world.observe(script.options(&query_key!["b", 1]));
    assert_eq!(world.client.is_fetching(QueryFilter::all()), 2);
    assert_eq!(world.client.is_fetching(query_key!["a"]), 1);
    let _running = world
        .client
        .mutate(MutationOptions::new(|()| async { Ok::<(), ()>(()) }), ());
    assert_eq!(world.client.is_mutating(), 1);
    world.settle();
    assert_eq!(world.client.is_mutating(), 0);
}

type Observer = bedside_query::Observation<i32, String>;

/// A world whose network is away, with an observed query and a mutation that waits and answers when told.
fn about_to_resume() -> (World, Observer, Rc<Cell<i32>>, oneshot::Sender<()>) {
    let world = World::new();
    let (calls, options) = counter();
    let observation = world.observe(options(&query_key!["a"]));
    world.client.set_online(Network::Offline);
    let (answer, answered) = oneshot::channel::<()>();
    let answered = RefCell::new(Some(answered));
    let save = MutationOptions::new(move |()| {
        let answered = answered.take();
        async move {
            if let Some(answered) = answered {
                let _ = answered.await;
            }
            Ok::<(), ()>(())
        }
    });
    drop(world.client.mutate(save, ()));
    world.settle();
    calls.set(0);
    (world, observation, calls, answer)
}

#[test]
fn r088_paused_mutations_finish_before_queries_are_fetched() {
    let (world, _observer, calls, answer) = about_to_resume();
    world.client.set_online(Network::Online);
    world.wait(4_999);
    assert_eq!((world.client.is_mutating(), calls.get()), (1, 0));
    answer.send(()).unwrap();
    world.settle();
    assert_eq!((world.client.is_mutating(), calls.get()), (0, 1));
    world.wait(10_000);
    assert_eq!(calls.get(), 1, "told once");
}

#[test]
fn r088_a_mutation_that_hangs_keeps_queries_waiting_for_five_seconds() {
    let (world, _observer, calls, _answer) = about_to_resume();
    world.client.set_online(Network::Online);
    world.wait(5_000);
    assert_eq!((world.client.is_mutating(), calls.get()), (1, 1));
}

#[test]
fn r088_a_network_that_goes_again_is_no_news() {
    let (world, _observer, calls, answer) = about_to_resume();
    world.client.set_online(Network::Online);
    world.settle();
    world.client.set_online(Network::Offline);
    answer.send(()).unwrap();
    world.wait(10_000);
    assert_eq!(calls.get(), 0);
    world.client.set_online(Network::Online);
    world.settle();
    assert_eq!(calls.get(), 1);
}

#[test]
fn r089_the_stream_tells_what_happens_only_while_somebody_listens() {
    let world = World::new();
    let (key, (_, options)) = (query_key!["a"], counter());
    let seen = Rc::new(RefCell::new(Vec::new()));
    let into = Rc::clone(&seen);
    let listening = world
        .client
        .listen(move |event| into.borrow_mut().push(event.kind.clone()));
    drop(world.observe(options(&key)));
    world.client.invalidate_queries(&key);
    world.client.remove_queries(&key);
    drop(listening);
    world.client.set_query_data(&key, 1).unwrap();
    let key = || key.clone();
    assert_eq!(
        *seen.borrow(),
        [
            EventKind::Added(key()),
            EventKind::ObserverAdded(key()),
            EventKind::Updated(key(), Action::Fetch),
            EventKind::Updated(key(), Action::Success),
            EventKind::ObserverRemoved(key()),
            EventKind::Updated(key(), Action::Invalidate),
            EventKind::Removed(key()),
        ]
    );
}

#[test]
fn r090_the_clients_callback_is_called_once_a_fetch() {
    let settled = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&settled);
    let world = World::with(ClientOptions::default().on_settled(move |fetch| {
        into.lock()
            .unwrap()
            .push((fetch.key.clone(), fetch.result.is_ok()));
    }));
    let (key, script) = (query_key!["a"], Script::default());
    let observers: Vec<_> = (0..3)
        .map(|_| world.observe(script.options(&key).retry(Retry::Never)))
        .collect();
    script.succeed(&world, 1);
    world.client.refetch_queries(&key);
    world.settle();
    script.fail(&world);
    assert_eq!(observers.len(), 3);
    assert_eq!(
        *settled.lock().unwrap(),
        [(key.clone(), true), (key, false)]
    );
}

#[test]
fn one_key_with_two_types_is_an_error_that_names_both() {
    let world = World::new();
    let key = query_key!["a"];
    world.client.set_query_data(&key, 1_i32).unwrap();
    let text = world
        .client
        .set_query_data(&key, "x".to_string())
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("i32") && text.contains("String") && text.contains("[\"a\"]"),
        "{text}"
    );
    assert!(world.client.get_query_data::<String>(&key).is_err());
    assert!(world.client.patch(&key, |_: &String| None).is_err());
    let other = QueryOptions::new(&key, |_| async { Ok::<String, String>(String::new()) });
    let observer = world
        .client
        .observe(other.refetch_on_mount(RefetchOn::Always), |_| {});
    world.settle();
    assert!(matches!(
        observer.now().error,
        Some(QueryError::Mismatch(_))
    ));
    assert_eq!(world.data(&key), Some(1));
}
