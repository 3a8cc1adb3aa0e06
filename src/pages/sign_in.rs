//! Signing in: two fields, errors where they belong, and the demo accounts where there are any.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::components::{A, Redirect};
use leptos_router::hooks::use_query_map;

use crate::components::{Banner, Field, Icon, Shape, Tone, phrase, use_title};
use crate::data::{Auth, AuthError, AuthState, Config};
use crate::sync::outbox::{Outbox, Pending};

/// The demo accounts: what to call them, and their address. They share one password, which is no secret.
const DEMO: [(&str, &str); 4] = [
    ("Admin", "admin@bedside.test"),
    ("Clinician one", "clinician.one@bedside.test"),
    ("Clinician two", "clinician.two@bedside.test"),
    ("Viewer", "viewer@bedside.test"),
];
const DEMO_PASSWORD: &str = "bedside-demo";

/// What is wrong with an address, as far as that can be told without asking.
pub fn email_error(email: &str) -> Option<&'static str> {
    let email = email.trim();
    if email.is_empty() {
        return Some("Enter your email address.");
    }
    let whole = email
        .split_once('@')
        .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
    (!whole).then_some("An email address has a name, an @ and a domain.")
}

/// Where to go after sign-in: a path of this app with its query and fragment, or the start page.
///
/// A browser drops tabs and line breaks from an address, reads a backslash as a slash and resolves dots, and the router goes to whatever
/// comes out. So only a path that means the same to everyone is taken: what is left can't name another host.
fn way_on(next: Option<String>) -> String {
    next.filter(|next| is_local(next))
        .unwrap_or_else(|| "/".to_owned())
}

fn is_local(next: &str) -> bool {
    let path = next.split(['?', '#']).next().unwrap_or_default();
    let Some(path) = path.strip_prefix('/') else {
        return false;
    };
    let readable = !next.contains(|letter: char| letter.is_control() || letter == '\\');
    let segments: Vec<&str> = path.split('/').collect();
    let last = segments.len().saturating_sub(1);
    let odd = |(index, segment): (usize, &&str)| {
        let dots = segment.to_ascii_lowercase().replace("%2e", ".");
        (segment.is_empty() && index != last) || matches!(dots.as_str(), "." | "..")
    };
    readable && !segments.iter().enumerate().any(odd)
}

/// The sign-in page; whoever is signed in already goes on.
#[component]
pub fn SignIn() -> impl IntoView {
    use_title(|| "Sign in".to_owned());
    let auth = use_context::<Auth>();
    let query = use_query_map();
    move || {
        let state = auth.as_ref().map(|auth| auth.state().get());
        match state {
            Some(AuthState::SignedIn(_)) => {
                let next = query.with_untracked(|query| query.get("next"));
                view! { <Redirect path=way_on(next) /> }.into_any()
            }
            Some(AuthState::SignedOut(because)) => {
                view! { <SignInForm notice=phrase::signed_out(because) /> }.into_any()
            }
            None => ().into_any(),
        }
    }
}

#[component]
fn SignInForm(notice: Option<&'static str>) -> impl IntoView {
    let auth = use_context::<Auth>();
    let demo = use_context::<Config>().is_some_and(|config| config.demo);
    let email = RwSignal::new(String::new());
    let password = RwSignal::new(String::new());
    let tried = RwSignal::new(false);
    let busy = RwSignal::new(false);
    let failure = RwSignal::new(None::<AuthError>);

    let email_problem = move || {
        tried
            .get()
            .then(|| email.with(|email| email_error(email)))
            .flatten()
    };
    let password_problem =
        move || (tried.get() && password.with(String::is_empty)).then_some("Enter your password.");

    let sign_in = Callback::new(move |()| {
        tried.set(true);
        failure.set(None);
        let (email, password) = (email.get_untracked(), password.get_untracked());
        if busy.get_untracked() || email_error(&email).is_some() || password.is_empty() {
            return;
        }
        let Some(auth) = auth.clone() else { return };
        busy.set(true);
        spawn_local(async move {
            let outcome = auth.sign_in(&email, &password).await;
            // The page is gone once somebody is signed in; writing to its signals then does nothing.
            busy.set(false);
            failure.set(outcome.err());
        });
    });
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        sign_in.run(());
    };
    let fill = move |address: &str| {
        email.set(address.to_owned());
        password.set(DEMO_PASSWORD.to_owned());
        sign_in.run(());
    };

    view! {
        <main class="alone">
            <section class="alone-card">
                <div class="brand">
                    <Icon shape=Shape::Bed size=24 />
                    "Bedside"
                </div>
                {notice.map(|notice| view! { <Banner tone=Tone::Calm shape=Shape::Clock>{notice}</Banner> })}
                <PendingChanges />
                <form class="form" novalidate aria-label="Sign in" on:submit=submit>
                    <h1 class="visually-hidden">"Sign in to Bedside"</h1>
                    <Field
                        id="email"
                        label="Email"
                        kind="email"
                        autocomplete="username"
                        value=email
                        error=Signal::derive(move || email_problem().map(str::to_owned))
                    />
                    <Field
                        id="password"
                        label="Password"
                        kind="password"
                        autocomplete="current-password"
                        value=password
                        error=Signal::derive(move || password_problem().map(str::to_owned))
                    />
                    <div role="alert">
                        {move || {
                            failure
                                .get()
                                .map(|error| {
                                    let said = phrase::auth_error(&error);
                                    view! {
                                        <Banner tone=Tone::Critical shape=Shape::Alert>
                                            <strong>{said.title}</strong>
                                            <p>{said.advice}</p>
                                        </Banner>
                                    }
                                })
                        }}
                    </div>
                    <button
                        class="button button-primary"
                        type="submit"
                        aria-busy=move || busy.get().then_some("true")
                        aria-disabled=move || busy.get().then_some("true")
                    >
                        "Sign in"
                    </button>
                </form>
                <p>
                    <A href="/accept" attr:class="link">"I was invited"</A>
                </p>
                {demo
                    .then(|| {
                        view! {
                            <div class="demo" role="group" aria-labelledby="demo-title">
                                <p class="demo-title" id="demo-title">"Or try a demo account"</p>
                                <ul>
                                    {DEMO
                                        .map(|(name, address)| {
                                            view! {
                                                <li>
                                                    <button
                                                        class="button"
                                                        type="button"
                                                        title=address
                                                        on:click=move |_| fill(address)
                                                    >
                                                        <Icon shape=demo_shape(name) />
                                                        {name}
                                                    </button>
                                                </li>
                                            }
                                        })
                                        .collect_view()}
                                </ul>
                            </div>
                        }
                    })}
            </section>
        </main>
    }
}

/// Whose changes wait on this device: they are sent when that person signs in again.
#[component]
fn PendingChanges() -> impl IntoView {
    let pending = RwSignal::new(Vec::<Pending>::new());
    spawn_local(async move {
        let found = Outbox::pending().await;
        // A user may be signed in by now.
        let _ = pending.try_set(found);
    });
    view! {
        <Show when=move || !pending.with(Vec::is_empty)>
            <Banner tone=Tone::Caution shape=Shape::Clock>
                <ul>
                    {move || {
                        pending
                            .get()
                            .iter()
                            .map(|pending| view! { <li>{waits(pending)}</li> })
                            .collect_view()
                    }}
                </ul>
            </Banner>
        </Show>
    }
}

/// One person's changes in words.
fn waits(pending: &Pending) -> String {
    let whose = match &pending.name {
        Some(name) => format!("of {name}"),
        None => "of another user".to_owned(),
    };
    match pending.saves {
        1 => format!("1 change {whose} is not sent yet. It is sent after the next sign-in."),
        saves => {
            format!(
                "{saves} changes {whose} are not sent yet. They are sent after the next sign-in."
            )
        }
    }
}

fn demo_shape(name: &str) -> Shape {
    match name {
        "Admin" => Shape::Lock,
        "Viewer" => Shape::Eye,
        _ => Shape::Pulse,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_on_never_leaves_the_app() {
        for next in [
            "https://evil.test",
            "//evil.test",
            "/\\evil.test",
            "javascript:alert(1)",
            "",
            "/\t/evil.test:1/x",
            "/\n/evil.test",
            "/\r/evil.test",
            "\t//evil.test",
            " //evil.test",
            "/\t\\evil.test",
            "/.//evil.test",
            "/%2E//evil.test",
            "/a/..//evil.test",
            "/%2e%2e//evil.test",
            "///evil.test",
            "/patients//evil.test",
            "/\u{0}/evil.test",
        ] {
            assert_eq!(way_on(Some(next.to_owned())), "/", "{next}");
        }
        assert_eq!(way_on(Some("/patients?q=a".to_owned())), "/patients?q=a");
        for next in [
            "/",
            "/forms/7#answers",
            "/patients?q=a//b&r=../x",
            "/patients/",
        ] {
            assert_eq!(way_on(Some(next.to_owned())), next);
        }
        assert_eq!(way_on(None), "/");
    }

    #[test]
    fn pending_changes_are_counted_and_named() {
        let pending = |name: Option<&str>, saves| Pending {
            name: name.map(str::to_owned),
            saves,
        };
        assert_eq!(
            waits(&pending(Some("ana@example.test"), 1)),
            "1 change of ana@example.test is not sent yet. It is sent after the next sign-in."
        );
        assert_eq!(
            waits(&pending(None, 2)),
            "2 changes of another user are not sent yet. They are sent after the next sign-in."
        );
    }

    #[test]
    fn an_address_without_a_host_is_pointed_out() {
        for email in ["", "  ", "ana", "@example.test", "ana@"] {
            assert!(email_error(email).is_some(), "{email}");
        }
        assert_eq!(email_error(" ana@example.test "), None);
    }
}
