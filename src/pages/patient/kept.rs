//! What is typed about a patient outlives the page: it is kept while one types, and taken up again when one comes back.

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::components::{Banner, Shape, Toasts, Tone};
use crate::data::{Auth, AuthState};
use crate::hooks::Me;
use crate::model::PatientField;
use crate::sync::kept_drafts::{KeptDraft, Left};

/// What is kept of a page's typing. Copy it freely.
#[derive(Clone, Copy)]
pub struct Kept {
    /// Whether something typed before came back.
    pub came_back: RwSignal<bool>,
    draft: Option<StoredValue<KeptDraft, LocalStorage>>,
    done: StoredValue<bool>,
}

impl Kept {
    /// All of it is saved, or given up: there is nothing to come back to.
    pub fn done(self) {
        self.done.try_set_value(true);
        if let Some(draft) = self.draft.and_then(|draft| draft.try_get_value()) {
            draft.keep(Vec::new());
        }
    }
}

/// Keeps `typed` under the record's name and hands back to `resume` what was left there before. `about` names the record to whoever
/// leaves it with something typed.
pub fn use_kept(
    record: String,
    typed: Signal<Vec<Left>>,
    resume: impl Fn(Vec<Left>) + 'static,
    about: impl Fn() -> String + Send + Sync + 'static,
) -> Kept {
    let came_back = RwSignal::new(false);
    let toasts = use_context::<Toasts>().unwrap_or_default();
    let auth = use_context::<Auth>();
    let done = StoredValue::new(false);
    let draft = use_context::<Me>()
        .and_then(|me| me.user.try_with_value(|user| user.id))
        .map(|user| StoredValue::new_local(KeptDraft::of(user, &record)));
    // Nothing is written before it is known what was left: an empty page must not wipe it.
    let known = RwSignal::new(false);
    if let Some(draft) = draft.and_then(|draft| draft.try_get_value()) {
        spawn_local(async move {
            let left = draft.left().await;
            // The person may be gone again.
            if known.is_disposed() {
                return;
            }
            if !left.is_empty() {
                resume(left);
                came_back.set(typed.with_untracked(|typed| !typed.is_empty()));
            }
            known.set(true);
        });
    }
    Effect::new(move |_| {
        let left = typed.get();
        if known.get()
            && !done.get_value()
            && let Some(draft) = draft
        {
            draft.with_value(|draft| draft.keep(left));
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
            toasts.done(format!(
                "What you typed about {about} is kept until you come back."
            ));
        }
    });
    Kept {
        came_back,
        draft,
        done,
    }
}

/// A field of a patient by its column, as it is kept.
pub fn by_column((field, base, typed): (PatientField, String, String)) -> Left {
    (field.column().to_owned(), base, typed)
}

/// The field that was kept, if this build knows it.
pub fn of_column((column, base, typed): Left) -> Option<(PatientField, String, String)> {
    Some((PatientField::of_column(&column)?, base, typed))
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
