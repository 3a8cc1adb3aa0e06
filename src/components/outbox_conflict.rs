//! A save that met somebody else's change of the same fields: both versions of each, and the person's choice. It is sent again
//! when every field is settled.

use leptos::prelude::*;
use serde_json::Value;
use uuid::Uuid;

use super::{Authors, Conflict, Dialog, Settled, Values, Versions, focus_on_next};
use crate::data::profiles;
use crate::hooks::{use_outbox, use_reading};
use crate::model::PatientField;
use crate::model::form_submission::reading;
use crate::model::patient::NOTES_LIMIT;
use crate::sync::Table;
use crate::sync::outbox::{Clash, Entry, Side};

/// A field in which nothing is chosen yet.
const OPEN: &str = ".outbox-field:not([data-settled]) .conflict";
/// What can be done about a stopped save.
pub const NEEDS_A_PERSON: &str = ".outbox-acts button";

/// The fields of a stopped save, to choose from; in a dialog, since it can be needed on any page.
#[component]
pub fn OutboxConflict(open: RwSignal<bool>, entry: Entry, clash: Clash) -> impl IntoView {
    let outbox = use_outbox().map(|held| held.outbox);
    let (id, table) = (entry.id, entry.change.table);
    let title = format!("{} was changed by both of you", entry.change.title);
    let left = clash.fields.len();
    let version = clash.version;
    let authors = (table == Table::Patients).then(|| Authors::of_patient(entry.change.row));
    let changer = clash
        .row
        .get("changed_by")
        .and_then(|id| Uuid::parse_str(id.as_str()?).ok());
    let directory = use_reading(&[Table::Profiles], profiles::directory_query);
    let whose = move |of: Option<PatientField>, theirs: &str| match (authors, of) {
        (Some(authors), Some(field)) => authors.of(field, version, theirs).name(),
        _ => directory
            .data
            .with(|people| people.as_ref()?.known_name(changer)),
    };
    let choices = RwSignal::new(Vec::<(String, Side)>::new());
    let choose = Callback::new(move |(field, side): (String, Side)| {
        choices.update(|choices| {
            choices.retain(|(chosen, _)| *chosen != field);
            choices.push((field, side));
        });
        let chosen = choices.get_untracked();
        if chosen.len() < left {
            return focus_on_next(OPEN);
        }
        open.set(false);
        if let Some(outbox) = &outbox {
            outbox.resolve(id, &chosen);
        }
        focus_on_next(NEEDS_A_PERSON);
    });
    let fields = StoredValue::new(clash.fields);
    view! {
        <Dialog open title=title>
            <div class="dialog-body outbox-conflicts">
                {move || {
                    fields
                        .get_value()
                        .into_iter()
                        .map(|field| {
                            let name = field.field.clone();
                            let settled = {
                                let name = name.clone();
                                move || choices.with(|choices| choices.iter().any(|(chosen, _)| *chosen == name))
                            };
                            let theirs = text(&field.theirs);
                            let versions = Versions {
                                base: text(&field.base),
                                mine: text(&field.mine),
                                theirs: theirs.clone(),
                            };
                            let of = patient_field(table, &name);
                            let label = of.map_or_else(|| spoken(&name), |of| of.label().to_owned());
                            let values = match of {
                                Some(PatientField::Notes) => Values::Text,
                                _ => Values::Whole,
                            };
                            view! {
                                <div class="outbox-field" data-settled=move || settled().then_some("")>
                                    <h3>{label.clone()}</h3>
                                    <Conflict
                                        label
                                        versions=Signal::stored(versions)
                                        values
                                        limit=NOTES_LIMIT
                                        whose=Signal::derive(move || whose(of, &theirs))
                                        reads=Callback::new(move |stored: String| of.map_or(stored.clone(), |of| of.reading(&stored)))
                                        on_settled=Callback::new(move |settled: Settled| {
                                            let side = match settled {
                                                Settled::Mine => Side::Mine,
                                                Settled::Theirs => Side::Theirs,
                                                Settled::Merged(text) => Side::Merged(text.into()),
                                            };
                                            choose.run((name.clone(), side));
                                        })
                                    />
                                </div>
                            }
                        })
                        .collect_view()
                }}
            </div>
        </Dialog>
    }
}

fn patient_field(table: Table, column: &str) -> Option<PatientField> {
    (table == Table::Patients)
        .then(|| PatientField::of_column(column))
        .flatten()
}

/// A field of a form as people read it: the key of an answer, or a column.
fn spoken(field: &str) -> String {
    reading(field.split_once('.').map_or(field, |(_, key)| key))
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_is_called_by_its_key_and_shown_as_text() {
        assert_eq!(spoken("answers.chief_complaint"), "Chief complaint");
        assert_eq!(spoken("status"), "Status");
        assert_eq!(text(&json!(72)), "72");
        assert_eq!(text(&Value::Null), "");
    }
}
