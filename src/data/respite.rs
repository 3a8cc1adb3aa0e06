//! How long the auth service is left alone after it failed to answer. However many ask for a token meanwhile, it hears of none of
//! them. Pure: time in, a word out.

use std::time::Duration;

use super::AuthError;
use super::clock::Moment;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// The time after a failure.
#[derive(Debug, Default)]
pub struct Respite {
    failures: u32,
    ends: Option<(Moment, AuthError)>,
}

impl Respite {
    /// The failure that whoever asks now hears of, without asking the service again.
    pub fn failure(&self, now: Moment) -> Option<AuthError> {
        self.ends
            .as_ref()
            .filter(|(ends, _)| now < *ends)
            .map(|(_, error)| error.clone())
    }

    /// The service failed, and may do better later.
    pub fn failed(&mut self, error: &AuthError, now: Moment) {
        let wait = FIRST.saturating_mul(1 << self.failures.min(5)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        self.ends = Some((now.after(wait), error.clone()));
    }

    /// It answered, or the network is back: the next who asks may ask it.
    pub fn end(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::from_millis(seconds * 1_000)
    }

    #[test]
    fn a_service_that_is_down_is_asked_ever_less_often_but_never_given_up() {
        let mut respite = Respite::default();
        let (mut asked, mut now) = (Vec::new(), 0);
        while now < 200 {
            if respite.failure(at(now)).is_none() {
                asked.push(now);
                respite.failed(&AuthError::Offline, at(now));
            }
            now += 1;
        }
        assert_eq!(asked, [0, 1, 3, 7, 15, 31, 61, 91, 121, 151, 181]);
    }

    #[test]
    fn an_answer_or_a_network_that_is_back_ends_the_wait() {
        let mut respite = Respite::default();
        respite.failed(&AuthError::Offline, at(0));
        assert_eq!(respite.failure(at(0)), Some(AuthError::Offline));
        respite.end();
        assert_eq!(respite.failure(at(0)), None);
    }
}
