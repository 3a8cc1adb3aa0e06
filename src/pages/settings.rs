//! How a person wants the app: its look on this browser, and what they are told of.

use leptos::prelude::*;
use leptos_router::components::A;

use crate::components::choices::{LookChoice, Switch};
use crate::components::notices::system::{self, Consent};
use crate::components::session_settings::SessionSettings;
use crate::components::{Icon, Shape, use_title};
use crate::data::look::{CONTRAST, DENSITY, THEME};
use crate::hooks::{Me, Wishes};
use crate::idle::{self, Idle};
use crate::model::{Profile, Role};

/// The settings.
#[component]
pub fn Settings() -> impl IntoView {
    use_title(|| "Settings".to_owned());
    let wishes = use_context::<Wishes>();
    view! {
        <div class="page page-narrow">
            <div class="page-head">
                <div class="page-title">
                    <h1>"Settings"</h1>
                    <p>"Kept in this browser. The look is everybody’s who uses it; the rest is yours alone."</p>
                </div>
                // A phone's bars have no room for the way to it.
                <A href="/help" attr:class="button settings-help">
                    <Icon shape=Shape::Help />
                    "Help"
                </A>
            </div>
            <section class="card" aria-labelledby="settings-look">
                <div class="card-head">
                    <h2 id="settings-look">"Look"</h2>
                </div>
                <div class="settings">
                    <LookChoice look=&THEME />
                    <LookChoice look=&CONTRAST />
                    <LookChoice look=&DENSITY />
                </div>
            </section>
            {wishes
                .map(|wishes| {
                    view! {
                        <Notifications wishes />
                        <Account />
                        <Developers wishes />
                    }
                })}
        </div>
    }
}

#[component]
fn Notifications(wishes: Wishes) -> impl IntoView {
    let (consent, set_consent) = signal(system::consent());
    let note = move || match consent.get() {
        Consent::Given | Consent::Open => {
            "While this tab is hidden. They say that there is news, never about whom."
        }
        Consent::Refused => {
            "This browser was told not to show them. Allow notifications for this address in its settings."
        }
        Consent::Impossible => "This browser has none, or not at this address.",
    };
    let toggle_system = Callback::new(move |()| {
        if wishes.system.get_untracked() {
            return wishes.system.toggle();
        }
        system::ask(Callback::new(move |answer| {
            set_consent.set(answer);
            if answer == Consent::Given && !wishes.system.get_untracked() {
                wishes.system.toggle();
            }
        }));
    });
    view! {
        <section class="card" aria-labelledby="settings-news">
            <div class="card-head">
                <h2 id="settings-news">"Notifications"</h2>
            </div>
            <div class="settings">
                <Switch
                    id="quiet"
                    label="Quiet mode"
                    note="Nothing appears over your work. The bell still counts what is new.".to_owned()
                    on=Signal::derive(move || wishes.quiet.get())
                    on_toggle=Callback::new(move |()| wishes.quiet.toggle())
                />
                <Switch
                    id="system-notifications"
                    label="System notifications"
                    note=Signal::derive(move || note().to_owned())
                    on=Signal::derive(move || wishes.system.get() && consent.get() == Consent::Given)
                    on_toggle=toggle_system
                />
            </div>
        </section>
    }
}

#[component]
fn Account() -> impl IntoView {
    let me = use_context::<Me>();
    let read = move |read: fn(&Profile) -> String| {
        move || {
            let profile = me.and_then(|me| me.profile.data.get());
            profile.map_or_else(|| "–".to_owned(), |profile| read(&profile))
        }
    };
    view! {
        <section class="card" aria-labelledby="settings-account">
            <div class="card-head">
                <h2 id="settings-account">"Account"</h2>
            </div>
            <div class="card-body">
                <dl class="facts facts-roomy">
                    <div>
                        <dt>"Name"</dt>
                        <dd>{read(|profile| profile.full_name.clone())}</dd>
                    </div>
                    <div>
                        <dt>"Email"</dt>
                        <dd>{read(|profile| profile.email.clone())}</dd>
                    </div>
                    <div>
                        <dt>"Role"</dt>
                        <dd>{read(|profile| Role::label(profile.role).to_owned())}</dd>
                    </div>
                </dl>
            </div>
        </section>
        <section class="card" aria-labelledby="settings-sessions">
            <div class="card-head">
                <h2 id="settings-sessions">"Sign-in"</h2>
            </div>
            <div class="settings">
                <IdleMinutes />
            </div>
            <div class="card-body form settings-sessions">
                <SessionSettings />
            </div>
        </section>
    }
}

/// After how long nobody touched anything the screen locks.
#[component]
fn IdleMinutes() -> impl IntoView {
    let kept = idle::minutes();
    let watch = use_context::<Idle>();
    let on_change = move |event| {
        if let (Some(watch), Ok(minutes)) = (&watch, event_target_value(&event).parse()) {
            watch.set_minutes(minutes);
        }
    };
    // What was chosen elsewhere stays a choice.
    let mut choices = vec![2, 5, 10, 15, 30, 60];
    if !choices.contains(&kept) {
        choices.push(kept);
    }
    let option = |minutes: u32| {
        view! {
            <option value=minutes.to_string() selected=minutes == kept>
                {if minutes == 1 { "1 minute".to_owned() } else { format!("{minutes} minutes") }}
            </option>
        }
    };
    view! {
        <div class="setting setting-line">
            <div>
                <label for="idle-minutes">"Lock the screen"</label>
                <p class="setting-note" id="idle-minutes-note">
                    "After nobody has touched anything for so long. On a shared computer, shorter is kinder to your patients."
                </p>
            </div>
            <select
                class="input input-fit"
                id="idle-minutes"
                aria-describedby="idle-minutes-note"
                on:change=on_change
            >
                {choices.into_iter().map(option).collect_view()}
            </select>
        </div>
    }
}

#[component]
fn Developers(wishes: Wishes) -> impl IntoView {
    view! {
        <section class="card" aria-labelledby="settings-developers">
            <div class="card-head">
                <h2 id="settings-developers">"For developers"</h2>
            </div>
            <div class="settings">
                <Switch
                    id="devtools"
                    label="Devtools"
                    note="The query cache and the live feed from inside. The key ` opens them.".to_owned()
                    on=Signal::derive(move || wishes.devtools.get())
                    on_toggle=Callback::new(move |()| wishes.devtools.toggle())
                />
            </div>
        </section>
    }
}
