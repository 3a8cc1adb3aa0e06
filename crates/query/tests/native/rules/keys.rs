//! Rules 1 to 15: keys, matching, filters, defaults.

use std::time::Duration;

use bedside_query::{
    Activity, ClientOptions, FetchStatus, QueryDefaults, QueryFilter, QueryKey, QueryOptions,
    Retry, Segment, StaleTime, Staleness, query_key,
};
use serde_json::json;

use super::support::{Options, Script, World};

fn check_one_query(first: QueryKey, second: QueryKey, queries: usize) {
    let world = World::new();
    world.client.set_query_data(first, 1).unwrap();
    world.client.set_query_data(second, 2).unwrap();
    assert_eq!(world.client.counts().queries, queries);
}

fn check_matches(filter: QueryKey, key: QueryKey, expected: bool) {
    let world = World::new();
    world.client.set_query_data(&key, 1).unwrap();
    let found = world
        .client
        .query_views(&QueryFilter::prefix(&filter))
        .len();
    assert_eq!(found == 1, expected, "{filter} on {key}");
    assert_eq!(
        filter.is_prefix_of(&key),
        expected,
        "the index agrees with the definition"
    );
}

#[test]
fn r001_array_order_counts_and_property_order_does_not() {
    check_one_query(query_key!["a", "b"], query_key!["b", "a"], 2);
    check_one_query(
        query_key![json!({"x": 1, "y": 2})],
        query_key![json!({"y": 2, "x": 1})],
        1,
    );
}

#[test]
fn r002_property_order_never_matters_at_any_depth() {
    let one = json!({"a": [{"x": 1, "y": {"p": 1, "q": 2}}]});
    let other = json!({"a": [{"y": {"q": 2, "p": 1}, "x": 1}]});
    check_one_query(query_key![one], query_key![other], 1);
}

#[test]
fn r003_a_property_that_is_skipped_is_absent() {
    #[derive(serde::Serialize)]
    struct Filter {
        ward: u8,
        #[serde(skip_serializing_if = "Option::is_none")]
        page: Option<u8>,
    }
    let filter = Segment::json(&Filter {
        ward: 1,
        page: None,
    })
    .unwrap();
    check_one_query(query_key![filter], query_key![json!({"ward": 1})], 1);
}

#[test]
fn r005_text_is_not_a_number() {
    check_one_query(query_key!["1"], query_key![1], 2);
}

#[test]
fn r006_one_query_per_key() {
    let world = World::new();
    let _one = world.observe(QueryOptions::without_fetcher(query_key!["a"]));
    let _two = world.observe(QueryOptions::without_fetcher(query_key!["a"]));
    assert_eq!(world.client.counts().queries, 1);
    assert_eq!(world.view(&query_key!["a"]).observers, 2);
}

#[test]
fn r007_a_filter_matches_as_a_prefix_at_every_depth() {
    check_matches(query_key![], query_key!["a"], true);
    check_matches(query_key!["a"], query_key!["a", 1], true);
    check_matches(query_key!["b"], query_key!["a", 1], false);
    check_matches(
        query_key!["a", vec![1]],
        query_key!["a", vec![1, 2], "c"],
        true,
    );
    check_matches(
        query_key!["a", vec![2]],
        query_key!["a", vec![1, 2], "c"],
        false,
    );
}

#[test]
fn r008_objects_match_as_subsets() {
    let key = query_key!["a", json!({"ward": "4B", "page": {"at": 2, "size": 20}})];
    check_matches(query_key!["a", json!({"ward": "4B"})], key.clone(), true);
    check_matches(
        query_key!["a", json!({"page": {"size": 20}})],
        key.clone(),
        true,
    );
    check_matches(query_key!["a", json!({"ward": "5A"})], key.clone(), false);
    check_matches(
        query_key!["a", json!({"ward": "4B", "absent": null})],
        key,
        true,
    );
}

#[test]
fn r009_types_never_mix_and_a_longer_filter_matches_nothing() {
    check_matches(query_key![Segment::Null], query_key![0], false);
    check_matches(
        query_key![Segment::Null],
        query_key![Segment::Null, 1],
        true,
    );
    check_matches(query_key!["a", "b"], query_key!["a"], false);
    check_matches(query_key![true], query_key![1], false);
}

#[test]
fn r010_exact_matches_the_one_key() {
    let world = World::new();
    world.client.set_query_data(query_key!["a"], 1).unwrap();
    world.client.set_query_data(query_key!["a", 1], 1).unwrap();
    assert_eq!(
        world
            .client
            .query_views(&QueryFilter::exact(query_key!["a"]))
            .len(),
        1
    );
    assert_eq!(
        world
            .client
            .query_views(&QueryFilter::prefix(query_key!["a"]))
            .len(),
        2
    );
}

#[test]
fn r011_an_empty_filter_is_every_query() {
    let world = World::new();
    world.client.set_query_data(query_key!["a"], 1).unwrap();
    world.client.set_query_data(query_key![1], 1).unwrap();
    assert_eq!(world.client.query_views(&QueryFilter::all()).len(), 2);
}

#[test]
fn r012_active_is_having_an_enabled_observer() {
    let world = World::new();
    let key = query_key!["a"];
    world.client.set_query_data(&key, 1).unwrap();
    let active = |activity| {
        world
            .client
            .query_views(&QueryFilter::all().activity(activity))
            .len()
    };
    assert_eq!(
        (active(Activity::Active), active(Activity::Inactive)),
        (0, 1)
    );
    let _disabled = world.observe(Options::without_fetcher(&key).enabled(false));
    assert_eq!(
        (active(Activity::Active), active(Activity::Inactive)),
        (0, 1)
    );
    let _enabled = world.observe(Options::without_fetcher(&key).stale_time(StaleTime::Infinite));
    assert_eq!(
        (active(Activity::Active), active(Activity::Inactive)),
        (1, 0)
    );
}

#[test]
fn r013_stale_without_observers_is_empty_or_invalidated() {
    let world = World::new();
    let key = query_key!["a"];
    world.client.set_query_data(&key, 1).unwrap();
    let stale = || {
        world
            .client
            .query_views(&QueryFilter::all().staleness(Staleness::Stale))
            .len()
    };
    assert_eq!(stale(), 0, "no stale time counts without observers");
    world.client.invalidate_queries(&key);
    assert_eq!(stale(), 1);
    world.client.set_query_data(&key, 2).unwrap();
    let _observer = world.observe(Options::without_fetcher(&key).enabled(true));
    world.client.set_query_data(&key, 3).unwrap();
    assert_eq!(
        stale(),
        1,
        "stale to an observer whose data is stale at once"
    );
}

#[test]
fn r014_the_predicate_is_asked_last() {
    let world = World::new();
    let script = Script::default();
    let _fetching = world.observe(script.options(&query_key!["a"]));
    world.client.set_query_data(query_key!["b"], 1).unwrap();
    let filter = QueryFilter::all()
        .fetch_status(FetchStatus::Fetching)
        .matching(|view| {
            assert_eq!(
                view.fetch_status,
                FetchStatus::Fetching,
                "only what passed the rest"
            );
            true
        });
    assert_eq!(world.client.query_views(&filter).len(), 1);
}

#[test]
fn r015_call_site_beats_prefix_beats_client() {
    let fresh_for = |seconds| QueryDefaults::default().stale_time(Duration::from_secs(seconds));
    let client = fresh_for(10).retry(Retry::Never);
    let world = World::with(ClientOptions::default().defaults(client));
    world
        .client
        .set_query_defaults(query_key!["a"], fresh_for(20));
    world
        .client
        .set_query_defaults(query_key!["a", "b"], fresh_for(30));
    let fresh_after = |key: QueryKey, seconds: u64, options: fn(Options) -> Options| {
        let world_options = options(Options::without_fetcher(&key));
        world.client.set_query_data(&key, 1).unwrap();
        let observation = world.observe(world_options);
        world.wait(seconds * 1_000 - 1);
        let before = observation.now().is_stale;
        world.wait(2);
        (before, observation.now().is_stale)
    };
    let as_is: fn(Options) -> Options = |options| options;
    assert_eq!(fresh_after(query_key!["x"], 10, as_is), (false, true));
    assert_eq!(fresh_after(query_key!["a"], 20, as_is), (false, true));
    assert_eq!(fresh_after(query_key!["a", "b"], 30, as_is), (false, true));
    assert_eq!(
        fresh_after(query_key!["a", "b", 1], 5, |options| options
            .stale_time(Duration::from_secs(5))),
        (false, true)
    );
}
