//! The forms about a patient, as they are written and reviewed.

use std::sync::Arc;

use leptos::prelude::*;
use leptos_router::components::A;
use uuid::Uuid;

use super::super::new_form;
use crate::components::{
    Ago, Changed, Empty, Failed, FormStatusBadge, Icon, Pager, Shape, SkeletonRows, UnreadableRows,
};
use crate::data::form_submissions::{self, FormFilter, PAGE};
use crate::data::profiles;
use crate::hooks::{Me, use_reading};
use crate::model::{FormStatus, FormSubmission, Role};
use crate::sync::Table;

const FORM_COLUMNS: &[&str] = &["cell-lead", "", "col-second", "col-second"];

/// The list of forms.
#[component]
pub fn PatientForms(id: Uuid) -> impl IntoView {
    let me = use_context::<Me>();
    let may_edit = Memo::new(move |_| me.and_then(Me::role).is_some_and(Role::may_edit));
    let page = RwSignal::new(0_usize);
    let list = use_reading(&[Table::FormSubmissions, Table::Patients], move |rest| {
        form_submissions::list_query(
            rest,
            FormFilter {
                patient: Some(id),
                page: page.get(),
                ..FormFilter::default()
            },
        )
    });
    let directory = use_reading(&[Table::Profiles], profiles::directory_query);
    let known = Memo::new(move |_| list.latest.with(Option::is_some));
    let waiting = Memo::new(move |_| !known.get() && list.error.with(Option::is_none));
    let failed = Memo::new(move |_| if known.get() { None } else { list.error.get() });
    let total = Memo::new(move |_| {
        list.latest
            .with(|page| page.as_ref().map(|page| page.total))
    });
    let unreadable = Memo::new(move |_| {
        list.latest
            .with(|page| page.as_ref().map_or(0, |page| page.unreadable))
    });
    let rows = Memo::new(move |_| {
        list.latest.with(|page| {
            page.as_ref()
                .map(|page| page.rows.clone())
                .unwrap_or_default()
        })
    });
    let ids =
        Memo::new(move |_| rows.with(|rows| rows.iter().map(|row| row.id).collect::<Vec<_>>()));
    let row = move |id: Uuid| {
        let form: Memo<Option<Arc<FormSubmission>>> =
            Memo::new(move |_| rows.with(|rows| rows.iter().find(|row| row.id == id).cloned()));
        let status = Signal::derive(move || {
            form.with(|form| {
                form.as_ref()
                    .map_or(FormStatus::Unknown, |form| form.status)
            })
        });
        let kind = move || {
            form.with(|form| {
                form.as_ref()
                    .map(|form| form.form_type.label())
                    .unwrap_or_default()
            })
        };
        let author = move || {
            let author = form.with(|form| form.as_ref().and_then(|form| form.submitted_by));
            directory.data.with(|people| match (people, author) {
                (Some(people), Some(_)) => people.name_of(author),
                _ => "–".to_owned(),
            })
        };
        let updated = Signal::derive(move || {
            form.with(|form| {
                form.as_ref()
                    .map(|form| form.updated_at.clone())
                    .unwrap_or_default()
            })
        });
        view! {
            <tr>
                <td class="cell-lead">
                    <A href=format!("/forms/{id}")>{kind}</A>
                </td>
                <td>
                    <Changed of=Signal::derive(move || status.get().label().to_owned())>
                        <FormStatusBadge status />
                    </Changed>
                </td>
                <td class="col-second">{author}</td>
                <td class="col-second">
                    <Ago at=updated />
                </td>
            </tr>
        }
    };
    view! {
        <section class="card" aria-labelledby="forms-title">
            <div class="card-head">
                <h2 id="forms-title">
                    "Forms " <span class="muted small">{move || total.get()}</span>
                </h2>
                <Show when=move || may_edit.get()>
                    <A href=new_form::about(id) attr:class="button button-small">
                        <Icon shape=Shape::Plus size=12 />
                        "New form"
                    </A>
                </Show>
            </div>
            <div class="table-frame" data-refetching=move || list.outdated.get().then_some("true")>
                <table class="table" aria-label="Forms">
                    <thead>
                        <tr>
                            <th scope="col">"Form"</th>
                            <th scope="col">"Status"</th>
                            <th scope="col" class="col-second">"Written by"</th>
                            <th scope="col" class="col-second">"Updated"</th>
                        </tr>
                    </thead>
                    <tbody inert=move || list.outdated.get()>
                        <Show when=move || waiting.get()>
                            <SkeletonRows rows=3 columns=FORM_COLUMNS />
                        </Show>
                        <For each=move || ids.get() key=|id| *id children=row />
                    </tbody>
                </table>
                {move || failed.get().map(|error| view! { <Failed error retry=list.refetch /> })}
                <Show when=move || total.get() == Some(0)>
                    <Empty
                        shape=Shape::Form
                        title="No forms yet".to_owned()
                        advice="Forms about this patient appear here as they are written.".to_owned()
                    />
                </Show>
            </div>
            <UnreadableRows count=unreadable />
            <Show when=move || total.get().is_some_and(|total| total > PAGE)>
                <div class="card-foot">
                    <Pager
                        page
                        page_size=PAGE
                        total=Signal::derive(move || total.get().unwrap_or_default())
                        on_page=Callback::new(move |to| page.set(to))
                    />
                </div>
            </Show>
        </section>
    }
}
