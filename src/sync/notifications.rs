//! The notifications of the signed-in person, as they arrive: listens while anybody wants them, asks whom a form is about where
//! the cache can't say, and forgets everything with the person. What is worth a word decides the [`Inbox`].

use std::sync::{Arc, Mutex, PoisonError};

use bedside_query::{QueryClient, QueryFilter};
use leptos::prelude::{ArcReadSignal, ArcRwSignal, Update};
use leptos::task::spawn_local;
use uuid::Uuid;

use super::core::Lost;
use super::ears::{Hearing, Word};
use super::feed::{Feed, Following};
use super::inbox::{Inbox, KEPT, is_news};
use super::registry::Table;
use super::updates::RowUpdate;
use crate::data::{Page, Rest, Versioned, form_submissions};
use crate::model::form_submission::PatientName;
use crate::model::{FormSubmission, Patient};

/// One person's notifications. Clones share them.
#[derive(Clone)]
pub struct Notifications(Arc<Inner>);

struct Inner {
    feed: Feed,
    cache: QueryClient,
    rest: Rest,
    inbox: ArcRwSignal<Inbox>,
    listening: Mutex<Listening>,
    /// Forms whose patient is not known yet, the newest last.
    nameless: Mutex<Nameless>,
}

#[derive(Default)]
struct Listening {
    wanted: usize,
    held: Option<(Following, Hearing)>,
}

#[derive(Default)]
struct Nameless {
    forms: Vec<FormSubmission>,
    /// A request is on its way; what comes meanwhile waits for the next.
    asking: bool,
}

/// Keeps notifications coming for as long as it lives.
#[must_use = "dropping it stops the listening"]
pub struct Wanting(Notifications);

impl Drop for Wanting {
    fn drop(&mut self) {
        let ended = {
            let mut listening = lock(&self.0.0.listening);
            listening.wanted = listening.wanted.saturating_sub(1);
            (listening.wanted == 0)
                .then(|| listening.held.take())
                .flatten()
        };
        // Outside the lock: ending calls into the feed.
        drop(ended);
    }
}

impl Notifications {
    pub fn new(feed: Feed, cache: QueryClient, rest: Rest) -> Self {
        Self(Arc::new(Inner {
            feed,
            cache,
            rest,
            inbox: ArcRwSignal::default(),
            listening: Mutex::default(),
            nameless: Mutex::default(),
        }))
    }

    /// Listens until the answer is dropped. However many want them, the server is asked once.
    pub fn want(&self) -> Wanting {
        let first = {
            let mut listening = lock(&self.0.listening);
            listening.wanted = listening.wanted.saturating_add(1);
            listening.held.is_none()
        };
        if first {
            let weak = Arc::downgrade(&self.0);
            let hearing = self.0.feed.hear(move |word| {
                if let Some(inner) = weak.upgrade() {
                    Self(inner).heard(word);
                }
            });
            let following = self.0.feed.follow(Table::FormSubmissions);
            lock(&self.0.listening).held = Some((following, hearing));
        }
        Wanting(self.clone())
    }

    /// What there is to read.
    pub fn inbox(&self) -> ArcReadSignal<Inbox> {
        self.0.inbox.read_only()
    }

    pub fn read(&self, id: &str) {
        self.0.inbox.update(|inbox| inbox.read(id));
    }

    pub fn read_all(&self) {
        self.0.inbox.update(Inbox::read_all);
    }

    fn heard(&self, word: Word<'_>) {
        match word {
            Word::Said(table, event) if table == Table::FormSubmissions => {
                match RowUpdate::<FormSubmission>::of(table, event) {
                    Some(RowUpdate::New(form) | RowUpdate::Changed(form)) => self.changed(&form),
                    Some(RowUpdate::Gone(form)) => self.lose(form),
                    Some(RowUpdate::Missed) | None => {}
                }
            }
            Word::Said(..) => {}
            Word::Wrote(written) => {
                if written.table == FormSubmission::TABLE {
                    lock(&self.0.nameless)
                        .forms
                        .retain(|form| form.id != written.id || form.version != written.version);
                    self.0
                        .inbox
                        .update(|inbox| inbox.retract(written.id, written.version));
                }
            }
            Word::Lost(Lost::Row(_, row)) => match Uuid::parse_str(row) {
                Ok(row) => self.lose(row),
                Err(_) => self.clear(),
            },
            Word::Lost(Lost::Everything) | Word::Forget => self.clear(),
        }
    }

    fn changed(&self, form: &FormSubmission) {
        let feed = &self.0.feed;
        if !is_news(form, feed.user()) || feed.is_own(FormSubmission::TABLE, form.id, form.version)
        {
            return;
        }
        let mut form = form.clone();
        form.patient = self.known_name(form.patient_id);
        if form.patient.is_some() {
            return self.0.inbox.update(|inbox| inbox.tell(&form));
        }
        let ask = {
            let mut nameless = lock(&self.0.nameless);
            nameless.forms.retain(|held| held.id != form.id);
            nameless.forms.push(form);
            // More than are kept need not be asked for.
            let extra = nameless.forms.len().saturating_sub(KEPT);
            nameless.forms.drain(..extra);
            !std::mem::replace(&mut nameless.asking, true)
        };
        if ask {
            let notifications = self.clone();
            spawn_local(async move { notifications.ask_names().await });
        }
    }

    /// Asks whom the waiting forms are about: one request for all of them, until none waits.
    async fn ask_names(&self) {
        loop {
            let forms = std::mem::take(&mut lock(&self.0.nameless).forms);
            if forms.is_empty() {
                lock(&self.0.nameless).asking = false;
                return;
            }
            let epoch = self.0.cache.epoch();
            let ids = forms.iter().map(|form| form.id).collect();
            let answer = form_submissions::about(self.0.rest.clone(), ids).await;
            if self.0.cache.epoch() != epoch {
                // Somebody else is signed in: these were not for their eyes.
                continue;
            }
            let told = self.0.feed.clone();
            self.0.inbox.update(|inbox| {
                for mut form in forms {
                    if told.is_own(FormSubmission::TABLE, form.id, form.version) {
                        continue;
                    }
                    match &answer {
                        // One that is not in the answer is out of this person's sight by now.
                        Ok(names) => match names.get(&form.id) {
                            Some(name) => form.patient = Some(name.clone()),
                            None => continue,
                        },
                        // Without a name it is still news.
                        Err(_) => form.patient = None,
                    }
                    inbox.tell(&form);
                }
            });
        }
    }

    /// The name of a patient, if some query holds it.
    fn known_name(&self, patient: Uuid) -> Option<PatientName> {
        let cache = &self.0.cache;
        let patients = QueryFilter::prefix(Table::Patients.queries());
        let shown = cache.query_views(&patients).into_iter().find_map(|view| {
            let one = view.data::<Patient>().filter(|row| row.id == patient);
            let listed = || {
                let page = view.data::<Page<Arc<Patient>>>()?;
                page.rows.iter().find(|row| row.id == patient).cloned()
            };
            one.or_else(listed)
        });
        shown.map(|row| PatientName {
            id: row.id,
            mrn: row.mrn.clone(),
            first_name: row.first_name.clone(),
            last_name: row.last_name.clone(),
        })
    }

    fn lose(&self, row: Uuid) {
        lock(&self.0.nameless)
            .forms
            .retain(|form| form.id != row && form.patient_id != row);
        self.0.inbox.update(|inbox| inbox.lose(row));
    }

    fn clear(&self) {
        lock(&self.0.nameless).forms.clear();
        self.0.inbox.update(Inbox::clear);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
