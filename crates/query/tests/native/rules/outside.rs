//! Rules 109 to 116: network modes, and the cache outside the page.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use bedside_query::{
    Dehydrated, Entries, EntryStore, FetchStatus, MutationOptions, Network, NetworkMode,
    PersistError, PersistOptions, Persister, QueryFilter, QueryOptions, StaleTime, Status,
    TabChannel, Time, query_key,
};
use futures::FutureExt;
use futures::future::LocalBoxFuture;

use super::support::{Options, Script, World, counter};

#[test]
fn r109_network_modes() {
    let world = World::new();
    world.client.set_online(Network::Offline);
    let check = |key: &str, mode, calls_first, status| {
        let script = Script::default();
        let key = query_key![key];
        let _o = world.observe(script.options(&key).network_mode(mode));
        assert_eq!(
            (script.calls(), world.view(&key).fetch_status),
            (calls_first, status),
            "{mode:?}"
        );
        script
    };
    check("online", NetworkMode::Online, 0, FetchStatus::Paused);
    check("always", NetworkMode::Always, 1, FetchStatus::Fetching);
    let key = query_key!["first"];
    let script = Script::default();
    let _o = world.observe(script.options(&key).network_mode(NetworkMode::OfflineFirst));
    assert_eq!(script.calls(), 1);
    script.fail(&world);
    world.wait(10_000);
    assert_eq!(
        (script.calls(), world.view(&key).fetch_status),
        (1, FetchStatus::Paused)
    );
}

fn kept(key: &str) -> Options {
    Options::skip(query_key![key]).persisted()
}

/// A world with two kept queries, one that is not, and one without data.
fn full() -> World {
    let world = World::new();
    drop(world.observe(kept("a")));
    drop(world.observe(kept("empty")));
    world
        .client
        .set_query_data_at(query_key!["a"], 1, Time(500))
        .unwrap();
    world
        .client
        .set_query_data(query_key!["not kept"], 3)
        .unwrap();
    world
}

#[test]
fn r110_dehydration_takes_successes_and_paused_mutations() {
    let world = full();
    world.client.set_online(Network::Offline);
    let save = MutationOptions::new(|_: i32| async { Ok::<(), ()>(()) })
        .key(query_key!["save"])
        .persisted();
    drop(world.client.mutate(save, 7));
    world.settle();
    let Dehydrated {
        queries, mutations, ..
    } = world.client.dehydrate();
    assert_eq!(
        queries
            .iter()
            .map(|query| query.key.to_string())
            .collect::<Vec<_>>(),
        [r#"["a"]"#]
    );
    assert_eq!(
        (queries[0].updated_at, queries[0].data.clone()),
        (Time(500), 1.into())
    );
    assert_eq!(
        (mutations.len(), mutations[0].variables.clone()),
        (1, 7.into())
    );
}

#[test]
fn r107_a_waiting_mutation_runs_in_the_next_session() {
    let first = World::new();
    first.client.set_online(Network::Offline);
    let ran = Rc::new(RefCell::new(Vec::new()));
    let save = || {
        let ran = Rc::clone(&ran);
        MutationOptions::new(move |n: i32| {
            ran.borrow_mut().push(n);
            async { Ok::<(), ()>(()) }
        })
        .key(query_key!["save"])
        .persisted()
    };
    for n in [1, 2] {
        drop(first.client.mutate(save(), n));
    }
    first.settle();
    let text = serde_json::to_string(&first.client.dehydrate()).unwrap();
    let second = World::new();
    second
        .client
        .set_mutation_defaults(query_key!["save"], save());
    second.client.hydrate(serde_json::from_str(&text).unwrap());
    second.settle();
    assert_eq!(*ran.borrow(), [1, 2]);
}

#[test]
fn r111_the_newer_wins_and_what_runs_goes_on() {
    let state = full().client.dehydrate();
    let world = World::new();
    let script = Script::default();
    world.client.hydrate(state.clone());
    let key = query_key!["a"];
    let fetching = script.options(&key).persisted().stale_time(StaleTime::Zero);
    let observer = world.observe(fetching);
    assert_eq!(
        observer.now().data.as_deref(),
        Some(&1),
        "there before the first answer"
    );
    assert_eq!(
        (world.view(&key).data_updated_at, script.calls()),
        (Some(Time(500)), 1)
    );
    world.client.hydrate(state.clone());
    assert_eq!(world.view(&key).fetch_status, FetchStatus::Fetching);
    script.succeed(&world, 2);
    world.client.hydrate(state);
    assert_eq!(world.data(&key), Some(2), "the older one changes nothing");
}

#[test]
fn r111_complex_keys_survive_and_data_of_another_type_is_dropped() {
    let world = World::new();
    let key = query_key![
        "a",
        1,
        true,
        uuid::Uuid::nil(),
        serde_json::json!({"z": [1.5, null]})
    ];
    let options = || Options::skip(&key).persisted();
    drop(world.observe(options()));
    world.client.set_query_data(&key, 5).unwrap();
    let text = serde_json::to_string(&world.client.dehydrate()).unwrap();
    let next = World::new();
    next.client.hydrate(serde_json::from_str(&text).unwrap());
    let _o = next.observe(options());
    assert_eq!(next.data(&key), Some(5));
    let other = World::new();
    other.client.hydrate(serde_json::from_str(&text).unwrap());
    let wrong = QueryOptions::<Vec<String>, String>::skip(&key).persisted();
    let observer = other.client.observe(wrong, |_| {});
    assert_eq!(
        (
            observer.now().status,
            other.client.dehydrate().queries.len()
        ),
        (Status::Pending, 0)
    );
}

/// A persister in memory, with room for so many bytes.
#[derive(Clone)]
struct Memory {
    text: Rc<RefCell<Option<String>>>,
    room: usize,
    saves: Rc<RefCell<u32>>,
}

impl Memory {
    fn holding(text: Option<&str>) -> Self {
        Self {
            text: Rc::new(RefCell::new(text.map(str::to_string))),
            room: usize::MAX,
            saves: Rc::default(),
        }
    }

    fn held(&self) -> Option<String> {
        self.text.borrow().clone()
    }
}

impl Persister for Memory {
    fn save(&self, text: String) -> LocalBoxFuture<'static, Result<(), PersistError>> {
        *self.saves.borrow_mut() += 1;
        let result = if text.len() > self.room {
            Err(PersistError::Full)
        } else {
            self.text.replace(Some(text));
            Ok(())
        };
        async move { result }.boxed_local()
    }

    fn load(&self) -> LocalBoxFuture<'static, Result<Option<String>, PersistError>> {
        let text = self.held();
        async move { Ok(text) }.boxed_local()
    }

    fn remove(&self) -> LocalBoxFuture<'static, Result<(), PersistError>> {
        self.text.replace(None);
        async { Ok(()) }.boxed_local()
    }
}

fn saved_under(buster: &str) -> Memory {
    let world = full();
    let memory = Memory::holding(None);
    let persistence = world
        .client
        .persist(memory.clone(), PersistOptions::default().buster(buster));
    world.settle();
    persistence.save_now();
    world.settle();
    memory
}

/// Whether what is kept comes back after so long, under a buster.
fn check_restored(memory: &Memory, after: Duration, buster: &str) -> bool {
    let world = World::new();
    world.runtime.advance(after);
    let _kept = world
        .client
        .persist(memory.clone(), PersistOptions::default().buster(buster));
    world.settle();
    let _o = world.observe(kept("a"));
    world.data(&query_key!["a"]).is_some()
}

#[test]
fn r112_what_is_too_old_or_of_another_buster_or_unreadable_is_removed() {
    let hour = Duration::from_secs(3_600);
    assert!(check_restored(&saved_under("1"), hour, "1"));
    for (memory, after, buster) in [
        (saved_under("1"), hour * 25, "1"),
        (saved_under("1"), hour, "2"),
        (Memory::holding(Some("{\"queries\":")), hour, "1"),
        (
            Memory::holding(Some("{\"state\":{\"queries\":[]},\"buster\":\"1\"}")),
            hour,
            "1",
        ),
    ] {
        assert!(!check_restored(&memory, after, buster));
        assert_eq!(memory.held(), None);
    }
}

#[test]
fn r113_saving_is_throttled_and_leaves_out_the_oldest_when_full() {
    let world = World::new();
    let memory = Memory {
        room: 130,
        ..Memory::holding(None)
    };
    let persistence = world
        .client
        .persist(memory.clone(), PersistOptions::default());
    world.settle();
    for (age, key) in ["oldest", "older", "newest"].into_iter().enumerate() {
        drop(world.observe(kept(key)));
        world
            .client
            .set_query_data_at(query_key![key], 1, Time(age as u64))
            .unwrap();
    }
    world.wait(999);
    assert_eq!(*memory.saves.borrow(), 0);
    world.wait(1);
    let text = memory.held().unwrap();
    assert!(
        text.contains("newest") && !text.contains("oldest"),
        "{text}"
    );
    assert_eq!(persistence.last_error(), None);
}

#[test]
fn r114_nobody_fetches_while_it_restores() {
    let memory = saved_under("");
    let world = World::new();
    let (calls, options) = counter();
    let _kept = world.client.persist(memory, PersistOptions::default());
    let _a = world.client.observe(
        options(&query_key!["a"])
            .persisted()
            .stale_time(StaleTime::Infinite),
        |_| {},
    );
    let _b = world.client.observe(options(&query_key!["b"]), |_| {});
    assert_eq!(world.client.is_fetching(QueryFilter::all()), 0);
    world.settle();
    assert_eq!(
        world.data(&query_key!["a"]),
        Some(1),
        "restored, and fresh enough"
    );
    assert_eq!(calls.get(), 1, "only what was not restored is fetched");
}

/// Entries in memory, and how many were read.
#[derive(Clone, Default)]
struct Shelf {
    texts: Rc<RefCell<BTreeMap<String, String>>>,
    loads: Rc<Cell<u32>>,
    is_full: bool,
}

impl EntryStore for Shelf {
    fn save(
        &self,
        name: String,
        text: String,
    ) -> LocalBoxFuture<'static, Result<(), PersistError>> {
        let result = if self.is_full {
            Err(PersistError::Full)
        } else {
            self.texts.borrow_mut().insert(name, text);
            Ok(())
        };
        async move { result }.boxed_local()
    }

    fn load(&self, name: String) -> LocalBoxFuture<'static, Result<Option<String>, PersistError>> {
        self.loads.set(self.loads.get() + 1);
        let text = self.texts.borrow().get(&name).cloned();
        async move { Ok(text) }.boxed_local()
    }

    fn remove(&self, name: String) -> LocalBoxFuture<'static, Result<(), PersistError>> {
        self.texts.borrow_mut().remove(&name);
        async { Ok(()) }.boxed_local()
    }
}

fn shelf_options(buster: &str) -> PersistOptions {
    PersistOptions::default().buster(buster)
}

/// A shelf with the entry of a query that was fetched in an earlier session.
fn filled_shelf() -> (Shelf, Time) {
    let (world, shelf, script) = (World::new(), Shelf::default(), Script::default());
    let entries = Entries::new(shelf.clone(), shelf_options("1"));
    let _o = world.observe(script.options(&query_key!["a"]).kept_in(&entries));
    script.succeed(&world, 7);
    assert_eq!(shelf.texts.borrow().len(), 1);
    let at = world.view(&query_key!["a"]).data_updated_at.unwrap();
    (shelf, at)
}

#[test]
fn r115_a_query_is_restored_from_its_entry_by_its_first_fetch_with_its_own_time() {
    let (shelf, at) = filled_shelf();
    let (world, script) = (World::new(), Script::default());
    world.wait(60_000);
    let entries = Entries::new(shelf.clone(), shelf_options("1"));
    let key = query_key!["a"];
    assert_eq!(shelf.loads.get(), 1, "nothing is read before it is wanted");
    let fresh = script
        .options(&key)
        .kept_in(&entries)
        .stale_time(StaleTime::Infinite);
    let observer = world.observe(fresh);
    assert_eq!(observer.now().data.as_deref(), Some(&7));
    assert_eq!(
        (world.view(&key).data_updated_at, script.calls()),
        (Some(at), 0)
    );
    world.client.refetch_queries(&key);
    world.settle();
    assert_eq!(
        (shelf.loads.get(), script.calls()),
        (2, 1),
        "a later fetch is a fetch"
    );
}

#[test]
fn r115_restored_data_that_is_stale_is_shown_and_fetched() {
    let (shelf, _) = filled_shelf();
    let (world, script) = (World::new(), Script::default());
    world.client.set_online(Network::Offline);
    let entries = Entries::new(shelf.clone(), shelf_options("1"));
    let observer = world.observe(script.options(&query_key!["a"]).kept_in(&entries));
    assert_eq!(
        (observer.now().data.as_deref(), script.calls()),
        (Some(&7), 1)
    );
    script.succeed(&world, 8);
    assert_eq!(observer.now().data.as_deref(), Some(&8));
    assert!(
        shelf
            .texts
            .borrow()
            .values()
            .all(|text| text.contains("\"data\":8"))
    );
}

#[test]
fn r115_entries_that_are_too_old_of_another_buster_or_unreadable_are_removed() {
    let check = |change: fn(&Shelf), after: u64, buster: &str| {
        let (shelf, _) = filled_shelf();
        change(&shelf);
        let (world, script) = (World::new(), Script::default());
        world.wait(after);
        let entries = Entries::new(shelf.clone(), shelf_options(buster));
        let observer = world.observe(script.options(&query_key!["a"]).kept_in(&entries));
        assert_eq!((observer.now().data, script.calls()), (None, 1));
        assert!(shelf.texts.borrow().is_empty());
    };
    check(|_| {}, 25 * 60 * 60 * 1_000, "1");
    check(|_| {}, 0, "2");
    check(
        |shelf| {
            shelf
                .texts
                .borrow_mut()
                .values_mut()
                .for_each(String::clear)
        },
        0,
        "1",
    );
    check(
        |shelf| {
            shelf
                .texts
                .borrow_mut()
                .values_mut()
                .for_each(|text| *text = text.replace("7", "\"seven\""))
        },
        0,
        "1",
    );
}

#[test]
fn r115_a_full_store_keeps_no_older_entry_and_the_query_works_on() {
    let (mut shelf, _) = filled_shelf();
    shelf.is_full = true;
    let (world, script) = (World::new(), Script::default());
    let entries = Entries::new(shelf.clone(), shelf_options("1"));
    let observer = world.observe(script.options(&query_key!["a"]).kept_in(&entries));
    script.succeed(&world, 8);
    assert_eq!(observer.now().data.as_deref(), Some(&8));
    assert_eq!(entries.last_error(), Some(PersistError::Full));
    assert!(shelf.texts.borrow().is_empty());
}

#[test]
fn a_persister_that_cannot_be_used_is_said_and_the_cache_works_on() {
    struct Broken;
    impl Persister for Broken {
        fn save(&self, _: String) -> LocalBoxFuture<'static, Result<(), PersistError>> {
            async { Err(PersistError::Unavailable("gone".to_string())) }.boxed_local()
        }
        fn load(&self) -> LocalBoxFuture<'static, Result<Option<String>, PersistError>> {
            async { Err(PersistError::Unavailable("gone".to_string())) }.boxed_local()
        }
        fn remove(&self) -> LocalBoxFuture<'static, Result<(), PersistError>> {
            async { Err(PersistError::Unavailable("gone".to_string())) }.boxed_local()
        }
    }
    let (world, script) = (World::new(), Script::default());
    let persistence = world.client.persist(Broken, PersistOptions::default());
    let observer = world.observe(script.options(&query_key!["a"]).persisted());
    script.succeed(&world, 1);
    world.wait(5_000);
    assert_eq!(observer.now().data.as_deref(), Some(&1));
    assert!(matches!(
        persistence.last_error(),
        Some(PersistError::Unavailable(_))
    ));
}

type Hear = Box<dyn Fn(&str)>;

/// Two tabs' ends of a channel.
#[derive(Clone, Default)]
struct Tab {
    hears: Rc<RefCell<Option<Hear>>>,
    sent: Rc<RefCell<Vec<String>>>,
}

impl Tab {
    fn hear(&self, text: &str) {
        if let Some(hear) = self.hears.borrow().as_ref() {
            hear(text);
        }
    }
}

impl TabChannel for Tab {
    fn post(&self, text: String) {
        self.sent.borrow_mut().push(text);
    }

    fn listen(&self, hear: Box<dyn Fn(&str)>) -> Box<dyn std::any::Any> {
        self.hears.replace(Some(hear));
        Box::new(())
    }
}

#[test]
fn r116_tabs_share_what_they_fetched_and_never_echo() {
    let (one, other) = (World::new(), World::new());
    let (sends, receives) = (Tab::default(), Tab::default());
    let _sharing = one.client.share_between_tabs(sends.clone());
    let _other_sharing = other.client.share_between_tabs(receives.clone());
    let _o = one.observe(kept("a"));
    let _p = other.observe(kept("a"));
    one.runtime.advance(Duration::from_secs(1));
    one.client.set_query_data(query_key!["a"], 4).unwrap();
    other.runtime.advance(Duration::from_secs(5));
    for text in sends.sent.take() {
        receives.hear(&text);
    }
    assert_eq!(other.data(&query_key!["a"]), Some(4));
    assert!(
        receives.sent.borrow().is_empty(),
        "what was heard is not sent on"
    );
    receives.hear("not a message");
    other.client.set_query_data(query_key!["a"], 5).unwrap();
    assert_eq!(receives.sent.borrow().len(), 1);
}
