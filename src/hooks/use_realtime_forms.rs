//! Forms that stay true, and what a person is told of them.

use std::sync::Arc;

use leptos::prelude::*;

use super::{Reading, use_reading};
use crate::data::Page;
use crate::data::form_submissions::{self, FormFilter};
use crate::model::FormSubmission;
use crate::sync::{Notification, Notifications, Table};

/// The forms that this person may see. Its signals live as long as the component that asked.
#[derive(Clone, Copy)]
pub struct RealtimeForms {
    pub notifications: FormNotifications,
}

/// What others did to forms since the page was opened: a form handed in, taken into review, approved, returned.
///
/// One's own changes, drafts and what was there before are no news. The latest 50 are kept, for as long as the same person is
/// signed in; a notification that names a patient goes with the right to see that patient.
#[derive(Clone, Copy)]
pub struct FormNotifications {
    /// The newest first.
    pub all: Signal<Vec<Arc<Notification>>>,
    /// How many have not been read.
    pub unread: Signal<usize>,
    /// Takes one for read, by its `id`.
    pub mark_read: Callback<String>,
    /// Takes all for read.
    pub mark_all_read: Callback<()>,
}

/// Forms, and news of them while the calling component is mounted.
///
/// Mounted twice, the table is followed once and the notifications are the same.
///
/// ```
/// use bedside::hooks::use_realtime_forms;
/// use leptos::prelude::*;
///
/// # any_spawner::Executor::init_futures_executor().ok();
/// # Owner::new().with(|| {
/// let forms = use_realtime_forms();
/// let words = move || match forms.notifications.unread.get() {
///     0 => "Nothing new".to_owned(),
///     unread => format!("{unread} unread"),
/// };
/// assert_eq!(words(), "Nothing new");
/// forms.notifications.mark_all_read.run(());
/// # });
/// ```
pub fn use_realtime_forms() -> RealtimeForms {
    let Some(told) = use_context::<Notifications>() else {
        return RealtimeForms {
            notifications: FormNotifications {
                all: Signal::derive(Vec::new),
                unread: Signal::derive(|| 0),
                mark_read: Callback::new(|_| {}),
                mark_all_read: Callback::new(|()| {}),
            },
        };
    };
    let wanting = told.want();
    on_cleanup(move || drop(wanting));
    let (listed, counted) = (told.inbox(), told.inbox());
    let (one, every) = (told.clone(), told);
    RealtimeForms {
        notifications: FormNotifications {
            all: Signal::derive(move || listed.with(|inbox| inbox.all().to_vec())),
            unread: Signal::derive(move || counted.with(|inbox| inbox.unread())),
            mark_read: Callback::new(move |id: String| one.read(&id)),
            mark_all_read: Callback::new(move |()| every.read_all()),
        },
    }
}

impl RealtimeForms {
    /// The forms that a filter selects, the latest change first, followed while the calling component is mounted. `filter` is
    /// reactive: the list follows the signals that it reads.
    pub fn list(
        self,
        filter: impl Fn() -> FormFilter + 'static,
    ) -> Reading<Page<Arc<FormSubmission>>> {
        use_reading(&[Table::FormSubmissions, Table::Patients], move |rest| {
            form_submissions::list_query(rest, filter())
        })
    }
}
