//! Rules 16 to 27: the states of a query.

use bedside_query::{Action, EventKind};
use bedside_query::{
    FetchStatus, Network, QueryError, QueryFilter, QueryOptions, Retry, StaleTime, Status, Time,
    query_key,
};

use super::support::{Options, Script, World};

#[test]
fn r016_a_query_is_born_pending_and_idle() {
    let world = World::new();
    let _o = world.observe(Options::without_fetcher(query_key!["a"]).enabled(false));
    let view = world.view(&query_key!["a"]);
    assert_eq!(
        (view.status, view.fetch_status),
        (Status::Pending, FetchStatus::Idle)
    );
    assert_eq!(
        (
            view.data_updated_at,
            view.data_update_count,
            view.error_update_count
        ),
        (None, 0, 0)
    );
}

#[test]
fn r017_initial_data_is_success_at_its_own_time() {
    let world = World::new();
    let _o = world.observe(Options::skip(query_key!["a"]).initial_data_at(7, Time(5)));
    let view = world.view(&query_key!["a"]);
    assert_eq!(
        (view.status, view.data_updated_at, view.data_update_count),
        (Status::Success, Some(Time(5)), 0)
    );
    let _p = world.observe(Options::skip(query_key!["b"]).initial_data(7));
    assert_eq!(
        world.view(&query_key!["b"]).data_updated_at,
        Some(bedside_query::Runtime::now(&world.runtime))
    );
}

#[test]
fn r018_later_initial_data_counts_only_while_there_is_none() {
    let world = World::new();
    let key = query_key!["a"];
    let _o = world.observe(Options::skip(&key));
    let _p = world.observe(Options::skip(&key).initial_data(1));
    let _q = world.observe(Options::skip(&key).initial_data(2));
    assert_eq!(world.data(&key), Some(1));
    assert_eq!(world.view(&key).data_update_count, 0);
}

#[test]
fn r019_a_fetch_resets_status_and_error_only_without_data() {
    let world = World::new();
    let (empty, full) = (query_key!["empty"], query_key!["full"]);
    let (a, b) = (Script::default(), Script::default());
    world.client.set_query_data(&full, 1).unwrap();
    let _o = world.observe(a.options(&empty).retry(Retry::Never));
    let _p = world.observe(b.options(&full).retry(Retry::Never));
    a.fail(&world);
    b.fail(&world);
    assert_eq!(
        (world.view(&empty).status, world.view(&full).status),
        (Status::Error, Status::Error)
    );
    world.client.refetch_queries(QueryFilter::all());
    world.settle();
    assert_eq!(
        (world.view(&empty).status, world.view(&full).status),
        (Status::Pending, Status::Error)
    );
    assert_eq!(world.view(&full).failure_count, 0);
}

#[test]
fn r020_success_sets_everything() {
    let world = World::new();
    let (key, script) = (query_key!["a"], Script::default());
    let observer = world.observe(script.options(&key).retry(Retry::Never));
    script.fail(&world);
    world.client.refetch_queries(&key);
    world.settle();
    script.succeed(&world, 5);
    let view = world.view(&key);
    assert_eq!(
        (view.status, view.fetch_status, view.is_invalidated),
        (Status::Success, FetchStatus::Idle, false)
    );
    assert_eq!((view.data_update_count, view.failure_count), (1, 0));
    assert!(observer.now().error.is_none());
}

#[test]
fn r021_a_final_error_keeps_data_and_invalidates() {
    let world = World::new();
    let (key, script) = (query_key!["a"], Script::default());
    world.client.set_query_data(&key, 1).unwrap();
    let observer = world.observe(script.options(&key).retry(Retry::Never));
    script.fail(&world);
    let view = world.view(&key);
    assert_eq!(
        (view.status, view.fetch_status, view.is_invalidated),
        (Status::Error, FetchStatus::Idle, true)
    );
    assert_eq!((view.error_update_count, view.failure_count), (1, 1));
    assert!(view.error_updated_at.is_some());
    assert_eq!(world.data(&key), Some(1));
    assert!(matches!(observer.now().error, Some(QueryError::Failed(text)) if *text == "no"));
}

#[test]
fn r022_a_failure_that_is_repeated_changes_only_the_count() {
    let world = World::new();
    let (key, script) = (query_key!["a"], Script::default());
    world.client.set_query_data(&key, 1).unwrap();
    let observer = world.observe(script.options(&key));
    script.fail(&world);
    let view = world.view(&key);
    assert_eq!(
        (view.status, view.fetch_status, view.failure_count),
        (Status::Success, FetchStatus::Fetching, 1)
    );
    assert_eq!(view.error_update_count, 0);
    assert!(observer.now().error.is_none());
}

#[test]
fn r023_pausing_changes_the_fetch_status_alone() {
    let world = World::new();
    let (key, script) = (query_key!["a"], Script::default());
    world.client.set_online(Network::Offline);
    let _o = world.observe(script.options(&key));
    let view = world.view(&key);
    assert_eq!(
        (view.status, view.fetch_status),
        (Status::Pending, FetchStatus::Paused)
    );
    world.client.set_online(Network::Online);
    let view = world.view(&key);
    assert_eq!(
        (view.status, view.fetch_status),
        (Status::Pending, FetchStatus::Fetching)
    );
}

#[test]
fn r024_invalidating_twice_is_invalidating_once() {
    let world = World::new();
    let key = query_key!["a"];
    world.client.set_query_data(&key, 1).unwrap();
    let seen = std::rc::Rc::new(std::cell::RefCell::new(0));
    let counted = std::rc::Rc::clone(&seen);
    let _listening = world.client.listen(move |event| {
        if matches!(event.kind, EventKind::Updated(_, Action::Invalidate)) {
            *counted.borrow_mut() += 1;
        }
    });
    world.client.invalidate_queries(&key);
    world.client.invalidate_queries(&key);
    assert_eq!(*seen.borrow(), 1);
}

#[test]
fn r026_an_absent_result_is_a_type_not_an_error() {
    let world = World::new();
    let options = QueryOptions::new(query_key!["a"], |_| async {
        Ok::<Option<i32>, String>(None)
    });
    let observer = world.client.observe(options, |_| {});
    world.settle();
    assert_eq!(observer.now().data.as_deref(), Some(&None));
}

#[test]
fn r027_a_reset_goes_back_to_birth() {
    let world = World::new();
    let (key, script) = (query_key!["a"], Script::default());
    let _o = world.observe(
        script
            .options(&key)
            .initial_data(1)
            .stale_time(StaleTime::Static),
    );
    world.client.set_query_data(&key, 9).unwrap();
    world.client.reset_queries(&key);
    assert_eq!(world.data(&key), Some(1));
    assert_eq!(world.view(&key).data_update_count, 0);
    let empty = query_key!["b"];
    world.client.set_query_data(&empty, 9).unwrap();
    world.client.reset_queries(&empty);
    assert_eq!(
        (world.data(&empty), world.view(&empty).status),
        (None, Status::Pending)
    );
}
