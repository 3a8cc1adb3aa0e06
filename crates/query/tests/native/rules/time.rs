//! Rules 46 to 57: staleness and garbage collection.

use std::sync::Arc;
use std::time::Duration;

use bedside_query::{GcTime, Page, QueryFilter, RefetchOn, Retry, StaleTime, Time, query_key};

use super::support::{Options, Script, World, counter, seen};

const FIVE_MINUTES: u64 = 5 * 60 * 1_000;

#[test]
fn r046_data_is_stale_at_once_or_after_its_stale_time() {
    let world = World::new();
    let key = query_key!["a"];
    let at_once = world.observe(Options::skip(&key).enabled(true));
    let later = world.observe(Options::without_fetcher(&key).stale_time(Duration::from_secs(10)));
    assert!(later.now().is_stale, "no data is stale");
    world.client.set_query_data(&key, 1).unwrap();
    assert_eq!(
        (at_once.now().is_stale, later.now().is_stale),
        (true, false)
    );
    world.wait(10_000);
    assert!(later.now().is_stale);
    world.client.set_query_data(&key, 2).unwrap();
    world
        .client
        .invalidate_queries(QueryFilter::all().matching(|_| true));
    world.settle();
    assert!(later.now().is_stale);
}

#[test]
fn r047_the_stale_time_may_depend_on_the_query() {
    let world = World::new();
    let key = query_key!["a"];
    let fresh_if_positive = StaleTime::With(Arc::new(|view| match view.data::<i32>().as_deref() {
        Some(data) if *data > 0 => StaleTime::Infinite,
        _ => StaleTime::Zero,
    }));
    world.client.set_query_data(&key, -1).unwrap();
    let observer = world.observe(
        Options::without_fetcher(&key)
            .refetch_on_mount(RefetchOn::Never)
            .stale_time(fresh_if_positive),
    );
    assert!(observer.now().is_stale);
    world.client.set_query_data(&key, 1).unwrap();
    assert!(!observer.now().is_stale);
}

#[test]
fn r048_infinite_is_stale_only_when_invalidated() {
    let world = World::new();
    let key = query_key!["a"];
    world.client.set_query_data(&key, 1).unwrap();
    let observer = world.observe(Options::without_fetcher(&key).stale_time(StaleTime::Infinite));
    world.wait(1_000 * 60 * 60 * 24 * 365);
    assert!(!observer.now().is_stale);
    world.client.invalidate_queries_with(
        &key,
        bedside_query::Refetch::None,
        bedside_query::Overlap::Owe,
    );
    assert!(observer.now().is_stale);
}

#[test]
fn r049_static_is_never_stale_and_never_fetched_again() {
    let world = World::new();
    let (key, (calls, options)) = (query_key!["a"], counter());
    let observer = world.observe(
        options(&key)
            .stale_time(StaleTime::Static)
            .refetch_on_focus(RefetchOn::Always),
    );
    world.client.invalidate_queries(&key);
    world.client.refetch_queries(&key);
    world.client.set_visible(Page::Hidden);
    world.client.set_visible(Page::Visible);
    world.settle();
    assert_eq!((calls.get(), observer.now().is_stale), (1, false));
}

#[test]
fn r050_a_disabled_observer_is_never_stale() {
    let world = World::new();
    let observer = world.observe(Options::skip(query_key!["a"]));
    assert!(!observer.now().is_stale);
}

#[test]
fn r051_observers_hear_when_their_data_becomes_stale() {
    let world = World::new();
    let key = query_key!["a"];
    world.client.set_query_data(&key, 1).unwrap();
    let (observer, seen) = seen(
        &world,
        Options::without_fetcher(&key).stale_time(Duration::from_secs(10)),
    );
    let before = seen.borrow().len();
    world.wait(9_999);
    assert_eq!(seen.borrow().len(), before);
    world.wait(1);
    assert_eq!(seen.borrow().len(), before + 1);
    assert!(observer.now().is_stale);
}

#[test]
fn r052_after_an_error_coming_to_look_fetches_although_fresh() {
    let world = World::new();
    let (key, script) = (query_key!["a"], Script::default());
    let hour = Duration::from_secs(3_600);
    world.client.set_query_data(&key, 1).unwrap();
    let _o = world.observe(script.options(&key).stale_time(hour).retry(Retry::Never));
    assert_eq!(script.calls(), 0);
    world.client.refetch_queries(&key);
    world.settle();
    script.fail(&world);
    world.client.set_visible(Page::Hidden);
    world.client.set_visible(Page::Visible);
    world.settle();
    assert_eq!(script.calls(), 2);
}

#[test]
fn r053_the_longest_gc_time_wins() {
    let world = World::new();
    let key = query_key!["a"];
    drop(world.observe(Options::skip(&key).gc_time(Duration::from_secs(600))));
    drop(world.observe(Options::skip(&key).gc_time(Duration::from_secs(1))));
    world.wait(599_000);
    assert_eq!(world.client.counts().queries, 1);
    world.wait(1_000);
    assert_eq!(world.client.counts().queries, 0);
}

#[test]
fn r054_the_wait_begins_at_birth_and_when_the_last_observer_leaves() {
    let world = World::new();
    let key = query_key!["a"];
    world
        .client
        .set_query_data(query_key!["never observed"], 1)
        .unwrap();
    let observer = world.observe(Options::skip(&key));
    world.wait(FIVE_MINUTES);
    assert_eq!(world.client.counts().queries, 1, "an observed query stays");
    world.wait(FIVE_MINUTES);
    drop(observer);
    world.wait(FIVE_MINUTES - 1);
    assert_eq!(world.client.counts().queries, 1);
    world.wait(1);
    assert_eq!(world.client.counts().queries, 0);
}

#[test]
fn r055_a_query_that_is_fetched_is_not_collected() {
    let world = World::new();
    let (key, script) = (query_key!["a"], Script::default());
    drop(world.observe(script.options(&key)));
    world.wait(FIVE_MINUTES * 2);
    assert_eq!(world.client.counts().queries, 1);
    script.succeed(&world, 1);
    world.wait(FIVE_MINUTES);
    assert_eq!(world.client.counts().queries, 0);
}

#[test]
fn r056_zero_goes_at_once_and_never_stays() {
    let world = World::new();
    drop(world.observe(Options::skip(query_key!["a"]).gc_time(Duration::ZERO)));
    drop(world.observe(Options::skip(query_key!["b"]).gc_time(GcTime::Never)));
    world.wait(0);
    assert_eq!(world.client.counts().queries, 1);
    world.wait(1_000 * 60 * 60 * 24 * 365);
    assert_eq!(world.client.counts().queries, 1);
}

#[test]
fn r057_a_wait_past_the_browsers_limit_is_cut_up_not_cut_off() {
    let world = World::new();
    let month = Duration::from_secs(60 * 60 * 24 * 40);
    drop(world.observe(Options::skip(query_key!["a"]).gc_time(month)));
    world.wait(1_000 * 60 * 60 * 24 * 39);
    assert_eq!(world.client.counts().queries, 1);
    world.wait(1_000 * 60 * 60 * 24);
    assert_eq!(world.client.counts().queries, 0);
}

#[test]
fn a_clock_that_jumps_back_makes_nothing_younger() {
    let world = World::new();
    let key = query_key!["a"];
    world.client.set_query_data(&key, 1).unwrap();
    let observer =
        world.observe(Options::without_fetcher(&key).stale_time(Duration::from_secs(10)));
    world.wait(10_000);
    assert!(observer.now().is_stale);
    world.runtime.jump(Time(0));
    world.client.set_query_data(&key, 2).unwrap();
    assert!(world.view(&key).data_updated_at > Some(Time(1_000_000)));
}
