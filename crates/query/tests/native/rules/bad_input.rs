//! What must not happen whatever comes in: no panic, no deadlock, no lost notification.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use bedside_query::{
    FetchStatus, QueryError, QueryFilter, QueryKey, QueryOptions, Retry, Segment, StaleTime,
    Status, query_key,
};
use serde_json::json;

use super::support::{Options, Script, World, seen};

#[test]
fn keys_of_any_depth_and_size_are_keys() {
    let world = World::new();
    let deep = (0..500).fold(json!(1), |inner, _| serde_json::Value::Array(vec![inner]));
    let long = QueryKey::new((0..10_000).map(Segment::from));
    let wide = query_key![json!(
        (0..5_000)
            .map(|i| (i.to_string(), json!(i)))
            .collect::<serde_json::Map<_, _>>()
    )];
    for key in [
        query_key![deep],
        long,
        wide,
        query_key![],
        query_key!["", "\0", "🩺"],
    ] {
        world.client.set_query_data(&key, 1).unwrap();
        assert_eq!(world.data(&key), Some(1));
        world.client.remove_queries(QueryFilter::exact(key));
    }
    assert_eq!(
        (
            world.client.counts().queries,
            world.client.counts().segments
        ),
        (0, 0)
    );
}

#[test]
fn numbers_that_are_not_finite_and_huge_integers_are_keys() {
    let world = World::new();
    let keys = [
        query_key![f64::NAN],
        query_key![u64::MAX],
        query_key![i128::MIN],
        query_key![u128::MAX],
        query_key![1e300],
    ];
    for key in &keys {
        world.client.set_query_data(key, 1).unwrap();
    }
    assert_eq!(world.client.counts().queries, keys.len());
}

#[test]
fn a_fetcher_that_panics_is_a_failure_like_any_other() {
    let world = World::new();
    let (at_once, later) = (query_key!["at once"], query_key!["later"]);
    let panics_at_once = Options::new(&at_once, |context| {
        assert!(context.key().segments().is_empty(), "a bug");
        async { Ok(1) }
    });
    let panics_later = Options::new(&later, |_| async { panic!("a later bug") });
    let first = world.observe(panics_at_once.retry(Retry::Never));
    let second = world.observe(panics_later.retry(Retry::Never));
    assert!(matches!(first.now().error, Some(QueryError::Panicked(_))));
    assert!(
        matches!(second.now().error, Some(QueryError::Panicked(text)) if text.as_ref() == "a later bug")
    );
    assert_eq!(world.client.is_fetching(QueryFilter::all()), 0);
}

#[test]
fn a_fetcher_that_never_returns_can_be_cancelled_and_replaced() {
    let world = World::new();
    let key = query_key!["a"];
    let _o = world.observe(Options::new(&key, |_| std::future::pending()));
    world.wait(1_000_000);
    assert_eq!(world.view(&key).fetch_status, FetchStatus::Fetching);
    world.client.cancel_queries(&key);
    let again = world.start(
        world
            .client
            .fetch_query(Options::new(&key, |_| async { Ok(2) })),
    );
    assert_eq!(again.borrow().as_ref().unwrap().as_deref(), Ok(&2));
}

#[test]
fn duplicate_observers_are_so_many_observers() {
    let world = World::new();
    let (key, script) = (query_key!["a"], Script::default());
    let observers: Vec<_> = (0..100)
        .map(|_| world.observe(script.options(&key)))
        .collect();
    script.succeed(&world, 1);
    assert!(
        observers
            .iter()
            .all(|observer| observer.now().data.as_deref() == Some(&1))
    );
    drop(observers);
    assert_eq!(world.client.counts().observers, 0);
}

#[test]
fn a_callback_may_call_the_client() {
    let world = World::new();
    let (key, other) = (query_key!["a"], query_key!["b"]);
    let client = world.client.clone();
    let (inner_key, inner_other) = (key.clone(), other.clone());
    let _o = world.client.observe(Options::skip(&key), move |now| {
        if let Some(n) = now.data.as_deref().filter(|n| **n < 5) {
            client.set_query_data(&inner_key, n + 1).unwrap();
            client.invalidate_queries(QueryFilter::all());
            client.remove_queries(&inner_other);
        }
    });
    world.client.set_query_data(&other, 1).unwrap();
    let (_p, seen) = seen(&world, Options::skip(&key));
    world.client.set_query_data(&key, 1).unwrap();
    assert_eq!((world.data(&key), world.data(&other)), (Some(5), None));
    assert_eq!(
        seen.borrow().last(),
        Some(&Some(5)),
        "the last state was told to everybody"
    );
}

#[test]
fn a_closure_that_the_cache_asks_may_read_it_and_its_writes_come_after() {
    let world = World::new();
    for i in 0..3 {
        world.client.set_query_data(query_key!["a", i], i).unwrap();
    }
    let client = world.client.clone();
    let reads = Rc::new(RefCell::new(0));
    let held = send_wrapper::SendWrapper::new((client, Rc::clone(&reads)));
    let filter = QueryFilter::all().matching(move |view| {
        let (client, reads) = &*held;
        *reads.borrow_mut() += client.counts().queries;
        client.set_query_data(query_key!["written"], 1).unwrap();
        view.key.segments().len() == 2
    });
    assert_eq!(world.client.query_views(&filter).len(), 3);
    world.client.invalidate_queries(filter);
    assert!(*reads.borrow() >= 9);
    assert_eq!(world.data(&query_key!["written"]), Some(1));
    assert!((0..3).all(|i| world.view(&query_key!["a", i]).is_invalidated));
}

#[test]
fn a_stale_time_that_keeps_answering_with_closures_comes_to_an_end() {
    fn endless() -> StaleTime {
        StaleTime::With(Arc::new(|_| endless()))
    }
    let world = World::new();
    world.client.set_query_data(query_key!["a"], 1).unwrap();
    let observer = world.observe(Options::without_fetcher(query_key!["a"]).stale_time(endless()));
    assert!(observer.now().is_stale);
}

#[test]
fn an_observer_outlives_its_client_without_harm() {
    let world = World::new();
    let observer = world.observe(Options::skip(query_key!["a"]));
    drop(world);
    assert_eq!(observer.now().status, Status::Pending);
}

#[test]
fn ten_thousand_mounts_and_unmounts_end_with_the_counts_they_began_with() {
    let world = World::new();
    world.client.set_query_data(query_key!["stays"], 1).unwrap();
    let before = world.client.counts();
    for i in 0..10_000_u32 {
        let options = QueryOptions::new(query_key!["soak", i % 97, i], |_| async {
            Ok::<i32, String>(1)
        });
        let observer = world
            .client
            .observe(options.gc_time(std::time::Duration::from_secs(1)), |_| {});
        if i % 3 == 0 {
            world.settle();
        }
        drop(observer);
        if i % 1_000 == 0 {
            world.wait(2_000);
        }
    }
    world.wait(60_000);
    let after = world.client.counts();
    assert_eq!(after, before);
}
