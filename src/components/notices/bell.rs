//! The bell and the list behind it. The list is the browser's own popover: it closes on Escape and on a click elsewhere, and gives
//! the focus back.

use std::sync::Arc;

use leptos::prelude::*;
use leptos_router::components::A;
use wasm_bindgen::JsCast;

use crate::components::{Ago, Empty, Icon, Shape};
use crate::hooks::FormNotifications;
use crate::sync::Notification;

/// The id of the list, for whoever opens it.
const LIST: &str = "notifications";

/// Opens the list, or closes it.
pub fn toggle() {
    if let Some(list) = list() {
        // It is in the page, so there is nothing to refuse.
        let _ = list.toggle_popover();
    }
}

fn list() -> Option<web_sys::HtmlElement> {
    document().get_element_by_id(LIST)?.dyn_into().ok()
}

/// The bell, with how much is unread, and the list.
#[component]
pub fn Bell(notifications: FormNotifications) -> impl IntoView {
    let unread = notifications.unread;
    let name = move || match unread.get() {
        0 => "Notifications".to_owned(),
        count => format!("Notifications, {count} unread"),
    };
    let ids = Memo::new(move |_| {
        let all = notifications.all.get();
        all.iter().map(|news| news.id.clone()).collect::<Vec<_>>()
    });
    let item = move |id: String| {
        let news = Memo::new(move |_| {
            notifications
                .all
                .get()
                .into_iter()
                .find(|news| news.id == id)
        });
        view! { <Item news notifications /> }
    };
    view! {
        <button
            class="button button-quiet button-icon bell"
            type="button"
            aria-label=name
            title="Notifications"
            popovertarget=LIST
        >
            <Icon shape=Shape::Bell size=18 />
            {move || (unread.get() > 0).then(|| view! { <span class="bell-count" aria-hidden="true">{capped(unread.get())}</span> })}
        </button>
        <section class="inbox" id=LIST popover="auto" aria-label="Notifications">
            <div class="card-head">
                <h2>"Notifications"</h2>
                <Show when=move || unread.get() != 0>
                    <button
                        class="button button-quiet button-small"
                        type="button"
                        on:click=move |_| notifications.mark_all_read.run(())
                    >
                        <Icon shape=Shape::Check size=14 />
                        "Mark all read"
                    </button>
                </Show>
            </div>
            <ul class="feed">
                <For each=move || ids.get() key=Clone::clone children=item />
            </ul>
            <Show when=move || ids.with(Vec::is_empty)>
                <Empty
                    shape=Shape::Bell
                    title="All quiet".to_owned()
                    advice="When a colleague submits, reviews, approves or returns a form, you read it here.".to_owned()
                />
            </Show>
        </section>
    }
}

#[component]
fn Item(news: Memo<Option<Arc<Notification>>>, notifications: FormNotifications) -> impl IntoView {
    let text = move |read: fn(&Notification) -> String| {
        Signal::derive(move || news.with(|news| news.as_deref().map(read).unwrap_or_default()))
    };
    let unread = Memo::new(move |_| news.with(|news| news.as_ref().is_some_and(|news| !news.read)));
    let open = move |_| {
        if let Some(id) = news.with_untracked(|news| news.as_ref().map(|news| news.id.clone())) {
            notifications.mark_read.run(id);
        }
        if let Some(list) = list() {
            // Closed already is as good.
            let _ = list.hide_popover();
        }
    };
    view! {
        <li data-unread=move || unread.get().then_some("true")>
            <div class="feed-body">
                <A href=move || text(|news| news.link.clone()).get() attr:class="feed-title" on:click=open>
                    {text(|news| news.message.clone())}
                </A>
                <p class="feed-note">
                    <Ago at=text(|news| news.at.clone()) />
                    {move || unread.get().then_some(" · unread")}
                </p>
            </div>
        </li>
    }
}

/// A count that has room in a small circle.
fn capped(count: usize) -> String {
    if count > 9 {
        "9+".to_owned()
    } else {
        count.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_stays_short() {
        assert_eq!(capped(9), "9");
        assert_eq!(capped(10), "9+");
    }
}
