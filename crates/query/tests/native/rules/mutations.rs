//! Rules 97 to 108: mutations.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bedside_query::{
    Call, ClientOptions, MutationOptions, Network, QueryError, QueryFilter, Retry, query_key,
};
use futures::channel::oneshot;

use super::support::{Script, World};

type Log = Rc<RefCell<Vec<String>>>;

fn log() -> Log {
    Rc::default()
}

fn note(log: &Log, what: &str) {
    log.borrow_mut().push(what.to_string());
}

/// A mutation that says what happens to it; it fails if it is called with a negative number.
fn logged(log: &Log) -> MutationOptions<i32, i32, String, i32> {
    let [mutate, run, success, error, settled] = std::array::from_fn(|_| Rc::clone(log));
    MutationOptions::new(move |n: i32| {
        note(&run, "run");
        async move {
            if n < 0 {
                Err("negative".to_string())
            } else {
                Ok(n * 2)
            }
        }
    })
    .on_mutate(move |call: Call<i32, ()>| {
        note(&mutate, "on_mutate");
        async move { *call.variables + 100 }
    })
    .on_success(move |data, call: Call<i32, i32>| {
        note(
            &success,
            &format!("on_success {data} {}", call.context.unwrap()),
        );
        async { Ok(()) }
    })
    .on_error(move |failure, call: Call<i32, i32>| {
        note(
            &error,
            &format!("on_error {failure} {}", call.context.unwrap()),
        );
        async {}
    })
    .on_settled(move |result, _| {
        note(&settled, &format!("on_settled {}", result.is_ok()));
        async {}
    })
}

#[test]
fn r097_the_order_of_success() {
    let (world, log) = (World::new(), log());
    let done = world.start(world.client.mutate(logged(&log), 4));
    assert_eq!(done.borrow().as_ref().unwrap().as_deref(), Ok(&8));
    assert_eq!(
        *log.borrow(),
        ["on_mutate", "run", "on_success 8 104", "on_settled true"]
    );
}

#[test]
fn r098_the_order_of_failure() {
    let (world, log) = (World::new(), log());
    let done = world.start(world.client.mutate(logged(&log), -1));
    assert!(
        matches!(done.borrow().as_ref(), Some(Err(QueryError::Failed(text))) if *text.as_ref() == "negative")
    );
    assert_eq!(
        *log.borrow(),
        [
            "on_mutate",
            "run",
            "on_error negative 99",
            "on_settled false"
        ]
    );
}

#[test]
fn r099_each_callback_is_awaited_before_the_state_changes() {
    let world = World::new();
    let (release, released) = oneshot::channel::<()>();
    let released = Rc::new(RefCell::new(Some(released)));
    let log = log();
    let said = Rc::clone(&log);
    let slow = MutationOptions::new(|()| async { Ok::<i32, String>(1) })
        .on_mutate(move |_| {
            note(&said, "on_mutate");
            async {}
        })
        .on_settled(move |_, _| {
            let released = released.borrow_mut().take();
            async move {
                if let Some(released) = released {
                    let _ = released.await;
                }
            }
        });
    let call = world.client.mutate(slow, ());
    assert_eq!(*log.borrow(), ["on_mutate"], "begun before mutate returns");
    let done = world.start(call);
    assert_eq!(
        (world.client.is_mutating(), done.borrow().is_none()),
        (1, true)
    );
    release.send(()).unwrap();
    world.settle();
    assert_eq!(
        (world.client.is_mutating(), done.borrow().is_some()),
        (0, true)
    );
}

#[test]
fn r100_what_on_mutate_makes_reaches_the_later_callbacks() {
    let (world, log) = (World::new(), log());
    world.start(world.client.mutate(logged(&log), 1));
    assert!(log.borrow().contains(&"on_success 2 101".to_string()));
}

#[test]
fn r045_mutations_are_not_repeated_unless_told() {
    let world = World::new();
    let calls = Rc::new(Cell::new(0));
    let failing = |retry| {
        let calls = Rc::clone(&calls);
        let options = MutationOptions::new(move |()| {
            calls.set(calls.get() + 1);
            async { Err::<(), _>("no") }
        });
        options.retry(retry)
    };
    world.start(world.client.mutate(failing(Retry::Never), ()));
    world.wait(60_000);
    assert_eq!(calls.get(), 1);
    world.start(world.client.mutate(failing(Retry::Times(2)), ()));
    world.wait(60_000);
    assert_eq!(calls.get(), 4);
}

/// A cache that writes its own callbacks of mutations into the same log.
fn logging_world(log: &Log) -> World {
    let said = send_wrapper::SendWrapper::new(Rc::clone(log));
    World::with(ClientOptions::default().on_mutation(move |news| {
        note(&said, &format!("cache {:?}", news.step));
    }))
}

#[test]
fn r097_the_caches_own_callbacks_come_first() {
    let log = log();
    let world = logging_world(&log);
    world.start(world.client.mutate(logged(&log), 4));
    assert_eq!(
        log.take(),
        [
            "cache Mutate",
            "on_mutate",
            "run",
            "cache Success",
            "on_success 8 104",
            "cache Settled",
            "on_settled true"
        ]
    );
    world.start(world.client.mutate(logged(&log), -1));
    assert_eq!(
        log.take(),
        [
            "cache Mutate",
            "on_mutate",
            "run",
            "cache Error(\"failed\")",
            "on_error negative 99",
            "cache Settled",
            "on_settled false"
        ]
    );
}

#[test]
fn r101_an_error_from_on_success_takes_the_error_path() {
    let (world, log) = (World::new(), log());
    let options = logged(&log).on_success(|_, _| async { Err("late".to_string()) });
    let done = world.start(world.client.mutate(options, 1));
    assert!(done.borrow().as_ref().unwrap().is_err());
    assert_eq!(
        *log.borrow(),
        ["on_mutate", "run", "on_error late 101", "on_settled false"]
    );
}

#[test]
fn r101_an_error_from_on_settled_takes_the_error_path_and_settles_again() {
    let (world, log) = (World::new(), log());
    let said = Rc::clone(&log);
    let options = logged(&log).on_settled(move |result, _| {
        note(&said, &format!("on_settled {}", result.is_ok()));
        async { Err("late".to_string()) }
    });
    let done = world.start(world.client.mutate(options, 1));
    assert!(done.borrow().as_ref().unwrap().is_err());
    assert_eq!(
        *log.borrow(),
        [
            "on_mutate",
            "run",
            "on_success 2 101",
            "on_settled true",
            "on_error late 101",
            "on_settled false"
        ]
    );
}

#[test]
fn r101_errors_from_the_error_path_are_reported_and_change_nothing() {
    let log = log();
    let world = logging_world(&log);
    let options = MutationOptions::new(|()| async { Err::<(), _>("first".to_string()) })
        .on_error(|_, _| async { Err("second".to_string()) })
        .on_settled(|_, _| async { Err("third".to_string()) });
    let done = world.start(world.client.mutate(options, ()));
    assert!(
        matches!(done.borrow().as_ref(), Some(Err(QueryError::Failed(text))) if *text.as_ref() == "first")
    );
    assert_eq!(
        *log.borrow(),
        [
            "cache Mutate",
            "cache Error(\"failed\")",
            "cache CallbackFailed(\"failed\")",
            "cache Settled",
            "cache CallbackFailed(\"failed\")"
        ]
    );
}

#[test]
fn r101_a_callback_that_panics_fails_its_mutation_and_frees_its_scope() {
    let world = World::new();
    let options = || MutationOptions::new(|()| async { Ok::<i32, String>(1) }).scope("ward");
    let in_on_mutate = options().on_mutate(|_| async { panic!("a bug") });
    let in_on_success = options().on_success(|_, _| {
        assert!(std::hint::black_box(false), "another bug");
        async {}
    });
    let first = world.start(world.client.mutate(in_on_mutate, ()));
    let second = world.start(world.client.mutate(in_on_success, ()));
    let third = world.start(world.client.mutate(options(), ()));
    for done in [first, second] {
        assert!(matches!(
            done.borrow().as_ref(),
            Some(Err(QueryError::Panicked(_)))
        ));
    }
    assert!(matches!(third.borrow().as_ref(), Some(Ok(_))));
    assert_eq!(world.client.is_mutating(), 0);
}

#[test]
fn r103_a_scope_runs_one_after_the_other_and_scopes_run_side_by_side() {
    let world = World::new();
    let log = log();
    let gates: Rc<RefCell<Vec<oneshot::Sender<()>>>> = Rc::default();
    let in_scope = |scope: &str| {
        let (log, gates) = (Rc::clone(&log), Rc::clone(&gates));
        MutationOptions::new(move |name: &'static str| {
            note(&log, name);
            let (gate, opened) = oneshot::channel();
            gates.borrow_mut().push(gate);
            async move {
                let _ = opened.await;
                Ok::<(), String>(())
            }
        })
        .scope(scope)
    };
    for (scope, name) in [("a", "a1"), ("a", "a2"), ("b", "b1"), ("a", "a3")] {
        drop(world.client.mutate(in_scope(scope), name));
    }
    world.settle();
    assert_eq!(*log.borrow(), ["a1", "b1"]);
    let paused = world
        .client
        .snapshot()
        .mutations
        .iter()
        .filter(|mutation| mutation.is_paused)
        .count();
    assert_eq!(paused, 2);
    for _ in 0..2 {
        let first = gates.borrow_mut().remove(0);
        first.send(()).unwrap();
        world.settle();
        // b1's gate stands first now; it stays shut.
        gates.borrow_mut().rotate_left(1);
    }
    assert_eq!(*log.borrow(), ["a1", "b1", "a2", "a3"]);
}

#[test]
fn r104_offline_the_run_waits_and_what_came_before_it_does_not() {
    let (world, log) = (World::new(), log());
    world.client.set_online(Network::Offline);
    let done = world.start(world.client.mutate(logged(&log), 1));
    assert_eq!(*log.borrow(), ["on_mutate"]);
    assert!(done.borrow().is_none() && world.client.snapshot().mutations[0].is_paused);
    world.client.set_online(Network::Online);
    world.settle();
    assert!(done.borrow().is_some());
}

#[test]
fn r105_a_settled_mutation_is_collected_and_a_pending_one_is_not() {
    let (world, log) = (World::new(), log());
    world.start(world.client.mutate(logged(&log), 1));
    world.wait(299_999);
    assert_eq!(world.client.counts().mutations, 1);
    world.wait(1);
    assert_eq!(world.client.counts().mutations, 0);
    world.client.set_online(Network::Offline);
    drop(world.client.mutate(logged(&log).gc_time(Duration::ZERO), 1));
    world.wait(600_000);
    assert_eq!(world.client.counts().mutations, 1);
    world.client.set_online(Network::Online);
    world.wait(0);
    assert_eq!(world.client.counts().mutations, 0);
    assert_eq!(log.borrow().last().unwrap(), "on_settled true");
}

/// A mutation that adds to the number at a key, optimistically and for good, when its gate opens.
fn adding(gate: oneshot::Receiver<Result<i32, String>>) -> MutationOptions<i32, i32, String> {
    let gate = Rc::new(RefCell::new(Some(gate)));
    MutationOptions::new(move |_: i32| {
        let gate = gate.borrow_mut().take();
        async move {
            match gate {
                Some(gate) => gate.await.unwrap_or_else(|_| Err("gone".to_string())),
                None => Err("called twice".to_string()),
            }
        }
    })
    .optimistic(|optimistic, by: &i32| {
        let by = *by;
        optimistic.change(query_key!["n"], move |n: &i32| Some(n + by));
    })
    .on_success(|truth: Arc<i32>, call: Call<i32, ()>| {
        let written = call.client.set_query_data(query_key!["n"], *truth);
        async move { written.map_err(|error| error.to_string()) }
    })
}

#[test]
fn r108_optimistic_changes_are_laid_over_and_rebased_not_restored() {
    let world = World::new();
    let key = query_key!["n"];
    world.client.set_query_data(&key, 1).unwrap();
    let (first, first_gate) = oneshot::channel();
    let (second, second_gate) = oneshot::channel();
    drop(world.client.mutate(adding(first_gate), 10));
    drop(world.client.mutate(adding(second_gate), 100));
    world.settle();
    assert_eq!(world.data(&key), Some(111));
    world.client.patch(&key, |n: &i32| Some(n + 1_000)).unwrap();
    assert_eq!(
        world.data(&key),
        Some(1_111),
        "a change that others made shows under both"
    );
    first.send(Err("refused".to_string())).unwrap();
    world.settle();
    assert_eq!(world.data(&key), Some(1_101), "only its own change is gone");
    second.send(Ok(1_105)).unwrap();
    world.settle();
    assert_eq!(world.data(&key), Some(1_105), "confirmed: the truth, once");
}

#[test]
fn r108_confirmation_and_lifting_are_one_moment() {
    let world = World::new();
    let key = query_key!["n"];
    world.client.set_query_data(&key, 1).unwrap();
    let (_o, seen) = super::support::seen(&world, super::support::Options::skip(&key));
    let (gate, opened) = oneshot::channel();
    drop(world.client.mutate(adding(opened), 10));
    world.settle();
    gate.send(Ok(11)).unwrap();
    world.settle();
    let seen = seen.borrow();
    assert!(
        seen.iter().all(|shown| [Some(1), Some(11)].contains(shown)),
        "{seen:?}"
    );
}

#[test]
fn r108_a_fetch_meanwhile_moves_the_base_under_the_change() {
    let world = World::new();
    let (key, script) = (query_key!["n"], Script::default());
    world.client.set_query_data(&key, 1).unwrap();
    let _o = world.observe(script.options(&key));
    let (_gate, opened) = oneshot::channel();
    drop(world.client.mutate(adding(opened), 10));
    script.succeed(&world, 5);
    assert_eq!(world.data(&key), Some(15));
}

#[test]
fn r108_a_list_that_is_opened_during_the_mutation_shows_its_change() {
    let world = World::new();
    let (held, opened, other) = (query_key!["n", 1], query_key!["n", 2], query_key!["m"]);
    world.client.set_query_data(&held, 1).unwrap();
    let (gate, waits) = oneshot::channel::<Result<i32, String>>();
    let waits = Rc::new(RefCell::new(Some(waits)));
    let add = || {
        let waits = Rc::clone(&waits);
        MutationOptions::new(move |by: i32| {
            let gate = waits.borrow_mut().take();
            async move {
                match gate {
                    Some(gate) => gate.await.unwrap_or(Ok(by)),
                    None => std::future::pending().await,
                }
            }
        })
        .optimistic(|optimistic, by: &i32| {
            let by = *by;
            optimistic.change_all(query_key!["n"], move |n: &i32| Some(n + by));
        })
    };
    drop(world.client.mutate(add(), 10));
    world.settle();
    world.client.set_query_data(&opened, 2).unwrap();
    world.client.set_query_data(&other, 3).unwrap();
    assert_eq!(world.data(&held), Some(11));
    assert_eq!(world.data(&opened), Some(12));
    assert_eq!(world.data(&other), Some(3), "not one of the selected");
    gate.send(Err("refused".to_string())).unwrap();
    world.settle();
    assert_eq!((world.data(&held), world.data(&opened)), (Some(1), Some(2)));

    drop(world.client.mutate(add(), 100));
    world.settle();
    world.client.clear();
    world.client.set_query_data(&opened, 2).unwrap();
    assert_eq!(
        world.data(&opened),
        Some(2),
        "what stood is gone with the rest"
    );
}

#[test]
fn clearing_ends_mutations_without_their_callbacks_running_on() {
    let (world, log) = (World::new(), log());
    world.client.set_online(Network::Offline);
    let done = world.start(world.client.mutate(logged(&log), 1));
    world.client.clear();
    world.client.set_online(Network::Online);
    world.settle();
    assert_eq!(world.client.is_mutating(), 0);
    assert!(!log.borrow().contains(&"run".to_string()));
    assert!(done.borrow().as_ref().is_none_or(Result::is_err));
    assert_eq!(world.client.query_views(&QueryFilter::all()).len(), 0);
}
