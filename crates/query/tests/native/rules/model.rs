//! Random operations beside a model that scans everything and knows no index, heap or batch. `BEDSIDE_QUERY_OPERATIONS` sets
//! how many, `BEDSIDE_QUERY_SEED` replays a run.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use bedside_query::{
    FetchStatus, MutationOptions, Observation, QueryFilter, QueryKey, QueryOptions, Retry,
    StaleTime, Status, query_key,
};
use futures::channel::oneshot;

use super::support::World;
use crate::soak;

const GC: u64 = 300_000;

/// xorshift64*: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % n
    }
}

#[derive(Clone, Debug, Default)]
struct Entry {
    base: Option<i32>,
    status: Status,
    invalidated: bool,
    updates: u32,
    errors: u32,
    gc_due: u64,
    fetch: Option<Fetch>,
    overlay: Vec<(u64, i32)>,
}

#[derive(Clone, Debug)]
struct Fetch {
    token: Option<u64>,
    owed: bool,
    fence: Vec<Write>,
    revert: Box<Entry>,
}

#[derive(Clone, Copy, Debug)]
enum Write {
    Set(i32),
    Add(i32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Name(usize, usize);

impl Name {
    fn key(self) -> QueryKey {
        query_key!["family", self.0, self.1]
    }
}

struct Watcher {
    _observation: Observation<i32, String>,
    enabled: bool,
    /// `None` once its query was removed.
    query: Option<Name>,
}

type Pending = Rc<RefCell<Vec<(Name, u64, oneshot::Sender<Result<i32, String>>)>>>;

struct Run {
    world: World,
    now: u64,
    model: BTreeMap<Name, Entry>,
    watchers: Vec<Watcher>,
    mutations: Vec<(Name, u64, oneshot::Sender<()>)>,
    pending: Pending,
    started: Rc<RefCell<u64>>,
    next_overlay: u64,
}

impl Run {
    fn new() -> Self {
        Self {
            world: World::new(),
            now: 0,
            model: BTreeMap::new(),
            watchers: Vec::new(),
            mutations: Vec::new(),
            pending: Rc::default(),
            started: Rc::default(),
            next_overlay: 0,
        }
    }

    fn entry(&mut self, name: Name) -> &mut Entry {
        let due = self.now + GC;
        self.model.entry(name).or_insert_with(|| Entry {
            gc_due: due,
            ..Entry::default()
        })
    }

    fn is_active(&self, name: Name) -> bool {
        self.watchers
            .iter()
            .any(|watcher| watcher.enabled && watcher.query == Some(name))
    }

    fn is_observed(&self, name: Name) -> bool {
        self.watchers
            .iter()
            .any(|watcher| watcher.query == Some(name))
    }

    fn start(&mut self, name: Name) {
        let entry = self.entry(name);
        let revert = Box::new(Entry {
            fetch: None,
            ..entry.clone()
        });
        if entry.base.is_none() {
            entry.status = Status::Pending;
        }
        entry.fetch = Some(Fetch {
            token: None,
            owed: false,
            fence: Vec::new(),
            revert,
        });
    }

    /// The fetchers that have been called since are those of the fetches the model has started.
    fn learn_tokens(&mut self) {
        for (name, token, _) in self.pending.borrow().iter() {
            if let Some(fetch) = self
                .model
                .get_mut(name)
                .and_then(|entry| entry.fetch.as_mut())
            {
                fetch.token = fetch.token.max(Some(*token));
            }
        }
    }

    fn family(&self, family: usize, member: Option<usize>) -> (QueryFilter, Vec<Name>) {
        let filter = match member {
            Some(member) => QueryFilter::exact(Name(family, member).key()),
            None => QueryFilter::prefix(query_key!["family", family]),
        };
        let hit = |name: &&Name| name.0 == family && member.is_none_or(|member| member == name.1);
        (filter, self.model.keys().filter(hit).copied().collect())
    }

    fn options(&self, name: Name, enabled: bool) -> QueryOptions<i32, String> {
        let (pending, started) = (Rc::clone(&self.pending), Rc::clone(&self.started));
        QueryOptions::new(name.key(), move |_| {
            let (answer, answered) = oneshot::channel();
            *started.borrow_mut() += 1;
            pending.borrow_mut().push((name, *started.borrow(), answer));
            async move {
                answered
                    .await
                    .unwrap_or_else(|_| Err("dropped".to_string()))
            }
        })
        .stale_time(StaleTime::Infinite)
        .retry(Retry::Never)
        .enabled(enabled)
    }

    fn step(&mut self, random: &mut Random) {
        let name = Name(random.below(4), random.below(8));
        let value = random.below(1_000) as i32;
        let member = (random.below(3) > 0).then_some(name.1);
        let client = self.world.client.clone();
        match random.below(24) {
            0..=4 if self.watchers.len() < 24 => self.observe(name, random.below(4) > 0),
            5..=7 if !self.watchers.is_empty() => {
                let at = random.below(self.watchers.len());
                let left = self.watchers.swap_remove(at).query;
                if let Some(left) = left.filter(|left| !self.is_observed(*left)) {
                    let due = self.now + GC;
                    self.entry(left).gc_due = due;
                }
            }
            8 | 9 => {
                client.set_query_data(name.key(), value).unwrap();
                let due = self.now + GC;
                let entry = self.entry(name);
                if let Some(fetch) = &mut entry.fetch {
                    fetch.owed = true;
                    fetch.fence.push(Write::Set(value));
                    fetch.revert.base = Some(value);
                    fetch.revert.status = Status::Success;
                    fetch.revert.invalidated = false;
                    fetch.revert.updates = entry.updates + 1;
                }
                entry.base = Some(value);
                entry.status = Status::Success;
                entry.invalidated = false;
                entry.updates += 1;
                entry.gc_due = due;
            }
            10 | 11 => {
                client
                    .patch(name.key(), move |n: &i32| Some(n.wrapping_add(value)))
                    .unwrap();
                if let Some(entry) = self.model.get_mut(&name) {
                    entry.base = entry.base.map(|base| base.wrapping_add(value));
                    if let Some(fetch) = &mut entry.fetch {
                        fetch.fence.push(Write::Add(value));
                        fetch.revert.base = fetch.revert.base.map(|base| base.wrapping_add(value));
                    }
                }
            }
            12 | 13 => {
                let (filter, hit) = self.family(name.0, member);
                client.invalidate_queries(filter);
                for name in &hit {
                    let entry = self.entry(*name);
                    entry.invalidated = true;
                    if let Some(fetch) = &mut entry.fetch {
                        fetch.owed = true;
                    }
                }
                for name in hit {
                    if self.is_active(name) && self.entry(name).fetch.is_none() {
                        self.start(name);
                    }
                }
            }
            14..=17 => self.answer(random, value),
            18 => {
                let (filter, hit) = self.family(name.0, member);
                client.cancel_queries(filter);
                let due = self.now + GC;
                for name in hit {
                    let entry = self.entry(name);
                    if let Some(fetch) = entry.fetch.take() {
                        let invalidated = fetch.revert.invalidated || fetch.owed;
                        let overlay = std::mem::take(&mut entry.overlay);
                        *entry = Entry {
                            invalidated,
                            overlay,
                            gc_due: due,
                            ..*fetch.revert
                        };
                    }
                }
            }
            19 => {
                let (filter, hit) = self.family(name.0, member);
                client.remove_queries(filter);
                for name in hit {
                    self.forget(name);
                }
            }
            20 if self.mutations.len() < 6 => self.lay(name, value),
            21 if !self.mutations.is_empty() => {
                let at = random.below(self.mutations.len());
                let (name, overlay, gate) = self.mutations.swap_remove(at);
                gate.send(()).unwrap();
                if let Some(entry) = self.model.get_mut(&name) {
                    entry.overlay.retain(|(held, _)| *held != overlay);
                }
            }
            22 => {
                let (filter, hit) = self.family(name.0, member);
                client.reset_queries(filter);
                let due = self.now + GC;
                for name in hit {
                    let entry = self.entry(name);
                    let overlay = std::mem::take(&mut entry.overlay);
                    *entry = Entry {
                        overlay,
                        gc_due: due,
                        ..Entry::default()
                    };
                    if self.is_active(name) {
                        self.start(name);
                    }
                }
            }
            _ => self.pass(random.below(90_000) as u64),
        }
        self.world.settle();
        self.learn_tokens();
        self.check(name);
    }

    fn observe(&mut self, name: Name, enabled: bool) {
        let _observation = self
            .world
            .client
            .observe(self.options(name, enabled), |_| {});
        self.watchers.push(Watcher {
            _observation,
            enabled,
            query: Some(name),
        });
        let entry = self.entry(name);
        let wants = entry.base.is_none() || entry.invalidated;
        if enabled && wants && entry.fetch.is_none() {
            self.start(name);
        }
    }

    fn answer(&mut self, random: &mut Random, value: i32) {
        let count = self.pending.borrow().len();
        if count == 0 {
            return;
        }
        let (name, token, gate) = self.pending.borrow_mut().swap_remove(random.below(count));
        let answer = if random.below(4) > 0 {
            Ok(value)
        } else {
            Err("no".to_string())
        };
        let delivered = gate.send(answer.clone()).is_ok();
        let due = self.now + GC;
        let Some(entry) = self.model.get_mut(&name) else {
            return;
        };
        let Some(fetch) = entry.fetch.take_if(|fetch| fetch.token == Some(token)) else {
            return;
        };
        assert!(delivered, "the current fetch listens");
        entry.gc_due = due;
        match answer {
            Ok(value) => {
                let replay = |value: i32, write: &Write| match write {
                    Write::Set(set) => *set,
                    Write::Add(by) => value.wrapping_add(*by),
                };
                entry.base = Some(fetch.fence.iter().fold(value, replay));
                entry.status = Status::Success;
                entry.invalidated = fetch.owed;
                entry.updates += 1;
            }
            Err(_) => {
                entry.status = Status::Error;
                entry.invalidated = true;
                entry.errors += 1;
            }
        }
        if fetch.owed && self.is_active(name) {
            self.start(name);
        }
    }

    fn lay(&mut self, name: Name, by: i32) {
        let (gate, opened) = oneshot::channel::<()>();
        let opened = Rc::new(RefCell::new(Some(opened)));
        let add = MutationOptions::new(move |()| {
            let opened = opened.borrow_mut().take();
            async move {
                if let Some(opened) = opened {
                    let _ = opened.await;
                }
                Ok::<(), String>(())
            }
        })
        .optimistic(move |optimistic, ()| {
            optimistic.change(name.key(), move |n: &i32| Some(n.wrapping_add(by)));
        });
        drop(self.world.client.mutate(add, ()));
        self.next_overlay += 1;
        let overlay = self.next_overlay;
        self.entry(name).overlay.push((overlay, by));
        self.mutations.push((name, overlay, gate));
    }

    fn forget(&mut self, name: Name) {
        self.model.remove(&name);
        for watcher in self
            .watchers
            .iter_mut()
            .filter(|watcher| watcher.query == Some(name))
        {
            watcher.query = None;
        }
    }

    fn pass(&mut self, ms: u64) {
        self.world.runtime.advance(Duration::from_millis(ms));
        self.now += ms;
        let now = self.now;
        let gone: Vec<Name> = self
            .model
            .iter()
            .filter(|(name, entry)| {
                entry.gc_due <= now && entry.fetch.is_none() && !self.is_observed(**name)
            })
            .map(|(name, _)| *name)
            .collect();
        for name in gone {
            self.forget(name);
        }
    }

    fn check(&self, name: Name) {
        let client = &self.world.client;
        assert_eq!(client.counts().queries, self.model.len());
        assert_eq!(client.counts().observers, self.watchers.len());
        let view = client.query_view(&name.key());
        let Some(entry) = self.model.get(&name) else {
            assert!(view.is_none(), "{name:?} is gone");
            return;
        };
        let view = view.expect("the query is there");
        let shown = entry.base.map(|base| {
            entry
                .overlay
                .iter()
                .fold(base, |n, (_, by)| n.wrapping_add(*by))
        });
        assert_eq!(
            view.data::<i32>().as_deref().copied(),
            shown,
            "{name:?} {entry:?}"
        );
        let fetching = if entry.fetch.is_some() {
            FetchStatus::Fetching
        } else {
            FetchStatus::Idle
        };
        assert_eq!(
            (view.status, view.fetch_status, view.is_invalidated),
            (entry.status, fetching, entry.invalidated),
            "{name:?} {entry:?}"
        );
        assert_eq!(
            (view.data_update_count, view.error_update_count),
            (entry.updates, entry.errors)
        );
        assert_eq!(view.is_active, self.is_active(name));
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn random_operations_never_diverge_from_the_model() {
    let operations =
        number("BEDSIDE_QUERY_OPERATIONS").unwrap_or_else(|| soak::size(30_000, 1_000_000));
    let seed = number("BEDSIDE_QUERY_SEED").unwrap_or(0x00BE_D51D_E000_0001);
    println!("{operations} operations; replay with BEDSIDE_QUERY_SEED={seed}");
    let mut random = Random(seed);
    let mut run = Run::new();
    for at in 0..operations {
        run.step(&mut random);
        if at % 64 == 0 {
            run.model.keys().for_each(|name| run.check(*name));
        }
    }
}
