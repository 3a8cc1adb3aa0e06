//! A page by hand: an owner, a client, time that stands still.

use std::cell::Cell;
use std::rc::Rc;

use any_spawner::Executor;
use bedside_query::{
    ClientOptions, ManualRuntime, QueryClient, QueryOptions, provide_query_client, query_key,
};
use reactive_graph::owner::Owner;

/// One page: an owner, a client, time by hand.
pub struct PageUnderTest {
    pub owner: Owner,
    pub client: QueryClient,
    pub runtime: ManualRuntime,
}

impl PageUnderTest {
    pub fn new() -> Self {
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
    pub async fn settle(&self) {
        for _ in 0..3 {
            self.runtime.settle();
            Executor::tick().await;
        }
    }
}

pub fn on_page<F: Future<Output = ()>>(test: impl FnOnce(PageUnderTest) -> F) {
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

pub fn answer(key: u32, calls: &Rc<Cell<u32>>) -> QueryOptions<String, String> {
    let calls = Rc::clone(calls);
    QueryOptions::new(query_key!["item", key], move |_| {
        calls.set(calls.get() + 1);
        async move { Ok(format!("item {key}")) }
    })
}
