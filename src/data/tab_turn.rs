//! One at a time among all tabs of this site, by the browser's Web Locks. Where there are none (an old browser, a page without
//! https) a turn is had at once: what it guards has to stay right without it, only less thrifty.

use std::time::Duration;

use futures::channel::oneshot;
use futures::future::{Either, select};
use js_sys::{Function, Object, Promise, Reflect};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use super::clock::within;

/// A turn; it ends when dropped.
#[must_use = "the turn ends when this is dropped"]
pub struct TabTurn {
    release: Option<Function>,
    /// Open for as long as the turn is; none where the browser gives no turns.
    request: Option<Promise>,
}

/// How to come to a turn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// After those who asked before.
    Wait,
    /// At once, from whoever has it.
    Steal,
}

impl TabTurn {
    /// Waits for the turn called `name`.
    pub async fn take(name: &str) -> Self {
        Self::ask(name, Way::Wait).await
    }

    /// Waits for the turn, but not for longer than this: who has it may be frozen. What the turn guards stays right without it.
    pub async fn take_within(name: &str, limit: Duration) -> Option<Self> {
        within(limit, Self::take(name)).await
    }

    /// Takes the turn from whoever has it, who may be frozen and never give it back. The browser gives it at once; one that hasn't within
    /// this has locks that don't work.
    pub async fn seize_within(name: &str, limit: Duration) -> Option<Self> {
        within(limit, Self::ask(name, Way::Steal)).await
    }

    /// Whether this browser has turns at all.
    pub fn exists() -> bool {
        locks().is_some()
    }

    /// Whether the browser gave it. One that keeps nothing for a site has turns by name only, and refuses each.
    pub fn is_given(&self) -> bool {
        self.request.is_some()
    }

    /// Waits until the turn is over though this is still held: somebody seized it. Nobody seizes what the browser never gave.
    pub async fn over(&self) {
        match &self.request {
            // An error says the same as an end.
            Some(request) => drop(JsFuture::from(request.clone()).await),
            None => std::future::pending().await,
        }
    }

    async fn ask(name: &str, way: Way) -> Self {
        // The browser holds the lock for as long as the promise that the callback returns is open.
        let mut release = None;
        let held = Promise::new(&mut |resolve, _| release = Some(resolve));
        // Made before the wait: a wait that is given up releases a lock that is granted later.
        let mut turn = Self {
            release,
            request: None,
        };
        let (granted, grant) = oneshot::channel();
        let callback = Closure::once_into_js(move |_lock: JsValue| -> Promise {
            // Whoever gave up waiting has released already.
            let _ = granted.send(());
            held
        });
        turn.request = request(name, way, &callback);
        // The request ends with an error, or after the release: before the grant it can only mean that there is no lock.
        if let Some(request) = turn.request.clone()
            && let Either::Right(_) = select(grant, JsFuture::from(request)).await
        {
            turn.request = None;
        }
        turn
    }
}

impl Drop for TabTurn {
    fn drop(&mut self) {
        if let Some(release) = &self.release {
            // Resolving a promise does not throw.
            let _ = release.call0(&JsValue::UNDEFINED);
        }
    }
}

/// `navigator.locks` and its `request`, by name: the typed bindings are not stable yet.
fn locks() -> Option<(JsValue, Function)> {
    let navigator = web_sys::window()?.navigator();
    let locks = Reflect::get(&navigator, &JsValue::from_str("locks")).ok()?;
    let request = Reflect::get(&locks, &JsValue::from_str("request")).ok()?;
    Some((locks, request.dyn_into().ok()?))
}

fn request(name: &str, way: Way, callback: &JsValue) -> Option<Promise> {
    let (locks, request) = locks()?;
    let options = Object::new();
    let steal = JsValue::from_bool(way == Way::Steal);
    Reflect::set(&options, &JsValue::from_str("steal"), &steal).ok()?;
    request
        .call3(&locks, &JsValue::from_str(name), &options, callback)
        .ok()?
        .dyn_into()
        .ok()
}
