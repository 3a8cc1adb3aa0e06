//! Histories in which nothing may diverge, and mistakes made on purpose that must be noticed.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use bedside_simulation::{Bug, Divergence, run};

use crate::soak;

/// The first of so many seeds that diverges, with what went wrong there. Uses every processor.
fn first_divergence(seeds: u64, bug: Option<Bug>) -> Option<(u64, Divergence)> {
    let next = AtomicU64::new(0);
    let found = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds || found.lock().unwrap().is_some() {
                        return;
                    }
                    if let Err(divergence) = run(seed, bug) {
                        found.lock().unwrap().get_or_insert((seed, divergence));
                    }
                }
            });
        }
    });
    found.into_inner().unwrap()
}

/// Histories without a mistake, in each run and in a soak; `cargo xtask sim` runs longer ones.
const HISTORIES: (u64, u64) = (250, 10_000);

#[test]
fn no_screen_claims_to_be_fresh_when_it_is_not_and_all_show_the_truth_in_the_end() {
    if let Some((seed, divergence)) = first_divergence(soak::size(HISTORIES.0, HISTORIES.1), None) {
        panic!(
            "seed {seed} diverges at {} ms: {}",
            divergence.at, divergence.what
        );
    }
}

/// A page slept with a save to send: time stood still, for it was due and nobody could send it.
#[test]
fn a_page_that_sleeps_with_something_to_send_lets_time_go_on() {
    assert!(run(447, None).is_ok());
}

/// Rights were lost while the private room was gone and the socket swallowed the word of that: nobody can know at once.
#[test]
fn a_loss_of_rights_that_could_not_be_told_is_not_expected_to_be_known_at_once() {
    assert!(run(68_610, None).is_ok());
}

#[test]
fn the_same_seed_gives_the_same_history() {
    for bug in [None, Some(Bug::FetchBeforeReady)] {
        for seed in 0..20 {
            let (once, again) = (run(seed, bug), run(seed, bug));
            assert_eq!(once, again, "seed {seed}");
        }
    }
}

#[test]
fn every_known_mistake_is_noticed() {
    for bug in Bug::ALL {
        let found = first_divergence(10_000, Some(bug));
        assert!(found.is_some(), "{} goes unnoticed", bug.name());
    }
}
