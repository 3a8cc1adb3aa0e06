//! The list of forms, the latest change first.

use std::sync::Arc;

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::components::A;
use leptos_router::hooks::{use_navigate, use_query_map};
use uuid::Uuid;

use crate::components::{
    Ago, Changed, Empty, Failed, FormStatusBadge, NotRefreshed, Pager, Shape, SkeletonRows,
    use_title,
};
use crate::data::form_submissions::{self, FormFilter, PAGE};
use crate::data::profiles::{self, Directory};
use crate::hooks::use_reading;
use crate::model::{FormStatus, FormSubmission, FormType};
use crate::sync::Table;

const COLUMNS: &[&str] = &["cell-lead", "col-second", "", "col-third", "col-second"];

/// The list of forms.
#[component]
pub fn Forms() -> impl IntoView {
    use_title(|| "Forms".to_owned());
    let query = use_query_map();
    let filter =
        Memo::new(move |_| query.with(|query| FormFilter::from_query(|name| query.get(name))));
    let list = use_reading(&[Table::FormSubmissions, Table::Patients], move |rest| {
        form_submissions::list_query(rest, filter.get())
    });
    let directory = use_reading(&[Table::Profiles], profiles::directory_query);
    let navigate = use_navigate();
    let go = Callback::new(move |filter: FormFilter| {
        let options = NavigateOptions {
            replace: true,
            scroll: false,
            ..NavigateOptions::default()
        };
        navigate(&format!("/forms{}", filter.to_query()), options);
    });
    let rows = Memo::new(move |_| {
        list.data.with(|page| {
            page.as_ref()
                .map(|page| page.rows.clone())
                .unwrap_or_default()
        })
    });
    let ids =
        Memo::new(move |_| rows.with(|rows| rows.iter().map(|row| row.id).collect::<Vec<_>>()));
    let total = Memo::new(move |_| list.data.with(|page| page.as_ref().map(|page| page.total)));
    let waiting = Memo::new(move |_| total.get().is_none() && list.error.with(Option::is_none));
    let failed = Memo::new(move |_| {
        if total.get().is_none() {
            list.error.get()
        } else {
            None
        }
    });

    view! {
        <div class="page">
            <div class="page-head">
                <div class="page-title">
                    <h1>"Forms"</h1>
                </div>
            </div>
            <div class="toolbar">
                <select
                    class="input input-fit"
                    aria-label="Status"
                    on:change=move |event| {
                        let word = event_target_value(&event);
                        let status = FormStatus::ALL.iter().copied().find(|status| status.word() == word);
                        go.run(FormFilter { status, page: 0, ..filter.get_untracked() });
                    }
                    prop:value=move || filter.with(|filter| filter.status.map_or("", FormStatus::word))
                >
                    <option value="">"Every status"</option>
                    {FormStatus::ALL
                        .iter()
                        .map(|status| view! { <option value=status.word()>{status.label()}</option> })
                        .collect_view()}
                </select>
                <select
                    class="input input-fit"
                    aria-label="Kind"
                    on:change=move |event| {
                        let word = event_target_value(&event);
                        let form_type = FormType::ALL.iter().copied().find(|kind| kind.word() == word);
                        go.run(FormFilter { form_type, page: 0, ..filter.get_untracked() });
                    }
                    prop:value=move || filter.with(|filter| filter.form_type.map_or("", FormType::word))
                >
                    <option value="">"Every kind"</option>
                    {FormType::ALL
                        .iter()
                        .map(|kind| view! { <option value=kind.word()>{kind.label()}</option> })
                        .collect_view()}
                </select>
                <span class="toolbar-end" aria-live="polite">
                    {move || total.get().map(|total| if total == 1 { "1 form".to_owned() } else { format!("{total} forms") })}
                </span>
            </div>
            <NotRefreshed
                shown=Signal::derive(move || total.get().is_some())
                error=list.error
                retry=list.refetch
            />
            <div class="table-frame" data-refetching=move || list.outdated.get().then_some("true")>
                <table class="table" aria-label="Forms" aria-busy=move || waiting.get().then_some("true")>
                    <thead>
                        <tr>
                            <th scope="col">"Patient"</th>
                            <th scope="col" class="col-second">"Form"</th>
                            <th scope="col">"Status"</th>
                            <th scope="col" class="col-third">"Written by"</th>
                            <th scope="col" class="col-second">"Updated"</th>
                        </tr>
                    </thead>
                    <tbody>
                        <Show when=move || waiting.get()>
                            <SkeletonRows columns=COLUMNS />
                        </Show>
                        <For
                            each=move || ids.get()
                            key=|id| *id
                            children=move |id| view! { <FormRow id rows directory=directory.data /> }
                        />
                    </tbody>
                </table>
                {move || failed.get().map(|error| view! { <Failed error retry=list.refetch /> })}
                <Show when=move || total.get() == Some(0)>
                    <Empty
                        shape=Shape::Form
                        title=Signal::derive(move || {
                            if filter.with(FormFilter::narrows) { "No form matches" } else { "No forms yet" }.to_owned()
                        })
                        advice=Signal::derive(move || {
                            if filter.with(FormFilter::narrows) {
                                "Try another status or kind."
                            } else {
                                "Forms about your patients appear here as they are written."
                            }
                                .to_owned()
                        })
                    />
                </Show>
            </div>
            <Show when=move || total.get().is_some_and(|total| total > PAGE)>
                <Pager
                    page=Signal::derive(move || filter.with(|filter| filter.page))
                    page_size=PAGE
                    total=Signal::derive(move || total.get().unwrap_or_default())
                    on_page=Callback::new(move |page| go.run(FormFilter { page, ..filter.get_untracked() }))
                />
            </Show>
        </div>
    }
}

#[component]
fn FormRow(
    id: Uuid,
    rows: Memo<Vec<Arc<FormSubmission>>>,
    directory: Signal<Option<Arc<Directory>>>,
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
    view! {
        <tr>
            <td class="cell-lead">
                <A href=format!("/forms/{id}")>{text(FormSubmission::about)}</A>
                <span class="cell-sub">{text(|form| form.form_type.label().to_owned())}</span>
            </td>
            <td class="col-second">{text(|form| form.form_type.label().to_owned())}</td>
            <td>
                <Changed of=Signal::derive(move || status.get().label().to_owned())>
                    <FormStatusBadge status />
                </Changed>
            </td>
            <td class="col-third">{author}</td>
            <td class="col-second">
                <Ago at=text(|form| form.updated_at.clone()) />
            </td>
        </tr>
    }
}
