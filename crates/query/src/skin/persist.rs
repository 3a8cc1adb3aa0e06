//! Keeping the cache across sessions (rules 112 to 114). Where it is kept is a trait; when, how old it may be, and what
//! happens if it does not fit is decided here.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Duration;

use futures::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};

use super::client::{Inner, QueryClient};
use super::events::Listening;
use super::hydrate::Dehydrated;
use crate::core::event::{Action, EventKind};
use crate::core::time::Time;

/// Why a persister did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PersistError {
    /// It does not fit. The oldest query is left out, and it is tried again.
    #[error("the store is full")]
    Full,
    /// The store cannot be used. The cache works on without it.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
}

/// Keeps one text. Encryption, if any, is its business.
///
/// ```
/// use bedside_query::{PersistError, PersistOptions, Persister, QueryClient};
/// use futures::{FutureExt, future::LocalBoxFuture};
///
/// struct Nowhere;
///
/// impl Persister for Nowhere {
///     fn save(&self, _: String) -> LocalBoxFuture<'static, Result<(), PersistError>> { async { Ok(()) }.boxed_local() }
///     fn load(&self) -> LocalBoxFuture<'static, Result<Option<String>, PersistError>> { async { Ok(None) }.boxed_local() }
///     fn remove(&self) -> LocalBoxFuture<'static, Result<(), PersistError>> { async { Ok(()) }.boxed_local() }
/// }
///
/// let client = QueryClient::default();
/// let persistence = client.persist(Nowhere, PersistOptions::default().buster("version 3, user 7"));
/// assert_eq!(persistence.last_error(), None);
/// ```
pub trait Persister {
    /// Puts the text in the place of the one that is kept.
    fn save(&self, text: String) -> LocalBoxFuture<'static, Result<(), PersistError>>;

    /// The text that is kept.
    fn load(&self) -> LocalBoxFuture<'static, Result<Option<String>, PersistError>>;

    /// Forgets the text.
    fn remove(&self) -> LocalBoxFuture<'static, Result<(), PersistError>>;
}

/// How a cache is kept.
#[derive(Clone, Debug)]
#[must_use]
pub struct PersistOptions {
    buster: String,
    max_age: Duration,
    throttle: Duration,
}

impl Default for PersistOptions {
    fn default() -> Self {
        Self {
            buster: String::new(),
            max_age: Duration::from_secs(24 * 60 * 60),
            throttle: Duration::from_secs(1),
        }
    }
}

impl PersistOptions {
    /// What was kept under another text is dropped: say the app's version, or whose data it is. Default: empty.
    pub fn buster(self, buster: impl Into<String>) -> Self {
        Self {
            buster: buster.into(),
            ..self
        }
    }

    /// What is older than this is dropped. Default: 24 hours. Give queries a gc time at least as long.
    pub fn max_age(self, max_age: Duration) -> Self {
        Self { max_age, ..self }
    }

    pub(super) fn kept_under(&self) -> &str {
        &self.buster
    }

    /// Whether what was kept at a time under a buster may come back (rule 112).
    pub(super) fn accept(&self, buster: &str, kept_at: Time, now: Time) -> bool {
        buster == self.buster && now < kept_at.after(self.max_age)
    }

    /// It is saved this long after a change, not at each one. Default: one second.
    pub fn throttle(self, throttle: Duration) -> Self {
        Self { throttle, ..self }
    }
}

/// What is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    timestamp: Time,
    buster: String,
    state: Dehydrated,
}

/// A cache that is being kept; ends, without a last save, when dropped.
#[must_use = "dropping it ends the keeping"]
pub struct Persistence {
    keeper: Rc<Keeper>,
    _listening: Listening,
}

struct Keeper {
    client: Weak<Inner>,
    persister: Rc<dyn Persister>,
    options: PersistOptions,
    /// A save is due.
    due: Cell<bool>,
    /// A save runs; one more is owed if something changed meanwhile.
    saving: Cell<bool>,
    owed: Cell<bool>,
    last_error: RefCell<Option<PersistError>>,
}

impl QueryClient {
    /// Restores what the persister keeps and keeps the cache in it from then on. While it restores, observers wait and
    /// fetch nothing (rule 114); what is too old, of another buster, or unreadable is removed (rule 112).
    ///
    /// One cache has one persister; a second takes the first one's place.
    pub fn persist(
        &self,
        persister: impl Persister + 'static,
        options: PersistOptions,
    ) -> Persistence {
        let keeper = Rc::new(Keeper {
            client: self.downgrade(),
            persister: Rc::new(persister),
            options,
            due: Cell::new(false),
            saving: Cell::new(false),
            owed: Cell::new(false),
            last_error: RefCell::new(None),
        });
        self.surroundings(|around| around.restoring = true);
        let restoring = Rc::downgrade(&keeper);
        let inner = self.downgrade();
        let load = keeper.persister.load();
        self.inner.runtime.spawn(Box::pin(async move {
            let loaded = load.await;
            if let Some(keeper) = restoring.upgrade() {
                keeper.restore(loaded);
            }
            if let Some(inner) = inner.upgrade() {
                Self::from_inner(inner).surroundings(|around| around.restoring = false);
            }
        }));
        let saves = Rc::downgrade(&keeper);
        self.inner.on_save.replace(Some(Rc::new(move || {
            if let Some(keeper) = saves.upgrade() {
                keeper.due.set(false);
                Keeper::save(&keeper);
            }
        })));
        let noticing = Rc::downgrade(&keeper);
        let listening = self.listen(move |event| {
            // Only what changes the kept text (rule 113).
            let matters = match &event.kind {
                EventKind::Added(_)
                | EventKind::ObserverAdded(_)
                | EventKind::ObserverRemoved(_)
                | EventKind::ObserverOptions(_) => false,
                EventKind::Updated(_, action) => {
                    matches!(
                        action,
                        Action::Success
                            | Action::Set
                            | Action::Patch
                            | Action::Reset
                            | Action::Error
                    )
                }
                _ => true,
            };
            if let Some(keeper) = noticing.upgrade().filter(|_| matters) {
                keeper.notice();
            }
        });
        Persistence {
            keeper,
            _listening: listening,
        }
    }
}

impl Keeper {
    fn client(&self) -> Option<QueryClient> {
        self.client.upgrade().map(QueryClient::from_inner)
    }

    fn restore(&self, loaded: Result<Option<String>, PersistError>) {
        let Some(client) = self.client() else { return };
        let text = match loaded {
            Ok(Some(text)) => text,
            Ok(None) => return,
            Err(error) => {
                self.last_error.replace(Some(error));
                return;
            }
        };
        let now = client.inner.runtime.now();
        let kept = serde_json::from_str::<Kept>(&text)
            .ok()
            .filter(|kept| self.options.accept(&kept.buster, kept.timestamp, now));
        match kept {
            Some(kept) => client.hydrate(kept.state),
            None => client.inner.runtime.spawn(Box::pin({
                let remove = self.persister.remove();
                async move {
                    // What cannot be removed is dropped again the next time.
                    let _ = remove.await;
                }
            })),
        }
    }

    fn notice(&self) {
        if let Some(client) = self.client().filter(|_| !self.due.replace(true)) {
            let delay = self.options.throttle;
            client.post(move |core| core.save_in(delay));
        }
    }

    fn save(keeper: &Rc<Self>) {
        if keeper.saving.replace(true) {
            keeper.owed.set(true);
            return;
        }
        let Some(client) = keeper.client() else {
            return;
        };
        let mut state = client.dehydrate();
        let timestamp = client.inner.runtime.now();
        let keeper = Rc::clone(keeper);
        client.inner.runtime.spawn(Box::pin(async move {
            // The newest first, so that what is left out when it does not fit is the oldest.
            state
                .queries
                .sort_by_key(|query| std::cmp::Reverse(query.updated_at));
            let mut kept = Kept {
                timestamp,
                buster: keeper.options.buster.clone(),
                state,
            };
            let saved = loop {
                let Ok(text) = serde_json::to_string(&kept) else {
                    break Err(PersistError::Unavailable(
                        "the state has no JSON form".to_string(),
                    ));
                };
                match keeper.persister.save(text).await {
                    Err(PersistError::Full) if kept.state.queries.pop().is_some() => {}
                    done => break done,
                }
            };
            keeper.last_error.replace(saved.err());
            keeper.saving.set(false);
            if keeper.owed.replace(false) {
                keeper.notice();
            }
        }));
    }
}

impl Persistence {
    /// Saves now, not when the throttle says so: for a page that is about to go.
    pub fn save_now(&self) {
        Keeper::save(&self.keeper);
    }

    /// Why the last save or load failed; `None` if it did not.
    #[must_use]
    pub fn last_error(&self) -> Option<PersistError> {
        self.keeper.last_error.borrow().clone()
    }
}
