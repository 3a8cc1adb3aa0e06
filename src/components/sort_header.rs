//! A column's header that sorts by it, and says how the list is sorted now.

use leptos::prelude::*;

use super::{Icon, Shape};
use crate::data::patient_filter::Order;

/// A header that sorts. `sorted` is how the list is sorted by this column now, if it is.
#[component]
pub fn SortHeader(
    label: &'static str,
    #[prop(default = "")] class: &'static str,
    #[prop(into)] sorted: Signal<Option<Order>>,
    on_sort: Callback<()>,
) -> impl IntoView {
    let aria = move || match sorted.get() {
        Some(Order::Ascending) => Some("ascending"),
        Some(Order::Descending) => Some("descending"),
        None => None,
    };
    view! {
        <th scope="col" class=class aria-sort=aria>
            <button class="sort" type="button" on:click=move |_| on_sort.run(())>
                {label}
                <Icon shape=Shape::Sort size=12 />
            </button>
        </th>
    }
}
