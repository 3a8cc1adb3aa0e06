//! What others did, told without getting in the way: a bell with a count and a list behind it, a word on the screen unless quiet
//! is wanted, a word from the system while nobody looks at the tab and only by consent, and the count in the tab's title.

mod bell;
pub mod system;

use std::collections::HashSet;

use leptos::prelude::*;

pub use bell::{Bell, toggle};

use super::{Toasts, title};
use crate::hooks::{FormNotifications, Wishes, use_realtime_forms};

/// More at once than this are told of as a number.
const FEW: usize = 3;

/// Listens for news while the calling component is mounted, tells of it as this person wishes, and returns it for the [`Bell`].
pub fn tell_news() -> FormNotifications {
    let notifications = use_realtime_forms().notifications;
    let wishes = use_context::<Wishes>();
    let toasts = use_context::<Toasts>().unwrap_or_default();
    count_in_title(notifications.unread);
    Effect::new(move |told: Option<HashSet<String>>| {
        let all = notifications.all.get();
        let ids: HashSet<String> = all.iter().map(|news| news.id.clone()).collect();
        // What was there when the page opened was told of before.
        let Some(told) = told else { return ids };
        let fresh: Vec<_> = all
            .iter()
            .filter(|news| !news.read && !told.contains(&news.id))
            .collect();
        let quiet = wishes.is_some_and(|wishes| wishes.quiet.get_untracked());
        if fresh.is_empty() || quiet {
            return ids;
        }
        let system = wishes.is_some_and(|wishes| wishes.system.get_untracked());
        if system && document().hidden() {
            system::tell(fresh.len());
        }
        if fresh.len() > FEW {
            toasts.news(
                format!("{} forms have news", fresh.len()),
                "/forms".to_owned(),
            );
        } else {
            for news in fresh {
                toasts.news(news.message.clone(), news.link.clone());
            }
        }
        ids
    });
    notifications
}

/// Hands the count to the tab's title, and takes it back with the person.
fn count_in_title(unread: Signal<usize>) {
    Effect::new(move |_| title::count(unread.get()));
    on_cleanup(|| title::count(0));
}
