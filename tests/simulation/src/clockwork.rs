//! The cache's platform in simulated time: a clock that the world moves, tasks that run when told to, one timer to be asked.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use bedside_query::{Runtime, Time};
use futures::executor::{LocalPool, LocalSpawner};
use futures::future::LocalBoxFuture;
use futures::task::LocalSpawn;

/// Unix milliseconds of the beginning.
const BEGINNING: u64 = 1_700_000_000_000;

type Ring = Box<dyn FnOnce()>;

/// Clones share the clock.
#[derive(Clone)]
pub struct Clockwork(Rc<Inner>);

struct Inner {
    now: Cell<u64>,
    pool: RefCell<LocalPool>,
    spawner: LocalSpawner,
    wake: RefCell<Option<(u64, Ring)>>,
}

impl Clockwork {
    pub fn new() -> Self {
        let pool = LocalPool::new();
        let spawner = pool.spawner();
        Self(Rc::new(Inner {
            now: Cell::new(0),
            pool: RefCell::new(pool),
            spawner,
            wake: RefCell::new(None),
        }))
    }

    /// Moves the clock; nothing rings before [`Clockwork::ring`].
    pub fn set(&self, now: u64) {
        self.0.now.set(now);
    }

    /// When something rings next.
    pub fn due(&self) -> Option<u64> {
        self.0.wake.borrow().as_ref().map(|(at, _)| *at)
    }

    /// Rings what is due, and runs tasks until all of them wait.
    pub fn ring(&self) {
        while self.due().is_some_and(|at| at <= self.0.now.get()) {
            let wake = self.0.wake.take();
            if let Some((_, ring)) = wake {
                ring();
            }
        }
        self.settle();
    }

    pub fn settle(&self) {
        if let Ok(mut pool) = self.0.pool.try_borrow_mut() {
            pool.run_until_stalled();
        }
    }
}

impl Clockwork {
    /// Drops what waits. Tasks and timer hold the cache, which holds the clock: nothing of a page would ever be freed.
    pub fn stop(&self) {
        drop(self.0.pool.replace(LocalPool::new()));
        drop(self.0.wake.take());
    }
}

impl Default for Clockwork {
    fn default() -> Self {
        Self::new()
    }
}

impl Runtime for Clockwork {
    fn now(&self) -> Time {
        Time(BEGINNING + self.0.now.get())
    }

    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        // Fails only once the pool is gone, and then nothing would run the task anyway.
        let _ = self.0.spawner.spawn_local_obj(task.into());
    }

    fn wake(&self, request: Option<(Duration, Box<dyn FnOnce()>)>) {
        let now = self.0.now.get();
        let request = request.map(|(delay, ring)| {
            let delay = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
            (now.saturating_add(delay), ring)
        });
        drop(self.0.wake.replace(request));
    }
}
