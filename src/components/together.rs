//! Editing in company: who else has the record open, who is in which field, and a word before two people change the same one.
//!
//! A page wraps its fields in [`Together`] and gives each control a `data-field`; [`FieldShell`](super::FieldShell) shows the rest.

use leptos::ev;
use leptos::prelude::*;
use uuid::Uuid;
use wasm_bindgen::JsCast;

use super::{Icon, Shape};
use crate::data::profiles;
use crate::hooks::{InCompany, Me, use_reading};
use crate::model::caret;
use crate::model::profile::initials;
use crate::sync::{Companion, Place, Table};

/// How many people are shown before the rest becomes a number.
const SHOWN: usize = 4;

/// The company of a record and the names of people, for the fields inside. From context.
#[derive(Clone, Copy)]
pub struct Together {
    pub company: InCompany,
    name: Callback<Uuid, String>,
}

impl Together {
    /// Provides the company of a record to the fields below.
    pub fn provide(company: InCompany) -> Self {
        let directory = use_reading(&[Table::Profiles], profiles::directory_query);
        let me = use_context::<Me>().and_then(|me| me.user.try_with_value(|user| user.id));
        let name = Callback::new(move |user: Uuid| {
            if me == Some(user) {
                return "Your other tab".to_owned();
            }
            directory
                .data
                .with(|people| people.as_ref().map(|people| people.name_of(Some(user))))
                .filter(|name| name != "–")
                .unwrap_or_else(|| "Somebody".to_owned())
        });
        let together = Self { company, name };
        provide_context(together);
        together
    }

    /// A person's name. Tracked.
    pub fn name_of(self, companion: &Companion) -> String {
        self.name.run(companion.user)
    }

    /// Tells the others where the person is, by an event that came up from a field. `stored` gives the stored text of a long field.
    pub fn follows(self, event: &ev::Event, stored: Callback<String, String>) {
        let Some(control) = event
            .target()
            .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
        else {
            return;
        };
        let Some(field) = control.get_attribute("data-field") else {
            return;
        };
        let before = self.company.own.get_untracked();
        let typing = event.type_() == "input"
            || before.is_some_and(|place| place.field == field && place.typing);
        let caret = control
            .dyn_ref::<web_sys::HtmlTextAreaElement>()
            .and_then(|area| {
                let place = area.selection_start().ok().flatten()?;
                Some(caret::in_stored(
                    &stored.run(field.clone()),
                    &area.value(),
                    place,
                ))
            });
        self.company.goes_to(Some(Place {
            field,
            typing,
            caret,
        }));
    }
}

/// Fields that are edited in company. Everything that a person does in them is told to the others, by the name of the field.
#[component]
pub fn EditedTogether(
    together: Together,
    /// The stored text of a field.
    stored: Callback<String, String>,
    children: Children,
) -> impl IntoView {
    let follow = move |event: &ev::Event| together.follows(event, stored);
    view! {
        <div
            class="together"
            on:focusin=move |event| follow(&event)
            on:input=move |event| follow(&event)
            on:keyup=move |event| follow(&event)
            on:pointerup=move |event| follow(&event)
            on:focusout=move |_| together.company.goes_to(None)
        >
            {children()}
        </div>
    }
}

/// Who else has the record open.
#[component]
pub fn AlsoHere(together: Together) -> impl IntoView {
    let others = together.company.others;
    let face = move |companion: Companion| {
        let name = together.name_of(&companion);
        let (said, letters) = (name.clone(), initials(&name));
        view! {
            <li class="avatar avatar-small" title=name>
                <span aria-hidden="true">{letters}</span>
                <span class="visually-hidden">{said}</span>
            </li>
        }
    };
    let words = move || {
        let names = others.with(|others| {
            others
                .iter()
                .map(|companion| together.name_of(companion))
                .collect::<Vec<_>>()
        });
        match names.as_slice() {
            [] => String::new(),
            [one] => format!("{one} is here"),
            [one, other] => format!("{one} and {other} are here"),
            [one, rest @ ..] => format!("{one} and {} others are here", rest.len()),
        }
    };
    view! {
        <div class="also-here" role="status" aria-label="Also here">
            <ul aria-hidden="true">
                {move || others.with(|others| others.iter().take(SHOWN).cloned().map(face).collect_view())}
            </ul>
            <span class="also-here-words" title=words>{words}</span>
        </div>
    }
}

/// Beside a field's label: who else is in it.
#[component]
pub fn InThisField(together: Together, #[prop(into)] field: String) -> impl IntoView {
    let companions = Memo::new(move |_| together.company.in_field(&field));
    let words = move || {
        companions.with(|companions| {
            let first = companions.first()?;
            let name = together.name_of(first);
            let typing = first.place.as_ref().is_some_and(|place| place.typing);
            let more = companions.len().saturating_sub(1);
            let doing = if typing { "is typing" } else { "is here" };
            Some(match more {
                0 => format!("{name} {doing}"),
                more => format!("{name} {doing}, {more} more"),
            })
        })
    };
    view! {
        <span class="in-this-field" role="status">
            {move || {
                words()
                    .map(|words| {
                        view! {
                            <Icon shape=Shape::Pen size=12 />
                            <span class="in-this-field-words">{words}</span>
                        }
                    })
            }}
        </span>
    }
}

/// Above a field in which both are: what will happen if both change it. It floats, for what moves a button away from under the pointer
/// when a field loses focus eats the click.
#[component]
pub fn BothInThisField(together: Together, #[prop(into)] field: String) -> impl IntoView {
    let me = use_context::<Me>().and_then(|me| me.user.try_with_value(|user| user.id));
    let warned = Memo::new(move |_| {
        if !together.company.am_in(&field) {
            return None;
        }
        let companion = together.company.in_field(&field).into_iter().next()?;
        Some((me == Some(companion.user), together.name_of(&companion)))
    });
    move || {
        warned.get().map(|(self_in_other_tab, name)| {
            let words = if self_in_other_tab {
                "This field is open in another of your tabs. Finish in one of them.".to_owned()
            } else {
                format!("{name} is in this field too. If both of you change it, you will see both texts and choose.")
            };
            view! {
                <p class="both-in-this-field" role="status">
                    <Icon shape=Shape::Alert size=12 />
                    {words}
                </p>
            }
        })
    }
}
