//! One at a time among all tabs of this site, by the browser's Web Locks. Where there are none (an old browser, a page without
//! https) a turn is had at once: what it guards has to stay right without it, only less thrifty.

use futures::channel::oneshot;
use futures::future::select;
use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// A turn; it ends when dropped.
#[must_use = "the turn ends when this is dropped"]
pub struct TabTurn {
    release: Option<Function>,
}

impl TabTurn {
    /// Waits for the turn called `name`.
    pub async fn take(name: &str) -> Self {
        // The browser holds the lock for as long as the promise that the callback returns is open.
        let mut release = None;
        let held = Promise::new(&mut |resolve, _| release = Some(resolve));
        // Made before the wait: a wait that is given up releases a lock that is granted later.
        let turn = Self { release };
        let (granted, grant) = oneshot::channel();
        let callback = Closure::once_into_js(move |_lock: JsValue| -> Promise {
            // Whoever gave up waiting has released already.
            let _ = granted.send(());
            held
        });
        // The request ends with an error, or after the release: before the grant it can only mean that there is no lock.
        if let Some(request) = request(name, &callback) {
            select(grant, JsFuture::from(request)).await;
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

/// `navigator.locks.request(name, callback)`, by name: the typed binding is not stable yet.
fn request(name: &str, callback: &JsValue) -> Option<Promise> {
    let navigator = web_sys::window()?.navigator();
    let locks = Reflect::get(&navigator, &JsValue::from_str("locks")).ok()?;
    let request = Reflect::get(&locks, &JsValue::from_str("request")).ok()?;
    let request: Function = request.dyn_into().ok()?;
    request
        .call2(&locks, &JsValue::from_str(name), callback)
        .ok()?
        .dyn_into()
        .ok()
}
