//! One question as it is filled in: the control that fits it, what helps, what is wrong, and both versions where two people
//! changed it.

use leptos::prelude::*;

use super::fill::Fill;
use crate::components::time::{here_at, this_minute};
use crate::components::together::{BothInThisField, InThisField, Together};
use crate::components::{Conflict, FieldShell, Icon, LongText, Shape, TypedDate, Values};
use crate::model::form_kind::{Choice, Field, Need, Problem, Question, reading_of};
use crate::model::{FieldState, WallTime};

/// Up to so many choices are shown side by side.
const SIDE_BY_SIDE: usize = 5;

const YES_NO: &[Choice] = &[
    Choice {
        word: "true",
        label: "Yes",
    },
    Choice {
        word: "false",
        label: "No",
    },
];

/// The id of a question's control.
pub fn control_id(field: &Field) -> String {
    format!("answer-{}", field.key.replace('_', "-"))
}

/// What is wrong with an answer, as a sentence.
pub fn sentence(field: &Field, problem: &Problem) -> String {
    format!("{} {problem}.", field.label)
}

/// A question to be answered; not there while it is not asked and has no answer.
#[component]
pub fn Control(fill: Fill, field: &'static Field) -> impl IntoView {
    let asked = Memo::new(move |_| {
        field.is_asked(|key| fill.text(key)) || !fill.text(field.key).is_empty()
    });
    let wide = matches!(
        field.question,
        Question::LongText | Question::Text | Question::Choice(_) | Question::Choices(_)
    );
    view! {
        <Show when=move || asked.get()>
            <div class=if wide { "fill-wide" } else { "" }>
                <Asked fill field />
            </div>
        </Show>
    }
}

#[component]
fn Asked(fill: Fill, field: &'static Field) -> impl IntoView {
    let value = Memo::new(move |_| fill.text(field.key));
    let problem = Memo::new(move |_| fill.problem(field).map(|problem| sentence(field, &problem)));
    let label = match field.need {
        Need::Required => field.label.to_owned(),
        Need::Optional => format!("{} (optional)", field.label),
    };
    let below = view! { <Below fill field value /> };
    match field.question {
        Question::YesNo => view! {
            <Group fill field label value problem choices=YES_NO below=below.into_any() />
        }
        .into_any(),
        Question::Choice(choices) if choices.len() <= SIDE_BY_SIDE => {
            view! { <Group fill field label value problem choices below=below.into_any() /> }
                .into_any()
        }
        Question::Choices(choices) => {
            view! { <Boxes fill field label value problem choices below=below.into_any() /> }
                .into_any()
        }
        _ => view! {
            <FieldShell id=control_id(field) label error=problem shared=field.key>
                {line(fill, field, value, problem)}
                // Below: above, it would push its control out of the line of its neighbours.
                {hint(field)}
                {below}
            </FieldShell>
        }
        .into_any(),
    }
}

fn hint(field: &'static Field) -> Option<AnyView> {
    (!field.hint.is_empty()).then(|| {
        view! {
            <p class="field-hint" id=format!("{}-hint", control_id(field))>
                {field.hint}
            </p>
        }
        .into_any()
    })
}

/// A control of one line or many.
fn line(
    fill: Fill,
    field: &'static Field,
    value: Memo<String>,
    problem: Memo<Option<String>>,
) -> AnyView {
    let id = control_id(field);
    let invalid = Signal::derive(move || problem.with(Option::is_some));
    match field.question {
        Question::LongText => {
            return view! {
                <LongText
                    id
                    field=field.key
                    value
                    stored=Signal::derive(move || fill.stored(field.key))
                    on_input=Callback::new(move |text| fill.type_in(field, text))
                    limit=field.question.longest()
                    rows=3
                    invalid
                />
            }
            .into_any();
        }
        Question::Choice(choices) => return select(fill, field, value, invalid, choices),
        _ => {}
    }
    let mode = match field.question {
        Question::Number(_) => "decimal",
        Question::Date(_) | Question::Moment(_) => return date(fill, field, value, invalid),
        _ => "text",
    };
    let class = match field.question {
        Question::Signature => "input signature",
        _ => "input",
    };
    let unit_id = format!("{id}-unit");
    let unit = match field.question {
        Question::Number(quantity) => Some(quantity.unit),
        _ => None,
    };
    let described = format!("{id}-note {id}-hint {unit_id}");
    let input = view! {
        <input
            class=class
            id=id
            type="text"
            inputmode=mode
            autocomplete="off"
            dir=unit.is_none().then_some("auto")
            data-field=field.key
            aria-describedby=described
            aria-required=(field.need == Need::Required).then_some("true")
            aria-invalid=move || invalid.get().then_some("true")
            prop:value=move || value.get()
            on:input=move |event| fill.type_in(field, event_target_value(&event))
        />
    };
    match unit {
        Some(unit) => view! {
            <div class="measure">
                {input}
                <span class="measure-unit" id=unit_id>
                    {unit}
                </span>
            </div>
        }
        .into_any(),
        None => input.into_any(),
    }
}

/// A day, or a day and a time.
fn date(fill: Fill, field: &'static Field, value: Memo<String>, invalid: Signal<bool>) -> AnyView {
    let id = control_id(field);
    let with_time = matches!(field.question, Question::Moment(_));
    // Another text takes the place of what is shown, also of a part of a date. A control that goes takes it along.
    Effect::new(move |_| {
        value.track();
        fill.has_all_of(field);
    });
    on_cleanup(move || fill.has_all_of(field));
    let on_input = move |event: web_sys::Event| {
        let typed = match TypedDate::of(&event) {
            TypedDate::Whole(wall) if with_time => {
                TypedDate::Whole(here_at(&wall).map_or(wall, |at| at.to_string()))
            }
            typed => typed,
        };
        fill.type_date(field, typed);
    };
    view! {
        <input
            class="input"
            id=id.clone()
            type=if with_time { "datetime-local" } else { "date" }
            autocomplete="off"
            dir="auto"
            data-field=field.key
            aria-describedby=format!("{id}-note {id}-hint")
            aria-required=(field.need == Need::Required).then_some("true")
            aria-invalid=move || invalid.get().then_some("true")
            prop:value=move || value.with(|value| in_control(field, value))
            on:input=on_input
        />
    }
    .into_any()
}

/// The text of an answer as its control takes it: a browser's control for a day and a time knows no offset.
fn in_control(field: &Field, text: &str) -> String {
    match (field.question, WallTime::parse(text)) {
        (Question::Moment(_), Some(at)) => WallTime { offset: None, ..at }.to_string(),
        _ => text.to_owned(),
    }
}

fn select(
    fill: Fill,
    field: &'static Field,
    value: Memo<String>,
    invalid: Signal<bool>,
    choices: &'static [Choice],
) -> AnyView {
    let id = control_id(field);
    view! {
        <select
            class="input"
            id=id.clone()
            data-field=field.key
            aria-describedby=format!("{id}-note {id}-hint")
            aria-invalid=move || invalid.get().then_some("true")
            prop:value=move || value.get()
            on:change=move |event| fill.choose(field, event_target_value(&event))
        >
            <option value="">"Choose…"</option>
            {move || {
                with_unknown(choices, &value.get())
                    .into_iter()
                    .map(|(word, label)| {
                        let selected = value.with_untracked(|value| *value == word);
                        view! { <option value=word selected=selected>{label}</option> }
                    })
                    .collect_view()
            }}
        </select>
    }
    .into_any()
}

/// The choices; an answer that is none of them stays choosable rather than change by itself.
fn with_unknown(choices: &'static [Choice], value: &str) -> Vec<(String, String)> {
    let known = choices
        .iter()
        .map(|choice| (choice.word.to_owned(), choice.label.to_owned()));
    let unknown = value
        .lines()
        .filter(|word| !word.is_empty() && choices.iter().all(|choice| choice.word != *word))
        .map(|word| (word.to_owned(), word.to_owned()));
    known.chain(unknown).collect()
}

/// The first option has the id of the control itself, so that whatever leads to the control leads there.
fn option_id(control: &str, place: usize) -> String {
    if place == 0 {
        control.to_owned()
    } else {
        format!("{control}-{place}")
    }
}

/// One of a few, side by side.
#[component]
fn Group(
    fill: Fill,
    field: &'static Field,
    label: String,
    value: Memo<String>,
    problem: Memo<Option<String>>,
    choices: &'static [Choice],
    below: AnyView,
) -> impl IntoView {
    let id = control_id(field);
    let optional = field.need == Need::Optional;
    let options = Memo::new(move |_| value.with(|value| with_unknown(choices, value)));
    let first = id.clone();
    let option = move |(place, (word, label)): (usize, (String, String))| {
        let id = option_id(&first, place);
        let is = word.clone();
        view! {
            <label class="option">
                <input
                    type="radio"
                    id=id
                    name=field.key
                    value=word.clone()
                    data-field=field.key
                    prop:checked=move || value.with(|value| *value == is)
                    on:change=move |_| fill.choose(field, word.clone())
                />
                {label}
            </label>
        }
    };
    view! {
        <Options field id label problem below role="radiogroup">
            <For
                each=move || options.get().into_iter().enumerate()
                key=|(_, option)| option.clone()
                children=option
            />
            <Show when=move || optional && value.with(|value| !value.is_empty())>
                <button class="link" type="button" on:click=move |_| fill.choose(field, String::new())>
                    "Clear"
                </button>
            </Show>
        </Options>
    }
}

/// Any of a few.
#[component]
fn Boxes(
    fill: Fill,
    field: &'static Field,
    label: String,
    value: Memo<String>,
    problem: Memo<Option<String>>,
    choices: &'static [Choice],
    below: AnyView,
) -> impl IntoView {
    let id = control_id(field);
    let options = Memo::new(move |_| value.with(|value| with_unknown(choices, value)));
    let first = id.clone();
    let option = move |(place, (word, label)): (usize, (String, String))| {
        let id = option_id(&first, place);
        let is = word.clone();
        view! {
            <label class="option">
                <input
                    type="checkbox"
                    id=id
                    value=word.clone()
                    data-field=field.key
                    prop:checked=move || value.with(|value| value.lines().any(|chosen| chosen == is))
                    on:change=move |event| {
                        let chosen = event_target_checked(&event);
                        fill.choose(field, toggled(choices, &value.get_untracked(), &word, chosen));
                    }
                />
                {label}
            </label>
        }
    };
    view! {
        <Options field id label problem below role="group">
            <For
                each=move || options.get().into_iter().enumerate()
                key=|(_, option)| option.clone()
                children=option
            />
        </Options>
    }
}

/// The chosen words after a box was ticked or cleared, in the order of the choices.
fn toggled(choices: &'static [Choice], value: &str, word: &str, chosen: bool) -> String {
    with_unknown(choices, value)
        .into_iter()
        .map(|(known, _)| known)
        .filter(|known| {
            if known == word {
                chosen
            } else {
                value.lines().any(|held| held == known)
            }
        })
        .collect::<Vec<_>>()
        .join("\n")
}

/// Several options under one name, as [`FieldShell`] is for one control.
#[component]
fn Options(
    field: &'static Field,
    id: String,
    label: String,
    problem: Memo<Option<String>>,
    below: AnyView,
    role: &'static str,
    children: Children,
) -> impl IntoView {
    let together = use_context::<Together>();
    let in_it = together.map(|together| view! { <InThisField together field=field.key /> });
    let both_in_it =
        together.map(|together| view! { <BothInThisField together field=field.key /> });
    let name = format!("{id}-label");
    view! {
        <div class="field">
            <div class="field-label">
                <span id=name.clone()>{label}</span>
                {in_it}
            </div>
            {hint(field)}
            <div
                class="options"
                role=role
                aria-labelledby=name
                aria-describedby=format!("{id}-note {id}-hint")
                aria-required=(role == "radiogroup" && field.need == Need::Required).then_some("true")
                aria-invalid=move || (role == "radiogroup" && problem.with(Option::is_some)).then_some("true")
            >
                {children()}
            </div>
            {both_in_it}
            {below}
            <div id=format!("{id}-note")>
                {move || {
                    problem
                        .get()
                        .map(|problem| {
                            view! {
                                <p class="field-note field-note-error">
                                    <Icon shape=Shape::Alert size=12 />
                                    {problem}
                                </p>
                            }
                        })
                }}
            </div>
        </div>
    }
}

/// What a browser's control for dates does not show of the answer: a text that is no date, the answer that stays while another is
/// typed, a time by another clock than the one here.
fn behind_the_control(field: &Field, text: &str, partial: bool) -> Option<String> {
    if text.is_empty() || !matches!(field.question, Question::Date(_) | Question::Moment(_)) {
        return None;
    }
    if !field.is_complete(text) {
        return Some(format!("So far: {text}"));
    }
    let elsewhere = || {
        let written = WallTime::parse(text)?.offset?;
        let here = here_at(text)?.offset?;
        (written != here).then(|| format!("Measured: {}", reading_of(field, text)))
    };
    if partial {
        Some(format!(
            "Kept until it is complete: {}",
            reading_of(field, text)
        ))
    } else {
        elsewhere()
    }
}

/// What stands below a control: what is unusual, what came from elsewhere, and both versions.
#[component]
fn Below(fill: Fill, field: &'static Field, value: Memo<String>) -> impl IntoView {
    let warning = move || {
        let checked = field.check(&value.get(), this_minute(), fill.shown.ranges.get());
        Some(checked.ok().flatten()?.to_string())
    };
    let behind = move || behind_the_control(field, &value.get(), fill.is_partial(field));
    let elsewhere = Memo::new(move |_| fill.state(field) == FieldState::FollowedTheRow);
    let versions = Memo::new(move |_| fill.versions(field));
    let disputed = Memo::new(move |_| versions.with(Option::is_some));
    let values = match field.question {
        Question::LongText | Question::Text => Values::Text,
        _ => Values::Whole,
    };
    view! {
        {move || {
            warning()
                .map(|words| {
                    view! {
                        <p class="field-note field-note-warning" role="status">
                            <Icon shape=Shape::Alert size=12 />
                            {words}
                        </p>
                    }
                })
        }}
        {move || behind().map(|words| view! { <p class="field-note">{words}</p> })}
        <Show when=move || elsewhere.get()>
            <p class="field-note field-note-elsewhere" role="status">
                <Icon shape=Shape::Refresh size=12 />
                {move || match fill.shown.other_changer() {
                    Some(name) => format!("Changed by {name}"),
                    None => "Changed elsewhere".to_owned(),
                }}
            </p>
        </Show>
        <Show when=move || disputed.get()>
            <Conflict
                control=control_id(field)
                label=field.label
                versions=Signal::derive(move || versions.get().unwrap_or_default())
                values
                limit=field.question.longest()
                whose=Signal::derive(move || fill.shown.other_changer())
                reads=move |text: String| reading_of(field, &text)
                on_settled=Callback::new(move |settled| fill.settle(field, settled))
            />
        </Show>
    }
}
