//! Passwords: bcrypt, off the threads that serve requests, and the same work whether the account exists or not.
//!
//! This module never sees an account, only a password and perhaps a hash.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// GoTrue's cost.
const COST: u32 = 10;
/// A hash that no password has, of the same cost: comparing with it takes as long as with a real one.
const NOBODY: &str = "$2b$10$C6UzMDM.H6dfI/f/IKcEeOsGcxn6fCbb2vD7PZ6jwOpEDF0pJ5bzK";
/// bcrypt reads no further.
pub(crate) const MAX_BYTES: usize = 72;
/// GoTrue's default.
pub(crate) const MIN_CHARS: usize = 6;

/// Hashes and compares, as many at once as there are cores, so that a burst of sign-ins leaves the rest responsive.
#[derive(Debug, Clone)]
pub(crate) struct Passwords {
    permits: Arc<Semaphore>,
}

/// Whether a password is the one that was hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Right,
    Wrong,
}

/// The machine could not hash: out of entropy or shutting down.
#[derive(Debug, thiserror::Error)]
#[error("hashing failed")]
pub(crate) struct HashingFailed;

impl Passwords {
    pub(crate) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            permits: Arc::new(Semaphore::new(cores)),
        }
    }

    /// Compares with a stored hash, or for the sake of time with nobody's.
    pub(crate) async fn verify(&self, password: String, hash: Option<String>) -> Verdict {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| NOBODY.to_owned());
        let right = self
            .off_thread(move || bcrypt::verify(password, &hash).unwrap_or(false))
            .await;
        match (known, right) {
            (true, Ok(true)) => Verdict::Right,
            _ => Verdict::Wrong,
        }
    }

    /// A new hash, salted.
    pub(crate) async fn hash(&self, password: String) -> Result<String, HashingFailed> {
        self.off_thread(move || bcrypt::hash(password, COST))
            .await?
            .map_err(|_| HashingFailed)
    }

    async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashingFailed> {
        let _permit = self.permits.acquire().await.map_err(|_| HashingFailed)?;
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| HashingFailed)
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )]
    use super::*;

    #[tokio::test]
    async fn a_hashed_password_verifies_and_no_other_does() {
        let passwords = Passwords::new();
        let hash = passwords.hash("bedside-demo".to_owned()).await.unwrap();
        let verify = |p: &str| passwords.verify(p.to_owned(), Some(hash.clone()));
        assert_eq!(verify("bedside-demo").await, Verdict::Right);
        assert_eq!(verify("bedside-demo ").await, Verdict::Wrong);
    }

    #[tokio::test]
    async fn no_password_opens_an_account_that_is_not_there_and_the_work_is_done_all_the_same() {
        let parsed: bcrypt::HashParts = NOBODY.parse().unwrap();
        assert_eq!(parsed.get_cost(), COST);
        assert_eq!(
            Passwords::new().verify(String::new(), None).await,
            Verdict::Wrong
        );
    }

    #[tokio::test]
    async fn a_damaged_hash_is_a_wrong_password() {
        let verdict = Passwords::new()
            .verify("x".to_owned(), Some("not a hash".to_owned()))
            .await;
        assert_eq!(verdict, Verdict::Wrong);
    }
}
