//! What a form that is being filled in consists of: the texts as typed, what is wrong with them, and the way of each change to
//! the outbox. It knows no control and no layout.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use leptos::task::spawn_local;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Shown;
use super::unsent::{Safety, Typing, clashes, safety};
use crate::components::time::this_minute;
use crate::components::{Settled, TypedDate, Versions};
use crate::data::clock::Moment;
use crate::hooks::use_outbox;
use crate::model::form_kind::{Field, Problem, changed_answers, text_of, value_of};
use crate::model::{Draft, FieldState, FormKind, FormStatus, FormSubmission, Version};
use crate::sync::kept_drafts::Left;
use crate::sync::outbox::saves::form_edit;
use crate::sync::outbox::{Change, Entry, Kept, Outbox, Outcome, Saving, Side, Standing};

/// A pause in typing after which what was typed is saved.
const PAUSE: Duration = Duration::from_millis(500);
/// Who types without a pause is saved as often as this.
const AT_LEAST: Duration = Duration::from_secs(3);

/// A form that is being filled in. Its signals live as long as the component that began it.
#[derive(Clone, Copy)]
pub struct Fill {
    pub kind: &'static FormKind,
    pub shown: Shown,
    draft: RwSignal<Draft<&'static str>>,
    /// How often the draft has followed the row; own saves make no version of their own until they are stored.
    followed: StoredValue<Version>,
    /// Answers that were typed in and left again: they are judged.
    left: RwSignal<HashSet<&'static str>>,
    /// The answer that is being typed.
    at: StoredValue<Option<&'static str>>,
    /// Dates of which only a part is typed. The answers that were there before stay until the rest is.
    partial: RwSignal<HashSet<&'static str>>,
    /// Handing in was tried: from here on what is missing is said, too.
    tried: RwSignal<bool>,
    outbox: StoredValue<Option<Outbox>>,
    pub unsent: Signal<Vec<Entry>>,
    kept: Signal<Kept>,
    /// What a person chose where a stopped save and the row disagree, until all is chosen.
    chosen: RwSignal<Vec<(Uuid, String, Side)>>,
    timer: StoredValue<Option<TimeoutHandle>>,
    since: StoredValue<Option<Moment>>,
}

impl Fill {
    /// Begins with the form as it is shown, and follows it.
    pub fn begin(kind: &'static FormKind, shown: Shown) -> Self {
        let held = use_outbox();
        let outbox = held.as_ref().map(|held| held.outbox.clone());
        let kept = Signal::derive(move || {
            held.as_ref()
                .map_or(Kept::default(), |held| held.view.with(|view| view.kept))
        });
        let texts = untrack(|| texts(kind, shown));
        let fill = Self {
            kind,
            shown,
            draft: RwSignal::new(Draft::new(0, texts)),
            followed: StoredValue::new(0),
            left: RwSignal::default(),
            at: StoredValue::new(None),
            partial: RwSignal::default(),
            tried: RwSignal::new(false),
            outbox: StoredValue::new(outbox),
            unsent: shown.unsent,
            kept,
            chosen: RwSignal::default(),
            timer: StoredValue::new(None),
            since: StoredValue::new(None),
        };
        Effect::new(move |_| {
            shown.form.track();
            fill.follow();
        });
        fill
    }

    /// Brings the texts that nobody typed in to what the row says now.
    fn follow(self) {
        if self.draft.is_disposed() {
            return;
        }
        let texts = untrack(|| texts(self.kind, self.shown));
        let same = self.draft.with_untracked(|draft| {
            texts
                .iter()
                .all(|(key, text)| draft.stored(key) == text.as_str())
        });
        if !same {
            let followed = self
                .followed
                .try_update_value(|followed| {
                    *followed = followed.saturating_add(1);
                    *followed
                })
                .unwrap_or_default();
            self.draft.update(|draft| draft.follow(followed, texts));
        }
    }

    /// The text of an answer. Tracked.
    pub fn text(self, key: &str) -> String {
        self.draft.with(|draft| {
            self.kind
                .field(key)
                .map_or_else(String::new, |field| draft.typed(field.key).to_owned())
        })
    }

    /// The text of an answer in the row. Tracked.
    pub fn stored(self, key: &str) -> String {
        self.draft.with(|draft| {
            self.kind
                .field(key)
                .map_or_else(String::new, |field| draft.stored(field.key).to_owned())
        })
    }

    /// How an answer stands against the row. Tracked.
    pub fn state(self, field: &'static Field) -> FieldState {
        self.draft.with(|draft| draft.state(field.key))
    }

    /// Takes what was typed; it is saved after a pause.
    pub fn type_in(self, field: &'static Field, text: String) {
        self.at.set_value(Some(field.key));
        self.draft.update(|draft| draft.type_in(field.key, text));
        self.soon();
    }

    /// Takes a date as far as it is typed. A part of one says nothing about the answer: what was stored or typed before stays.
    pub fn type_date(self, field: &'static Field, typed: TypedDate) {
        match typed {
            TypedDate::Whole(text) if field.is_complete(&text) => {
                self.has_all_of(field);
                self.type_in(field, text);
            }
            TypedDate::Whole(_) | TypedDate::Part => {
                self.at.set_value(Some(field.key));
                self.partial.update(|partial| {
                    partial.insert(field.key);
                });
            }
        }
    }

    /// The field shows a whole date again, or none.
    pub fn has_all_of(self, field: &'static Field) {
        if untrack(|| self.is_partial(field)) {
            self.partial.update(|partial| {
                partial.remove(field.key);
            });
        }
    }

    /// Whether only a part of a date is typed. Tracked.
    pub fn is_partial(self, field: &'static Field) -> bool {
        self.partial.with(|partial| partial.contains(field.key))
    }

    /// Takes a choice, which is made in one go and saved at once.
    pub fn choose(self, field: &'static Field, text: String) {
        self.draft.update(|draft| draft.type_in(field.key, text));
        self.save();
    }

    /// The answer that was typed is done with: it is judged, put in its best form, and saved.
    pub fn leave(self) {
        // A control that had the focus says so once more when it goes with the whole form.
        if self.draft.is_disposed() {
            return;
        }
        let key = self.at.try_update_value(Option::take).flatten();
        if let Some(field) = key.and_then(|key| self.kind.field(key)) {
            self.tidy(field);
            self.left.update(|left| {
                left.insert(field.key);
            });
        }
        self.save();
    }

    fn tidy(self, field: &'static Field) {
        let typed = untrack(|| self.text(field.key));
        let tidied = field.tidy(&typed);
        if tidied != typed {
            self.draft.update(|draft| draft.type_in(field.key, tidied));
        }
    }

    /// What is to be said against an answer now. Tracked.
    pub fn problem(self, field: &'static Field) -> Option<Problem> {
        let problem = if self.is_partial(field) {
            Some(Problem::Incomplete)
        } else {
            (self.kind).problem(field, &|key| self.text(key), this_minute())
        };
        let judged = self.tried.get() || self.left.with(|left| left.contains(field.key));
        match problem {
            Some(Problem::TooLong(_)) => problem,
            Some(_) => problem.filter(|_| judged),
            None => {
                let missing = self.tried.get()
                    && self
                        .problems()
                        .iter()
                        .any(|(other, _)| other.key == field.key);
                missing.then_some(Problem::Missing)
            }
        }
    }

    /// What keeps the form from being handed in. Tracked.
    pub fn problems(self) -> Vec<(&'static Field, Problem)> {
        let found = self.kind.problems(|key| self.text(key), this_minute());
        let partial = self.kind.fields().filter(|field| self.is_partial(field));
        let partial: Vec<_> = partial.map(|field| (field, Problem::Incomplete)).collect();
        if partial.is_empty() {
            return found;
        }
        // In the order of the form, each question once.
        let found = found
            .into_iter()
            .chain(partial)
            .map(|found| (found.0.key, found));
        let mut found: HashMap<_, _> = found.collect();
        (self.kind.fields())
            .filter_map(|field| found.remove(field.key))
            .collect()
    }

    /// Whether handing in was tried. Tracked.
    pub fn was_tried(self) -> bool {
        self.tried.get()
    }

    /// How safe what is on the screen is. Tracked.
    pub fn safety(self) -> Safety {
        let typing = self.draft.with(|draft| {
            let changes = draft.changes();
            if self.partial.with(|partial| !partial.is_empty()) {
                Typing::KeptBack
            } else if changes.is_empty() {
                Typing::Nothing
            } else if draft.conflicts().is_empty()
                && changes.iter().all(|(key, text)| self.fits(key, text))
            {
                Typing::Unsaved
            } else {
                Typing::KeptBack
            }
        });
        let kept = self.kept.get();
        self.unsent.with(|unsent| safety(unsent, kept, typing))
    }

    /// What is typed and can't be handed over as it is: answers that are too long, or in which a person has to choose. Tracked.
    pub fn kept_back(self) -> Vec<Left> {
        self.draft.with(|draft| {
            let conflicts = draft.conflicts();
            let kept_back =
                |key: &str, text: &str| conflicts.contains(&key) || !self.fits(key, text);
            let left = draft.left().into_iter();
            left.filter(|(key, _, text)| kept_back(key, text))
                .map(|(key, base, text)| (key.to_owned(), base, text))
                .collect()
        })
    }

    /// Takes up what was kept back when the form was left.
    pub fn resume(self, left: Vec<Left>) {
        let known = left.into_iter().filter_map(|(key, base, text)| {
            let field = self.kind.field(&key)?;
            Some((field.key, base, text))
        });
        self.draft.update(|draft| draft.resume(known));
        self.soon();
    }

    /// Whether closing the tab now would lose something.
    pub fn would_lose(self) -> bool {
        let typed = self
            .draft
            .try_with_untracked(|draft| !draft.changes().is_empty());
        let in_tab = || {
            self.kept.try_get_untracked() == Some(Kept::InMemory)
                && self.unsent.try_with_untracked(|unsent| !unsent.is_empty()) == Some(true)
        };
        let partial = self
            .partial
            .try_with_untracked(|partial| !partial.is_empty());
        typed == Some(true) || partial == Some(true) || in_tab()
    }

    fn soon(self) {
        self.stop();
        let now = Moment::now();
        let begun = self
            .since
            .try_update_value(|since| *since.get_or_insert(now))
            .unwrap_or(now);
        if now.since(begun) >= AT_LEAST {
            self.save();
        } else {
            let handle = set_timeout_with_handle(move || self.save(), PAUSE).ok();
            self.timer.set_value(handle);
        }
    }

    fn stop(self) {
        if let Some(handle) = self.timer.try_update_value(Option::take).flatten() {
            handle.clear();
        }
    }

    /// Hands over what was typed, now.
    pub fn save(self) {
        let (Some((form, answers)), Some(outbox)) = (self.hand_over(), self.outbox()) else {
            return;
        };
        self.keep(&outbox, form_edit(&form, json!({ "answers": answers })));
    }

    fn keep(self, outbox: &Outbox, change: Change) {
        let unsent = self.unsent.try_get_untracked().unwrap_or_default();
        keep(outbox, &unsent, change);
    }

    /// Hands in the form with all its answers. `None` when something has to be put right first.
    pub fn submit(self) -> Option<impl Future<Output = Outcome>> {
        self.at.set_value(None);
        for field in self.kind.fields() {
            let typed = self.left.with_untracked(|left| left.contains(field.key));
            let as_text = self.shown.form.with_untracked(|form| {
                form.as_ref()
                    .and_then(|form| form.answers.get(field.key))
                    .is_some_and(Value::is_string)
            });
            if typed || as_text {
                self.tidy(field);
            }
        }
        self.tried.set(true);
        if !untrack(|| self.problems()).is_empty() {
            self.save();
            return None;
        }
        let outbox = self.outbox()?;
        let (form, answers) = self.hand_over().or_else(|| {
            let form = self.shown.form.get_untracked()?;
            let answers = form.answers.clone();
            Some((FormSubmission::clone(&form), answers))
        })?;
        if self.in_conflict() {
            self.keep(&outbox, form_edit(&form, json!({ "answers": answers })));
            return None;
        }
        let columns = json!({ "answers": answers, "status": FormStatus::Submitted.word() });
        let unsent = self.unsent.get_untracked();
        Some(hand_in(&outbox, &unsent, form_edit(&form, columns)).outcome())
    }

    /// The form as it was seen, and its answers with what was typed; nothing when nothing was.
    fn hand_over(self) -> Option<(FormSubmission, Value)> {
        self.stop();
        self.since.try_set_value(None);
        let form = self.shown.form.try_get_untracked().flatten()?;
        // What came in a moment ago is looked at first: it may be about the same answer.
        self.follow();
        let sent = self
            .draft
            .try_update(|draft| draft.hand_over(|key, text| self.fits(key, text)))?;
        if sent.is_empty() {
            return None;
        }
        let changes = sent
            .into_iter()
            .filter_map(|(key, text)| Some((self.kind.field(key)?, text)));
        let answers = changed_answers(&form.answers, changes);
        Some((FormSubmission::clone(&form), answers))
    }

    /// Whether an answer is short enough to be stored at all.
    fn fits(self, key: &str, text: &str) -> bool {
        let field = self.kind.field(key);
        field.is_some_and(|field| text.chars().count() <= field.question.longest())
    }

    fn outbox(self) -> Option<Outbox> {
        self.outbox.try_get_value().flatten()
    }

    /// Whether somebody has to choose between two versions of an answer. Tracked.
    pub fn in_conflict(self) -> bool {
        self.draft.with(|draft| !draft.conflicts().is_empty())
            || self.unsent.with(|unsent| !clashes(unsent).is_empty())
    }

    /// Both versions of an answer, where a person has to choose. Tracked.
    pub fn versions(self, field: &'static Field) -> Option<Versions> {
        if let FieldState::Conflict { base, theirs } = self.state(field) {
            let mine = self.text(field.key);
            return Some(Versions { base, mine, theirs });
        }
        let name = format!("answers.{}", field.key);
        let (_, clash) = self.open_clash(&name)?;
        Some(Versions {
            base: text_of(Some(&clash.base)),
            mine: self.text(field.key),
            theirs: text_of(Some(&clash.theirs)),
        })
    }

    /// A clash that nobody has chosen in yet. Tracked.
    fn open_clash(self, name: &str) -> Option<(Uuid, crate::sync::outbox::Conflict)> {
        let chosen = |id: Uuid| {
            self.chosen.with(|chosen| {
                chosen
                    .iter()
                    .any(|(of, field, _)| *of == id && field == name)
            })
        };
        self.unsent
            .with(|unsent| clashes(unsent))
            .into_iter()
            .find(|(id, clash)| clash.field == name && !chosen(*id))
    }

    /// The clashes that are not about an answer. Tracked.
    pub fn other_clashes(self) -> Vec<(Uuid, crate::sync::outbox::Conflict)> {
        let asked = |name: &str| {
            name.strip_prefix("answers.")
                .is_some_and(|key| self.kind.field(key).is_some())
        };
        self.unsent
            .with(|unsent| clashes(unsent))
            .into_iter()
            .filter(|(_, clash)| !asked(&clash.field) && self.open_clash(&clash.field).is_some())
            .collect()
    }

    /// A person has chosen between two versions of an answer.
    pub fn settle(self, field: &'static Field, settled: Settled) {
        if untrack(|| matches!(self.state(field), FieldState::Conflict { .. })) {
            self.draft.update(|draft| match settled {
                Settled::Mine => draft.keep_mine(field.key),
                Settled::Theirs => draft.take_theirs(field.key),
                Settled::Merged(text) => draft.merge_into(field.key, text),
            });
            return self.save();
        }
        let name = format!("answers.{}", field.key);
        let side = match settled {
            Settled::Mine => Side::Mine,
            Settled::Theirs => Side::Theirs,
            Settled::Merged(text) => Side::Merged(value_of(field, &text).unwrap_or_default()),
        };
        if let Some((id, _)) = untrack(|| self.open_clash(&name)) {
            self.settle_clash(id, name, side);
        }
    }

    /// A person has chosen in a stopped save. It goes on when all of it is chosen.
    pub fn settle_clash(self, id: Uuid, name: String, side: Side) {
        self.chosen.update(|chosen| chosen.push((id, name, side)));
        let chosen: Vec<(String, Side)> = self.chosen.with_untracked(|chosen| {
            let of = chosen.iter().filter(|(of, ..)| *of == id);
            of.map(|(_, name, side)| (name.clone(), side.clone()))
                .collect()
        });
        let open = self.unsent.with_untracked(|unsent| {
            clashes(unsent)
                .into_iter()
                .filter(|(of, clash)| {
                    *of == id && !chosen.iter().any(|(name, _)| *name == clash.field)
                })
                .count()
        });
        if open == 0
            && let Some(outbox) = self.outbox()
        {
            self.chosen.update(|kept| kept.retain(|(of, ..)| *of != id));
            outbox.resolve(id, &chosen);
        }
    }

    /// Sends a refused save once more.
    pub fn retry(self, id: Uuid) {
        if let Some(outbox) = self.outbox() {
            outbox.retry(id);
        }
    }

    /// Gives up a save that was stopped.
    pub fn withdraw(self, id: Uuid) {
        if let Some(outbox) = self.outbox() {
            outbox.withdraw(id);
        }
    }
}

/// Hands a change to the outbox. Behind a save that was refused it would wait for ever: it is what corrects that one.
fn hand_in(outbox: &Outbox, unsent: &[Entry], change: Change) -> Saving {
    let refused = unsent.iter().rev().find(|entry| !entry.is_waiting());
    match refused.filter(|entry| matches!(entry.standing, Standing::Failed(_))) {
        Some(refused) => outbox.amend(refused.id, change),
        None => outbox.save(change),
    }
}

/// Hands over what was typed.
fn keep(outbox: &Outbox, unsent: &[Entry], change: Change) {
    if !change.is_empty() {
        let saving = hand_in(outbox, unsent, change);
        // Somebody is here who sees how it goes: the outbox need not say so in a toast of its own.
        spawn_local(async move { drop(saving.outcome().await) });
    }
}

/// The answers of the form as it is shown, as texts.
fn texts(kind: &'static FormKind, shown: Shown) -> Vec<(&'static str, String)> {
    shown.form.with(|form| {
        form.as_ref()
            .map(|form| kind.texts(&form.answers))
            .unwrap_or_default()
    })
}

/// What a new form of a kind begins with: it is measured, signed or left today, most of the time.
pub fn opening_answers(kind: &FormKind, now: &str) -> Value {
    use crate::model::form_kind::{Question, Span};
    let opening = kind.fields().filter_map(|field| {
        let text = match field.question {
            Question::Moment(Span::Past) => now,
            Question::Date(Span::Past) => now.split('T').next()?,
            _ => return None,
        };
        Some((field.key.to_owned(), value_of(field, text)?))
    });
    Value::Object(opening.collect())
}
