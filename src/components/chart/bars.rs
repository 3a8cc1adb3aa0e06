//! Lying bars: how things compare, each made of one or more parts.

use leptos::prelude::*;

use super::percent;
use crate::components::Tone;

/// One bar.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// Tells it from the others, and stands before it.
    pub label: String,
    /// What stands behind it.
    pub figure: String,
    pub parts: Vec<Part>,
}

/// A part of a bar. Its colour is never all there is: the figure and the table say it too.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    pub tone: Tone,
    pub value: f64,
}

/// Bars on one scale, each on a line of its own.
#[component]
pub fn Bars(
    #[prop(into)] bars: Signal<Vec<Bar>>,
    /// What the colours mean, where a bar has more than one.
    #[prop(default = &[])]
    legend: &'static [(Tone, &'static str)],
) -> impl IntoView {
    let longest = Memo::new(move |_| {
        let total = |bar: &Bar| bar.parts.iter().map(|part| part.value).sum::<f64>();
        bars.with(|bars| bars.iter().map(total).fold(0.0, f64::max))
    });
    let labels =
        move || bars.with(|bars| bars.iter().map(|bar| bar.label.clone()).collect::<Vec<_>>());
    let line = move |label: String| {
        let name = label.clone();
        let bar = Memo::new(move |_| {
            bars.with(|bars| bars.iter().find(|bar| bar.label == name).cloned())
        });
        // The parts of one bar are always as many: only their lengths change.
        let parts = bar.with_untracked(|bar| bar.as_ref().map_or(0, |bar| bar.parts.len()));
        let part = move |index: usize| {
            let held = Memo::new(move |_| bar.with(|bar| bar.as_ref()?.parts.get(index).copied()));
            view! {
                <span
                    data-tone=move || held.get().map(|part| part.tone.word())
                    style:width=move || percent(held.get().map_or(0.0, |part| part.value), longest.get())
                ></span>
            }
        };
        view! {
            <li>
                <span class="bar-label">{label}</span>
                <span class="bar-track">{(0..parts).map(part).collect_view()}</span>
                <span class="bar-figure">{move || bar.with(|bar| bar.as_ref().map(|bar| bar.figure.clone()))}</span>
            </li>
        }
    };
    view! {
        <ul class="bars">
            <For each=labels key=Clone::clone children=line />
        </ul>
        {(!legend.is_empty())
            .then(|| {
                view! {
                    <p class="legend">
                        {legend.iter().map(|(tone, word)| view! { <span data-tone=tone.word()>{*word}</span> }).collect_view()}
                    </p>
                }
            })}
    }
}
