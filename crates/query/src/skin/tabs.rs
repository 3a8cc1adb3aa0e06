//! Sharing what one tab fetched with the others (rule 116). The channel is a trait; ordering is by the time of the data, so
//! that an old message cannot undo a newer one.

use std::cell::Cell;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::client::QueryClient;
use super::events::Listening;
use super::hydrate::DehydratedQuery;
use crate::core::event::{Action, EventKind};
use crate::core::filter::QueryFilter;
use crate::key::QueryKey;

/// A channel to the other tabs of this app.
///
/// ```
/// use bedside_query::{QueryClient, TabChannel};
///
/// struct NoOtherTab;
///
/// impl TabChannel for NoOtherTab {
///     fn post(&self, _text: String) {}
///     fn listen(&self, _hear: Box<dyn Fn(&str)>) -> Box<dyn std::any::Any> {
///         Box::new(())
///     }
/// }
///
/// let client = QueryClient::default();
/// let sharing = client.share_between_tabs(NoOtherTab);
/// drop(sharing);
/// ```
pub trait TabChannel {
    /// Sends a text to all other tabs.
    fn post(&self, text: String);

    /// Calls `hear` for every text from another tab, for as long as what it returns is held.
    fn listen(&self, hear: Box<dyn Fn(&str)>) -> Box<dyn std::any::Any>;
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Message {
    Updated(DehydratedQuery),
    Removed(QueryKey),
}

/// Sharing between tabs; ends when dropped.
#[must_use = "dropping it ends the sharing"]
pub struct Sharing {
    _listening: Listening,
    _channel: Box<dyn std::any::Any>,
}

/// Set while a message of another tab is carried out; reset also if that panics.
struct Hearing(Rc<Cell<bool>>);

impl Drop for Hearing {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

impl QueryClient {
    /// Shares fetched and written data of [`persisted`](crate::QueryOptions::persisted) queries with the other tabs, and
    /// takes theirs if it is newer. Patches are not shared: whoever tells this tab of changes tells the others, too.
    pub fn share_between_tabs(&self, channel: impl TabChannel + 'static) -> Sharing {
        let hearing = Rc::new(Cell::new(false));
        let channel = Rc::new(channel);
        let inner = self.downgrade();
        let heard = {
            let (inner, hearing) = (inner.clone(), Rc::clone(&hearing));
            channel.listen(Box::new(move |text| {
                let Some(inner) = inner.upgrade() else { return };
                // Unreadable: a tab of another version.
                let Ok(message) = serde_json::from_str::<Message>(text) else {
                    return;
                };
                hearing.set(true);
                let _hearing = Hearing(Rc::clone(&hearing));
                Self::from_inner(inner).hear(message);
            }))
        };
        let listening = self.listen(move |event| {
            if hearing.get() {
                return;
            }
            let message = match &event.kind {
                EventKind::Updated(key, Action::Success | Action::Set) => inner
                    .upgrade()
                    .and_then(|inner| Self::from_inner(inner).one_dehydrated(key))
                    .map(Message::Updated),
                EventKind::Removed(key) => Some(Message::Removed(key.clone())),
                _ => None,
            };
            if let Some(text) = message.and_then(|message| serde_json::to_string(&message).ok()) {
                channel.post(text);
            }
        });
        Sharing {
            _listening: listening,
            _channel: heard,
        }
    }

    fn one_dehydrated(&self, key: &QueryKey) -> Option<DehydratedQuery> {
        let row = self.peek(|core| {
            let query = core.query(core.find(key)?)?;
            let codec = query.extra.as_ref()?.codec?;
            let data = (codec.encode)(query.base.as_ref()?)?;
            Some(DehydratedQuery {
                key: key.clone(),
                data,
                updated_at: query.updated_at?,
            })
        });
        row.flatten()
    }

    fn hear(&self, message: Message) {
        match message {
            Message::Updated(query) => self.hydrate_query(query),
            // What this tab looks at stays; the other tab only stopped needing it.
            Message::Removed(key) => {
                let idle = QueryFilter::exact(key).activity(crate::Activity::Inactive);
                self.remove_queries(idle);
            }
        }
    }
}
