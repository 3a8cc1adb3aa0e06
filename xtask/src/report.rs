//! What a person reads while a command runs: one line when a step begins, one when it ends, with its time.

use std::time::{Duration, Instant};

/// Prints `label  what`, aligned.
pub fn line(label: &str, what: &str) {
    println!("{label:<8} {what}");
}

/// A time as a person says it.
pub fn spoken(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        10..120 => format!("{seconds} s"),
        _ => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

/// Runs one step, printing when it begins and how long it took.
pub fn timed<T, E: std::fmt::Display>(
    label: &str,
    what: &str,
    step: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    line(label, &format!("{what} …"));
    let start = Instant::now();
    let result = step();
    let time = spoken(start.elapsed());
    match &result {
        Ok(_) => line(label, &format!("{what}: done in {time}")),
        Err(error) => line(label, &format!("{what}: failed after {time}: {error}")),
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_in_the_unit_that_fits() {
        assert_eq!(spoken(Duration::from_millis(1540)), "1.5 s");
        assert_eq!(spoken(Duration::from_secs(75)), "75 s");
        assert_eq!(spoken(Duration::from_secs(185)), "3 min 05 s");
    }
}
