//! Runs many histories and says which diverge: `bedside-simulation --seeds N [--from S] [--bug NAME]`.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bedside_simulation::{Bug, Divergence, run};

struct Wanted {
    from: u64,
    seeds: u64,
    bug: Option<Bug>,
}

fn main() -> ExitCode {
    match wanted(std::env::args().skip(1)) {
        Ok(wanted) => simulate(&wanted),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn wanted(mut words: impl Iterator<Item = String>) -> Result<Wanted, String> {
    let mut wanted = Wanted {
        from: 0,
        seeds: 2_000,
        bug: None,
    };
    while let Some(word) = words.next() {
        let value = words
            .next()
            .ok_or_else(|| format!("{word} needs a value"))?;
        let number = || {
            value
                .parse::<u64>()
                .map_err(|_| format!("{word} takes a number"))
        };
        match word.as_str() {
            "--from" => wanted.from = number()?,
            "--seeds" => wanted.seeds = number()?,
            "--bug" => {
                let known = || Bug::ALL.map(Bug::name).join(", ");
                wanted.bug =
                    Some(Bug::named(&value).ok_or_else(|| {
                        format!("no bug is called {value}; there are {}", known())
                    })?);
            }
            _ => {
                return Err(format!(
                    "{word} is unknown; there are --seeds, --from and --bug"
                ));
            }
        }
    }
    Ok(wanted)
}

fn simulate(wanted: &Wanted) -> ExitCode {
    let begun = Instant::now();
    let next = AtomicU64::new(0);
    let first: Mutex<Option<(u64, Divergence)>> = Mutex::new(None);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let found = || {
                        first
                            .lock()
                            .unwrap_or_else(std::sync::PoisonError::into_inner)
                    };
                    if number >= wanted.seeds || found().is_some() {
                        return;
                    }
                    if let Err(divergence) = run(wanted.from + number, wanted.bug) {
                        let mut first = found();
                        let seed = wanted.from + number;
                        if first.as_ref().is_none_or(|(earlier, _)| *earlier > seed) {
                            *first = Some((seed, divergence));
                        }
                    }
                }
            });
        }
        let mut said = Instant::now();
        while next.load(Ordering::Relaxed) < wanted.seeds
            && first.lock().is_ok_and(|first| first.is_none())
        {
            std::thread::sleep(Duration::from_millis(50));
            if said.elapsed() >= Duration::from_secs(5) {
                said = Instant::now();
                eprintln!(
                    "{} of {} seeds",
                    next.load(Ordering::Relaxed).min(wanted.seeds),
                    wanted.seeds
                );
            }
        }
    });
    let done = next.load(Ordering::Relaxed).min(wanted.seeds);
    let rate = done as f64 / begun.elapsed().as_secs_f64().max(0.001);
    let found = first
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    match found {
        None => {
            println!("{done} seeds, {rate:.0} seeds/s, none diverged");
            ExitCode::SUCCESS
        }
        Some((seed, divergence)) => {
            println!(
                "{done} seeds, {rate:.0} seeds/s, first divergence: seed {seed} at {} ms: {}",
                divergence.at, divergence.what
            );
            ExitCode::FAILURE
        }
    }
}
