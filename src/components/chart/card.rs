//! The card around a chart: its name, what it shows in words, and the button that shows the table instead.

use leptos::prelude::*;

use crate::components::{Icon, Shape};

/// A chart, or the table behind it. Both are given by `children`: the picture first, then the numbers, of which one is shown.
#[component]
pub fn ChartCard(
    id: &'static str,
    title: &'static str,
    /// What there is to see, in one sentence: the whole picture for whoever doesn't see it.
    #[prop(into)]
    summary: Signal<String>,
    /// The headings of the table's columns; the first is that of the rows.
    headings: &'static [&'static str],
    /// The cells of the table, row by row.
    #[prop(into)]
    rows: Signal<Vec<Vec<String>>>,
    children: ChildrenFn,
) -> impl IntoView {
    let (reads, set_reads) = signal(false);
    let children = StoredValue::new(children);
    view! {
        <section class="card chart-card" aria-labelledby=id>
            <div class="card-head">
                <h2 id=id>{title}</h2>
                <button
                    class="button button-quiet button-small"
                    type="button"
                    aria-pressed=move || if reads.get() { "true" } else { "false" }
                    aria-label=format!("{title} as a table")
                    on:click=move |_| set_reads.update(|reads| *reads = !*reads)
                >
                    <Icon shape=Signal::derive(move || if reads.get() { Shape::Chart } else { Shape::Rows }) size=14 />
                    {move || if reads.get() { "Chart" } else { "Table" }}
                </button>
            </div>
            <Show
                when=move || reads.get()
                fallback=move || {
                    view! {
                        <div class="chart" role="img" aria-label=move || summary.get()>
                            {children.with_value(|children| children())}
                        </div>
                    }
                }
            >
                // Long tables scroll inside the card: the page keeps its shape.
                <div class="chart-table" tabindex="0" role="region" aria-label=format!("{title}, all figures")>
                    <table class="table">
                        <thead>
                            <tr>{headings.iter().enumerate().map(heading).collect_view()}</tr>
                        </thead>
                        <tbody>
                            {move || rows.get().into_iter().map(|cells| view! { <tr>{cells.into_iter().enumerate().map(cell).collect_view()}</tr> }).collect_view()}
                        </tbody>
                    </table>
                </div>
            </Show>
        </section>
    }
}

fn heading((column, heading): (usize, &&'static str)) -> impl IntoView + use<> {
    let class = if column == 0 { "" } else { "cell-end" };
    view! {
        <th scope="col" class=class>
            {*heading}
        </th>
    }
}

fn cell((column, text): (usize, String)) -> AnyView {
    if column == 0 {
        view! { <th scope="row">{text}</th> }.into_any()
    } else {
        view! { <td class="cell-end">{text}</td> }.into_any()
    }
}
