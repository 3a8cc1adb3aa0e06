//! A form's page: what was filled in, by whom, and where it is on its way.

mod about;
mod answers;
mod control;
mod editor;
mod fill;
mod print;
mod queue;
mod review;
mod unsent;

use std::sync::Arc;

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::{use_params_map, use_query_map};
use uuid::Uuid;

pub use fill::opening_answers;
pub use queue::in_queue;

use self::about::About;
use self::answers::Answers;
use self::editor::Editor;
use self::print::PrintSheet;
use self::queue::{Queue, QueueBar};
use self::review::Review;
use super::not_found::NoSuchRow;
use crate::components::time::today;
use crate::components::{
    AlsoHere, Banner, Changed, Failed, FormStatusBadge, Icon, NotRefreshed, Shape, SkeletonLines,
    Together, Tone, titles_name_patients, use_title,
};
use crate::data::DataError;
use crate::data::profiles::Directory;
use crate::data::{form_submissions, patients, profiles};
use crate::hooks::{Me, Reading, Record, use_company, use_editing, use_outbox, use_reading};
use crate::model::form_kind::Ranges;
use crate::model::form_kind::text_of;
use crate::model::form_step::{Whose, may_write};
use crate::model::patient::full_name;
use crate::model::{CalendarDate, FormKind, FormStatus, FormSubmission, FormType, Patient, Role};
use crate::sync::Table;
use crate::sync::outbox::Entry;

/// The form on the page, and what is to be said about it.
#[derive(Clone, Copy)]
pub struct Shown {
    pub form: Signal<Option<Arc<FormSubmission>>>,
    pub patient: Signal<Option<Arc<Patient>>>,
    people: Signal<Option<Arc<Directory>>>,
    /// What of it is saved on this device and not on the server yet.
    pub unsent: Signal<Vec<Entry>>,
    /// The role of whoever looks at it, once known.
    pub role: Signal<Option<Role>>,
    /// Whose usual ranges hold for the patient.
    pub ranges: Signal<Ranges>,
    me: Option<Uuid>,
}

impl Shown {
    /// What something in the form reads as; empty while there is no form. Tracked.
    pub fn read(self, read: impl Fn(&FormSubmission) -> String) -> String {
        self.form
            .with(|form| form.as_deref().map(read).unwrap_or_default())
    }

    /// The text of an answer. Tracked.
    pub fn text(self, key: &str) -> String {
        self.read(|form| text_of(form.answers.get(key)))
    }

    /// Where the form is on its way. Tracked.
    pub fn status(self) -> FormStatus {
        self.form.with(|form| {
            form.as_ref()
                .map_or(FormStatus::Unknown, |form| form.status)
        })
    }

    /// What the form is for. Tracked.
    pub fn form_type(self) -> FormType {
        self.form.with(|form| {
            form.as_ref()
                .map_or(FormType::Unknown, |form| form.form_type)
        })
    }

    /// Whose form it is to the person who looks at it. Tracked.
    pub fn whose(self) -> Whose {
        let author = self
            .form
            .with(|form| form.as_ref().and_then(|form| form.submitted_by));
        if author.is_some() && author == self.me {
            Whose::Own
        } else {
            Whose::SomebodyElses
        }
    }

    /// The name of whoever changed the form last, unless that is the person who looks at it. Tracked.
    pub fn other_changer(self) -> Option<String> {
        let changer = self.form.with(|form| form.as_ref()?.changed_by);
        let other = changer.filter(|_| changer != self.me);
        self.people
            .with(|people| people.as_ref()?.known_name(other))
    }

    /// The name of somebody whom the form names: a dash for nobody, nothing while the names are on their way. Tracked.
    pub fn person(self, read: fn(&FormSubmission) -> Option<Uuid>) -> String {
        let Some(id) = self.form.with(|form| form.as_deref().and_then(read)) else {
            return "–".to_owned();
        };
        self.people.with(|people| {
            people
                .as_ref()
                .map(|people| people.name_of(Some(id)))
                .unwrap_or_default()
        })
    }
}

/// The page of the form whose id the address holds.
#[component]
pub fn FormPage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| {
        params.with(|params| params.get("id").and_then(|id| Uuid::parse_str(&id).ok()))
    });
    // Another form is another page: nothing typed and no mark of the former one may show on it.
    move || match id.get() {
        Some(id) => view! { <KnownForm id /> }.into_any(),
        None => view! { <NoSuchRow what="form" back="/forms" /> }.into_any(),
    }
}

#[component]
fn KnownForm(id: Uuid) -> impl IntoView {
    let form = use_reading(&[Table::FormSubmissions, Table::Patients], move |rest| {
        form_submissions::one_query(rest, id)
    });
    let held = use_outbox();
    let unsent = Memo::new(move |_| {
        held.as_ref()
            .map(|held| held.view.with(|view| unsent::of_form(view, id)))
            .unwrap_or_default()
    });
    let shown = Memo::new(move |_| {
        let row = form.data.get();
        unsent.with(|unsent| {
            if unsent.is_empty() {
                row
            } else {
                unsent::with_unsent(row.as_deref(), unsent).map(Arc::new)
            }
        })
    });
    let named = titles_name_patients();
    use_title(move || {
        shown.with(|form| match form {
            Some(form) if named => format!("{} · {}", form.form_type.label(), form.about()),
            Some(form) => form.form_type.label().to_owned(),
            None => "Form".to_owned(),
        })
    });
    let patient = Memo::new(move |_| shown.with(|form| form.as_ref().map(|form| form.patient_id)));
    let trouble = Memo::new(move |_| form.error.get().filter(|_| patient.get().is_none()));
    move || match (patient.get(), trouble.get()) {
        (Some(patient), _) => {
            view! { <Loaded id form shown=shown.into() unsent=unsent.into() patient /> }.into_any()
        }
        (None, Some(DataError::NotFound)) => {
            view! { <NoSuchRow what="form" back="/forms" /> }.into_any()
        }
        (None, Some(error)) => view! {
            <h1 class="visually-hidden">"Form"</h1>
            <Failed error retry=form.refetch />
        }
        .into_any(),
        (None, None) => view! {
            <div class="page" aria-busy="true">
                <Crumb />
                <h1 class="visually-hidden">"Form"</h1>
                <div class="card card-body"><SkeletonLines lines=8 /></div>
            </div>
        }
        .into_any(),
    }
}

#[component]
fn Crumb() -> impl IntoView {
    view! {
        <A href="/forms" attr:class="crumb">
            <Icon shape=Shape::Previous size=12 />
            "Forms"
        </A>
    }
}

#[component]
fn Loaded(
    id: Uuid,
    form: Reading<FormSubmission>,
    shown: Signal<Option<Arc<FormSubmission>>>,
    unsent: Signal<Vec<Entry>>,
    patient: Uuid,
) -> impl IntoView {
    let me = use_context::<Me>();
    let my_id = me.and_then(|me| me.user.try_with_value(|user| user.id));
    let people = use_reading(&[Table::Profiles], profiles::directory_query);
    let about = use_reading(&[Table::Patients], move |rest| {
        patients::one_query(rest, patient)
    });
    let shown = Shown {
        form: shown,
        patient: about.data,
        people: people.data,
        unsent,
        role: Signal::derive(move || me.and_then(Me::role)),
        ranges: Signal::derive(move || {
            (about.data).with(|patient| Ranges::of(patient.as_deref(), today()))
        }),
        me: my_id,
    };
    let query = use_query_map();
    let in_queue = query.with_untracked(|query| query.get("queue").as_deref() == Some("review"));
    let queue = my_id.filter(|_| in_queue).map(|me| Queue::around(id, me));
    let printing = RwSignal::new(false);
    let together = Together::provide(use_company(Record::Form(id)));
    let writing = Memo::new(move |_| {
        let role = shown.role.get()?;
        let kind = FormKind::of(shown.form_type())?;
        may_write(shown.status(), role).then_some(kind.form_type)
    });
    // From the first field on, until the page is left or the form is not to be written any more.
    let edits = Memo::new(move |edited: Option<&bool>| {
        let in_field = || together.company.own.with(Option::is_some);
        writing.get().is_some() && (edited == Some(&true) || in_field())
    });
    use_editing(id, edits);
    let body = move || match writing.get().and_then(FormKind::of) {
        Some(kind) => view! { <Editor id kind shown together /> }.into_any(),
        None => view! { <Answers shown /> }.into_any(),
    };
    let held_back =
        Memo::new(move |_| writing.get().is_none() && unsent.with(|unsent| !unsent.is_empty()));
    let status = Signal::derive(move || shown.status());
    let comment = Memo::new(move |_| shown.read(|form| form.review_comment.trim().to_owned()));
    view! {
        <div class="page form-page">
            {queue.map(|queue| view! { <QueueBar queue /> })}
            <div class="page-head">
                <div class="page-title">
                    <Crumb />
                    <div class="title-line">
                        <h1>{move || shown.form_type().label()}</h1>
                        <AlsoHere together />
                    </div>
                    <Identity shown patient />
                </div>
                <Changed of=Signal::derive(move || status.get().label().to_owned())>
                    <FormStatusBadge status />
                </Changed>
                <button
                    class="button"
                    type="button"
                    on:click=move |_| {
                        printing.set(true);
                        // The browser lays the sheet out as it is when asked: it has to be there by then.
                        request_animation_frame(print);
                    }
                >
                    <Icon shape=Shape::Print />
                    "Print"
                </button>
            </div>
            <NotRefreshed shown=true error=form.error retry=form.refetch />
            <Show when=move || held_back.get()>
                <Banner tone=Tone::Caution shape=Shape::Clock>
                    "Your last change is kept on this device and not on the server yet."
                </Banner>
            </Show>
            <Show when=move || comment.with(|comment| !comment.is_empty())>
                <Banner tone=Tone::Caution shape=Shape::Return>
                    <strong>
                        {move || {
                            let reviewer = shown.person(|form| form.reviewed_by);
                            match reviewer.as_str() {
                                "–" | "" => "The last reviewer asked".to_owned(),
                                name => format!("{name} asks"),
                            }
                        }}
                    </strong>
                    <p class="prose" dir="auto">{move || comment.get()}</p>
                </Banner>
            </Show>
            <div class="columns">
                {body}
                <div class="aside form-aside">
                    <Review shown queue />
                    <About shown />
                </div>
            </div>
            <PrintSheet shown printing />
        </div>
    }
}

/// Who the form is about, so that nobody fills in the wrong one.
#[component]
fn Identity(shown: Shown, patient: Uuid) -> impl IntoView {
    let name = move || {
        shown.read(|form| {
            form.patient.as_ref().map_or_else(
                || "Open the patient".to_owned(),
                |patient| full_name(&patient.first_name, &patient.last_name),
            )
        })
    };
    let facts = move || {
        shown.patient.with(|patient| {
            patient.as_ref().map(|patient| {
                // Each fact stays whole where the line breaks.
                [born(patient), patient.mrn.clone(), patient.ward.clone()]
                    .map(|fact| view! { " · " <span class="fact">{fact}</span> })
                    .collect_view()
            })
        })
    };
    view! {
        <p>
            <A href=format!("/patients/{patient}")>{name}</A>
            {facts}
        </p>
    }
}

/// The day of birth and the age.
fn born(patient: &Patient) -> String {
    let date = CalendarDate::parse(&patient.date_of_birth)
        .map_or_else(|_| patient.date_of_birth.clone(), CalendarDate::label);
    match patient.age_on(today()) {
        Some(age) => format!("{date} ({age} y)"),
        None => date,
    }
}

/// Hands the page to the browser's print dialogue, which shows the print sheet.
fn print() {
    // Where the browser refuses, nothing is printed, and the person sees that.
    let _ = window().print();
}
