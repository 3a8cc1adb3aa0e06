//! What is typed in a record and not saved outlives the page: it is kept while one types, and taken up again when one comes back.

pub mod slot;

use futures::future::LocalBoxFuture;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::components::{Banner, Shape, Toasts, Tone};
use crate::data::{Auth, AuthState};
use crate::hooks::Me;
use crate::sync::kept_drafts::{DraftDisk, KeptDraft, Left};

use self::slot::Slot;

/// What is kept of a page's typing. Copy it freely.
#[derive(Clone, Copy)]
pub struct Kept {
    /// Whether something typed before came back.
    pub came_back: RwSignal<bool>,
    draft: StoredValue<Option<KeptDraft>, LocalStorage>,
    done: StoredValue<bool>,
}

impl Kept {
    /// All of it is saved, or given up: there is nothing to come back to.
    pub fn done(self) {
        self.done.try_set_value(true);
        if let Some(draft) = self.draft.try_get_value().flatten() {
            draft.keep(Vec::new());
        }
    }
}

/// The drafts of the person who is signed in.
pub fn use_draft_disk() -> Option<DraftDisk> {
    let me = use_context::<Me>()?;
    me.user.try_with_value(|user| DraftDisk::of(user.id))
}

/// Keeps `typed` in a draft and hands back to `resume` what was left there before. `about` names the record to whoever leaves it with
/// something typed.
pub fn use_kept(
    slot: LocalBoxFuture<'static, Slot>,
    typed: Signal<Vec<Left>>,
    resume: impl Fn(Vec<Left>) + 'static,
    about: impl Fn() -> String + Send + Sync + 'static,
) -> Kept {
    let came_back = RwSignal::new(false);
    let toasts = use_context::<Toasts>().unwrap_or_default();
    let auth = use_context::<Auth>();
    let done = StoredValue::new(false);
    let draft = StoredValue::new_local(None::<KeptDraft>);
    // No other form has this draft until the page is left.
    let turn = StoredValue::new_local(None);
    // Nothing is written before it is known what was left: an empty page must not wipe it.
    let known = RwSignal::new(false);
    let refused = RwSignal::new(false);
    if let Some(disk) = use_draft_disk() {
        spawn_local(async move {
            let Slot {
                record,
                turn: taken,
            } = slot.await;
            let kept = KeptDraft::of(disk, record);
            let left = kept.left().await;
            // The person may be gone again.
            if known.is_disposed() {
                return;
            }
            turn.set_value(taken);
            match left {
                Ok(left) => {
                    if !left.is_empty() {
                        resume(left);
                        came_back.set(typed.with_untracked(|typed| !typed.is_empty()));
                    }
                    draft.set_value(Some(kept));
                    known.set(true);
                }
                Err(_) => refused.set(true),
            }
        });
    }
    Effect::new(move |_| {
        let left = typed.get();
        if known.get() && !done.get_value() {
            draft.with_value(|draft| {
                if let Some(draft) = draft {
                    draft.keep(left);
                }
            });
        }
    });
    Effect::new(move |_| {
        if known.get()
            && let Some(draft) = draft.get_value()
        {
            refused.set(draft.refused().get());
        }
    });
    let lost = Memo::new(move |_| refused.get() && typed.with(|typed| !typed.is_empty()));
    Effect::new(move |_| {
        if lost.get() {
            toasts.failed(
                "This browser can't keep what you type at the moment. Save it before you leave this page.",
            );
        }
    });
    on_cleanup(move || {
        // On another page of the app it is kept, and the person is told.
        let signed_in = auth
            .as_ref()
            .is_some_and(|auth| matches!(auth.state().get_untracked(), AuthState::SignedIn(_)));
        let typing = typed.try_with_untracked(|typed| !typed.is_empty()) == Some(true);
        if signed_in && typing && done.try_get_value() == Some(false) {
            let about = about();
            if refused.try_get_untracked() == Some(false) {
                toasts.done(format!(
                    "What you typed about {about} is kept until you come back."
                ));
            } else {
                toasts.failed(format!("What you typed about {about} could not be kept."));
            }
        }
    });
    Kept {
        came_back,
        draft,
        done,
    }
}

/// Says that what is in the fields is not what is stored.
#[component]
pub fn CameBack() -> impl IntoView {
    view! {
        <Banner tone=Tone::Accent shape=Shape::Pen>
            "This is what you typed before and did not save."
        </Banner>
    }
}
