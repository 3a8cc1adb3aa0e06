//! What the palette offers without asking the server: the pages and actions of this person, found by the words in their names.

use leptos::prelude::*;

use super::Shape;
use crate::hooks::{Me, Wishes};
use crate::model::Role;
use crate::model::policy::{Action, Place, Resource, may};

/// Something that leads to no page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Doing {
    ShowKeys,
    ShowNotifications,
    MarkAllRead,
    ToggleQuiet,
    LookDark,
    LookLight,
    Reconnect,
    ShowDevtools,
    Lock,
    SignOut,
}

/// What choosing an entry does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Does {
    Open(String),
    Act(Doing),
}

/// A line of the palette.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub shape: Shape,
    pub name: String,
    pub note: String,
    pub does: Does,
}

const PAGES: [(Place, &str, &str, Shape); 7] = [
    (Place::Dashboard, "Dashboard", "/", Shape::Dashboard),
    (Place::Patients, "Patients", "/patients", Shape::Patients),
    (Place::Forms, "Forms", "/forms", Shape::Form),
    (Place::Staff, "Staff", "/staff", Shape::Staff),
    (Place::Realtime, "Realtime", "/realtime", Shape::Pulse),
    (Place::Settings, "Settings", "/settings", Shape::Gear),
    (Place::Help, "Help", "/help", Shape::Help),
];

const ACTIONS: [(&str, Doing, Shape); 9] = [
    ("Show notifications", Doing::ShowNotifications, Shape::Bell),
    (
        "Mark all notifications read",
        Doing::MarkAllRead,
        Shape::Check,
    ),
    ("Quiet mode on or off", Doing::ToggleQuiet, Shape::Bell),
    ("Keyboard map", Doing::ShowKeys, Shape::Help),
    ("Dark theme", Doing::LookDark, Shape::Moon),
    ("Light theme", Doing::LookLight, Shape::Sun),
    ("Reconnect the live feed", Doing::Reconnect, Shape::Refresh),
    ("Lock the screen", Doing::Lock, Shape::Lock),
    ("Sign out", Doing::SignOut, Shape::Door),
];

/// What begins on a page of its own, for those who may.
const BEGINNINGS: [(Resource, &str, &str, Shape); 2] = [
    (
        Resource::Patients,
        "New patient",
        "/patients/new",
        Shape::Patients,
    ),
    (
        Resource::FormSubmissions,
        "New form",
        "/forms/new",
        Shape::Form,
    ),
];

/// The pages and actions of the person who is signed in, kept true as their role changes.
pub fn of_this_person() -> Memo<Vec<Entry>> {
    let me = use_context::<Me>();
    let wishes = use_context::<Wishes>();
    Memo::new(move |_| {
        let devtools = wishes.is_some_and(|wishes| wishes.devtools.get());
        all(
            me.and_then(Me::role),
            devtools.then_some(Doing::ShowDevtools),
        )
    })
}

fn all(role: Option<Role>, extra: Option<Doing>) -> Vec<Entry> {
    let page = |(place, name, path, shape): (Place, &str, &str, Shape)| {
        role.is_some_and(|role| place.opens_to(role))
            .then(|| Entry {
                shape,
                name: name.to_owned(),
                note: "Page".to_owned(),
                does: Does::Open(path.to_owned()),
            })
    };
    let beginning = |(resource, name, path, shape): (Resource, &str, &str, Shape)| {
        role.is_some_and(|role| may(role, resource, Action::Create))
            .then(|| Entry {
                shape,
                name: name.to_owned(),
                note: "Action".to_owned(),
                does: Does::Open(path.to_owned()),
            })
    };
    let action = |(name, doing, shape): (&str, Doing, Shape)| Entry {
        shape,
        name: name.to_owned(),
        note: "Action".to_owned(),
        does: Does::Act(doing),
    };
    let extra = extra.map(|doing| ("Devtools", doing, Shape::Pulse));
    PAGES
        .into_iter()
        .filter_map(page)
        .chain(BEGINNINGS.into_iter().filter_map(beginning))
        .chain(ACTIONS.into_iter().chain(extra).map(action))
        .collect()
}

/// Those that have every word that was typed, in any case and at any place. Nothing typed finds all of them.
pub fn matching(entries: &[Entry], typed: &str) -> Vec<Entry> {
    let typed = typed.to_lowercase();
    let fits = |entry: &&Entry| {
        let name = entry.name.to_lowercase();
        typed.split_whitespace().all(|word| name.contains(word))
    };
    entries.iter().filter(fits).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(role: Role, typed: &str) -> Vec<String> {
        matching(&all(Some(role), None), typed)
            .into_iter()
            .map(|entry| entry.name)
            .collect()
    }

    #[test]
    fn words_are_found_in_any_order_and_case() {
        assert_eq!(names(Role::Viewer, "THEME dark"), ["Dark theme"]);
        assert!(names(Role::Viewer, "nothing of the kind").is_empty());
    }

    #[test]
    fn nobody_is_offered_what_their_role_does_not_do() {
        let offers = |role, name: &str| names(role, "").iter().any(|offered| offered == name);
        assert!(offers(Role::Admin, "Staff") && offers(Role::Admin, "New patient"));
        assert!(!offers(Role::Clinician, "Staff") && offers(Role::Clinician, "New patient"));
        assert!(!offers(Role::Viewer, "Staff") && !offers(Role::Viewer, "New patient"));
        assert!(offers(Role::Clinician, "New form") && !offers(Role::Viewer, "New form"));
    }
}
