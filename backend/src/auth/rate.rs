//! How often tokens may be asked for: a bucket of permits that fills slowly. GoTrue keeps one for each address; here everybody
//! comes from loopback, so there is one. It knows time and numbers only.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::error::AuthError;

/// As long as a full bucket lasts whoever asks evenly.
const PERIOD: Duration = Duration::from_secs(5 * 60);

/// The limit; without one everything is let through.
#[derive(Debug)]
pub(crate) struct Rate {
    bucket: Option<Mutex<Bucket>>,
}

#[derive(Debug)]
struct Bucket {
    size: f64,
    permits: f64,
    filled: Instant,
}

impl Rate {
    /// So many at once, and as many again in five minutes.
    pub(crate) fn new(limit: Option<u32>) -> Self {
        let bucket = |limit: u32| {
            Mutex::new(Bucket {
                size: limit.into(),
                permits: limit.into(),
                filled: Instant::now(),
            })
        };
        Self {
            bucket: limit.map(bucket),
        }
    }

    /// Takes a permit, or refuses as GoTrue does.
    pub(crate) fn take(&self) -> Result<(), AuthError> {
        let Some(bucket) = &self.bucket else {
            return Ok(());
        };
        let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
        match bucket.take(Instant::now()) {
            true => Ok(()),
            false => Err(AuthError::RateLimited),
        }
    }
}

impl Bucket {
    fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.filled);
        let gained = self.size * passed.as_secs_f64() / PERIOD.as_secs_f64();
        self.permits = (self.permits + gained).min(self.size);
        self.filled = now;
        let there = self.permits >= 1.0;
        if there {
            self.permits -= 1.0;
        }
        there
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_let_through_and_then_one_at_a_time() {
        let start = Instant::now();
        let mut bucket = Bucket {
            size: 30.0,
            permits: 30.0,
            filled: start,
        };
        let let_through = (0..100).filter(|_| bucket.take(start)).count();
        assert_eq!(let_through, 30);
        assert!(!bucket.take(start + Duration::from_secs(9)));
        assert!(bucket.take(start + Duration::from_secs(11)));
        assert!(!bucket.take(start + Duration::from_secs(11)));
    }

    #[test]
    fn a_long_rest_fills_the_bucket_and_no_more() {
        let start = Instant::now();
        let mut bucket = Bucket {
            size: 2.0,
            permits: 0.0,
            filled: start,
        };
        let later = start + PERIOD * 10;
        assert_eq!((0..5).filter(|_| bucket.take(later)).count(), 2);
    }
}
