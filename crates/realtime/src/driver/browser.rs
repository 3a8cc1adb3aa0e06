//! The browser: its timers, its page's life, its network hints.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender};
use gloo_timers::future::TimeoutFuture;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::EventTarget;

use super::Incoming;
use crate::client::{PostRequest, Poster, Shared};
use crate::engine::{Environment, Now};
use crate::token::{AccessToken, TokenError};

/// Anything: there is one thread.
pub trait MaybeSend {}
impl<T> MaybeSend for T {}

pub(crate) type TokenFuture =
    Pin<Box<dyn Future<Output = Result<Option<AccessToken>, TokenError>>>>;
pub(crate) type Sleep = TimeoutFuture;

/// The page trusts whom its browser trusts.
#[derive(Default)]
pub(crate) struct Trust;

pub(crate) type PostFuture = Pin<Box<dyn Future<Output = Option<u16>>>>;

pub(crate) fn post_future<F: Future<Output = Option<u16>> + 'static>(future: F) -> PostFuture {
    Box::pin(future)
}

/// The browser's own fetch.
pub(crate) fn default_poster() -> Option<Poster> {
    Some(Arc::new(|request| post_future(fetch(request))))
}

async fn fetch(request: PostRequest) -> Option<u16> {
    let options = web_sys::RequestInit::new();
    options.set_method("POST");
    options.set_body(&request.body.as_str().into());
    let headers = web_sys::Headers::new().ok()?;
    for (name, value) in request.headers() {
        headers.append(name, &value).ok()?;
    }
    options.set_headers(&headers);
    let answer = web_sys::window()?.fetch_with_str_and_init(&request.url, &options);
    let response = wasm_bindgen_futures::JsFuture::from(answer).await.ok()?;
    Some(response.dyn_into::<web_sys::Response>().ok()?.status())
}

/// Asks the socket's address for a page. A server that refuses the socket refuses that too, and says why; one that
/// doesn't answers that it is no page, which is as good. The page may not be told at all: then nothing is known.
pub(crate) fn ask(wake: &UnboundedSender<Incoming>, url: &str) {
    let (wake, url) = (wake.clone(), url.replacen("ws", "http", 1));
    spawn(async move {
        let http_status = status_of(&url).await;
        // Nobody waits for it after a shutdown.
        let _ = wake.unbounded_send(Incoming::Asked { http_status });
    });
}

async fn status_of(url: &str) -> Option<u16> {
    let options = web_sys::RequestInit::new();
    options.set_cache(web_sys::RequestCache::NoStore);
    options.set_credentials(web_sys::RequestCredentials::Omit);
    let answer = web_sys::window()?.fetch_with_str_and_init(url, &options);
    let response = wasm_bindgen_futures::JsFuture::from(answer).await.ok()?;
    Some(response.dyn_into::<web_sys::Response>().ok()?.status())
}

pub(crate) fn token_future<F>(future: F) -> TokenFuture
where
    F: Future<Output = Result<Option<AccessToken>, TokenError>> + 'static,
{
    Box::pin(future)
}

thread_local! {
    /// Looked up once: every frame asks for the time.
    static PERFORMANCE: Option<web_sys::Performance> = web_sys::window().and_then(|window| window.performance());
}

/// The page's two clocks, as last read.
#[derive(Debug)]
pub(crate) struct Clock(AtomicU64, AtomicU64);

impl Clock {
    pub fn start() -> Self {
        Self(AtomicU64::new(0), AtomicU64::new(0))
    }

    // Both clocks give finite, non-negative milliseconds; a float's digits below one are of no use here.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn now(&self) -> Now {
        let wall = js_sys::Date::now();
        let Self(mono, read_at) = self;
        // Frames come in bursts, and the monotonic clock is the slower one to read: once a millisecond is enough.
        if read_at.swap(wall as u64, Ordering::Relaxed) != wall as u64 {
            let now =
                PERFORMANCE.with(|clock| clock.as_ref().map_or(wall, web_sys::Performance::now));
            mono.store(now as u64, Ordering::Relaxed);
        }
        Now::new(mono.load(Ordering::Relaxed), wall as u64)
    }
}

/// A number that differs from page to page.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(crate) fn seed() -> u64 {
    (js_sys::Math::random() * 9_007_199_254_740_992.0) as u64 | 1
}

#[derive(Debug)]
pub(crate) enum NoRuntime {}

pub(crate) fn start(
    shared: Arc<Shared>,
    incoming: UnboundedReceiver<Incoming>,
) -> Result<(), NoRuntime> {
    spawn(super::run(shared, incoming));
    Ok(())
}

pub(crate) fn spawn(task: impl Future<Output = ()> + 'static) {
    wasm_bindgen_futures::spawn_local(task);
}

/// Longer sleeps would wrap around in the browser; waking early is harmless.
const LONGEST: u64 = 0x7fff_ffff;

#[allow(clippy::cast_possible_truncation)]
pub(crate) fn sleep(millis: u64) -> Sleep {
    TimeoutFuture::new(millis.min(LONGEST) as u32)
}

/// Listeners on the page, removed on drop.
pub(crate) struct Surroundings(Vec<PageListener>);

struct PageListener {
    target: EventTarget,
    event: &'static str,
    closure: Closure<dyn FnMut()>,
}

impl Drop for Surroundings {
    fn drop(&mut self) {
        for listener in &self.0 {
            let callback = listener.closure.as_ref().unchecked_ref();
            // Only fails for a null callback.
            let _ = listener
                .target
                .remove_event_listener_with_callback(listener.event, callback);
        }
    }
}

/// Reports network hints and every way in which a page comes back to life.
pub(crate) fn listen(wake: &UnboundedSender<Incoming>) -> Surroundings {
    let mut listeners = Vec::new();
    let Some(window) = web_sys::window() else {
        return Surroundings(listeners);
    };
    let mut on = |target: &EventTarget, event: &'static str, read: fn() -> Option<Environment>| {
        let wake = wake.clone();
        let closure = Closure::<dyn FnMut()>::new(move || {
            if let Some(environment) = read() {
                // The driver is gone after a shutdown.
                let _ = wake.unbounded_send(Incoming::Environment(environment));
            }
        });
        if target
            .add_event_listener_with_callback(event, closure.as_ref().unchecked_ref())
            .is_ok()
        {
            listeners.push(PageListener {
                target: target.clone(),
                event,
                closure,
            });
        }
    };
    on(&window, "online", || Some(Environment::Online));
    on(&window, "offline", || Some(Environment::Offline));
    on(&window, "focus", || Some(Environment::Woken));
    on(&window, "pageshow", || Some(Environment::Woken));
    if let Some(document) = window.document() {
        on(&document, "visibilitychange", || {
            let document = web_sys::window()?.document()?;
            (document.visibility_state() == web_sys::VisibilityState::Visible)
                .then_some(Environment::Woken)
        });
        on(&document, "resume", || Some(Environment::Woken));
    }
    if !window.navigator().on_line() {
        // The driver reads it in its first round.
        let _ = wake.unbounded_send(Incoming::Environment(Environment::Offline));
    }
    Surroundings(listeners)
}
