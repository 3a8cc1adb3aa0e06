//! One client on the page's own WebSocket, one binding, and a count of what its callback heard.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use bedside_realtime::{Binding, BindingEvent, BindingHandle, Change, RealtimeClient};
use futures::channel::oneshot;
use wasm_bindgen::prelude::wasm_bindgen;

/// Reads nothing, the key, or every column as text; gives how many bytes that was.
fn read(change: &Change, reading: u8) -> usize {
    let Some(record) = change.keyed_record() else {
        return 0;
    };
    match reading {
        0 => 0,
        1 => record.text("id").map_or(0, |id| id.len()),
        _ => record
            .fields()
            .filter_map(|(_, field)| field.text())
            .map(|text| text.len())
            .sum(),
    }
}

#[derive(Default)]
struct Heard {
    changes: AtomicU32,
    wanted: AtomicU32,
    bytes: AtomicU32,
    reading: AtomicU8,
    tell: Mutex<Option<oneshot::Sender<()>>>,
}

/// The client under measurement.
#[wasm_bindgen]
pub struct Bench {
    heard: Arc<Heard>,
    handle: Option<BindingHandle>,
}

#[wasm_bindgen]
impl Bench {
    /// A client that listens to a whole schema; not connected where the address is wrong.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(url: &str) -> Bench {
        let heard = Arc::new(Heard::default());
        let counting = Arc::clone(&heard);
        let client = RealtimeClient::builder(url, "key")
            .event_rate(None)
            .build()
            .ok();
        let handle = client.map(|client| {
            client.bind_with(Binding::schema("public"), move |event| {
                if let BindingEvent::Change(change) = event {
                    let read = read(change, counting.reading.load(Ordering::Relaxed));
                    counting
                        .bytes
                        .fetch_add(u32::try_from(read).unwrap_or(0), Ordering::Relaxed);
                    let changes = counting.changes.fetch_add(1, Ordering::Relaxed) + 1;
                    if changes == counting.wanted.load(Ordering::Relaxed)
                        && let Ok(mut tell) = counting.tell.lock()
                        && let Some(tell) = tell.take()
                    {
                        // The page may have stopped waiting.
                        let _ = tell.send(());
                    }
                }
            })
        });
        Bench { heard, handle }
    }

    /// Whether the server listens.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.handle.as_ref().is_some_and(BindingHandle::is_ready)
    }

    /// What the callback reads from now on: nothing (0), the key (1), every column (2).
    pub fn reads(&self, what: u8) {
        self.heard.reading.store(what, Ordering::Relaxed);
    }

    /// How many bytes the callback read, so that reading is not left out.
    #[must_use]
    pub fn bytes(&self) -> u32 {
        self.heard.bytes.load(Ordering::Relaxed)
    }

    /// Begins to wait for so many more changes; ask before they are delivered, await [`Bench::heard`] after.
    pub fn expect(&self, changes: u32) -> Expected {
        let (tell, told) = oneshot::channel();
        self.heard.changes.store(0, Ordering::Relaxed);
        self.heard.wanted.store(changes, Ordering::Relaxed);
        if let Ok(mut slot) = self.heard.tell.lock() {
            *slot = Some(tell);
        }
        Expected(told)
    }
}

/// Changes that are on their way.
#[wasm_bindgen]
pub struct Expected(oneshot::Receiver<()>);

#[wasm_bindgen]
impl Expected {
    /// Ends with the callback of the last one.
    pub async fn heard(self) {
        // An error only means that the page began to wait for others.
        let _ = self.0.await;
    }
}
