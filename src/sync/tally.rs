//! What has come in, counted: events by table, how long each was on its way, and news that could not be taken at its word. Pure;
//! it decides nothing.

use std::collections::VecDeque;

use super::registry::Table;

/// So many arrivals are remembered for the figures.
const REMEMBERED: usize = 500;

/// A commit so far ahead of this device's clock is no difference of clocks any more, in milliseconds.
const AHEAD: u64 = 5 * 60 * 1_000;

/// Why a change can't be taken at its word. Whatever it may touch is asked for again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is of another table than its binding.
    UnknownTable,
    /// It does not say which row.
    NoKey,
    /// The row is not one that this build understands.
    Unreadable,
    /// The server left columns out.
    Truncated,
    /// It says that it happens in the future.
    Future,
}

impl Fault {
    pub const ALL: [Fault; 5] = [
        Fault::UnknownTable,
        Fault::NoKey,
        Fault::Unreadable,
        Fault::Truncated,
        Fault::Future,
    ];

    /// What it is, for people.
    pub const fn label(self) -> &'static str {
        match self {
            Fault::UnknownTable => "Unknown table",
            Fault::NoKey => "No primary key",
            Fault::Unreadable => "Unreadable row",
            Fault::Truncated => "Truncated row",
            Fault::Future => "From the future",
        }
    }
}

/// Whether a commit lies further in the future than clocks differ. Both in Unix milliseconds.
pub const fn is_future(committed: u64, now: u64) -> bool {
    committed > now.saturating_add(AHEAD)
}

/// How long changes took from commit to arrival, in milliseconds. As good as the clocks of database and device agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    pub median: u64,
    /// Nineteen of twenty were faster.
    pub p95: u64,
    pub longest: u64,
}

/// The counts of one page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    events: [u64; Table::ALL.len()],
    faults: [u64; Fault::ALL.len()],
    arrivals: VecDeque<u64>,
}

impl Tally {
    /// Takes in a change of a table. Times are Unix milliseconds; a commit without a time counts, and says nothing of the way.
    pub fn event(&mut self, table: Table, committed: Option<u64>, now: u64) {
        count(&mut self.events, table as usize);
        if let Some(committed) = committed {
            if self.arrivals.len() >= REMEMBERED {
                self.arrivals.pop_front();
            }
            self.arrivals.push_back(now.saturating_sub(committed));
        }
    }

    pub fn fault(&mut self, fault: Fault) {
        count(&mut self.faults, fault as usize);
    }

    /// How many changes of a table have come.
    pub fn events(&self, table: Table) -> u64 {
        self.events.get(table as usize).copied().unwrap_or(0)
    }

    /// How often news could not be taken at its word.
    pub fn faults(&self, fault: Fault) -> u64 {
        self.faults.get(fault as usize).copied().unwrap_or(0)
    }

    /// How long the latest changes took; nothing before the first.
    pub fn latency(&self) -> Option<Latency> {
        let mut sorted: Vec<u64> = self.arrivals.iter().copied().collect();
        sorted.sort_unstable();
        let share = |percent: usize| {
            let rank = sorted.len().saturating_mul(percent).div_ceil(100);
            sorted.get(rank.saturating_sub(1)).copied()
        };
        Some(Latency {
            median: share(50)?,
            p95: share(95)?,
            longest: share(100)?,
        })
    }
}

fn count(counts: &mut [u64], at: usize) {
    if let Some(count) = counts.get_mut(at) {
        *count = count.saturating_add(1);
    }
}

/// A time as the feed writes it, `2026-11-22T17:00:00.123Z`, in Unix milliseconds; `None` for anything else.
pub fn unix_millis(text: &str) -> Option<u64> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
    let marks = [(4, '-'), (7, '-'), (10, 'T'), (13, ':'), (16, ':')];
    if !text.is_ascii()
        || marks
            .iter()
            .any(|(at, mark)| !text.get(*at..).is_some_and(|rest| rest.starts_with(*mark)))
    {
        return None;
    }
    let zone = text.strip_suffix('Z').or(text.strip_suffix("+00:00"))?;
    let fraction = match zone.get(19..)? {
        "" => 0,
        rest => {
            let digits = rest.strip_prefix('.')?;
            let padded = format!("{digits:0<3}");
            padded.get(..3)?.parse::<u64>().ok()?
        }
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || year < 1970 {
        return None;
    }
    // Years that begin in March put the leap day last.
    let (march_year, march_month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leaps = march_year / 4 - march_year / 100 + march_year / 400;
    let days =
        (march_year * 365 + leaps + (march_month * 153 + 2) / 5 + day - 1).checked_sub(719_468)?;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000 + fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_the_server_writes_them() {
        for (text, millis) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2000-02-29T12:00:00.007Z", Some(951_825_600_007)),
            ("2026-11-22T17:00:00.123456Z", Some(1_795_366_800_123)),
            ("2026-11-22T17:00:00+00:00", Some(1_795_366_800_000)),
        ] {
            assert_eq!(unix_millis(text), millis, "{text}");
        }
        for text in [
            "",
            "2026-11-22",
            "2026-13-22T17:00:00Z",
            "2026-11-22T17:00:00+02:00",
            "2026-11-22T17:00:00.éZ",
            "99999999999999999999Z",
            "1969-12-31T00:00:00Z",
        ] {
            assert_eq!(unix_millis(text), None, "{text}");
        }
    }

    #[test]
    fn clocks_may_differ_by_minutes_and_not_by_hours() {
        assert!(!is_future(1_000 + AHEAD, 1_000));
        assert!(is_future(1_001 + AHEAD, 1_000));
    }

    #[test]
    fn the_figures_are_those_of_the_latest_arrivals() {
        let mut tally = Tally::default();
        assert_eq!(tally.latency(), None);
        for way in 1..=100 {
            tally.event(Table::Patients, Some(1_000), 1_000 + way);
        }
        let latency = Latency {
            median: 50,
            p95: 95,
            longest: 100,
        };
        assert_eq!(tally.latency(), Some(latency));
        // A database that is ahead of this device sends nothing from the future.
        tally.event(Table::Patients, Some(2_000), 1_000);
        assert_eq!(tally.events(Table::Patients), 101);
        for _ in 0..REMEMBERED {
            tally.event(Table::Patients, Some(1_000), 1_007);
        }
        assert_eq!(tally.latency().map(|latency| latency.longest), Some(7));
    }

    #[test]
    fn every_fault_is_counted_by_itself() {
        let mut tally = Tally::default();
        for fault in Fault::ALL {
            tally.fault(fault);
            assert_eq!(tally.faults(fault), 1, "{fault:?}");
        }
    }
}
