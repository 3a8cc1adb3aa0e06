//! A list on paper: all of its rows, however few of them are on the screen. They are fetched when the user prints, laid out as a plain
//! table, and gone afterwards.

use futures::future::LocalBoxFuture;
use leptos::ev;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::state::unreadable_rows;
use super::{Icon, Shape, Toasts, phrase};
use crate::data::DataError;

/// What goes on paper.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrintedList {
    pub title: String,
    pub columns: Vec<&'static str>,
    pub rows: Vec<Vec<String>>,
    /// How many more there are that can't be read. The paper says so.
    pub unreadable: usize,
}

/// Fetches the whole list.
pub type LoadList = Callback<(), LocalBoxFuture<'static, Result<PrintedList, DataError>>>;

/// A list that can be printed. Copy it freely.
#[derive(Clone, Copy)]
pub struct Printing {
    load: LoadList,
    list: RwSignal<Option<PrintedList>>,
    busy: RwSignal<bool>,
    toasts: Toasts,
}

/// Prints a list by its button and by the browser's own shortcut, while the calling component is mounted.
pub fn use_printing(load: LoadList) -> Printing {
    let printing = Printing {
        load,
        list: RwSignal::new(None),
        busy: RwSignal::new(false),
        toasts: use_context::<Toasts>().unwrap_or_default(),
    };
    let keys = window_event_listener(ev::keydown, move |event| {
        let control = (event.ctrl_key() || event.meta_key()) && !event.alt_key();
        if control && event.key().eq_ignore_ascii_case("p") {
            event.prevent_default();
            printing.print();
        }
    });
    let done = window_event_listener_untyped("afterprint", move |_| {
        printing.list.try_set(None);
    });
    on_cleanup(move || {
        keys.remove();
        done.remove();
    });
    printing
}

impl Printing {
    fn print(self) {
        if self.busy.get_untracked() {
            return;
        }
        self.busy.set(true);
        spawn_local(async move {
            let loaded = self.load.run(()).await;
            // The user may have left the list.
            if self.busy.try_set(false).is_some() {
                return;
            }
            match loaded {
                Ok(list) => {
                    self.list.set(Some(list));
                    // The browser prints the page as it is when asked: the rows have to be there by then.
                    request_animation_frame(|| {
                        // A browser that can't print says so itself.
                        let _ = window().print();
                    });
                }
                Err(error) => {
                    let said = phrase::data_error(&error);
                    self.toasts.failed(format!("Not printed: {}.", said.title));
                }
            }
        });
    }
}

/// Prints the whole list.
#[component]
pub fn PrintButton(printing: Printing) -> impl IntoView {
    view! {
        <button
            class="button no-print"
            type="button"
            aria-busy=move || printing.busy.get().then_some("true")
            on:click=move |_| printing.print()
        >
            <Icon shape=Shape::Print />
            "Print"
        </button>
    }
}

/// The list on paper; on the screen nothing. Where the browser's menu printed the page, the paper says that it is a part.
#[component]
pub fn PrintSheet(printing: Printing) -> impl IntoView {
    move || {
        match printing.list.get() {
        None => view! {
            <p class="print-only">"This is a part of the list. Use the page’s own Print button to print all of it."</p>
        }
        .into_any(),
        Some(list) => {
            let head = list.columns.into_iter().map(|name| view! { <th scope="col">{name}</th> });
            let row = |cells: Vec<String>| {
                let cells = cells.into_iter().map(|text| view! { <td>{text}</td> });
                view! { <tr>{cells.collect_view()}</tr> }
            };
            view! {
                <table class="print-list">
                    <caption>{list.title} {unreadable_rows(list.unreadable).map(|said| format!(". {said}"))}</caption>
                    <thead>
                        <tr>{head.collect_view()}</tr>
                    </thead>
                    <tbody>{list.rows.into_iter().map(row).collect_view()}</tbody>
                </table>
            }
            .into_any()
        }
    }
    }
}
