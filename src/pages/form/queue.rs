//! Going through the forms that wait for a review, one after the other: where one is in the queue, and the way to the next.

use leptos::ev;
use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_navigate;
use uuid::Uuid;

use crate::components::keys::is_typing;
use crate::components::{Icon, Shape};
use crate::data::form_submissions;
use crate::hooks::use_reading;
use crate::sync::Table;

/// The address of a form within the queue.
pub fn in_queue(id: Uuid) -> String {
    format!("/forms/{id}?queue=review")
}

/// The queue around a form. The signals are of the component that asked.
#[derive(Clone, Copy)]
pub struct Queue {
    id: Uuid,
    /// What waits now.
    live: Signal<Vec<Uuid>>,
    /// The order in which the queue was met: a form that was decided keeps its place between its neighbours.
    met: RwSignal<Vec<Uuid>>,
}

impl Queue {
    /// The queue of this reviewer, standing at this form.
    pub fn around(id: Uuid, reviewer: Uuid) -> Self {
        let waiting = use_reading(&[Table::FormSubmissions], move |rest| {
            form_submissions::queue_query(rest, reviewer)
        });
        let met = RwSignal::new(Vec::new());
        let live = Signal::derive(move || {
            waiting
                .data
                .with(|ids| ids.as_deref().cloned().unwrap_or_default())
        });
        Effect::new(move |_| {
            let live = live.get();
            met.update(|met| {
                for id in live {
                    if !met.contains(&id) {
                        met.push(id);
                    }
                }
            });
        });
        Self { id, live, met }
    }

    /// The forms that still wait, before and after this one.
    fn neighbours(self) -> (Option<Uuid>, Option<Uuid>) {
        let live = self.live.get();
        self.met.with(|met| neighbours(met, &live, self.id))
    }

    /// Where to go when this form is done.
    pub fn next_address(self) -> String {
        let (before, after) = untrack(|| self.neighbours());
        after
            .or(before)
            .map_or_else(|| "/forms?view=review".to_owned(), in_queue)
    }
}

fn neighbours(met: &[Uuid], live: &[Uuid], id: Uuid) -> (Option<Uuid>, Option<Uuid>) {
    let waits = |other: &&Uuid| **other != id && live.contains(other);
    match met.iter().position(|other| *other == id) {
        Some(place) => {
            let (before, after) = met.split_at(place);
            (
                before.iter().rfind(waits).copied(),
                after.iter().find(waits).copied(),
            )
        }
        None => (None, met.iter().find(waits).copied()),
    }
}

/// Where the form is in the queue, with the way to those before and after. `j` and `k` go there, too, as in the lists.
#[component]
pub fn QueueBar(queue: Queue) -> impl IntoView {
    let navigate = use_navigate();
    let keys = window_event_listener(ev::keydown, move |event| {
        if event.ctrl_key() || event.meta_key() || event.alt_key() || is_typing(&event) {
            return;
        }
        let (before, after) = untrack(|| queue.neighbours());
        let to = match event.key().as_str() {
            "j" => after,
            "k" => before,
            _ => None,
        };
        if let Some(to) = to {
            event.prevent_default();
            navigate(&in_queue(to), Default::default());
        }
    });
    on_cleanup(move || keys.remove());
    let words = move || {
        queue.live.with(|live| {
            let total = live.len();
            match live.iter().position(|other| *other == queue.id) {
                Some(place) => format!("{} of {total} waiting for review", place.saturating_add(1)),
                None if total == 1 => "1 form waits for review".to_owned(),
                None => format!("{total} forms wait for review"),
            }
        })
    };
    let neighbours = Memo::new(move |_| queue.neighbours());
    view! {
        <nav class="queue-bar" aria-label="Review queue">
            <A href="/forms?view=review">
                <Icon shape=Shape::Eye size=14 />
                {words}
            </A>
            <span class="toolbar">
                {move || {
                    neighbours.get().0.map(|id| {
                        view! {
                            <A href=in_queue(id) attr:class="button button-small" attr:aria-keyshortcuts="k">
                                <Icon shape=Shape::Previous size=12 />
                                "Previous"
                                <kbd aria-hidden="true">"K"</kbd>
                            </A>
                        }
                    })
                }}
                {move || {
                    neighbours.get().1.map(|id| {
                        view! {
                            <A href=in_queue(id) attr:class="button button-small" attr:aria-keyshortcuts="j">
                                "Next"
                                <kbd aria-hidden="true">"J"</kbd>
                                <Icon shape=Shape::Next size=12 />
                            </A>
                        }
                    })
                }}
            </span>
        </nav>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(numbers: &[u128]) -> Vec<Uuid> {
        numbers.iter().copied().map(Uuid::from_u128).collect()
    }

    fn around(met: &[u128], live: &[u128], id: u128) -> (Option<u128>, Option<u128>) {
        let (before, after) = neighbours(&ids(met), &ids(live), Uuid::from_u128(id));
        (before.map(|id| id.as_u128()), after.map(|id| id.as_u128()))
    }

    #[test]
    fn a_form_that_was_decided_keeps_its_place_between_its_neighbours() {
        assert_eq!(around(&[1, 2, 3], &[1, 2, 3], 2), (Some(1), Some(3)));
        assert_eq!(around(&[1, 2, 3], &[1, 3], 2), (Some(1), Some(3)));
    }

    #[test]
    fn what_somebody_else_decided_is_passed_over() {
        assert_eq!(around(&[1, 2, 3, 4], &[1, 2, 4], 2), (Some(1), Some(4)));
        assert_eq!(around(&[1, 2], &[2], 2), (None, None));
    }

    #[test]
    fn from_outside_the_queue_the_way_leads_to_its_beginning() {
        assert_eq!(around(&[1, 2], &[1, 2], 9), (None, Some(1)));
        assert_eq!(around(&[], &[], 9), (None, None));
    }
}
