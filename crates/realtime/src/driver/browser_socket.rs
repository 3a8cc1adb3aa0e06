//! The page's WebSocket, as something that can be polled.
//!
//! Not through a portable wrapper, for reasons that were measured. Text goes through `TextEncoder` straight into a
//! buffer here, and from there straight into the engine: the generated glue copies a string character by character,
//! five times slower, and a queue with a task behind it costs as much as the reading. A long text stays with the page
//! until somebody reads it. And the close event is waited for, however long a socket says that it is only closing: its
//! code decides what to do next.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use js_sys::{ArrayBuffer, JsString, Uint8Array};
use send_wrapper::SendWrapper;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::{BinaryType, CloseEvent, Event, MessageEvent, WebSocket};

use super::{SocketNews, at_once};
use crate::client::Shared;
use crate::engine::Input;
use crate::wire::{FarText, Outbound};

/// A text of more UTF-16 units stays with the page until it is read.
const LONG: u32 = 8 * 1024;
/// A UTF-16 unit becomes at most three bytes.
const WIDEST: usize = 3;

pub(super) struct Socket {
    shared: Arc<Shared>,
    line: Option<Line>,
    /// The address was none.
    failed: bool,
}

/// One WebSocket and the page's calls into it, until it is dropped.
struct Line {
    socket: WebSocket,
    heard: Rc<RefCell<Heard>>,
    _on_open: Closure<dyn FnMut(Event)>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_close: Closure<dyn FnMut(CloseEvent)>,
}

#[derive(Default)]
struct Heard {
    news: VecDeque<SocketNews>,
    waker: Option<Waker>,
    opened: bool,
}

impl Heard {
    fn push(heard: &RefCell<Self>, news: SocketNews) {
        let mut heard = heard.borrow_mut();
        heard.news.push_back(news);
        if let Some(waker) = heard.waker.take() {
            waker.wake();
        }
    }
}

#[wasm_bindgen]
extern "C" {
    /// The platform's, taking its own strings: the ready-made binding wants ours, which is what is to be made.
    type TextEncoder;

    #[wasm_bindgen(constructor)]
    fn new() -> TextEncoder;

    /// How much was written is answered with an object, which costs as much as writing a hundred bytes.
    #[wasm_bindgen(method, js_name = encodeInto)]
    fn encode_into(this: &TextEncoder, text: &JsString, buffer: &mut [u8]);
}

/// The platform's encoder, and a buffer that any text fits into that is not long. Between uses, it is all [`UNWRITTEN`].
struct Scribe {
    encoder: TextEncoder,
    buffer: Vec<u8>,
}

/// A byte that UTF-8 has no use for: the first one left is where a text ends.
const UNWRITTEN: u8 = 0xff;

thread_local! {
    static SCRIBE: RefCell<Scribe> = RefCell::new(Scribe {
        encoder: TextEncoder::new(),
        buffer: vec![UNWRITTEN; LONG as usize * WIDEST + 1],
    });
}

/// Hands out the UTF-8 of a text of at most [`LONG`] units, in one call of the platform's encoder.
fn with_text(text: &JsString, units: u32, take: impl FnOnce(&str)) {
    SCRIBE.with_borrow_mut(|Scribe { encoder, buffer }| {
        encoder.encode_into(text, buffer);
        // Every unit becomes a byte or more.
        let least = units as usize;
        let more = buffer
            .iter()
            .skip(least)
            .position(|byte| *byte == UNWRITTEN);
        let Some(written) = buffer.get_mut(..least + more.unwrap_or_default()) else {
            return;
        };
        if let Ok(text) = std::str::from_utf8(written) {
            take(text);
        }
        written.fill(UNWRITTEN);
    });
}

/// The UTF-8 of a text of any length.
fn read_text(text: &JsString) -> String {
    let length = text.length();
    let mut read = String::with_capacity(length as usize);
    let mut from = 0;
    while from < length {
        let mut to = length.min(from + LONG);
        // A pair of surrogates stays together.
        let is_first_half = |at: u32| (0xd800..0xdc00).contains(&(text.char_code_at(at) as u32));
        if to < length && is_first_half(to - 1) {
            to -= 1;
        }
        with_text(&text.slice(from, to), to - from, |part| read.push_str(part));
        from = to;
    }
    read
}

/// A string of the page.
struct PageText(SendWrapper<JsString>);

impl FarText for PageText {
    fn length(&self) -> usize {
        self.0.length() as usize
    }

    #[allow(clippy::cast_possible_truncation)]
    fn part(&self, from: usize, to: usize) -> String {
        // A string of the page is never longer than its numbers of 32 bits.
        read_text(&self.0.slice(from as u32, to as u32))
    }
}

/// What came, for as long as it is looked at.
enum Message {
    Text(JsString),
    Binary(Vec<u8>),
}

impl Message {
    fn of(event: &MessageEvent) -> Option<Self> {
        let data = match event.data().dyn_into::<JsString>() {
            Ok(text) => return Some(Self::Text(text)),
            Err(data) => data,
        };
        let buffer = data.dyn_ref::<ArrayBuffer>()?;
        Some(Self::Binary(Uint8Array::new(buffer).to_vec()))
    }

    /// To be taken by the driver, when it is not the first thing to be told.
    fn into_news(self) -> SocketNews {
        match self {
            Self::Text(text) => SocketNews::Text(read_text(&text)),
            Self::Binary(bytes) => SocketNews::Binary(bytes),
        }
    }

    fn tell(self, shared: &Shared) {
        at_once(shared, |engine, now| match self {
            Self::Text(text) => {
                let units = text.length();
                if units > LONG {
                    let far = PageText(SendWrapper::new(text));
                    engine.handle(now, Input::Far(Arc::new(far)));
                } else {
                    with_text(&text, units, |text| engine.handle(now, Input::Text(text)));
                }
            }
            Self::Binary(bytes) => engine.handle(now, Input::Binary(&bytes)),
        });
    }
}

impl Line {
    /// Nothing, when the address is none.
    fn open(url: &str, shared: &Arc<Shared>) -> Option<Self> {
        let socket = WebSocket::new(url).ok()?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let heard = Rc::new(RefCell::new(Heard::default()));
        let on_open = {
            let heard = Rc::clone(&heard);
            Closure::<dyn FnMut(Event)>::new(move |_| {
                heard.borrow_mut().opened = true;
                Heard::push(&heard, SocketNews::Opened);
            })
        };
        let on_message = {
            let (heard, shared) = (Rc::clone(&heard), Arc::clone(shared));
            Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
                let Some(message) = Message::of(&event) else {
                    return;
                };
                if heard.borrow().news.is_empty() {
                    message.tell(&shared);
                } else {
                    Heard::push(&heard, message.into_news());
                }
            })
        };
        // An error event tells nothing, and a close event always follows it.
        let on_close = {
            let heard = Rc::clone(&heard);
            Closure::<dyn FnMut(CloseEvent)>::new(move |event: CloseEvent| {
                let opened = heard.borrow().opened;
                let news = if opened {
                    SocketNews::Closed(event.code())
                } else {
                    SocketNews::OpenFailed(None)
                };
                Heard::push(&heard, news);
            })
        };
        socket.set_onopen(Some(on_open.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(on_close.as_ref().unchecked_ref()));
        Some(Self {
            socket,
            heard,
            _on_open: on_open,
            _on_message: on_message,
            _on_close: on_close,
        })
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        // What was sent before still goes out; a socket that is opening is given up.
        let _ = self.socket.close();
    }
}

impl Socket {
    pub fn new(shared: &Arc<Shared>) -> Self {
        Self {
            shared: Arc::clone(shared),
            line: None,
            failed: false,
        }
    }

    pub fn open(&mut self, url: String) {
        self.line = None;
        match Line::open(&url, &self.shared) {
            Some(line) => self.line = Some(line),
            None => self.failed = true,
        }
    }

    pub fn send(&mut self, frame: Outbound) {
        let Some(line) = &self.line else { return };
        let sent = match frame {
            Outbound::Text(text) => line.socket.send_with_str(&text),
            Outbound::Binary(bytes) => line.socket.send_with_u8_array(&bytes),
        };
        // Only a socket that is still opening refuses; the engine sends nothing before it is open.
        debug_assert!(sent.is_ok());
    }

    pub fn close(&mut self, code: u16) {
        if let Some(line) = self.line.take() {
            // The drop closes it too, without the code.
            let _ = line.socket.close_with_code(code);
        }
    }

    pub fn poll(&mut self, context: &mut Context<'_>) -> Poll<SocketNews> {
        if std::mem::take(&mut self.failed) {
            return Poll::Ready(SocketNews::OpenFailed(None));
        }
        let Some(line) = &self.line else {
            return Poll::Pending;
        };
        let mut heard = line.heard.borrow_mut();
        let Some(news) = heard.news.pop_front() else {
            heard.waker = Some(context.waker().clone());
            return Poll::Pending;
        };
        drop(heard);
        if let SocketNews::Closed(_) | SocketNews::OpenFailed(_) = news {
            self.line = None;
        }
        Poll::Ready(news)
    }
}
