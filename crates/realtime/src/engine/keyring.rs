//! The token in use: asked for before it is needed, renewed before it ends, never taken from a payload.

use super::clock::Dice;
use super::config::TokenPolicy;
use crate::token::{AccessToken, TokenError, TokenNeed};

/// A number that tells one held token from another.
pub(crate) type Generation = u64;

#[derive(Clone, Debug)]
enum Hold {
    /// Nobody has been asked yet.
    Unknown,
    /// Nobody is signed in: the API key's rights.
    Anonymous,
    Held(Held),
}

#[derive(Clone, Debug)]
struct Held {
    token: AccessToken,
    subject: Option<String>,
    expires: Option<u64>,
    renew: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Request {
    id: u64,
    deadline: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Keyring {
    policy: TokenPolicy,
    hold: Hold,
    generation: Generation,
    request: Option<Request>,
    requests: u64,
    refused: bool,
    /// The app says that there is a newer one.
    told: bool,
    retry_at: Option<u64>,
    failures: u32,
}

/// What a new answer of the source means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenNews {
    /// Nothing to do.
    Same,
    /// The same person with a fresh token, or the first token at all.
    Fresh,
    /// Another person, or nobody any more.
    OtherIdentity,
    /// The source has none, and says that it is final.
    Ended,
}

/// A token this close to its end is not used for a join: it would end during it.
const MARGIN: u64 = 5_000;
/// Ten years: whatever a token claims beyond that, it is not waited for.
const LONGEST_LIFE: u64 = 315_360_000_000;
/// A source that does not answer is asked again.
const PATIENCE: u64 = 20_000;

impl Keyring {
    pub fn new(policy: TokenPolicy) -> Self {
        Self {
            policy,
            hold: if policy == TokenPolicy::ApiKey {
                Hold::Anonymous
            } else {
                Hold::Unknown
            },
            generation: 0,
            request: None,
            requests: 0,
            refused: false,
            told: false,
            retry_at: None,
            failures: 0,
        }
    }

    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// The token for a join now. The outer `None`: wait for one. The inner `None`: join with the API key.
    #[allow(clippy::option_option)]
    pub fn for_join(&self, now: u64) -> Option<Option<&str>> {
        match &self.hold {
            Hold::Unknown => None,
            Hold::Anonymous => Some(None),
            Hold::Held(held) => {
                let fresh = held
                    .expires
                    .is_none_or(|expires| expires > now.saturating_add(MARGIN));
                (fresh && !self.refused).then(|| Some(held.token.jwt()))
            }
        }
    }

    pub fn jwt(&self) -> Option<&str> {
        match &self.hold {
            Hold::Held(held) => Some(held.token.jwt()),
            Hold::Unknown | Hold::Anonymous => None,
        }
    }

    /// The server refused it.
    pub fn refuse(&mut self) {
        if matches!(self.hold, Hold::Held(_)) {
            self.refused = true;
        }
    }

    /// The app has a new one.
    pub fn changed(&mut self) {
        if self.policy == TokenPolicy::Source {
            self.request = None;
            self.retry_at = None;
            self.failures = 0;
            self.told = true;
            match &mut self.hold {
                Hold::Held(held) => held.renew = Some(0),
                Hold::Anonymous => self.hold = Hold::Unknown,
                Hold::Unknown => {}
            }
        }
    }

    /// Forgets everything: another person may be next.
    pub fn forget(&mut self) {
        *self = Self {
            requests: self.requests,
            generation: self.generation + 1,
            ..Self::new(self.policy)
        };
    }

    /// What to ask the source now, if anything, and under which number.
    pub fn ask(&mut self, now: u64) -> Option<(u64, TokenNeed)> {
        if self.policy == TokenPolicy::ApiKey || self.retry_at.is_some_and(|at| at > now) {
            return None;
        }
        if let Some(request) = self.request {
            if request.deadline > now {
                return None;
            }
            self.failures = self.failures.saturating_add(1);
        }
        let need = match &self.hold {
            Hold::Unknown => TokenNeed::Join,
            Hold::Anonymous => return None,
            // The refused one is not the newest any more: asking for another than that would cost a renewal, whose news would come here
            // again, and so on for ever.
            Hold::Held(_) if self.refused && self.told => TokenNeed::Renew,
            Hold::Held(_) if self.refused => TokenNeed::Refused,
            Hold::Held(held)
                if held
                    .expires
                    .is_some_and(|at| at <= now.saturating_add(MARGIN)) =>
            {
                TokenNeed::Renew
            }
            Hold::Held(held) if held.renew.is_some_and(|at| at <= now) => TokenNeed::Renew,
            Hold::Held(_) => return None,
        };
        self.requests += 1;
        self.retry_at = None;
        self.request = Some(Request {
            id: self.requests,
            deadline: now.saturating_add(PATIENCE),
        });
        Some((self.requests, need))
    }

    /// When to look again.
    pub fn due(&self) -> Option<u64> {
        if self.policy == TokenPolicy::ApiKey {
            return None;
        }
        if let Some(request) = self.request {
            return Some(request.deadline);
        }
        if let Some(at) = self.retry_at {
            return Some(at);
        }
        match &self.hold {
            Hold::Unknown => Some(0),
            Hold::Anonymous => None,
            Hold::Held(_) if self.refused => Some(0),
            Hold::Held(held) => {
                let end = held.expires.map(|at| at.saturating_sub(MARGIN));
                [held.renew, end].into_iter().flatten().min()
            }
        }
    }

    /// The source's answer to request `id`; answers to older requests are ignored.
    pub fn answer(
        &mut self,
        id: u64,
        answer: Result<Option<AccessToken>, TokenError>,
        now: u64,
        wall: u64,
        dice: &mut Dice,
    ) -> TokenNews {
        if self.request.take_if(|request| request.id == id).is_none() {
            return TokenNews::Same;
        }
        self.told = false;
        let token = match answer {
            Ok(token) => token,
            Err(TokenError::SessionEnded) => return TokenNews::Ended,
            Err(TokenError::Unavailable) => {
                self.retry(now, dice);
                return TokenNews::Same;
            }
        };
        let Some(token) = token else {
            let news = if matches!(self.hold, Hold::Held(_)) {
                TokenNews::OtherIdentity
            } else {
                TokenNews::Fresh
            };
            self.hold = Hold::Anonymous;
            (self.refused, self.failures) = (false, 0);
            self.generation += 1;
            return news;
        };
        let left = token.left_ms(wall).map(|left| left.min(LONGEST_LIFE));
        let mut held = Held {
            subject: token.subject(),
            expires: left.map(|left| now.saturating_add(left)),
            renew: left.map(|left| now + left * 3 / 4 + dice.up_to(left / 10)),
            token,
        };
        let news = match &self.hold {
            Hold::Held(old) if old.token.jwt() == held.token.jwt() => {
                // The source has no newer one. Ask again half-way to the end, and believe the earlier end.
                held.expires = [old.expires, held.expires].into_iter().flatten().min();
                if self.refused
                    || held
                        .expires
                        .is_some_and(|at| at <= now.saturating_add(MARGIN))
                {
                    self.retry(now, dice);
                }
                held.renew = held
                    .expires
                    .map(|at| now + (at.saturating_sub(now) / 2).max(MARGIN));
                self.hold = Hold::Held(held);
                return TokenNews::Same;
            }
            Hold::Held(old) if old.subject != held.subject => TokenNews::OtherIdentity,
            _ => TokenNews::Fresh,
        };
        self.hold = Hold::Held(held);
        (self.refused, self.failures) = (false, 0);
        self.generation += 1;
        news
    }

    fn retry(&mut self, now: u64, dice: &mut Dice) {
        self.failures = self.failures.saturating_add(1);
        let window = 1_000_u64.saturating_mul(1 << self.failures.min(5));
        self.retry_at = Some(now.saturating_add(500 + dice.up_to(window.min(30_000))));
    }
}
