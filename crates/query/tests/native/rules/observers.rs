//! Rules 25 and 58 to 74: what observers fetch, see and hear.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bedside_query::{
    FetchStatus, InBackground, Interval, Network, NetworkMode, Page, QueryFilter, QueryOptions,
    Refetch, RefetchOn, Retry, RetryOnMount, StaleTime, Status, query_key,
};

use super::support::{Options, Script, World, counter, seen};

fn blink(world: &World) {
    world.client.set_visible(Page::Hidden);
    world.client.set_visible(Page::Visible);
    world.settle();
}

fn reconnect(world: &World) {
    world.client.set_online(Network::Offline);
    world.client.set_online(Network::Online);
    world.settle();
}

#[test]
fn r058_mounting_fetches_what_is_missing_or_stale() {
    let world = World::new();
    let (calls, options) = counter();
    let _empty = world.observe(options(&query_key!["empty"]));
    assert_eq!(calls.get(), 1);
    world.client.set_query_data(query_key!["fresh"], 1).unwrap();
    let _fresh = world.observe(options(&query_key!["fresh"]).stale_time(StaleTime::Infinite));
    let _off = world.observe(options(&query_key!["off"]).enabled(false));
    assert_eq!(calls.get(), 1);
    world.client.set_query_data(query_key!["stale"], 1).unwrap();
    let _never = world.observe(options(&query_key!["stale"]).refetch_on_mount(RefetchOn::Never));
    assert_eq!(calls.get(), 1);
    let _stale = world.observe(options(&query_key!["stale"]));
    assert_eq!(calls.get(), 2);
}

#[test]
fn r058_a_failed_first_fetch_stays_failed_if_mounting_may_not_retry() {
    let world = World::new();
    let (key, script) = (query_key!["a"], Script::default());
    let _a = world.observe(script.options(&key).retry(Retry::Never));
    script.fail(&world);
    let _b = world.observe(script.options(&key).retry_on_mount(RetryOnMount::No));
    assert_eq!(script.calls(), 1);
    let _c = world.observe(script.options(&key));
    assert_eq!(script.calls(), 2);
}

#[test]
fn r059_each_occasion_has_its_own_wish() {
    let world = World::new();
    let (calls, options) = counter();
    world.client.set_query_data(query_key!["a"], 0).unwrap();
    let fresh = options(&query_key!["a"])
        .stale_time(StaleTime::Infinite)
        .refetch_on_mount(RefetchOn::Always)
        .refetch_on_focus(RefetchOn::Stale)
        .refetch_on_reconnect(RefetchOn::Always);
    let _o = world.observe(fresh);
    assert_eq!(calls.get(), 1, "always on mount");
    blink(&world);
    assert_eq!(calls.get(), 1, "not stale on focus");
    reconnect(&world);
    assert_eq!(calls.get(), 2, "always on reconnect");
}

#[test]
fn r059_reconnection_means_nothing_to_a_query_that_ignores_the_network() {
    let world = World::new();
    let (calls, options) = counter();
    let _o = world.observe(options(&query_key!["a"]).network_mode(NetworkMode::Always));
    reconnect(&world);
    assert_eq!(calls.get(), 1);
}

#[test]
fn r060_focus_fetches_a_query_once_however_many_observe() {
    let world = World::new();
    let (calls, options) = counter();
    let observers: Vec<_> = (0..5)
        .map(|_| world.observe(options(&query_key!["a"]).refetch_on_mount(RefetchOn::Never)))
        .collect();
    assert_eq!((calls.get(), observers.len()), (1, 5));
    blink(&world);
    assert_eq!(calls.get(), 2);
}

#[test]
fn r062_polling_goes_on_only_while_seen_and_enabled() {
    let world = World::new();
    let (calls, options) = counter();
    let every = Duration::from_secs(10);
    let polling = world.observe(options(&query_key!["a"]).refetch_interval(every));
    let _off = world.observe(
        options(&query_key!["b"])
            .refetch_interval(every)
            .enabled(false),
    );
    world.wait(30_000);
    assert_eq!(calls.get(), 4);
    world.client.set_visible(Page::Hidden);
    world.wait(30_000);
    assert_eq!(calls.get(), 4);
    drop(polling);
    let _on = world.observe(
        options(&query_key!["c"])
            .refetch_interval(every)
            .refetch_in_background(InBackground::GoOn),
    );
    world.wait(20_000);
    assert_eq!(calls.get(), 7);
}

#[test]
fn r062_the_interval_may_depend_on_the_query() {
    let world = World::new();
    let (calls, options) = counter();
    let until_three = Interval::With(Arc::new(|view| {
        (view.data_update_count < 3).then_some(Duration::from_secs(1))
    }));
    let _o = world.observe(options(&query_key!["a"]).refetch_interval(until_three));
    world.wait(60_000);
    assert_eq!(calls.get(), 3);
}

#[test]
fn r063_a_disabled_observer_sees_writes_and_fetches_nothing_by_itself() {
    let world = World::new();
    let (key, (calls, options)) = (query_key!["a"], counter());
    let observer = world.observe(options(&key).enabled(false));
    world.client.set_query_data(&key, 7).unwrap();
    assert_eq!(observer.now().data.as_deref(), Some(&7));
    world.client.invalidate_queries(&key);
    world.client.refetch_queries(&key);
    blink(&world);
    reconnect(&world);
    assert_eq!(calls.get(), 0);
}

#[test]
fn r064_a_skipped_query_fails_when_fetched_and_still_shows_the_cache() {
    let world = World::new();
    let key = query_key!["a"];
    let observer = world.observe(Options::skip(&key));
    assert_eq!(observer.now().status, Status::Pending);
    let fetched = world.start(world.client.fetch_query(Options::skip(&key)));
    assert!(fetched.borrow().as_ref().unwrap().is_err());
    world.client.set_query_data(&key, 3).unwrap();
    assert_eq!(observer.now().data.as_deref(), Some(&3));
}

#[test]
fn r066_a_placeholder_shows_while_there_is_nothing_and_is_never_cached() {
    let world = World::new();
    let (key, script) = (query_key!["a"], Script::default());
    let observer = world.observe(script.options(&key).placeholder(9));
    let now = observer.now();
    assert_eq!(
        (now.data.as_deref(), now.status, now.is_placeholder_data),
        (Some(&9), Status::Success, true)
    );
    assert_eq!(world.data(&key), None);
    script.succeed(&world, 1);
    let now = observer.now();
    assert_eq!(
        (now.data.as_deref(), now.is_placeholder_data),
        (Some(&1), false)
    );
}

#[test]
fn r068_equal_results_are_heard_without_new_data() {
    let world = World::new();
    let key = query_key!["a"];
    let observer = world.observe(QueryOptions::new(&key, |_| async { Ok(5) }));
    let before = observer.now().data.unwrap();
    world.client.refetch_queries(&key);
    world.settle();
    assert!(
        Arc::ptr_eq(&before, &observer.now().data.unwrap()),
        "no field of data changed"
    );
}

#[test]
fn r069_leaving_during_a_notification_skips_nobody() {
    let world = World::new();
    let key = query_key!["a"];
    let held = Rc::new(RefCell::new(None));
    let into = Rc::clone(&held);
    let heard = Rc::new(RefCell::new(0));
    let counted = Rc::clone(&heard);
    let skip = || Options::skip(&key);
    let leaves = world.client.observe(skip(), move |now| {
        if now.data.is_some() {
            drop(into.borrow_mut().take());
        }
    });
    held.replace(Some(leaves));
    let _stays = world
        .client
        .observe(skip(), move |_| *counted.borrow_mut() += 1);
    let before = *heard.borrow();
    world.client.set_query_data(&key, 1).unwrap();
    assert_eq!(*heard.borrow(), before + 1);
    assert_eq!(world.client.counts().observers, 1);
}

#[test]
fn r070_fetching_shows_before_the_fetcher_runs() {
    let world = World::new();
    let (calls, options) = counter();
    let (observer, seen) = seen(&world, options(&query_key!["a"]));
    assert_eq!(
        (calls.get(), observer.now().fetch_status),
        (0, FetchStatus::Fetching)
    );
    world.settle();
    assert_eq!(
        *seen.borrow(),
        [None, Some(1)],
        "a fetcher that answers at once passes through pending"
    );
}

#[test]
fn r071_equal_rows_keep_their_identity() {
    use bedside_query::{Columns, Row, RowError, Rows, Segment, TableDep};
    #[derive(Clone, PartialEq)]
    struct Bed(u32, bool);
    impl Columns for Bed {
        fn column(&self, _: &str) -> Option<Segment> {
            None
        }
    }
    impl Row for Bed {
        fn pk(&self) -> Segment {
            self.0.into()
        }
        fn from_columns(_: &serde_json::Map<String, serde_json::Value>) -> Result<Self, RowError> {
            Err(RowError::MissingColumn("id".into()))
        }
        fn merge(&self, _: &serde_json::Map<String, serde_json::Value>) -> Result<Self, RowError> {
            Ok(self.clone())
        }
    }
    let world = World::new();
    let taken = Rc::new(RefCell::new(false));
    let state = Rc::clone(&taken);
    let beds = QueryOptions::new(query_key!["beds"], move |_| {
        let taken = *state.borrow();
        async move { Ok::<Rows<Bed>, String>(vec![Bed(1, false), Bed(2, taken)].into()) }
    });
    let observer = world
        .client
        .observe(beds.rows(TableDep::rows("beds")), |_| {});
    world.settle();
    let before = observer.now().data.unwrap();
    *taken.borrow_mut() = true;
    world.client.refetch_queries(QueryFilter::all());
    world.settle();
    let after = observer.now().data.unwrap();
    assert!(Arc::ptr_eq(before.at(0).unwrap(), after.at(0).unwrap()));
    assert!(after.at(1).unwrap().1);
}

#[test]
fn r073_a_batch_tells_once_at_the_end_even_if_it_panics() {
    let world = World::new();
    let key = query_key!["a"];
    let (_o, seen) = seen(&world, Options::skip(&key));
    let before = seen.borrow().len();
    world.client.batch(|| {
        world
            .client
            .batch(|| world.client.set_query_data(&key, 1).unwrap());
        world.client.set_query_data(&key, 2).unwrap();
        assert_eq!(seen.borrow().len(), before);
    });
    assert_eq!(seen.borrow()[before..], [Some(2)]);
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        world.client.batch(|| {
            world.client.set_query_data(&key, 3).unwrap();
            panic!("in the batch");
        })
    }));
    assert!(caught.is_err());
    assert_eq!(seen.borrow().last(), Some(&Some(3)));
}

#[test]
fn r074_all_are_marked_before_the_first_is_fetched() {
    let world = World::new();
    let marked = Rc::new(RefCell::new(Vec::new()));
    let observers: Vec<_> = (0..3)
        .map(|i| {
            let marked = Rc::clone(&marked);
            let options = QueryOptions::new(query_key!["all", i], move |context| {
                let stale = context
                    .client()
                    .query_views(&QueryFilter::prefix(query_key!["all"]));
                marked
                    .borrow_mut()
                    .push(stale.iter().filter(|view| view.is_invalidated).count());
                async { Ok::<i32, String>(1) }
            });
            world.observe(options.initial_data(0).stale_time(StaleTime::Infinite))
        })
        .collect();
    world.client.invalidate_queries_with(
        query_key!["all"],
        Refetch::Active,
        bedside_query::Overlap::Owe,
    );
    world.settle();
    assert_eq!((observers.len(), marked.borrow()[0]), (3, 3));
}
