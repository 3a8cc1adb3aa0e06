//! What stands where data would: nothing there, nothing came, or a word about it.

use leptos::prelude::*;

use super::{Icon, Shape, Tone, phrase};
use crate::data::DataError;

/// Nothing there, and why.
#[component]
pub fn Empty(
    shape: Shape,
    #[prop(into)] title: Signal<String>,
    #[prop(into)] advice: Signal<String>,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="state">
            <Icon shape size=28 />
            <p class="state-title">{move || title.get()}</p>
            <p>{move || advice.get()}</p>
            {children.map(|children| children())}
        </div>
    }
}

/// A page with nothing on it, and why: [`Empty`] under a heading of its own.
#[component]
pub fn EmptyPage(
    shape: Shape,
    #[prop(into)] title: String,
    #[prop(into)] advice: String,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    view! {
        <section class="state">
            <Icon shape size=28 />
            <h1 class="state-title">{title}</h1>
            <p>{advice}</p>
            {children.map(|children| children())}
        </section>
    }
}

/// Nothing came, why, and a way to ask again.
#[component]
pub fn Failed(
    #[prop(into)] error: Signal<DataError>,
    #[prop(optional)] retry: Option<Callback<()>>,
) -> impl IntoView {
    let said = move || phrase::data_error(&error.get());
    let shape = move || {
        if error.with(DataError::is_passing) {
            Shape::Unplugged
        } else {
            Shape::Alert
        }
    };
    view! {
        <div class="state" role="alert" data-tone="critical">
            <Icon shape=Signal::derive(shape) size=28 />
            <p class="state-title">{move || said().title}</p>
            <p>{move || said().advice}</p>
            {retry
                .map(|retry| {
                    view! {
                        <button class="button" type="button" on:click=move |_| retry.run(())>
                            <Icon shape=Shape::Refresh />
                            "Try again"
                        </button>
                    }
                })}
        </div>
    }
}

/// Above a page whose data could not be brought up to date: why, and a way to ask again. Nothing while there is no trouble. It stands in room
/// that is there anyway: what somebody reads does not move when the network goes.
#[component]
pub fn NotRefreshed(
    /// Whether there is data that the trouble is about.
    #[prop(into)]
    shown: Signal<bool>,
    #[prop(into)] error: Signal<Option<DataError>>,
    retry: Callback<()>,
) -> impl IntoView {
    let trouble = Memo::new(move |_| if shown.get() { error.get() } else { None });
    view! {
        <div class="not-refreshed" role="status">
            {move || {
                trouble
                    .get()
                    .map(|error| {
                        let said = phrase::data_error(&error);
                        view! {
                            <Banner tone=Tone::Caution shape=Shape::Unplugged>
                                <p>
                                    <span>
                                        <strong>"May be out of date. "</strong>
                                        {said.title}
                                        "."
                                    </span>
                                    " "
                                    <button class="link" type="button" on:click=move |_| retry.run(())>
                                        "Try again"
                                    </button>
                                </p>
                            </Banner>
                        }
                    })
            }}
        </div>
    }
}

/// Below a list in which rows could not be read: how many, so that the list doesn't look complete.
#[component]
pub fn UnreadableRows(#[prop(into)] count: Signal<usize>) -> impl IntoView {
    move || {
        let said = unreadable_rows(count.get())?;
        Some(view! {
            <div role="status">
                <Banner tone=Tone::Critical shape=Shape::Alert>
                    <p>{said}</p>
                </Banner>
            </div>
        })
    }
}

/// That so many rows of a list can't be shown; nothing if all can.
pub fn unreadable_rows(count: usize) -> Option<String> {
    match count {
        0 => None,
        1 => Some(
            "1 record can’t be displayed. Reload the page; if it stays, tell an admin.".to_owned(),
        ),
        count => Some(format!(
            "{count} records can’t be displayed. Reload the page; if they stay, tell an admin."
        )),
    }
}

/// A word above or beside what it is about.
#[component]
pub fn Banner(tone: Tone, shape: Shape, children: Children) -> impl IntoView {
    view! {
        <div class="banner" data-tone=tone.word()>
            <Icon shape />
            <div class="banner-body">{children()}</div>
        </div>
    }
}
