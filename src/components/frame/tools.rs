//! What a person has at hand on every page: news, the palette, the shortcuts, and what they do.

use leptos::prelude::*;
use uuid::Uuid;

use super::person::{use_lock, use_sign_out};
use crate::components::Dialog;
use crate::components::keys::{self, Doings, KeyMap};
use crate::components::notices;
use crate::components::outbox_status::SignOutQuestion;
use crate::components::palette::{Doing, Palette};
use crate::data::look::THEME;
use crate::hooks::{FormNotifications, Wishes, use_devtools, use_realtime};
use crate::idle::{Idle, Screen};

/// The tools, and what they show over the page.
pub struct Tools {
    pub notifications: FormNotifications,
    /// Whether the palette is open.
    pub finding: RwSignal<bool>,
    pub leave: Callback<()>,
    pub view: AnyView,
}

/// The tools of whoever is signed in, as they wish them.
pub fn use_tools(user: Uuid) -> Tools {
    let wishes = Wishes::of(user);
    provide_context(wishes);
    let notifications = notices::tell_news();
    let (finding, mapping, leaving) = (
        RwSignal::new(false),
        RwSignal::new(false),
        RwSignal::new(false),
    );
    let leave = Callback::new(move |()| leaving.set(true));
    let sign_out = use_sign_out();
    let reconnect = use_realtime().reconnect;
    let devtools = use_devtools();
    let lock = use_lock();
    let act = Callback::new(move |doing| match doing {
        Doing::ShowKeys => mapping.set(true),
        Doing::ShowNotifications => notices::toggle(),
        Doing::MarkAllRead => notifications.mark_all_read.run(()),
        Doing::ToggleQuiet => wishes.quiet.toggle(),
        Doing::LookDark => THEME.choose("dark"),
        Doing::LookLight => THEME.choose("light"),
        Doing::Reconnect => reconnect.run(()),
        Doing::ShowDevtools => devtools.toggle(wishes.devtools),
        Doing::Lock => lock.run(()),
        Doing::SignOut => leave.run(()),
    });
    let locked = {
        let screen = use_context::<Idle>().map(|idle| idle.screen());
        Memo::new(move |_| {
            screen
                .as_ref()
                .is_some_and(|screen| screen.get() == Screen::Locked)
        })
    };
    // The panel stands beside the app, where the lock does not cover it.
    Effect::new(move |_| {
        if locked.get() {
            devtools.close();
        }
    });
    let shortcut = move |doing| Callback::new(move |()| act.run(doing));
    keys::listen(Doings {
        barred: locked,
        palette: Callback::new(move |()| finding.update(|finding| *finding = !*finding)),
        map: shortcut(Doing::ShowKeys),
        notifications: shortcut(Doing::ShowNotifications),
        devtools: shortcut(Doing::ShowDevtools),
    });
    let view = view! {
        <SignOutQuestion leaving leave=sign_out />
        <Palette open=finding act />
        <Dialog open=mapping title="Keyboard".to_owned()>
            <KeyMap />
        </Dialog>
    };
    Tools {
        notifications,
        finding,
        leave,
        view: view.into_any(),
    }
}
