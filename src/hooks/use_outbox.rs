//! What is saved and not on the server yet, as components want it.

use leptos::prelude::*;

use crate::sync::outbox::{Outbox, View};

/// The outbox and what it holds.
#[derive(Clone)]
pub struct UseOutbox {
    pub outbox: Outbox,
    pub view: ArcReadSignal<View>,
}

impl UseOutbox {
    /// How many saves are not on the server yet, those that wait for a person included. Tracked.
    pub fn unsent(&self) -> usize {
        self.view.with(|view| view.entries.len())
    }
}

/// The outbox from context. `None` outside the app.
///
/// ```
/// use bedside::hooks::use_outbox;
/// use bedside::sync::outbox::Change;
///
/// async fn save(change: Change) {
///     if let Some(outbox) = use_outbox() {
///         // On the screen at once; here is how it went.
///         let outcome = outbox.outbox.save(change).outcome().await;
///         println!("{outcome:?}");
///     }
/// }
/// ```
pub fn use_outbox() -> Option<UseOutbox> {
    let outbox = use_context::<Outbox>()?;
    let view = outbox.view();
    Some(UseOutbox { outbox, view })
}
