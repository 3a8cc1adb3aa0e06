//! The title of the browser's tab: what is unread, the page, the app; without the page while it is out of sight.

use std::cell::{Cell, RefCell};

use leptos::prelude::*;

use crate::data::Config;

thread_local! {
    /// What the page in sight is called.
    static WANTED: RefCell<String> = const { RefCell::new(String::new()) };
    static COVERED: Cell<bool> = const { Cell::new(false) };
    static UNREAD: Cell<usize> = const { Cell::new(0) };
}

const APP: &str = "Bedside";

/// Keeps the title of the tab as long as the page is open.
pub fn use_title(title: impl Fn() -> String + Send + Sync + 'static) {
    Effect::new(move |_| {
        WANTED.set(format!("{} · {APP}", title()));
        show();
    });
}

/// Whether titles may name patients: not where computers are shared, since a browser's history keeps titles.
pub fn titles_name_patients() -> bool {
    use_context::<Config>().is_some_and(|config| !config.shared_computers)
}

/// The page goes out of sight, and with it whom it names. Titles that are set meanwhile wait.
pub fn cover() {
    COVERED.set(true);
    show();
}

/// The page is in sight again.
pub fn uncover() {
    COVERED.set(false);
    show();
}

/// So much is unread; the title begins with it.
pub fn count(unread: usize) {
    UNREAD.set(unread);
    show();
}

fn show() {
    let count = match UNREAD.get() {
        0 => String::new(),
        unread => format!("({unread}) "),
    };
    WANTED.with_borrow(|wanted| {
        let covered = COVERED.get() || wanted.is_empty();
        let page = if covered { APP } else { wanted };
        document().set_title(&format!("{count}{page}"));
    });
}
