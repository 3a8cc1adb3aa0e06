//! `use_query`: what a component sees of a query, and what it leaves behind.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use any_spawner::Executor;
use bedside_query::{
    FetchStatus, Network, QueryFilter, QueryOptions, Retry, Status, query_key, use_query,
};
use reactive_graph::effect::RenderEffect;
use reactive_graph::owner::Owner;
use reactive_graph::signal::RwSignal;

use reactive_graph::traits::{Get, GetUntracked, Set};

use super::page::{answer, on_page};

#[test]
fn a_component_sees_loading_then_data() {
    on_page(|page| async move {
        let calls = Rc::new(Cell::new(0));
        let query = page.owner.with(|| use_query(move || answer(1, &calls)));
        assert!(query.is_loading().get_untracked());
        page.settle().await;
        assert_eq!(
            query.data().get_untracked().as_deref().map(String::as_str),
            Some("item 1")
        );
        assert!(!query.is_loading().get_untracked());
    });
}

#[test]
fn a_cache_hit_is_there_in_the_first_render() {
    on_page(|page| async move {
        page.client
            .set_query_data(query_key!["item", 1], "cached".to_string())
            .unwrap();
        let calls = Rc::new(Cell::new(0));
        let query = page.owner.with(|| use_query(move || answer(1, &calls)));
        assert_eq!(
            query.data().get_untracked().as_deref().map(String::as_str),
            Some("cached")
        );
    });
}

#[test]
fn r068_a_field_wakes_its_readers_only_when_it_changed() {
    on_page(|page| async move {
        let calls = Rc::new(Cell::new(0));
        let seen = Rc::new(RefCell::new(Vec::new()));
        let query = page.owner.with(|| use_query(move || answer(1, &calls)));
        let _effect = page.owner.with(|| {
            let seen = Rc::clone(&seen);
            RenderEffect::new(move |_| seen.borrow_mut().push(query.data().get()))
        });
        page.settle().await;
        page.client.invalidate_queries(QueryFilter::all());
        page.settle().await;
        // An equal answer keeps the data, so nothing wakes: `None`, then the first answer.
        assert_eq!(seen.borrow().len(), 2);
    });
}

#[test]
fn r061_a_key_change_moves_the_observer() {
    on_page(|page| async move {
        let calls = Rc::new(Cell::new(0));
        let (id, query) = page.owner.with(|| {
            let id = RwSignal::new(1_u32);
            (id, use_query(move || answer(id.get(), &calls)))
        });
        page.settle().await;
        id.set(2);
        page.settle().await;
        assert_eq!(
            query.data().get_untracked().as_deref().map(String::as_str),
            Some("item 2")
        );
    });
}

#[test]
fn unmounting_leaves_no_observer_behind() {
    on_page(|page| async move {
        let calls = Rc::new(Cell::new(0));
        let query = page.owner.with(|| use_query(move || answer(1, &calls)));
        page.settle().await;
        assert_eq!(page.client.counts().observers, 1);
        page.owner.cleanup();
        assert_eq!(page.client.counts().observers, 0);
        assert_eq!(
            query.data().get_untracked(),
            None,
            "a handle that outlives its owner has no data"
        );
        page.runtime.advance(Duration::from_secs(301));
        assert_eq!(page.client.counts().queries, 0);
    });
}

#[test]
fn one_key_with_two_types_is_an_error_that_names_both() {
    on_page(|page| async move {
        page.client
            .set_query_data(query_key!["item", 1], 5_u8)
            .unwrap();
        let calls = Rc::new(Cell::new(0));
        let query = page.owner.with(|| use_query(move || answer(1, &calls)));
        let text = query.error().get_untracked().unwrap().to_string();
        assert!(text.contains("u8") && text.contains("String"), "{text}");
        let _: Option<Arc<String>> = query.data().get_untracked();
    });
}

#[test]
fn r025_derived_states_follow_from_status_fetch_and_data() {
    on_page(|page| async move {
        let fails = Rc::new(Cell::new(false));
        let answer = Rc::clone(&fails);
        let query = page.owner.with(|| {
            use_query(move || {
                let fails = Rc::clone(&answer);
                QueryOptions::new(query_key!["a"], move |_| {
                    let result = if fails.get() { Err("no") } else { Ok(1) };
                    async move { result }
                })
                .retry(Retry::Never)
            })
        });
        let states = || {
            (
                [query.is_pending(), query.is_success(), query.is_error()]
                    .map(|s| s.get_untracked()),
                [
                    query.is_loading(),
                    query.is_fetching(),
                    query.is_refetching(),
                    query.is_paused(),
                ]
                .map(|s| s.get_untracked()),
                [query.is_loading_error(), query.is_refetch_error()].map(|s| s.get_untracked()),
                [query.is_fetched(), query.is_fetched_after_mount()].map(|s| s.get_untracked()),
            )
        };
        let (no, yes) = (false, true);
        assert_eq!(
            states(),
            ([yes, no, no], [yes, yes, no, no], [no, no], [no, no]),
            "loading"
        );
        page.settle().await;
        assert_eq!(
            states(),
            ([no, yes, no], [no, no, no, no], [no, no], [yes, yes]),
            "there"
        );
        drop(query.refetch());
        assert_eq!(
            states(),
            ([no, yes, no], [no, yes, yes, no], [no, no], [yes, yes]),
            "again"
        );
        fails.set(true);
        page.settle().await;
        assert_eq!(
            states(),
            ([no, no, yes], [no, no, no, no], [no, yes], [yes, yes]),
            "failed again"
        );
        page.client.set_online(Network::Offline);
        page.client.reset_queries(QueryFilter::all());
        assert_eq!(
            states(),
            ([yes, no, no], [no, no, no, yes], [no, no], [no, no]),
            "paused"
        );
        page.client.set_online(Network::Online);
        page.settle().await;
        assert_eq!(
            states(),
            ([no, no, yes], [no, no, no, no], [yes, no], [yes, yes]),
            "failed at once"
        );
        assert_eq!(
            (
                query.status().get_untracked(),
                query.fetch_status().get_untracked()
            ),
            (Status::Error, FetchStatus::Idle)
        );
    });
}

#[test]
fn r061_enabling_fetches_if_stale() {
    on_page(|page| async move {
        let calls = Rc::new(Cell::new(0));
        let counted = Rc::clone(&calls);
        let enabled = page.owner.with(|| {
            let enabled = RwSignal::new(false);
            let _query = use_query(move || answer(1, &counted).enabled(enabled.get()));
            enabled
        });
        page.settle().await;
        assert_eq!(calls.get(), 0);
        enabled.set(true);
        page.settle().await;
        assert_eq!(calls.get(), 1);
    });
}

#[test]
fn r065_a_selection_wakes_only_when_it_changed() {
    on_page(|page| async move {
        let computed = Rc::new(Cell::new(0));
        let woken = Rc::new(Cell::new(0));
        page.client.set_query_data(query_key!["n"], 10).unwrap();
        let (counted, seen) = (
            send_wrapper::SendWrapper::new(Rc::clone(&computed)),
            Rc::clone(&woken),
        );
        let _effect = page.owner.with(|| {
            let query = use_query(|| QueryOptions::<i32, String>::skip(query_key!["n"]));
            let tens = query.select(move |n| {
                counted.set(counted.get() + 1);
                n / 10
            });
            RenderEffect::new(move |_| {
                seen.set(seen.get() + 1);
                tens.get()
            })
        });
        for n in [10, 11, 12, 20] {
            page.client.set_query_data(query_key!["n"], n).unwrap();
            page.settle().await;
        }
        assert_eq!(
            (computed.get(), woken.get()),
            (4, 2),
            "equal data is not even selected from"
        );
    });
}

#[test]
fn r067_the_previous_data_stays_until_the_new_comes() {
    on_page(|page| async move {
        let calls = Rc::new(Cell::new(0));
        let (id, query) = page.owner.with(|| {
            let id = RwSignal::new(1_u32);
            (
                id,
                use_query(move || answer(id.get(), &calls).keep_previous_data()),
            )
        });
        page.settle().await;
        let shown = || {
            let data = query.data().get_untracked().map(|data| data.to_string());
            (data, query.is_placeholder_data().get_untracked())
        };
        id.set(2);
        Executor::tick().await;
        assert_eq!(shown(), (Some("item 1".to_string()), true));
        page.settle().await;
        assert_eq!(shown(), (Some("item 2".to_string()), false));
    });
}

#[test]
fn a_remount_storm_leaves_one_fetch_and_no_trace() {
    on_page(|page| async move {
        let calls = Rc::new(Cell::new(0));
        for _ in 0..500 {
            let child = page.owner.with(Owner::new);
            let counted = Rc::clone(&calls);
            let query = child.with(|| use_query(move || answer(1, &counted)));
            drop(query.refetch());
            child.cleanup();
        }
        page.settle().await;
        assert_eq!(page.client.counts().observers, 0);
        assert!(calls.get() <= 2, "{} fetches", calls.get());
    });
}
