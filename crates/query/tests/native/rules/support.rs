//! A cache with time by hand, and fetchers that answer when the test says so.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use bedside_query::{
    CancelSignal, ClientOptions, ManualRuntime, Observation, QueryClient, QueryKey, QueryOptions,
    QueryView,
};
use futures::channel::oneshot;

pub type Options = QueryOptions<i32, String>;

pub struct World {
    pub runtime: ManualRuntime,
    pub client: QueryClient,
}

impl World {
    pub fn new() -> Self {
        Self::with(ClientOptions::default())
    }

    pub fn with(options: ClientOptions) -> Self {
        let runtime = ManualRuntime::new();
        let client = QueryClient::new(options.runtime(runtime.clone()));
        Self { runtime, client }
    }

    pub fn settle(&self) {
        self.runtime.settle();
    }

    pub fn wait(&self, ms: u64) {
        self.runtime.advance(Duration::from_millis(ms));
    }

    pub fn observe(&self, options: Options) -> Observation<i32, String> {
        let observation = self.client.observe(options, |_| {});
        self.settle();
        observation
    }

    pub fn view(&self, key: &QueryKey) -> QueryView {
        self.client.query_view(key).expect("the query is there")
    }

    pub fn data(&self, key: &QueryKey) -> Option<i32> {
        self.client
            .get_query_data::<i32>(key)
            .unwrap()
            .as_deref()
            .copied()
    }

    /// Starts a future and gives its result once it is ready.
    pub fn start<F: Future<Output: 'static> + 'static>(
        &self,
        future: F,
    ) -> Rc<RefCell<Option<F::Output>>> {
        let result = Rc::new(RefCell::new(None));
        let slot = Rc::clone(&result);
        bedside_query::Runtime::spawn(
            &self.runtime,
            Box::pin(async move {
                let output = future.await;
                slot.replace(Some(output));
            }),
        );
        self.settle();
        result
    }
}

/// A fetcher that answers when told to.
#[derive(Clone, Default)]
pub struct Script(Rc<Inner>);

#[derive(Default)]
struct Inner {
    calls: Cell<u32>,
    pending: RefCell<VecDeque<oneshot::Sender<Result<i32, String>>>>,
    signals: RefCell<Vec<CancelSignal>>,
    dropped: Rc<Cell<u32>>,
}

struct CountDrop(Rc<Cell<u32>>);

impl Drop for CountDrop {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

impl Script {
    pub fn options(&self, key: &QueryKey) -> Options {
        let inner = Rc::clone(&self.0);
        QueryOptions::new(key, move |_| {
            let (answer, answered) = oneshot::channel();
            inner.calls.set(inner.calls.get() + 1);
            inner.pending.borrow_mut().push_back(answer);
            let dropped = CountDrop(Rc::clone(&inner.dropped));
            async move {
                let answer = answered.await.unwrap_or_else(|_| Err("gone".to_string()));
                std::mem::forget(dropped);
                answer
            }
        })
    }

    /// As `options`, with a fetcher that takes its cancel signal.
    pub fn cancellable(&self, key: &QueryKey) -> Options {
        let inner = Rc::clone(&self.0);
        let plain = Rc::new(self.clone());
        QueryOptions::new(key, move |context| {
            inner.signals.borrow_mut().push(context.signal());
            let (answer, answered) = oneshot::channel();
            plain.0.calls.set(plain.0.calls.get() + 1);
            inner.pending.borrow_mut().push_back(answer);
            async move { answered.await.unwrap_or_else(|_| Err("gone".to_string())) }
        })
    }

    pub fn calls(&self) -> u32 {
        self.0.calls.get()
    }

    pub fn signals(&self) -> Vec<CancelSignal> {
        self.0.signals.borrow().clone()
    }

    /// Fetches whose future was dropped before it was answered.
    pub fn dropped(&self) -> u32 {
        self.0.dropped.get()
    }

    fn answer(&self, world: &World, answer: Result<i32, String>) {
        let pending = self
            .0
            .pending
            .borrow_mut()
            .pop_front()
            .expect("a fetch waits for an answer");
        let _ = pending.send(answer);
        world.settle();
    }

    pub fn succeed(&self, world: &World, data: i32) {
        self.answer(world, Ok(data));
    }

    pub fn fail(&self, world: &World) {
        self.answer(world, Err("no".to_string()));
    }
}

/// Answers each call at once with one more than the last time.
pub fn counter() -> (Rc<Cell<i32>>, impl Fn(&QueryKey) -> Options) {
    let calls = Rc::new(Cell::new(0));
    let counted = Rc::clone(&calls);
    let options = move |key: &QueryKey| {
        let calls = Rc::clone(&counted);
        QueryOptions::new(key, move |_| {
            calls.set(calls.get() + 1);
            let data = calls.get();
            async move { Ok(data) }
        })
    };
    (calls, options)
}

/// What an observer saw, one entry each time it was told.
pub type Seen = Rc<RefCell<Vec<Option<i32>>>>;

/// Collects what an observer sees.
pub fn seen(world: &World, options: Options) -> (Observation<i32, String>, Seen) {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let into = Rc::clone(&seen);
    let observation = world.client.observe(options, move |now| {
        into.borrow_mut().push(now.data.as_deref().copied());
    });
    (observation, seen)
}
