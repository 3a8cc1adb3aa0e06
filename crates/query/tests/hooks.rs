//! The hooks under a real reactive runtime: what a component sees, and when.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use any_spawner::Executor;
use bedside_query::{
    ClientOptions, FetchStatus, InfiniteOptions, ManualRuntime, MutationOptions, MutationStatus,
    Network, QueryClient, QueryFilter, QueryOptions, Retry, StaleTime, Status,
    provide_query_client, query_key, use_infinite_query, use_is_fetching, use_is_mutating,
    use_mutation, use_queries, use_query,
};
use reactive_graph::effect::RenderEffect;
use reactive_graph::owner::Owner;
use reactive_graph::signal::RwSignal;
use reactive_graph::traits::{Get, GetUntracked, Set};

/// One page: an owner, a client, time by hand.
struct PageUnderTest {
    owner: Owner,
    client: QueryClient,
    runtime: ManualRuntime,
}

impl PageUnderTest {
    fn new() -> Self {
        let runtime = ManualRuntime::new();
        let client = QueryClient::new(ClientOptions::default().runtime(runtime.clone()));
        let owner = Owner::new();
        owner.with(|| provide_query_client(client.clone()));
        Self {
            owner,
            client,
            runtime,
        }
    }

    /// Lets tasks of the cache and effects of the page run until nothing is left to do.
    async fn settle(&self) {
        for _ in 0..3 {
            self.runtime.settle();
            Executor::tick().await;
        }
    }
}

fn on_page<F: Future<Output = ()>>(test: impl FnOnce(PageUnderTest) -> F) {
    let _ = Executor::init_tokio();
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let local = tokio::task::LocalSet::new();
    tokio.block_on(local.run_until(async {
        test(PageUnderTest::new()).await;
    }));
}

fn answer(key: u32, calls: &Rc<Cell<u32>>) -> QueryOptions<String, String> {
    let calls = Rc::clone(calls);
    QueryOptions::new(query_key!["item", key], move |_| {
        calls.set(calls.get() + 1);
        async move { Ok(format!("item {key}")) }
    })
}

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
fn an_optimistic_change_shows_at_once_and_leaves_with_its_failure() {
    on_page(|page| async move {
        page.client
            .set_query_data(query_key!["name"], "old".to_string())
            .unwrap();
        let rename = page.owner.with(|| {
            use_mutation(
                MutationOptions::new(|_: String| async move { Err::<(), _>("refused") })
                    .optimistic(|optimistic, name: &String| {
                        let name = name.clone();
                        optimistic.change(query_key!["name"], move |_: &String| Some(name.clone()));
                    }),
            )
        });
        let name = || {
            page.client
                .get_query_data::<String>(&query_key!["name"])
                .unwrap()
        };
        rename.mutate("new".to_string());
        assert_eq!(name().as_deref().map(String::as_str), Some("new"));
        page.settle().await;
        assert_eq!(name().as_deref().map(String::as_str), Some("old"));
        assert!(rename.error().get_untracked().is_some());
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
fn r091_a_group_follows_its_list_in_order_with_duplicates() {
    on_page(|page| async move {
        let calls = Rc::new(Cell::new(0));
        let counted = Rc::clone(&calls);
        let (ids, group) = page.owner.with(|| {
            let ids = RwSignal::new(vec![3_u32, 1, 3]);
            let list = move || {
                ids.get()
                    .into_iter()
                    .map(|id| answer(id, &counted).stale_time(StaleTime::Infinite))
                    .collect()
            };
            (ids, use_queries(list))
        });
        page.settle().await;
        let shown = || -> Vec<_> {
            group
                .get_untracked()
                .iter()
                .map(|one| one.data.as_ref().unwrap().to_string())
                .collect()
        };
        assert_eq!(
            (shown(), calls.get()),
            (vec!["item 3".into(), "item 1".into(), "item 3".into()], 2)
        );
        ids.set(vec![1, 2]);
        page.settle().await;
        assert_eq!(
            (shown(), calls.get()),
            (vec!["item 1".into(), "item 2".into()], 3)
        );
        assert_eq!(page.client.counts().observers, 2);
        page.owner.cleanup();
        assert_eq!(page.client.counts().observers, 0);
    });
}

#[test]
fn r094_pages_grow_both_ways_and_drop_at_the_far_end() {
    on_page(|page| async move {
        let pages = page.owner.with(|| {
            use_infinite_query(|| {
                InfiniteOptions::new(query_key!["pages"], 0_i32, |_, page| async move {
                    Ok::<_, String>(page * 10)
                })
                .next_page(|held| {
                    held.params
                        .last()
                        .filter(|page| **page < 2)
                        .map(|page| page + 1)
                })
                .previous_page(|held| {
                    held.params
                        .first()
                        .filter(|page| **page > -1)
                        .map(|page| page - 1)
                })
                .max_pages(3)
            })
        });
        page.settle().await;
        let params = || pages.data().get_untracked().unwrap().params.clone();
        let more = || {
            (
                pages.has_previous_page().get_untracked(),
                pages.has_next_page().get_untracked(),
            )
        };
        assert_eq!((params(), page.owner.with(more)), (vec![0], (true, true)));
        let fetching = page.owner.with(|| pages.is_fetching_next_page());
        drop(pages.fetch_next_page());
        assert!(fetching.get_untracked());
        page.settle().await;
        assert!(!fetching.get_untracked());
        drop(pages.fetch_next_page());
        page.settle().await;
        assert_eq!(
            (params(), page.owner.with(more)),
            (vec![0, 1, 2], (true, false))
        );
        drop(pages.fetch_next_page());
        page.settle().await;
        assert_eq!(params(), [0, 1, 2], "there is no further page");
        drop(pages.fetch_previous_page());
        page.settle().await;
        assert_eq!(
            (params(), page.owner.with(more)),
            (vec![-1, 0, 1], (false, true))
        );
        page.client.invalidate_queries(QueryFilter::all());
        page.settle().await;
        assert_eq!(
            params(),
            [-1, 0, 1],
            "a refetch keeps the pages that are held"
        );
    });
}

#[test]
fn r102_callbacks_of_a_call_are_for_the_latest_call_of_a_mounted_component() {
    on_page(|page| async move {
        let heard = Rc::new(RefCell::new(Vec::new()));
        let save = page.owner.with(|| {
            use_mutation(MutationOptions::new(|n: i32| async move {
                Ok::<i32, String>(n)
            }))
        });
        let call = |n: i32| {
            let heard = Rc::clone(&heard);
            save.mutate_then(n, move |result| heard.borrow_mut().push(*result.unwrap()));
        };
        call(1);
        call(2);
        page.settle().await;
        assert_eq!(*heard.borrow(), [2]);
        call(3);
        page.owner.cleanup();
        page.settle().await;
        assert_eq!(*heard.borrow(), [2]);
    });
}

#[test]
fn r106_a_reset_forgets_the_call_and_lets_it_run() {
    on_page(|page| async move {
        let ran = Rc::new(Cell::new(0));
        let counted = Rc::clone(&ran);
        let save = page.owner.with(|| {
            use_mutation(MutationOptions::new(move |n: i32| {
                counted.set(counted.get() + n);
                async move { Ok::<i32, String>(n) }
            }))
        });
        save.mutate(5);
        assert_eq!(save.variables().get_untracked().as_deref(), Some(&5));
        save.reset();
        assert_eq!(save.status().get_untracked(), MutationStatus::Idle);
        page.settle().await;
        assert_eq!(
            (ran.get(), save.status().get_untracked()),
            (5, MutationStatus::Idle)
        );
        save.mutate(1);
        page.settle().await;
        assert_eq!(
            (ran.get(), save.data().get_untracked().as_deref()),
            (6, Some(&1))
        );
    });
}

#[test]
fn the_counting_hooks_follow_what_runs() {
    on_page(|page| async move {
        let calls = Rc::new(Cell::new(0));
        let (fetching, mutating, save) = page.owner.with(|| {
            let _query = use_query(move || answer(1, &calls));
            let save = use_mutation(MutationOptions::new(|()| async { Ok::<(), String>(()) }));
            (use_is_fetching(query_key!["item"]), use_is_mutating(), save)
        });
        save.mutate(());
        assert_eq!((fetching.get_untracked(), mutating.get_untracked()), (1, 1));
        page.settle().await;
        assert_eq!((fetching.get_untracked(), mutating.get_untracked()), (0, 0));
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
