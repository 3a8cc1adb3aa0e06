//! Columns side by side: how a number went from day to day.

use leptos::prelude::*;

use super::{axis_end, percent};

/// One column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// What it stands for, under the axis.
    pub label: String,
    pub value: f64,
    /// All of it in words, shown while the pointer is there.
    pub words: String,
}

/// Columns, the scale beside them, and under them the first, the middle and the last label.
#[component]
pub fn Columns(#[prop(into)] columns: Signal<Vec<Column>>) -> impl IntoView {
    let (pointed, set_pointed) = signal(None::<usize>);
    let end = Memo::new(move |_| {
        let largest = columns.with(|columns| {
            columns
                .iter()
                .fold(0.0, |most: f64, column| most.max(column.value))
        });
        axis_end(largest)
    });
    // The boxes stay while their number does: a new value changes a height, which the style makes a short movement.
    let count = Memo::new(move |_| columns.with(Vec::len));
    let column = move |index: usize| {
        let height = move || {
            let value =
                columns.with(|columns| columns.get(index).map_or(0.0, |column| column.value));
            percent(value, end.get())
        };
        view! {
            <div
                class="column"
                on:pointerenter=move |_| set_pointed.set(Some(index))
                on:pointerleave=move |_| set_pointed.set(None)
            >
                <span style:height=height></span>
            </div>
        }
    };
    let label = move |of: fn(usize) -> usize| {
        move || {
            columns.with(|columns| {
                columns
                    .get(of(columns.len()))
                    .map(|column| column.label.clone())
            })
        }
    };
    let words = move || {
        let pointed = pointed.get()?;
        columns.with(|columns| columns.get(pointed).map(|column| column.words.clone()))
    };
    view! {
        <div class="columns-chart">
            <p class="chart-words">{words}</p>
            <div class="columns-scale">
                <span>{move || end.get().to_string()}</span>
                <span>{move || (end.get() / 2.0).to_string()}</span>
                <span>"0"</span>
            </div>
            <div class="columns-plot">{move || (0..count.get()).map(column).collect_view()}</div>
            <div class="columns-labels">
                <span>{label(|_| 0)}</span>
                <span>{label(|count| count / 2)}</span>
                <span>{label(|count| count.saturating_sub(1))}</span>
            </div>
        </div>
    }
}
