//! The list of forms: all of them, the latest change first, or what waits for a review. Its state is in the address.

use std::sync::Arc;

use futures::FutureExt;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::components::A;
use leptos_router::hooks::{use_navigate, use_query_map};
use uuid::Uuid;

use super::form::in_queue;
use crate::components::changed::use_mark;
use crate::components::time::{exactly, today};
use crate::components::{
    Ago, Changed, Choose, EditingNow, Empty, Failed, FormStatusBadge, Icon, NotRefreshed, Pager,
    PrintButton, PrintSheet, PrintedList, SearchBox, Shape, SkeletonRows, UnreadableRows,
    use_printing, use_title,
};
use crate::data::form_submissions::{self, FormFilter, FormView, PAGE};
use crate::data::profiles::{self, Directory};
use crate::data::{DataError, Page, Rest};
use crate::hooks::{Me, Reading, use_editors, use_reading, use_search_address};
use crate::model::{FormStatus, FormSubmission, FormType, Role};
use crate::sync::{Editors, Table};

const COLUMNS: &[&str] = &["cell-lead", "col-second", "", "col-third", "col-second"];

/// What somebody does to a filter.
type Narrow = Box<dyn FnOnce(&mut FormFilter)>;

/// The list of forms.
#[component]
pub fn Forms() -> impl IntoView {
    use_title(|| "Forms".to_owned());
    let me = use_context::<Me>();
    let my_id = me.and_then(|me| me.user.try_with_value(|user| user.id));
    let may_edit = Memo::new(move |_| me.and_then(Me::role).is_some_and(Role::may_edit));
    let query = use_query_map();
    let address = use_search_address();
    let told = {
        let address = address.clone();
        move || query.with(|query| address.is_told(|name| query.get(name)))
    };
    let reads = address.clone();
    let filter = Memo::new(move |_| {
        let filter = query
            .with(|query| FormFilter::from_query(|name| reads.get(name, |name| query.get(name))));
        FormFilter {
            reviewer: my_id.filter(|_| filter.view == FormView::ToReview),
            ..filter
        }
    });
    let list = use_reading(&[Table::FormSubmissions, Table::Patients], move |rest| {
        form_submissions::list_query(rest, filter.get())
    });
    let directory = use_reading(&[Table::Profiles], profiles::directory_query);
    let ahead = RwSignal::new(false);
    let navigate = use_navigate();
    let go = Callback::new(move |filter: FormFilter| {
        // Replaced, not pushed: the back button leaves the list instead of undoing it letter by letter.
        let options = NavigateOptions {
            replace: true,
            scroll: false,
            ..NavigateOptions::default()
        };
        let query = address.query(&filter.to_query(), &filter.search);
        navigate(&format!("/forms{query}"), options);
    });
    // A link may say it in words; the browser's history should not.
    Effect::new(move |_| {
        if told() {
            go.run(filter.get_untracked());
        }
    });
    let rest = use_context::<Rest>();
    let people = directory.data;
    let printing = use_printing(Callback::new(move |()| {
        let (rest, filter) = (rest.clone(), filter.get_untracked());
        async move {
            let rest = rest.ok_or(DataError::SignedOut)?;
            let forms = form_submissions::every(rest, filter).await?;
            Ok(on_paper(&forms, people.get_untracked().as_deref()))
        }
        .boxed_local()
    }));
    let change = Callback::new(move |change: Narrow| {
        let mut filter = filter.get_untracked();
        filter.page = 0;
        change(&mut filter);
        go.run(filter);
    });
    view! {
        <div class="page">
            <div class="page-head">
                <div class="page-title">
                    <h1>"Forms"</h1>
                </div>
                <PrintButton printing />
                <Show when=move || may_edit.get()>
                    <A href="/forms/new" attr:class="button button-primary">
                        <Icon shape=Shape::Plus />
                        "New form"
                    </A>
                </Show>
            </div>
            <Views filter my_id may_edit />
            <Narrowing filter directory=directory.data my_id change ahead />
            <List filter list directory=directory.data go ahead />
            <PrintSheet printing />
        </div>
    }
}

/// The list as it is printed.
fn on_paper(forms: &Page<FormSubmission>, people: Option<&Directory>) -> PrintedList {
    let row = |form: &FormSubmission| {
        let author = form.submitted_by.and(people);
        vec![
            form.about(),
            form.form_type.label().to_owned(),
            form.status.label().to_owned(),
            author.map_or_else(
                || "–".to_owned(),
                |people| people.name_of(form.submitted_by),
            ),
            exactly(&form.updated_at),
        ]
    };
    PrintedList {
        title: format!("Forms ({}), {}", forms.total, today().label()),
        unreadable: forms.unreadable,
        columns: vec!["Patient", "Form", "Status", "Written by", "Updated"],
        rows: forms.rows.iter().map(row).collect(),
    }
}

/// Everything, or what waits for this person, with how much that is.
#[component]
fn Views(filter: Memo<FormFilter>, my_id: Option<Uuid>, may_edit: Memo<bool>) -> impl IntoView {
    let view = Memo::new(move |_| filter.with(|filter| filter.view));
    let current = move |of: FormView| (view.get() == of).then_some("page");
    let queue = move || {
        let reviewer = my_id.filter(|_| may_edit.get())?;
        let waiting = use_reading(&[Table::FormSubmissions], move |rest| {
            form_submissions::queue_query(rest, reviewer)
        });
        let count = Signal::derive(move || {
            waiting
                .data
                .with(|ids| ids.as_ref().map(|ids| ids.len().to_string()))
                .unwrap_or_default()
        });
        let known = Memo::new(move |_| count.with(|count| !count.is_empty()));
        Some(view! {
            <a href="/forms?view=review" aria-current=move || current(FormView::ToReview)>
                "Waiting for review"
                <Show when=move || known.get()>
                    <span class="count">
                        <Changed of=count>{move || count.get()}</Changed>
                    </span>
                </Show>
            </a>
        })
    };
    view! {
        <nav class="views" aria-label="Views of the list">
            // Not the router's own link: that one takes both for the current page, since they share a path.
            <a href="/forms" aria-current=move || current(FormView::All)>
                "All forms"
            </a>
            {queue}
        </nav>
    }
}

#[component]
fn Narrowing(
    filter: Memo<FormFilter>,
    directory: Signal<Option<Arc<Directory>>>,
    my_id: Option<Uuid>,
    change: Callback<Narrow>,
    ahead: RwSignal<bool>,
) -> impl IntoView {
    let authors = Signal::derive(move || {
        let me = my_id.map(|id| (id.to_string(), "Me".to_owned()));
        directory.with(|directory| {
            let others = directory
                .iter()
                .flat_map(|directory| &directory.people)
                .filter(|person| person.role.may_edit() && Some(person.id) != my_id)
                .map(|person| (person.id.to_string(), person.full_name.clone()));
            me.into_iter().chain(others).collect::<Vec<_>>()
        })
    });
    let statuses: Vec<_> = FormStatus::ALL
        .iter()
        .map(|status| (status.word().to_owned(), status.label().to_owned()))
        .collect();
    let kinds: Vec<_> = FormType::ALL
        .iter()
        .map(|kind| (kind.word().to_owned(), kind.label().to_owned()))
        .collect();
    view! {
        <div class="toolbar" role="group" aria-label="Narrow the list">
            <SearchBox
                label="Search by patient"
                text=Signal::derive(move || filter.with(|filter| filter.search.clone()))
                on_search=Callback::new(move |text: String| {
                    change.run(Box::new(move |filter| filter.search = text));
                })
                ahead
            />
            <Choose
                label="Status"
                every="Every status"
                options=statuses
                chosen=Signal::derive(move || {
                    filter.with(|filter| filter.status.map_or("", FormStatus::word).to_owned())
                })
                on_choose=Callback::new(move |word: String| {
                    let status = FormStatus::ALL.iter().copied().find(|status| status.word() == word);
                    change.run(Box::new(move |filter| filter.status = status));
                })
            />
            <Choose
                label="Kind"
                every="Every kind"
                options=kinds
                chosen=Signal::derive(move || {
                    filter.with(|filter| filter.form_type.map_or("", FormType::word).to_owned())
                })
                on_choose=Callback::new(move |word: String| {
                    let form_type = FormType::ALL.iter().copied().find(|kind| kind.word() == word);
                    change.run(Box::new(move |filter| filter.form_type = form_type));
                })
            />
            <Choose
                label="Written by"
                every="By anyone"
                options=authors
                chosen=Signal::derive(move || {
                    filter.with(|filter| filter.author.map(|id| id.to_string()).unwrap_or_default())
                })
                on_choose=Callback::new(move |id: String| {
                    let author = Uuid::parse_str(&id).ok();
                    change.run(Box::new(move |filter| filter.author = author));
                })
            />
        </div>
    }
}

#[component]
fn List(
    filter: Memo<FormFilter>,
    list: Reading<Page<Arc<FormSubmission>>>,
    directory: Signal<Option<Arc<Directory>>>,
    go: Callback<FormFilter>,
    ahead: RwSignal<bool>,
) -> impl IntoView {
    let rows = Memo::new(move |_| {
        list.latest.with(|page| {
            page.as_ref()
                .map(|page| page.rows.clone())
                .unwrap_or_default()
        })
    });
    let editors = use_editors();
    let to_review = Memo::new(move |_| filter.with(|filter| filter.view == FormView::ToReview));
    // The view is part of the key: its rows lead to the queue, and say how long they have waited.
    let ids = Memo::new(move |_| {
        let to_review = to_review.get();
        rows.with(|rows| {
            rows.iter()
                .map(|row| (row.id, to_review))
                .collect::<Vec<_>>()
        })
    });
    let total = Memo::new(move |_| {
        list.latest
            .with(|page| page.as_ref().map(|page| page.total))
    });
    let stale = move || list.outdated.get() || ahead.get();
    let unreadable = Memo::new(move |_| {
        list.latest
            .with(|page| page.as_ref().map_or(0, |page| page.unreadable))
    });
    let waiting = Memo::new(move |_| total.get().is_none() && list.error.with(Option::is_none));
    let failed = Memo::new(move |_| {
        if total.get().is_none() {
            list.error.get()
        } else {
            None
        }
    });
    let narrows = Memo::new(move |_| filter.with(FormFilter::narrows));
    let empty = move || {
        let (title, advice) = match (narrows.get(), to_review.get()) {
            (true, _) => (
                "No form matches",
                "Try fewer letters, or another status, kind or author.",
            ),
            (false, true) => (
                "Nothing waits for you",
                "Forms that colleagues submit about your patients appear here by themselves.",
            ),
            (false, false) => (
                "No forms yet",
                "Forms about your patients appear here as they are written.",
            ),
        };
        let shape = if to_review.get() && !narrows.get() {
            Shape::Check
        } else {
            Shape::Form
        };
        view! {
            <Empty shape title=title.to_owned() advice=advice.to_owned()>
                {narrows
                    .get()
                    .then(|| {
                        view! {
                            <button
                                class="button"
                                type="button"
                                on:click=move |_| go.run(filter.with_untracked(FormFilter::widened))
                            >
                                "Show all of them"
                            </button>
                        }
                    })}
            </Empty>
        }
    };
    view! {
        <NotRefreshed
            shown=Signal::derive(move || total.get().is_some())
            error=list.error
            retry=list.refetch
        />
        <div class="table-frame" data-refetching=move || stale().then_some("true")>
            <table class="table table-forms" aria-label="Forms" aria-busy=move || waiting.get().then_some("true")>
                <thead>
                    <tr>
                        <th scope="col">"Patient"</th>
                        <th scope="col" class="col-second">"Form"</th>
                        <th scope="col">"Status"</th>
                        <th scope="col" class="col-third">"Written by"</th>
                        <th scope="col" class="col-second">
                            {move || if to_review.get() { "Waiting since" } else { "Updated" }}
                        </th>
                    </tr>
                </thead>
                <tbody inert=stale>
                    <Show when=move || waiting.get()>
                        <SkeletonRows columns=COLUMNS />
                    </Show>
                    <For
                        each=move || ids.get()
                        key=|id| *id
                        children=move |(id, to_review)| view! { <FormRow id to_review rows directory editors /> }
                    />
                </tbody>
            </table>
            {move || failed.get().map(|error| view! { <Failed error retry=list.refetch /> })}
            {move || (total.get() == Some(0)).then(empty)}
        </div>
        <UnreadableRows count=unreadable />
        <div class="table-foot">
            <span aria-live="polite">
                {move || total.get().filter(|total| *total <= PAGE).map(counted)}
            </span>
        </div>
        <Show when=move || total.get().is_some_and(|total| total > PAGE)>
            <Pager
                page=Signal::derive(move || filter.with(|filter| filter.page))
                page_size=PAGE
                total=Signal::derive(move || total.get().unwrap_or_default())
                on_page=Callback::new(move |page| go.run(FormFilter { page, ..filter.get_untracked() }))
            />
        </Show>
    }
}

fn counted(total: usize) -> String {
    match total {
        1 => "1 form".to_owned(),
        total => format!("{total} forms"),
    }
}

#[component]
fn FormRow(
    id: Uuid,
    to_review: bool,
    rows: Memo<Vec<Arc<FormSubmission>>>,
    directory: Signal<Option<Arc<Directory>>>,
    editors: Signal<Editors>,
) -> impl IntoView {
    let form = Memo::new(move |_| rows.with(|rows| rows.iter().find(|row| row.id == id).cloned()));
    let text = move |read: fn(&FormSubmission) -> String| {
        Signal::derive(move || form.with(|form| form.as_deref().map(read).unwrap_or_default()))
    };
    let status = Signal::derive(move || {
        form.with(|form| {
            form.as_ref()
                .map_or(FormStatus::Unknown, |form| form.status)
        })
    });
    let author = move || {
        let author = form.with(|form| form.as_ref().and_then(|form| form.submitted_by));
        directory.with(|people| match (people, author) {
            (Some(people), Some(_)) => people.name_of(author),
            _ => "–".to_owned(),
        })
    };
    let editing = Memo::new(move |_| editors.with(|editors| editors.at(id).to_vec()));
    let mark = use_mark(text(|form| form.version.to_string()));
    let address = if to_review {
        in_queue(id)
    } else {
        format!("/forms/{id}")
    };
    let since = text(if to_review {
        |form| form.submitted_at.clone().unwrap_or_default()
    } else {
        |form| form.updated_at.clone()
    });
    view! {
        <tr data-changed=move || mark.word() on:animationend=move |_| mark.clear()>
            <td class="cell-lead">
                <A href=address>{text(FormSubmission::about)}</A>
                <span class="cell-sub">{text(|form| form.form_type.label().to_owned())}</span>
            </td>
            <td class="col-second">{text(|form| form.form_type.label().to_owned())}</td>
            <td>
                <div class="status-line">
                    <FormStatusBadge status />
                    <EditingNow people=editing directory />
                </div>
            </td>
            <td class="col-third">{author}</td>
            <td class="col-second">
                <Ago at=since />
            </td>
        </tr>
    }
}
