//! The seam to the platform: what time it is, where tasks run, and one timer. Knows nothing of queries.

use std::time::Duration;

use futures::future::LocalBoxFuture;

use crate::core::time::Time;

#[cfg(target_arch = "wasm32")]
pub use browser::BrowserRuntime;
#[cfg(not(target_arch = "wasm32"))]
pub use manual::ManualRuntime;

/// Timers of browsers overflow past this and ring at once (rule 57); a longer wait is cut into several.
const LONGEST_WAIT: Duration = Duration::from_millis(i32::MAX as u64);

/// What a [`QueryClient`](crate::QueryClient) needs of its platform.
pub trait Runtime {
    /// The time, which should not jump: the client holds it where it is while the answer goes backwards.
    fn now(&self) -> Time;

    /// Runs a task to its end, not before this returns.
    fn spawn(&self, task: LocalBoxFuture<'static, ()>);

    /// Calls back once after `delay`, in place of any earlier request. `None`: forget the earlier one.
    fn wake(&self, request: Option<(Duration, Box<dyn FnOnce()>)>);
}

/// A wait that every platform's timer can do.
pub(crate) fn clamped(delay: Duration) -> Duration {
    delay.min(LONGEST_WAIT)
}

#[cfg(target_arch = "wasm32")]
mod browser {
    //! The browser: `performance` for time, microtasks for tasks, one `setTimeout`.

    use std::cell::RefCell;
    use std::time::Duration;

    use futures::future::LocalBoxFuture;
    use gloo_timers::callback::Timeout;

    use super::{Runtime, Time};

    /// The page's clock, task queue and timer.
    pub struct BrowserRuntime {
        /// Held, with its origin, because each look-up of it from the window is a call into JavaScript, and the time is
        /// asked for with every command. `None` outside of windows.
        clock: Option<(web_sys::Performance, f64)>,
        timeout: RefCell<Option<Timeout>>,
    }

    impl Default for BrowserRuntime {
        fn default() -> Self {
            let performance = web_sys::window().and_then(|window| window.performance());
            let clock = performance.map(|clock| {
                let origin = clock.time_origin();
                (clock, origin)
            });
            Self {
                clock,
                timeout: RefCell::default(),
            }
        }
    }

    impl Runtime for BrowserRuntime {
        fn now(&self) -> Time {
            // Without a window (a worker) time stands still rather than being wrong.
            let Some((clock, origin)) = &self.clock else {
                return Time::default();
            };
            // Monotonic since the page's own origin; the cast saturates.
            Time((origin + clock.now()) as u64)
        }

        fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
            wasm_bindgen_futures::spawn_local(task);
        }

        fn wake(&self, request: Option<(Duration, Box<dyn FnOnce()>)>) {
            let timeout = request.map(|(delay, call)| {
                let ms = u32::try_from(delay.as_millis()).unwrap_or(i32::MAX.unsigned_abs());
                Timeout::new(ms, call)
            });
            // Dropping the old one clears it.
            drop(self.timeout.replace(timeout));
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod manual {
    //! Time and tasks by hand: what tests and native tools use. Nothing happens but in `advance` and `settle`.

    use std::cell::{Cell, RefCell};
    use std::rc::Rc;
    use std::time::Duration;

    use futures::executor::{LocalPool, LocalSpawner};
    use futures::future::LocalBoxFuture;
    use futures::task::LocalSpawn;

    use super::{Runtime, Time};

    /// A clock that stands until it is advanced, and tasks that run until they stall when told to.
    ///
    /// ```
    /// use bedside_query::{query_key, ClientOptions, ManualRuntime, QueryClient, QueryOptions};
    ///
    /// let runtime = ManualRuntime::new();
    /// let client = QueryClient::new(ClientOptions::default().runtime(runtime.clone()));
    /// let answer = client.fetch_query(QueryOptions::new(query_key!["answer"], |_| async { Ok::<_, String>(42) }));
    /// assert_eq!(*runtime.run(answer)?, 42);
    /// # Ok::<(), bedside_query::QueryError<String>>(())
    /// ```
    #[derive(Clone)]
    pub struct ManualRuntime(Rc<Inner>);

    /// When to call what.
    type Due = (Time, Box<dyn FnOnce()>);

    struct Inner {
        now: Cell<Time>,
        pool: RefCell<LocalPool>,
        spawner: LocalSpawner,
        request: RefCell<Option<Due>>,
    }

    impl Default for ManualRuntime {
        fn default() -> Self {
            Self::new()
        }
    }

    impl ManualRuntime {
        /// A runtime at a fixed moment.
        #[must_use]
        pub fn new() -> Self {
            let pool = LocalPool::new();
            let spawner = pool.spawner();
            Self(Rc::new(Inner {
                now: Cell::new(Time(1_000_000)),
                pool: RefCell::new(pool),
                spawner,
                request: RefCell::new(None),
            }))
        }

        /// Sets the clock without letting anything ring; it may go backwards.
        pub fn jump(&self, now: Time) {
            self.0.now.set(now);
        }

        /// Runs tasks until all of them wait. Called from within a task it does nothing.
        pub fn settle(&self) {
            if let Ok(mut pool) = self.0.pool.try_borrow_mut() {
                pool.run_until_stalled();
            }
        }

        /// Lets time pass, ringing on the way whatever becomes due.
        pub fn advance(&self, by: Duration) {
            self.settle();
            let end = self.0.now.get().after(by);
            loop {
                let due = self.0.request.borrow().as_ref().map(|(at, _)| *at);
                match due {
                    Some(at) if at <= end => {
                        self.0.now.set(self.0.now.get().max(at));
                        let request = self.0.request.take();
                        if let Some((_, call)) = request {
                            call();
                        }
                        self.settle();
                    }
                    _ => break,
                }
            }
            self.0.now.set(end);
            self.settle();
        }

        /// Runs tasks until `future` is ready. For futures that need no time to pass.
        pub fn run<F: Future>(&self, future: F) -> F::Output {
            self.0.pool.borrow_mut().run_until(future)
        }
    }

    impl Runtime for ManualRuntime {
        fn now(&self) -> Time {
            self.0.now.get()
        }

        fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
            // Fails only once the pool is gone, and then nothing would run the task anyway.
            let _ = self.0.spawner.spawn_local_obj(task.into());
        }

        fn wake(&self, request: Option<(Duration, Box<dyn FnOnce()>)>) {
            let now = self.0.now.get();
            let request = request.map(|(delay, call)| (now.after(delay), call));
            drop(self.0.request.replace(request));
        }
    }
}
