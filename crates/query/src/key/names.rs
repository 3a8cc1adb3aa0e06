//! The names of properties in interned objects, each text once. A cache with ten thousand filters of the same shape holds their
//! names once, and looking one of them up finds the names where the last look-up left them. Knows only text.

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

#[derive(Default)]
pub(super) struct Names(HashTable<Name>);

struct Name {
    text: Arc<str>,
    uses: u32,
}

fn hash(text: &str) -> u64 {
    FxBuildHasher.hash_one(text)
}

impl Names {
    /// The one handle on this text, with one more use.
    pub(super) fn acquire(&mut self, text: &Arc<str>) -> Arc<str> {
        let hashed = hash(text);
        if let Some(name) = self.0.find_mut(hashed, |name| name.text == *text) {
            name.uses = name.uses.saturating_add(1);
            return Arc::clone(&name.text);
        }
        let name = Name {
            text: Arc::clone(text),
            uses: 1,
        };
        self.0.insert_unique(hashed, name, |name| hash(&name.text));
        Arc::clone(text)
    }

    /// Gives back one use; the last one forgets the text.
    pub(super) fn release(&mut self, text: &Arc<str>) {
        if let Ok(mut entry) = self.0.find_entry(hash(text), |name| name.text == *text) {
            let name = entry.get_mut();
            name.uses = name.uses.saturating_sub(1);
            if name.uses == 0 {
                entry.remove();
            }
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
