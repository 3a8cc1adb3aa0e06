//! Light, dark, or as the system says; kept for the next visit. `boot.js` sets it before the first paint.

use leptos::prelude::*;

use super::{Icon, Shape};
use crate::data::store;

const KEY: &str = "bedside.theme";

/// Whose choice the theme is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Theme {
    System,
    Light,
    Dark,
}

impl Theme {
    const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    fn kept() -> Self {
        match store::read(KEY).as_deref() {
            Some("light") => Self::Light,
            Some("dark") => Self::Dark,
            _ => Self::System,
        }
    }

    const fn word(self) -> Option<&'static str> {
        match self {
            Self::System => None,
            Self::Light => Some("light"),
            Self::Dark => Some("dark"),
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::System => "System theme",
            Self::Light => "Light theme",
            Self::Dark => "Dark theme",
        }
    }

    const fn shape(self) -> Shape {
        match self {
            Self::System => Shape::Device,
            Self::Light => Shape::Sun,
            Self::Dark => Shape::Moon,
        }
    }

    fn apply(self) {
        let Some(root) = document().document_element() else {
            return;
        };
        // Neither can fail for a name without odd characters.
        match self.word() {
            Some(word) => {
                let _ = root.set_attribute("data-theme", word);
                // A choice that is not kept holds until the next load.
                let _ = store::write(KEY, word);
            }
            None => {
                let _ = root.remove_attribute("data-theme");
                store::remove(KEY);
            }
        }
    }
}

/// Chooses the theme.
#[component]
pub fn ThemeSwitch() -> impl IntoView {
    let (chosen, choose) = signal(Theme::kept());
    let option = move |theme: Theme| {
        view! {
            <button
                type="button"
                role="radio"
                aria-checked=move || if chosen.get() == theme { "true" } else { "false" }
                aria-label=theme.label()
                title=theme.label()
                on:click=move |_| {
                    theme.apply();
                    choose.set(theme);
                }
            >
                <Icon shape=theme.shape() size=14 />
            </button>
        }
    };
    view! {
        <div class="segmented" role="radiogroup" aria-label="Theme">
            {Theme::ALL.map(option).collect_view()}
        </div>
    }
}
