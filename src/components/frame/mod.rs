//! The frame around every page for people who are signed in: navigation, the connection, the person. It is also the guard:
//! nobody signed in, no frame.

mod nav;
mod person;
mod tools;

use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::NavigateOptions;
use leptos_router::components::{A, Outlet, Redirect};
use leptos_router::hooks::{use_location, use_navigate};
use wasm_bindgen::JsCast;

use self::nav::{MainNav, MinorNav};
use self::person::Person;
use self::tools::{Tools, use_tools};
use super::notices::Bell;
use super::outbox_status::OutboxStatus;
use super::{Failed, Icon, RealtimeConnectionStatus, Shape, Toasts};
use crate::data::profiles;
use crate::data::session::User;
use crate::data::{Auth, AuthState, DataError, SignedOutBecause};
use crate::hooks::{Me, Reading, use_reading, use_role_change};
use crate::model::Profile;
use crate::sync::Table;

/// How long a new page may take after a sign-out.
const NEW_PAGE: Duration = Duration::from_secs(3);

/// The guard: the frame for whoever is signed in, the sign-in page for anyone else. Another person is another frame.
#[component]
pub fn Frame() -> impl IntoView {
    let auth = use_context::<Auth>();
    let here = use_location();
    let served = StoredValue::new(false);
    // An account whose address changed is the same account: its pages, and what is typed in them, stay.
    let state = Memo::new_with_compare(
        move |_| auth.as_ref().map(|auth| auth.state().get()),
        |before, now| {
            !is_same(
                before.and_then(Option::as_ref),
                now.and_then(Option::as_ref),
            )
        },
    );
    move || {
        match state.get() {
            Some(AuthState::SignedIn(user)) => {
                served.set_value(true);
                view! { <SignedIn user /> }.into_any()
            }
            // A new page is on its way, which knows nothing of what this one has shown.
            Some(AuthState::SignedOut(SignedOutBecause::Asked | SignedOutBecause::Gone))
                if served.get_value() =>
            {
                view! { <Leaving /> }.into_any()
            }
            // Who left on purpose may be followed by someone else: they start at the beginning.
            Some(AuthState::SignedOut(SignedOutBecause::Asked)) => {
                view! { <Redirect path="/sign-in" /> }.into_any()
            }
            _ => {
                let path = here.pathname.get_untracked();
                let search = here.search.get_untracked();
                view! { <Redirect path=sign_in_path(&path, &search) /> }.into_any()
            }
        }
    }
}

/// Whether the frame of one state serves the other.
fn is_same(before: Option<&AuthState>, now: Option<&AuthState>) -> bool {
    match (before, now) {
        (Some(AuthState::SignedIn(before)), Some(AuthState::SignedIn(now))) => before.id == now.id,
        (before, now) => before == now,
    }
}

/// Until the new page is there. Where none comes, for want of a server, this one goes on to where people sign in.
#[component]
fn Leaving() -> impl IntoView {
    let navigate = use_navigate();
    let go = move || navigate("/sign-in", NavigateOptions::default());
    let waiting = set_timeout_with_handle(go, NEW_PAGE).ok();
    on_cleanup(move || {
        if let Some(waiting) = waiting {
            waiting.clear();
        }
    });
    view! {
        <main class="alone">
            <p role="status">"Signing you out…"</p>
        </main>
    }
}

/// Where to sign in, with the way back.
fn sign_in_path(path: &str, search: &str) -> String {
    if path == "/" || path == "/sign-in" {
        return "/sign-in".to_owned();
    }
    // The router keeps the search without its question mark.
    let search = if search.is_empty() {
        String::new()
    } else {
        format!("?{}", search.trim_start_matches('?'))
    };
    let back: String = format!("{path}{search}")
        .bytes()
        .map(|byte| match byte {
            b'/' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect();
    format!("/sign-in?next={back}")
}

#[component]
fn SignedIn(user: User) -> impl IntoView {
    let id = user.id;
    let profile = use_reading(&[Table::Profiles], move |rest| {
        profiles::one_query(rest, id)
    });
    let me = Me {
        user: StoredValue::new(user),
        profile,
    };
    provide_context(me);
    end_without_standing(profile);
    let Tools {
        notifications,
        finding,
        leave,
        view: tools,
    } = use_tools(id);
    let toasts = use_context::<Toasts>();
    use_role_change(profile, move |role| {
        if let Some(toasts) = toasts {
            toasts.done(format!(
                "Your role is now {}. What you see has changed with it.",
                role.label()
            ));
        }
    });
    // The account is known and its row is not to be had: without a role there is nothing to show.
    let locked_out = move || {
        profile
            .data
            .with(Option::is_none)
            .then(|| profile.error.get())
            .flatten()
            .filter(|error| !matches!(error, DataError::SignedOut))
    };
    let here = use_location();
    Effect::new(move |former: Option<String>| {
        let path = here.pathname.get();
        if former.is_some_and(|former| former != path) {
            focus_main();
        }
        path
    });
    view! {
        <a
            class="skip"
            href="#main"
            on:click=move |event| {
                // The router would take it for a page of its own, and leave the focus where it is.
                event.prevent_default();
                event.stop_propagation();
                focus_main();
            }
        >
            "Skip to content"
        </a>
        <div class="frame">
            <header class="sidebar">
                <div class="sidebar-head">
                    <A href="/" attr:class="brand">
                        <Icon shape=Shape::Bed size=22 />
                        <span class="brand-word">"Bedside"</span>
                    </A>
                    <button
                        class="button button-quiet button-icon finder"
                        type="button"
                        aria-label="Find"
                        title="Find (Ctrl K)"
                        aria-keyshortcuts="Control+K"
                        on:click=move |_| finding.set(true)
                    >
                        <Icon shape=Shape::Search size=18 />
                    </button>
                    <Bell notifications />
                </div>
                <MainNav />
                <div class="sidebar-foot">
                    <OutboxStatus />
                    <RealtimeConnectionStatus />
                    <MinorNav />
                    <Person leave />
                </div>
            </header>
            <main class="main" id="main" tabindex="-1">
                {move || match locked_out() {
                    Some(error) => view! { <Failed error retry=profile.refetch /> }.into_any(),
                    None => view! { <Outlet /> }.into_any(),
                }}
            </main>
        </div>
        {tools}
    }
}

/// Whose account is switched off or gone has no session to keep: they are told why, in every tab, the moment it is known.
fn end_without_standing(profile: Reading<Profile>) {
    let Some(auth) = use_context::<Auth>() else {
        return;
    };
    let because = Memo::new(move |_| {
        let active = profile
            .data
            .with(|profile| profile.as_ref().map(|profile| profile.active));
        match (active, profile.error.get()) {
            (Some(true), _) => None,
            (Some(false), _) => Some(SignedOutBecause::NotActive),
            (None, Some(DataError::NotFound)) => Some(SignedOutBecause::Gone),
            (None, _) => None,
        }
    });
    Effect::new(move |_| {
        if let Some(because) = because.get() {
            let auth = auth.clone();
            spawn_local(async move { auth.end(because).await });
        }
    });
}

/// A new page is read from its top, and the next Tab goes into it.
fn focus_main() {
    let main = document()
        .get_element_by_id("main")
        .and_then(|main| main.dyn_into::<web_sys::HtmlElement>().ok());
    if let Some(main) = main {
        let options = web_sys::FocusOptions::new();
        options.set_prevent_scroll(true);
        // Without focus the page is still there to be read.
        let _ = main.focus_with_options(&options);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_changed_address_keeps_the_pages_of_its_account() {
        let signed_in = |id: u128, email: &str| {
            AuthState::SignedIn(User {
                id: Uuid::from_u128(id),
                email: email.to_owned(),
            })
        };
        let (ana, moved) = (signed_in(1, "ana@a.test"), signed_in(1, "ana@b.test"));
        assert!(is_same(Some(&ana), Some(&moved)));
        assert!(!is_same(Some(&ana), Some(&signed_in(2, "ana@a.test"))));
        let out = AuthState::SignedOut(SignedOutBecause::Ended);
        assert!(!is_same(Some(&ana), Some(&out)));
    }

    #[test]
    fn the_way_back_keeps_the_place_and_its_search() {
        assert_eq!(
            sign_in_path("/patients", "q=a&page=2"),
            "/sign-in?next=/patients%3Fq%3Da%26page%3D2"
        );
        assert_eq!(sign_in_path("/", ""), "/sign-in");
    }
}
