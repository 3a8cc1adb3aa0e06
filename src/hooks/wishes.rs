//! What the signed-in person wants to be told and shown, on this browser: kept under their own id, so that the next one at the
//! same computer has their own.

use leptos::prelude::*;
use uuid::Uuid;

use crate::data::store;

/// Something that a person wants or not. From [`Wishes`].
#[derive(Clone, Copy)]
pub struct Wish {
    key: StoredValue<String>,
    wanted: RwSignal<bool>,
}

impl Wish {
    fn kept(name: &str, user: Uuid) -> Self {
        let key = format!("bedside.{name}.{user}");
        let wanted = matches!(store::read(&key), Ok(Some(_)));
        Self {
            key: StoredValue::new(key),
            wanted: RwSignal::new(wanted),
        }
    }

    /// Whether it is wanted. Tracked.
    pub fn get(self) -> bool {
        self.wanted.get()
    }

    /// Whether it is wanted, for once.
    pub fn get_untracked(self) -> bool {
        self.wanted.get_untracked()
    }

    /// Wants it from here on, or not any more.
    pub fn toggle(self) {
        self.wanted.update(|wanted| *wanted = !*wanted);
        let wanted = self.wanted.get_untracked();
        self.key.with_value(|key| {
            if wanted {
                // A wish that is not kept holds until the next load.
                let _ = store::write(key, "yes");
            } else {
                store::remove(key);
            }
        });
    }
}

/// All wishes of one person. From context, inside the frame.
#[derive(Clone, Copy)]
pub struct Wishes {
    /// No word on the screen about what others do; the inbox and the count remain.
    pub quiet: Wish,
    /// A word from the system while the tab is hidden.
    pub system: Wish,
    /// The panel for developers.
    pub devtools: Wish,
}

impl Wishes {
    /// As this browser keeps them.
    pub fn of(user: Uuid) -> Self {
        Self {
            quiet: Wish::kept("quiet", user),
            system: Wish::kept("system-notifications", user),
            devtools: Wish::kept("devtools", user),
        }
    }
}
