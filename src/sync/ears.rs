//! Who else hears what the feed says, besides the cache: hooks with callbacks, notifications. Knows what can be said; never
//! what it means.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bedside_realtime::BindingEvent;
use uuid::Uuid;

use super::core::Lost;
use super::registry::Table;
use crate::data::Written;
use crate::model::Version;

/// Own writes that are remembered until their echo comes.
const OWN: usize = 200;

/// What is said.
#[derive(Clone, Copy)]
pub enum Word<'a> {
    /// A table's binding said something.
    Said(Table, &'a BindingEvent),
    /// The person's own write was accepted.
    Wrote(Written),
    /// The person may not see this any more.
    Lost(&'a Lost),
    /// Somebody else is signed in, or nobody.
    Forget,
}

type Ear = Arc<dyn Fn(Word<'_>) + Send + Sync>;

/// All who hear. Clones share the list.
#[derive(Clone, Default)]
pub struct Ears(Arc<Mutex<Held>>);

#[derive(Default)]
struct Held {
    ears: Vec<(u64, Ear)>,
    numbers: u64,
    own: VecDeque<Written>,
}

/// Hears for as long as it lives.
#[must_use = "dropping it ends the hearing"]
pub struct Hearing {
    held: Weak<Mutex<Held>>,
    number: u64,
}

impl Drop for Hearing {
    fn drop(&mut self) {
        if let Some(held) = self.held.upgrade() {
            lock(&held)
                .ears
                .retain(|(number, _)| *number != self.number);
        }
    }
}

impl Ears {
    /// Calls back with every word until the answer is dropped.
    pub fn add(&self, ear: impl Fn(Word<'_>) + Send + Sync + 'static) -> Hearing {
        let mut held = lock(&self.0);
        held.numbers = held.numbers.wrapping_add(1);
        let number = held.numbers;
        held.ears.push((number, Arc::new(ear)));
        Hearing {
            held: Arc::downgrade(&self.0),
            number,
        }
    }

    /// Says a word to all. Those who hear may add and drop others meanwhile.
    pub fn say(&self, word: Word<'_>) {
        let ears: Vec<Ear> = {
            let mut held = lock(&self.0);
            match word {
                Word::Wrote(written) => {
                    held.own.push_back(written);
                    if held.own.len() > OWN {
                        held.own.pop_front();
                    }
                }
                Word::Forget => held.own.clear(),
                Word::Said(..) | Word::Lost(_) => {}
            }
            held.ears.iter().map(|(_, ear)| Arc::clone(ear)).collect()
        };
        for ear in ears {
            ear(word);
        }
    }

    /// Whether this page wrote that version of a row.
    pub fn is_own(&self, table: &str, id: Uuid, version: Version) -> bool {
        lock(&self.0)
            .own
            .iter()
            .any(|own| own.table == table && own.id == id && own.version == version)
    }
}

fn lock(held: &Mutex<Held>) -> std::sync::MutexGuard<'_, Held> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN: Written = Written {
        table: "patients",
        id: Uuid::from_u128(7),
        version: 3,
    };

    fn is_own(ears: &Ears, version: Version) -> bool {
        ears.is_own(WRITTEN.table, WRITTEN.id, version)
    }

    #[test]
    fn who_no_longer_listens_is_not_called() {
        let ears = Ears::default();
        let count = Arc::new(Mutex::new(0));
        let counted = Arc::clone(&count);
        let hearing = ears.add(move |_| {
            *counted.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        });
        ears.say(Word::Forget);
        drop(hearing);
        ears.say(Word::Forget);
        assert_eq!(*count.lock().unwrap_or_else(PoisonError::into_inner), 1);
    }

    #[test]
    fn an_own_write_is_known_by_its_version_and_not_beyond_its_author() {
        let ears = Ears::default();
        ears.say(Word::Wrote(WRITTEN));
        assert!(is_own(&ears, 3));
        assert!(!is_own(&ears, 4), "a later version is somebody else's");
        ears.say(Word::Forget);
        assert!(!is_own(&ears, 3));
    }
}
