//! The command palette: one field that finds pages, patients, forms and actions. A combobox whose list the arrow keys walk while
//! the focus stays in the field.

mod commands;
mod found;

use std::time::Duration;

use leptos::ev::KeyboardEvent;
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;

use super::paint::after_paint;
use super::{Dialog, Icon, Shape};
pub use commands::{Does, Doing, Entry};
use found::Found;

/// Long enough to skip the middle of a word, short enough to feel at once.
const PAUSE: Duration = Duration::from_millis(120);

/// The palette, while `open` says so. `act` carries out what leads to no page.
#[component]
pub fn Palette(open: RwSignal<bool>, act: Callback<Doing>) -> impl IntoView {
    view! {
        <Dialog open title="Find or do".to_owned()>
            <Finder open act />
        </Dialog>
    }
}

#[component]
fn Finder(open: RwSignal<bool>, act: Callback<Doing>) -> impl IntoView {
    let (typed, set_typed) = signal(String::new());
    let (asked, set_asked) = signal(String::new());
    let (at, set_at) = signal(0_usize);
    let commands = commands::of_this_person();
    // The field is on the screen before its list, and before there is anything to search by: whoever opens the palette types.
    let (searching, set_searching) = signal(None::<Found>);
    let owner = Owner::current().unwrap_or_default();
    after_paint(move || {
        // Closed meanwhile, there is nobody to search for.
        if searching.try_get_untracked().is_some() {
            set_searching.set(Some(owner.with(|| found::search(asked))));
        }
    });
    let entries = Memo::new(move |_| {
        let Some(found) = searching.get() else {
            return Vec::new();
        };
        let mut entries = typed.with(|typed| commands::matching(&commands.get(), typed));
        // What was found belongs to the text it was asked for; while another is typed it is only in the way.
        if typed.with(|typed| asked.with(|asked| typed.trim() == asked)) {
            entries.extend(found.entries.get());
        }
        entries
    });
    let pause = StoredValue::new(None::<TimeoutHandle>);
    let forget = move || {
        if let Some(handle) = pause.try_update_value(Option::take).flatten() {
            handle.clear();
        }
    };
    on_cleanup(forget);
    let on_input = move |event| {
        set_typed.set(event_target_value(&event));
        set_at.set(0);
        forget();
        let ask = move || {
            if let Some(typed) = typed.try_get_untracked() {
                set_asked.set(typed.trim().to_owned());
            }
        };
        pause.set_value(set_timeout_with_handle(ask, PAUSE).ok());
    };
    let navigate = use_navigate();
    let choose = Callback::new(move |index: usize| {
        let Some(does) =
            entries.with_untracked(|entries| entries.get(index).map(|entry| entry.does.clone()))
        else {
            return;
        };
        open.set(false);
        match does {
            Does::Open(path) => navigate(&path, NavigateOptions::default()),
            Does::Act(doing) => act.run(doing),
        }
    });
    let on_key = move |event: KeyboardEvent| {
        let last = entries.with_untracked(Vec::len).saturating_sub(1);
        let here = at.get_untracked();
        let next = match event.key().as_str() {
            "ArrowDown" if here >= last => 0,
            "ArrowDown" => here.saturating_add(1),
            "ArrowUp" if here == 0 => last,
            "ArrowUp" => here.saturating_sub(1),
            "Home" if event.ctrl_key() => 0,
            "End" if event.ctrl_key() => last,
            "Enter" => {
                event.prevent_default();
                return choose.run(here);
            }
            _ => return,
        };
        event.prevent_default();
        set_at.set(next);
        if let Some(option) = document().get_element_by_id(&option_id(next)) {
            let to = web_sys::ScrollIntoViewOptions::new();
            to.set_block(web_sys::ScrollLogicalPosition::Nearest);
            option.scroll_into_view_with_scroll_into_view_options(&to);
        }
    };
    let option = move |index: ReadSignal<usize>, entry: Entry| {
        view! {
            <li
                id=move || option_id(index.get())
                role="option"
                aria-selected=move || if at.get() == index.get() { "true" } else { "false" }
                on:pointermove=move |_| set_at.set(index.get_untracked())
                on:click=move |_| choose.run(index.get_untracked())
            >
                <Icon shape=entry.shape />
                <span class="palette-name">{entry.name}</span>
                <span class="palette-note">{entry.note}</span>
            </li>
        }
    };
    let said = move || {
        let Some(found) = searching.get() else {
            return String::new();
        };
        if found.busy.get() {
            return "Searching …".to_owned();
        }
        match (found.trouble.get(), entries.with(Vec::len)) {
            (Some(trouble), _) => trouble.to_owned(),
            (None, 0) => "Nothing found. Try fewer letters.".to_owned(),
            (None, 1) => "1 result".to_owned(),
            (None, count) => format!("{count} results"),
        }
    };
    view! {
        <div class="palette">
            <div class="palette-field">
                <Icon shape=Shape::Search />
                <input
                    type="text"
                    role="combobox"
                    autofocus
                    aria-label="Find a page, a patient, a form or an action"
                    placeholder="Patient, form, page or action"
                    aria-expanded="true"
                    aria-autocomplete="list"
                    aria-controls="palette-list"
                    aria-activedescendant=move || {
                        entries.with(|entries| entries.get(at.get()).map(|_| option_id(at.get())))
                    }
                    autocomplete="off"
                    spellcheck="false"
                    maxlength="200"
                    prop:value=move || typed.get()
                    on:input=on_input
                    on:keydown=on_key
                />
            </div>
            <ul class="palette-list" id="palette-list" role="listbox" aria-label="Results">
                // What is still offered after the next letter stays as it is.
                <ForEnumerate
                    each=move || entries.get()
                    key=|entry| (entry.name.clone(), entry.note.clone(), entry.does.clone())
                    children=option
                />
            </ul>
            <p class="palette-said" role="status">
                {said}
            </p>
        </div>
    }
}

fn option_id(index: usize) -> String {
    format!("palette-{index}")
}
