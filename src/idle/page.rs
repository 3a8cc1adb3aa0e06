//! The idle lock in a page: brings touches, time and other tabs' words to the [`Watch`], and keeps what it says as a signal.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gloo_timers::future::sleep;
use leptos::ev;
use leptos::prelude::{
    ArcReadSignal, ArcRwSignal, GetUntracked, Set, document, window, window_event_listener,
};
use leptos::task::spawn_local;
use uuid::Uuid;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

use super::watch::{Screen, Watch};
use crate::data::clock::{Moment, Now};
use crate::data::store;

/// The chosen time, in seconds.
const LIMIT: &str = "bedside.idle";
/// The last touch in any tab, in seconds since 1970.
const TOUCHED: &str = "bedside.touched";
/// Whose screen is locked.
const LOCKED: &str = "bedside.locked";

const DEFAULT: Duration = Duration::from_secs(15 * 60);
const LONGEST: Duration = Duration::from_secs(8 * 60 * 60);
/// What happens more often than this counts once.
const OFTEN: Duration = Duration::from_secs(1);
const TOUCHES: [&str; 6] = [
    "pointerdown",
    "pointermove",
    "keydown",
    "wheel",
    "touchstart",
    "scroll",
];

/// After how many minutes without a touch the screen locks, in this browser.
pub fn minutes() -> u32 {
    u32::try_from(limit().as_secs().div_ceil(60)).unwrap_or(u32::MAX)
}

fn limit() -> Duration {
    let chosen = store::read(LIMIT)
        .ok()
        .flatten()
        .and_then(|text| text.parse().ok());
    chosen
        .map(Duration::from_secs)
        .filter(|chosen| !chosen.is_zero() && *chosen <= LONGEST)
        .unwrap_or(DEFAULT)
}

/// Whose screen it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Whose {
    /// Not said yet: whoever it is was signed in before this page was loaded.
    #[default]
    Unsaid,
    /// A screen with nothing to lock.
    Nobodys,
    Of(Uuid),
}

impl Whose {
    const fn person(self) -> Option<Uuid> {
        match self {
            Self::Of(person) => Some(person),
            Self::Unsaid | Self::Nobodys => None,
        }
    }
}

/// The idle lock of one page. Clones share it.
#[derive(Clone)]
pub struct Idle(Arc<Inner>);

struct Inner {
    whose: Mutex<Whose>,
    watch: Mutex<Watch>,
    screen: ArcRwSignal<Screen>,
    alarm: Mutex<Option<Moment>>,
}

impl Idle {
    /// Watches this page for as long as it lives.
    pub fn begin() -> Self {
        let idle = Self(Arc::new(Inner {
            whose: Mutex::default(),
            watch: Mutex::new(Watch::new(limit(), Now::read())),
            screen: ArcRwSignal::new(Screen::Open),
            alarm: Mutex::default(),
        }));
        idle.listen();
        idle
    }

    /// What the screen should be.
    pub fn screen(&self) -> ArcReadSignal<Screen> {
        self.0.screen.read_only()
    }

    /// Somebody is signed in, or nobody. A screen that was locked, or left alone for too long, before this page was loaded is
    /// locked from the beginning.
    pub fn belongs_to(&self, person: Option<Uuid>) {
        let whose = person.map_or(Whose::Nobodys, Whose::Of);
        let before = std::mem::replace(&mut *lock(&self.0.whose), whose);
        if before == whose {
            return;
        }
        let now = Now::read();
        lock(&self.0.watch).unlock(now);
        match (before, whose) {
            (Whose::Unsaid, Whose::Of(person)) if left_alone(person, now) => {
                lock(&self.0.watch).lock();
            }
            // The password was given a moment ago, or the page was in use until a moment ago.
            (_, Whose::Of(_)) => keep_touch(now),
            (_, Whose::Nobodys | Whose::Unsaid) => {
                store::remove(LOCKED);
                store::remove(TOUCHED);
            }
        }
        self.look();
    }

    /// Chooses after how many minutes the screens of this browser lock: at least one, at most eight hours.
    pub fn set_minutes(&self, minutes: u32) {
        let chosen = Duration::from_secs(u64::from(minutes.max(1)) * 60).min(LONGEST);
        // A choice that is not kept holds nowhere, and the default stands.
        let _ = store::write(LIMIT, &chosen.as_secs().to_string());
        // The other tabs hear of it through the storage.
        self.look();
    }

    /// Locks all screens of this browser now.
    pub fn lock_now(&self) {
        lock(&self.0.watch).lock();
        self.look();
    }

    /// The password was given: all screens of this browser open.
    pub fn unlock(&self) {
        let now = Now::read();
        keep_touch(now);
        store::remove(LOCKED);
        lock(&self.0.watch).unlock(now);
        self.look();
    }

    fn listen(&self) {
        let idle = self.clone();
        let mut last = None;
        let on_touch = Closure::<dyn FnMut()>::new(move || {
            let now = Now::read();
            if last.is_none_or(|last| now.since(last) >= OFTEN) {
                last = Some(now);
                idle.touched(now);
            }
        });
        for name in TOUCHES {
            // Heard on its way down, so that nobody can keep it from us. A page without touches locks, which is safe.
            let _ = window().add_event_listener_with_callback_and_bool(
                name,
                on_touch.as_ref().unchecked_ref(),
                true,
            );
        }
        on_touch.forget();
        let idle = self.clone();
        let on_visible = Closure::<dyn FnMut()>::new(move || {
            idle.look();
        });
        let _ = document().add_event_listener_with_callback(
            "visibilitychange",
            on_visible.as_ref().unchecked_ref(),
        );
        on_visible.forget();
        let idle = self.clone();
        // The page listens for as long as it lives.
        std::mem::forget(window_event_listener(ev::storage, move |event| {
            idle.hear(event.key().as_deref(), event.new_value().as_deref());
        }));
    }

    fn touched(&self, now: Now) {
        if lock(&self.0.whose).person().is_none() {
            return;
        }
        lock(&self.0.watch).touch(now);
        if self.look() != Screen::Locked {
            keep_touch(now);
        }
    }

    /// Another tab wrote something.
    fn hear(&self, key: Option<&str>, value: Option<&str>) {
        let now = Now::read();
        let person = lock(&self.0.whose)
            .person()
            .map(|person| person.to_string());
        match (key, value) {
            (Some(TOUCHED), Some(_)) => lock(&self.0.watch).touch(now),
            (Some(LIMIT), _) => lock(&self.0.watch).set_limit(limit()),
            (Some(LOCKED), Some(whose)) if Some(whose) == person.as_deref() => {
                lock(&self.0.watch).lock();
            }
            _ => return,
        }
        self.look();
    }

    /// Asks the watch, says what it says, and comes back when it will say something else.
    fn look(&self) -> Screen {
        let Some(person) = lock(&self.0.whose).person() else {
            self.say(Screen::Open);
            return Screen::Open;
        };
        let now = Now::read();
        let (screen, next) = {
            let mut watch = lock(&self.0.watch);
            watch.set_limit(limit());
            (watch.screen(now), watch.next_look(now))
        };
        if screen == Screen::Locked && self.0.screen.get_untracked() != Screen::Locked {
            // Not kept, the lock ends with a reload, as the session then does.
            let _ = store::write(LOCKED, &person.to_string());
        }
        self.say(screen);
        if let Some(wait) = next {
            self.set_alarm(now.moment.after(wait), wait);
        }
        screen
    }

    /// One timer. A touch moves what it is set for further away, and leaves it: it then finds nothing to say, and is set again.
    fn set_alarm(&self, due: Moment, wait: Duration) {
        {
            let mut alarm = lock(&self.0.alarm);
            if alarm.is_some_and(|set| set <= due) {
                return;
            }
            *alarm = Some(due);
        }
        let idle = Arc::downgrade(&self.0);
        spawn_local(async move {
            sleep(wait).await;
            let Some(idle) = idle.upgrade().map(Self) else {
                return;
            };
            // An earlier one was set meanwhile: that one's task comes.
            if lock(&idle.0.alarm).take_if(|set| *set == due).is_some() {
                idle.look();
            }
        });
    }

    fn say(&self, screen: Screen) {
        if self.0.screen.get_untracked() != screen {
            self.0.screen.set(screen);
        }
    }
}

fn keep_touch(now: Now) {
    // Not kept, the other tabs watch for themselves.
    let _ = store::write(TOUCHED, &now.unix.to_string());
}

/// Whether what earlier loads and other tabs wrote means that this person's screen is locked. What is missing or can't be read means it, too:
/// removing it must not open the lock.
fn left_alone(person: Uuid, now: Now) -> bool {
    let locked = store::read(LOCKED).ok().flatten();
    let touched = store::read(TOUCHED).ok().flatten();
    is_left_alone(locked.as_deref(), touched.as_deref(), person, now, limit())
}

fn is_left_alone(
    locked: Option<&str>,
    touched: Option<&str>,
    person: Uuid,
    now: Now,
    limit: Duration,
) -> bool {
    if locked.is_some_and(|whose| whose == person.to_string()) {
        return true;
    }
    // A touch in the future is a calendar that was set back: nobody knows how long ago it was.
    touched
        .and_then(|touched| now.unix.checked_sub(touched.parse().ok()?))
        .is_none_or(|ago| Duration::from_secs(ago) >= limit)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_is_open_only_where_a_late_touch_says_so() {
        let (ana, bo) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let now = Now {
            moment: Moment::from_millis(0),
            unix: 1_000_000,
        };
        let left_alone = |locked: Option<Uuid>, touched: Option<&str>| {
            let locked = locked.map(|whose| whose.to_string());
            is_left_alone(locked.as_deref(), touched, ana, now, DEFAULT)
        };
        assert!(!left_alone(None, Some("999900")));
        assert!(!left_alone(Some(bo), Some("999900")));
        assert!(left_alone(Some(ana), Some("999900")));
        assert!(left_alone(None, Some("999000")), "too long ago");
        assert!(left_alone(None, Some("1000001")), "in the future");
        assert!(left_alone(None, Some("just now")));
        assert!(left_alone(None, None), "missing");
    }
}
