//! What can wait until an answer to the person's hand has been seen: first the paint that shows that something was pressed, then the work
//! that it asked for. On a slow computer that is the difference between a page that answers and one that hangs.

use std::time::Duration;

use futures::channel::oneshot;
use futures::future::select;
use gloo_timers::future::TimeoutFuture;
use leptos::prelude::{document, request_animation_frame, set_timeout};
use leptos::task::spawn_local;

/// Longer than a frame takes anywhere: the page went into the background meanwhile.
const NO_FRAME_MS: u32 = 250;

/// Until what is on the page now has been painted. A page in the background is not painted, and waits for nothing.
pub async fn painted() {
    if document().hidden() {
        return;
    }
    let (tell, told) = oneshot::channel();
    request_animation_frame(move || {
        set_timeout(
            move || {
                // Nobody waits any more who has gone elsewhere.
                let _ = tell.send(());
            },
            Duration::ZERO,
        );
    });
    select(told, TimeoutFuture::new(NO_FRAME_MS)).await;
}

/// Does something once what is on the page now has been painted. It may find everything of its component gone.
pub fn after_paint(then: impl FnOnce() + 'static) {
    spawn_local(async move {
        painted().await;
        then();
    });
}
