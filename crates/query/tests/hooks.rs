//! The hooks under a real reactive runtime: what a component sees, and when.
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
    ClientOptions, ManualRuntime, MutationOptions, QueryClient, QueryFilter, QueryOptions,
    provide_query_client, query_key, use_mutation, use_query,
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
fn a_field_wakes_its_readers_only_when_it_changed() {
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
