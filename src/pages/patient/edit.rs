//! Changing a patient's record while others may be changing it too: nothing typed is lost, nothing of theirs is overwritten unseen.

use futures::FutureExt;
use leptos::ev::{self, SubmitEvent};
use leptos::prelude::*;
use leptos::task::spawn_local;
use uuid::Uuid;

use super::draft_field::{DraftField, PatientDraft, by_column, field_id, of_column};
use super::reopen::use_reopened;
use crate::components::outbox_status::waiting;
use crate::components::paint::painted;
use crate::components::phrase::{self, Phrase};
use crate::components::time::today;
use crate::components::{Authors, Banner, EditedTogether, Shape, Toasts, Together, Tone, focus_on};
use crate::data::DataError;
use crate::hooks::{Reading, Record, use_outbox};
use crate::model::{Draft, Patient, PatientField, Sent};
use crate::pages::drafts::{CameBack, slot, use_draft_disk, use_kept};
use crate::sync::outbox::saves::patient_draft;
use crate::sync::outbox::{Change, Outbox, Outcome as Saved, Saving};

/// How the last save went.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    /// Not tried since the last change.
    None,
    Saving,
    /// The same field was changed on both sides.
    NeedsChoice,
    Failed(DataError),
}

/// A save between the press of its button and the outbox, for the time of one frame: the button answers first. Whatever comes in between
/// hands it over at once, so that a tab that is closed takes nothing with it. Clones share it.
#[derive(Clone, Default)]
struct Begun(ArcStoredValue<Way>);

#[derive(Default)]
enum Way {
    #[default]
    Nothing,
    /// Waits for its frame; in the place of a save that was stopped, if there is one.
    Waiting(Option<Uuid>, Change),
    HandedOver(Saving),
}

impl Begun {
    fn begin(&self, former: Option<Uuid>, change: Change) {
        self.0.set_value(Way::Waiting(former, change));
    }

    /// Gives the outbox what waits; nothing, if nothing does.
    fn hand_over(&self, outbox: Option<&Outbox>) {
        let Some(outbox) = outbox else { return };
        let next = match self.take() {
            Way::Waiting(Some(former), change) => {
                Way::HandedOver(outbox.save_instead(former, change))
            }
            Way::Waiting(None, change) => Way::HandedOver(outbox.save(change)),
            other => other,
        };
        self.0.set_value(next);
    }

    fn handed_over(&self) -> Option<Saving> {
        match self.take() {
            Way::HandedOver(saving) => Some(saving),
            _ => None,
        }
    }

    fn take(&self) -> Way {
        self.0.try_update_value(std::mem::take).unwrap_or_default()
    }
}

/// The form. `patient` is the live row: fields that nobody typed in follow it.
#[component]
pub fn PatientForm(id: Uuid, patient: Reading<Patient>, together: Together) -> impl IntoView {
    let toasts = use_context::<Toasts>().unwrap_or_default();
    let outbox = use_outbox().map(|held| held.outbox);
    // The save that waits for this person; the next one takes its place.
    let stopped = StoredValue::new(None::<Uuid>);
    let draft = RwSignal::new(
        patient
            .data
            .with_untracked(|row| row.as_deref().map_or_else(|| Draft::new(0, []), begin)),
    );
    let stored = Callback::new(move |column: String| {
        PatientField::of_column(&column)
            .map(|field| draft.with_untracked(|draft| draft.stored(field).to_owned()))
            .unwrap_or_default()
    });
    let authors = Authors::of_patient(id);
    let outcome = RwSignal::new(Outcome::None);
    let tried = RwSignal::new(false);
    // What the save on its way took along: unsaved until it is told to be somewhere.
    let sent = RwSignal::new(Sent::default());

    Effect::new(move |_| {
        if let Some(row) = patient.data.get()
            && row.version > draft.with_untracked(Draft::version)
        {
            draft.update(|draft| draft.follow(row.version, row.texts()));
        }
    });
    let settled = Memo::new(move |_| draft.with(|draft| draft.conflicts().is_empty()));
    Effect::new(move |_| {
        if settled.get() && outcome.get_untracked() == Outcome::NeedsChoice {
            outcome.set(Outcome::None);
        }
    });

    let dirty = Memo::new(move |_| draft.with(|draft| !draft.changes().is_empty()));
    let saving = Memo::new(move |_| outcome.get() == Outcome::Saving);
    let error_of = move |field: PatientField| {
        let today = today();
        tried
            .get()
            .then(|| draft.with(|draft| field.check_among(|field| draft.typed(field), today).err()))
            .flatten()
            .map(|error| format!("{} {error}.", field.label()))
    };
    let begun = Begun::default();
    // The browser asks before a tab with unsaved typing goes.
    let leaving = window_event_listener(ev::beforeunload, {
        let (begun, outbox) = (begun.clone(), outbox.clone());
        move |event| {
            begun.hand_over(outbox.as_ref());
            if dirty.try_get_untracked() == Some(true) {
                event.prevent_default();
            }
        }
    });
    // There is no next frame for a tab that is closed, or put behind another one.
    let hidden = ["pagehide", "visibilitychange"].map(|event| {
        let (begun, outbox) = (begun.clone(), outbox.clone());
        window_event_listener_untyped(event, move |_| begun.hand_over(outbox.as_ref()))
    });
    let name = patient
        .data
        .with_untracked(|row| row.as_deref().map(Patient::full_name).unwrap_or_default());
    on_cleanup(move || {
        leaving.remove();
        for listener in hidden {
            listener.remove();
        }
    });
    let disk = use_draft_disk();
    let slot = async move { slot::of_record(disk.as_ref(), &Record::Patient(id).room()).await };
    let kept = use_kept(
        slot.boxed_local(),
        Signal::derive(move || {
            let left = draft.with(Draft::left);
            let under_way = sent.with(|sent| sent.fields().to_vec());
            unsaved(under_way, left)
                .into_iter()
                .map(by_column)
                .collect()
        }),
        move |left| {
            let known = left.into_iter().filter_map(of_column);
            draft.update(|draft| draft.resume(known));
        },
        move || name.clone(),
    );

    use_reopened(move |entry| {
        if entry.change.row != id {
            return;
        }
        let fields = super::reopen::fields(&entry.change);
        draft.update(|draft| draft.resume(fields));
        stopped.set_value(Some(entry.id));
        tried.set(true);
    });

    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        tried.set(true);
        let today = today();
        let wrong = PatientField::ALL.iter().copied().find(|field| {
            draft.with_untracked(|draft| {
                field
                    .check_among(|field| draft.typed(field), today)
                    .is_err()
            })
        });
        if let Some(field) = wrong {
            focus_on(&field_id(field));
            return;
        }
        if saving.get_untracked() || !dirty.get_untracked() {
            return;
        }
        if !settled.get_untracked() {
            outcome.set(Outcome::NeedsChoice);
            return;
        }
        let Some(outbox) = outbox.clone() else {
            return;
        };
        let name = patient
            .data
            .with_untracked(|row| row.as_deref().map(Patient::listed_name).unwrap_or_default());
        let change = draft.with_untracked(|draft| patient_draft(id, name, draft));
        let former = stopped.get_value();
        stopped.set_value(None);
        outcome.set(Outcome::Saving);
        // From here on what is typed is new.
        sent.set(draft.try_update(Draft::send).unwrap_or_default());
        begun.begin(former, change);
        let begun = begun.clone();
        spawn_local(async move {
            // The button says so first.
            painted().await;
            begun.hand_over(Some(&outbox));
            let Some(saving) = begun.handed_over() else {
                return;
            };
            let id = saving.id;
            let saved = saving.outcome().await;
            let give_back = move || {
                if let Some(sent) = sent.try_get_untracked() {
                    draft.try_update(|draft| draft.give_back(&sent));
                }
            };
            // The person may have left the page meanwhile: then the outbox itself says what needs them.
            let next = match saved {
                Saved::Stored(_) | Saved::Elsewhere => {
                    toasts.done("Saved.");
                    Outcome::None
                }
                Saved::Waiting => {
                    toasts.done(waiting(outbox.kept()));
                    Outcome::None
                }
                Saved::Withdrawn => {
                    give_back();
                    Outcome::None
                }
                Saved::Conflict(clash) => {
                    give_back();
                    stopped.try_update_value(|stopped| *stopped = Some(id));
                    if let Ok(row) = serde_json::from_value::<Patient>(clash.row.into()) {
                        draft.try_update(|draft| draft.follow(row.version, row.texts()));
                    }
                    Outcome::NeedsChoice
                }
                Saved::Failed(error) => {
                    give_back();
                    stopped.try_update_value(|stopped| *stopped = Some(id));
                    Outcome::Failed(error)
                }
            };
            sent.try_set(Sent::default());
            if next == Outcome::None {
                tried.try_set(false);
            }
            outcome.try_set(next);
        });
    };
    let discard = move |_| {
        let typed = draft.with_untracked(Draft::left);
        draft.update(Draft::discard);
        tried.set(false);
        outcome.set(Outcome::None);
        toasts.undoable("What you typed is discarded.", move || {
            let back = draft.try_update(|draft| draft.resume(typed.clone()));
            if back.is_none() {
                toasts.failed("The record is closed: what you discarded can't come back.");
            }
        });
        // The button goes with what it discards.
        focus_on(&field_id(PatientField::FirstName));
    };

    view! {
        <form class="form" novalidate aria-label="Edit record" on:submit=submit>
            <Show when=move || kept.came_back.get() && dirty.get()>
                <CameBack />
            </Show>
            <EditedTogether together stored>
            <div class="form-grid">
                {[PatientField::FirstName, PatientField::LastName, PatientField::DateOfBirth, PatientField::Sex, PatientField::Status, PatientField::Ward]
                    .map(|field| {
                        view! {
                            <DraftField field draft authors error=Signal::derive(move || error_of(field)) />
                        }
                    })
                    .collect_view()}
            </div>
            <DraftField
                field=PatientField::Notes
                draft
                authors
                error=Signal::derive(move || error_of(PatientField::Notes))
            />
            </EditedTogether>
            <div role="alert">
                {move || {
                    said(&outcome.get())
                        .map(|(tone, said)| {
                            view! {
                                <Banner tone shape=Shape::Alert>
                                    <strong>{said.title}</strong>
                                    <p>{said.advice}</p>
                                </Banner>
                            }
                        })
                }}
            </div>
            <div class="form-foot">
                <button
                    class="button button-primary"
                    type="submit"
                    aria-busy=move || saving.get().then_some("true")
                    aria-disabled=move || (saving.get() || !dirty.get()).then_some("true")
                >
                    "Save"
                </button>
                <Show when=move || dirty.get()>
                    <button class="button button-quiet" type="button" on:click=discard>
                        "Discard changes"
                    </button>
                </Show>
            </div>
        </form>
    }
}

/// Fields that a save took along and fields typed since, as they have to be kept: one text each, with the row's text from before the save.
fn unsaved(
    sent: Vec<(PatientField, String, String)>,
    left: Vec<(PatientField, String, String)>,
) -> Vec<(PatientField, String, String)> {
    let mut fields = sent;
    for (field, base, typed) in left {
        match fields.iter_mut().find(|(known, ..)| *known == field) {
            Some((_, _, text)) => *text = typed,
            None => fields.push((field, base, typed)),
        }
    }
    fields
}

fn begin(row: &Patient) -> PatientDraft {
    Draft::new(row.version, row.texts())
}

fn said(outcome: &Outcome) -> Option<(Tone, Phrase)> {
    match outcome {
        Outcome::None | Outcome::Saving => None,
        Outcome::NeedsChoice => Some((
            Tone::Caution,
            Phrase {
                title: "Someone else changed this too",
                advice: "Nothing is saved yet. Choose which text to keep in each marked field, then save.".to_owned(),
            },
        )),
        Outcome::Failed(error) => {
            let mut said = phrase::data_error(error);
            said.advice.push_str(" What you typed is still here.");
            Some((Tone::Critical, said))
        }
    }
}
