//! Parts of a test run in two lanes: each lane runs its parts in order, a part waits for those that it needs, and the summary has
//! the time of each. Knows nothing of what the parts do.

use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::report::{self, Step};
use crate::{Error, process};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    Front,
    Back,
}

type Work = Box<dyn FnOnce(&Path) -> Result<(), Error> + Send>;

/// One part of a run.
pub struct Part {
    lane: Lane,
    step: Step,
    /// Titles of the parts that must have passed.
    needs: &'static [&'static str],
    work: Work,
}

impl Part {
    pub fn new(
        lane: Lane,
        step: Step,
        needs: &'static [&'static str],
        work: impl FnOnce(&Path) -> Result<(), Error> + Send + 'static,
    ) -> Part {
        Part {
            lane,
            step,
            needs,
            work: Box::new(work),
        }
    }
}

enum Outcome {
    Passed(Duration),
    Failed(Duration, String),
    /// Something that it needs failed.
    NotRun,
}

/// Parts that belong to one run.
pub struct Plan {
    parts: Vec<Part>,
}

#[derive(Default)]
struct Board {
    outcomes: Mutex<Vec<(&'static str, Outcome)>>,
    changed: Condvar,
}

impl Plan {
    pub fn new(parts: Vec<Part>) -> Plan {
        Plan { parts }
    }

    /// Runs all parts and prints the summary.
    ///
    /// # Errors
    /// [`Error::Checks`] names the parts that failed; [`Error::Interrupted`] after Ctrl-C.
    pub fn run(self) -> Result<(), Error> {
        let start = Instant::now();
        let order: Vec<&'static str> = self.parts.iter().map(|part| part.step.title()).collect();
        let (front, back): (Vec<Part>, Vec<Part>) = self
            .parts
            .into_iter()
            .partition(|part| part.lane == Lane::Front);
        let board = Board::default();
        std::thread::scope(|scope| {
            for lane in [front, back] {
                scope.spawn(|| lane.into_iter().for_each(|part| board.run(part)));
            }
        });
        if process::stopping() {
            return Err(Error::Interrupted);
        }
        let mut outcomes = board
            .outcomes
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        outcomes.sort_by_key(|(title, _)| order.iter().position(|one| one == title));
        summary(&outcomes, start.elapsed())
    }
}

impl Board {
    fn run(&self, part: Part) {
        if process::stopping() {
            return;
        }
        let title = part.step.title();
        let outcome = if self.wait_for(part.needs) {
            let start = Instant::now();
            match report::timed("test", part.step, part.work) {
                Ok(()) => Outcome::Passed(start.elapsed()),
                Err(error) => Outcome::Failed(start.elapsed(), error.to_string()),
            }
        } else {
            Outcome::NotRun
        };
        self.outcomes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((title, outcome));
        self.changed.notify_all();
    }

    /// Waits until all of them have ended; whether they passed.
    fn wait_for(&self, needs: &[&str]) -> bool {
        let outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = |outcomes: &mut Vec<(&'static str, Outcome)>| {
            let ended = |need: &&str| outcomes.iter().any(|(title, _)| title == need);
            !needs.iter().all(ended) && !process::stopping()
        };
        let outcomes = self
            .changed
            .wait_while(outcomes, missing)
            .unwrap_or_else(PoisonError::into_inner);
        needs.iter().all(|need| {
            outcomes
                .iter()
                .any(|(title, outcome)| title == need && matches!(outcome, Outcome::Passed(_)))
        })
    }
}

fn summary(outcomes: &[(&'static str, Outcome)], time: Duration) -> Result<(), Error> {
    println!();
    let mut failed = Vec::new();
    for (title, outcome) in outcomes {
        let text = match outcome {
            Outcome::Passed(time) => format!("passed   {:>12}  {title}", report::spoken(*time)),
            Outcome::Failed(time, why) => {
                format!("FAILED   {:>12}  {title}: {why}", report::spoken(*time))
            }
            Outcome::NotRun => format!("not run  {:>12}  {title}", ""),
        };
        if !matches!(outcome, Outcome::Passed(_)) {
            failed.push(*title);
        }
        report::line("summary", &text);
    }
    report::line("summary", &format!("{} in all", report::spoken(time)));
    println!(
        "{} passed, {} failed",
        outcomes.len() - failed.len(),
        failed.len()
    );
    if failed.is_empty() {
        Ok(())
    } else {
        Err(Error::Checks {
            failed: failed.len(),
            total: outcomes.len(),
            names: failed.join(", "),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const A: Step = Step::new("lanes test a", Duration::ZERO);
    const B: Step = Step::new("lanes test b", Duration::ZERO);
    const C: Step = Step::new("lanes test c", Duration::ZERO);

    #[test]
    fn a_part_waits_for_what_it_needs_in_the_other_lane() {
        static DONE: Mutex<Vec<&str>> = Mutex::new(Vec::new());
        let plan = Plan::new(vec![
            Part::new(Lane::Front, B, &["lanes test a"], |_| {
                DONE.lock().unwrap().push("b");
                Ok(())
            }),
            Part::new(Lane::Back, A, &[], |_| {
                std::thread::yield_now();
                DONE.lock().unwrap().push("a");
                Ok(())
            }),
        ]);
        plan.run().unwrap();
        assert_eq!(*DONE.lock().unwrap(), ["a", "b"]);
    }

    #[test]
    fn a_failure_stops_what_needs_it_and_nothing_else() {
        let plan = Plan::new(vec![
            Part::new(Lane::Back, A, &[], |_| Err(Error::Usage("no".to_owned()))),
            Part::new(Lane::Front, B, &["lanes test a"], |_| Ok(())),
            Part::new(Lane::Back, C, &[], |_| Ok(())),
        ]);
        let error = plan.run().unwrap_err().to_string();
        assert!(error.starts_with("2 of 3"), "{error}");
        assert!(!error.contains("test c"), "{error}");
    }
}
