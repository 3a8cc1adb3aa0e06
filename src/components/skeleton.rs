//! The outline of what is on its way, of the size it will have, so that nothing jumps when it arrives.

use leptos::prelude::*;

/// How wide the bars of a column are, in percent: uneven, as text is.
const WIDTHS: [u8; 5] = [72, 54, 84, 46, 64];

fn width(row: usize, column: usize) -> String {
    let index = (row.wrapping_mul(3).wrapping_add(column)) % WIDTHS.len();
    format!("{}%", WIDTHS.get(index).copied().unwrap_or(60))
}

/// Rows of a table. `columns` holds the class of each column, which may hide it on a narrow screen.
#[component]
pub fn SkeletonRows(
    #[prop(default = 12)] rows: usize,
    columns: &'static [&'static str],
) -> impl IntoView {
    let row = move |row: usize| {
        let cells = columns
            .iter()
            .enumerate()
            .map(|(column, class)| {
                view! {
                    <td class=*class>
                        <span class="skeleton" style:width=width(row, column)></span>
                    </td>
                }
            })
            .collect_view();
        view! { <tr aria-hidden="true">{cells}</tr> }
    };
    (0..rows).map(row).collect_view()
}

/// Lines of a card.
#[component]
pub fn SkeletonLines(#[prop(default = 4)] lines: usize) -> impl IntoView {
    let line = |line: usize| {
        view! {
            <p style:min-height="1.75rem">
                <span class="skeleton" style:width=width(line, 0)></span>
            </p>
        }
    };
    view! { <div aria-hidden="true">{(0..lines).map(line).collect_view()}</div> }
}
