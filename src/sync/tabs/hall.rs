//! Where the tabs of one person meet, in the browser: a channel that all of them hear, a lock that one of them has, and a lock
//! of each tab's own, which tells of its end however it ends. It carries words and knows none.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::channel::mpsc;
use futures::future::{Either, select};
use futures::pin_mut;
use leptos::task::spawn_local;
use send_wrapper::SendWrapper;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BroadcastChannel, MessageEvent};

use super::word::{Tab, Word};
use crate::data::tab_turn::TabTurn;

/// Another number for words that older tabs would not understand.
const NAME: &str = "bedside.feed.1";

/// How long the browser may take to give a lock that no other tab holds, or that is taken from its holder. It does so at once, unless its
/// locks don't work.
const GIVEN: Duration = Duration::from_secs(3);

/// What happens in the hall.
pub(super) enum News {
    /// This tab's own lock is held: its end will be noticed, so it may be heard of.
    Arrived,
    Word(Box<Word>),
    /// This tab has the lead.
    Crowned,
    /// It has it no more.
    Deposed,
    /// That tab is gone.
    Left(Tab),
}

type Tell = Arc<dyn Fn(News)>;

enum Order {
    Seize,
    Yield,
}

/// A place in the hall. Left when dropped: the channel falls silent, the locks are free.
pub(super) struct Hall(SendWrapper<Inside>);

struct Inside {
    name: String,
    channel: BroadcastChannel,
    _listening: Closure<dyn Fn(MessageEvent)>,
    orders: mpsc::UnboundedSender<Order>,
    tell: Tell,
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.channel.set_onmessage(None);
        self.channel.close();
    }
}

impl Hall {
    /// Enters the hall of a person. Nothing, where the browser has no such thing.
    pub fn enter(person: &str, me: Tab, tell: impl Fn(News) + 'static) -> Option<Self> {
        if !TabTurn::exists() {
            return None;
        }
        let tell: Tell = Arc::new(tell);
        let name = format!("{NAME}.{person}");
        let channel = BroadcastChannel::new(&name).ok()?;
        let hears = Arc::clone(&tell);
        let listening = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
            let text = event.data().as_string().unwrap_or_default();
            // What can't be read is missing in the count, and so noticed.
            if let Ok(word) = serde_json::from_str(&text) {
                hears(News::Word(Box::new(word)));
            }
        });
        channel.set_onmessage(Some(listening.as_ref().unchecked_ref()));
        let (orders, ordered) = mpsc::unbounded();
        spawn_local(stay(name.clone(), me, ordered, Arc::clone(&tell)));
        Some(Self(SendWrapper::new(Inside {
            name,
            channel,
            _listening: listening,
            orders,
            tell,
        })))
    }

    pub fn post(&self, word: &Word) {
        if let Ok(text) = serde_json::to_string(word) {
            // Only fails on a closed channel, or for what can't be copied.
            let _ = self.0.channel.post_message(&JsValue::from_str(&text));
        }
    }

    pub fn seize(&self) {
        self.order(Order::Seize);
    }

    pub fn give_back(&self) {
        self.order(Order::Yield);
    }

    fn order(&self, order: Order) {
        // Nobody takes orders any more when the hall is being left.
        let _ = self.0.orders.unbounded_send(order);
    }

    /// Tells when that tab is gone.
    pub fn attend(&self, tab: Tab) {
        let (lock, tell) = (lock_of(&self.0.name, tab), Arc::clone(&self.0.tell));
        spawn_local(async move {
            drop(TabTurn::take(&lock).await);
            tell(News::Left(tab));
        });
    }
}

fn lock_of(name: &str, tab: Tab) -> String {
    format!("{name}.{tab}")
}

/// Waits for the lead, has it, waits again; until there are no orders any more.
///
/// A follower waits for the lead as long as it follows. That wait needs no limit of its own: while someone looks at the tab and no leader
/// answers, `Tabs` orders to seize it.
async fn stay(name: String, me: Tab, mut orders: mpsc::UnboundedReceiver<Order>, tell: Tell) {
    // Before a word: a leader that heard of this tab first would find its lock free, and take the tab for gone.
    let present = TabTurn::take_within(&lock_of(&name, me), GIVEN).await;
    let Some(_present) = present.filter(TabTurn::is_given) else {
        // No turns, no way to know who leads: this tab leads itself, and is never heard of.
        return tell(News::Crowned);
    };
    tell(News::Arrived);
    loop {
        let seized = {
            let waiting = TabTurn::take(&name);
            pin_mut!(waiting);
            loop {
                match select(&mut waiting, orders.next()).await {
                    Either::Left((turn, _)) => break Some(turn),
                    Either::Right((Some(Order::Seize), _)) => break None,
                    Either::Right((Some(Order::Yield), _)) => {}
                    Either::Right((None, _)) => return,
                }
            }
        };
        let turn = match seized {
            Some(turn) => turn,
            None => match TabTurn::seize_within(&name, GIVEN).await {
                Some(turn) => turn,
                // `Tabs` orders it again.
                None => continue,
            },
        };
        tell(News::Crowned);
        let over = turn.over();
        pin_mut!(over);
        loop {
            match select(&mut over, orders.next()).await {
                Either::Left(_) | Either::Right((Some(Order::Yield), _)) => break,
                Either::Right((Some(Order::Seize), _)) => {}
                Either::Right((None, _)) => return,
            }
        }
        tell(News::Deposed);
    }
}
