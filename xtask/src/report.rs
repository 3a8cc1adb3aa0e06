//! What people read while a command runs: a line when a step starts, its progress every few seconds, a line when it ends.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::{Error, workspace};

/// How often the progress of the running steps is printed.
const TICK: Duration = Duration::from_secs(20);
/// How much of a failed step's output is printed; all of it is in its log.
const TAIL: usize = 60;

/// A step that may take long.
#[derive(Clone, Copy)]
pub struct Step {
    title: &'static str,
    /// From nothing, on two cores.
    expected: Duration,
}

impl Step {
    pub const fn new(title: &'static str, expected: Duration) -> Step {
        Step { title, expected }
    }

    pub const fn title(self) -> &'static str {
        self.title
    }
}

struct Running {
    label: &'static str,
    step: Step,
    start: Instant,
}

static RUNNING: Mutex<Vec<Running>> = Mutex::new(Vec::new());

/// Prints `label  what`, aligned.
pub fn line(label: &str, what: &str) {
    println!("{label:<8} {what}");
}

/// A duration as people say it.
pub fn spoken(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        10..120 => format!("{seconds} s"),
        _ => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

/// Prints the progress of the running steps until the process ends.
pub fn start_ticking() {
    std::thread::spawn(|| {
        loop {
            std::thread::sleep(TICK);
            let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
            for one in running.iter().filter(|one| one.start.elapsed() >= TICK) {
                line(
                    one.label,
                    &format!(
                        "{}: {} (first time: about {})",
                        one.step.title,
                        spoken(one.start.elapsed()),
                        spoken(one.step.expected)
                    ),
                );
            }
        }
    });
}

/// Runs one step, printing when it starts and how long it took. The step writes its output into the log that it is given,
/// whose end is printed when it fails.
pub fn timed<T>(
    label: &'static str,
    step: Step,
    work: impl FnOnce(&Path) -> Result<T, Error>,
) -> Result<T, Error> {
    let log = workspace::log(&format!("{label}-{}", step.title))?;
    let _ = std::fs::remove_file(&log);
    line(label, &format!("{} …", step.title));
    let start = Instant::now();
    RUNNING
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(Running { label, step, start });
    let result = work(&log);
    RUNNING
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .retain(|one| (one.label, one.step.title) != (label, step.title));
    let time = spoken(start.elapsed());
    match &result {
        Ok(_) => line(label, &format!("{}: done in {time}", step.title)),
        Err(Error::Interrupted) => {}
        Err(_) => {
            print_tail(&log);
            line(label, &format!("{}: failed after {time}", step.title));
        }
    }
    result
}

/// Prints the end of a log.
fn print_tail(log: &Path) {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    for line in lines.iter().skip(lines.len().saturating_sub(TAIL)) {
        println!("  | {line}");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn durations_are_printed_in_the_unit_that_fits() {
        assert_eq!(spoken(Duration::from_millis(1540)), "1.5 s");
        assert_eq!(spoken(Duration::from_secs(75)), "75 s");
        assert_eq!(spoken(Duration::from_secs(185)), "3 min 05 s");
    }

    #[test]
    fn a_step_is_running_only_while_it_works() {
        let step = Step::new("a step of this test", Duration::ZERO);
        let is_running = || {
            let running = RUNNING.lock().unwrap();
            running.iter().any(|one| one.step.title == step.title)
        };
        let seen = timed("test", step, |_| Ok(is_running())).unwrap();
        assert!(seen);
        assert!(!is_running());
    }
}
