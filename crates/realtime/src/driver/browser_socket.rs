//! The page's WebSocket, as something that can be polled.
//!
//! Not through a portable wrapper, for reasons that were measured. Text goes through `TextEncoder` straight into a
//! buffer here: the generated glue copies a string character by character, five times slower. A long text stays with
//! the page until somebody reads it. And the close event is waited for, however long a socket says that it is only
//! closing: its code decides what to do next.

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

use super::SocketNews;
use crate::wire::{FarText, Outbound};

/// A text of more UTF-16 units stays with the page until it is read.
const LONG: u32 = 8 * 1024;
/// A UTF-16 unit becomes at most three bytes.
const WIDEST: usize = 3;

#[derive(Default)]
pub(super) struct Socket {
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

    #[wasm_bindgen(method, js_name = encodeInto)]
    fn encode_into(this: &TextEncoder, text: &JsString, buffer: &mut [u8]) -> Encoded;

    type Encoded;

    #[wasm_bindgen(method, getter)]
    fn written(this: &Encoded) -> u32;
}

/// The platform's encoder, and a buffer that any text fits into that is not long.
struct Scribe {
    encoder: TextEncoder,
    buffer: Vec<u8>,
}

thread_local! {
    static SCRIBE: RefCell<Scribe> = RefCell::new(Scribe {
        encoder: TextEncoder::new(),
        buffer: vec![0; LONG as usize * WIDEST],
    });
}

/// The string's UTF-8, in one call of the platform's encoder.
fn read_text(text: &JsString) -> Option<String> {
    SCRIBE.with_borrow_mut(|Scribe { encoder, buffer }| {
        let length = text.length();
        if length > LONG {
            let mut bytes = vec![0; length as usize * WIDEST];
            let written = encoder.encode_into(text, &mut bytes).written();
            bytes.truncate(written as usize);
            bytes.shrink_to_fit();
            return String::from_utf8(bytes).ok();
        }
        let written = encoder.encode_into(text, buffer).written() as usize;
        std::str::from_utf8(buffer.get(..written)?)
            .ok()
            .map(ToOwned::to_owned)
    })
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
        read_text(&self.0.slice(from as u32, to as u32)).unwrap_or_default()
    }
}

fn read(event: &MessageEvent) -> Option<SocketNews> {
    let data = match event.data().dyn_into::<JsString>() {
        Ok(text) if text.length() > LONG => {
            return Some(SocketNews::Far(Arc::new(PageText(SendWrapper::new(text)))));
        }
        Ok(text) => return read_text(&text).map(SocketNews::Text),
        Err(data) => data,
    };
    let bytes = data
        .dyn_ref::<ArrayBuffer>()
        .map(|buffer| Uint8Array::new(buffer).to_vec())?;
    Some(SocketNews::Binary(bytes))
}

impl Line {
    /// Nothing, when the address is none.
    fn open(url: &str) -> Option<Self> {
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
            let heard = Rc::clone(&heard);
            Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
                if let Some(news) = read(&event) {
                    Heard::push(&heard, news);
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
    pub fn open(&mut self, url: String) {
        self.line = None;
        match Line::open(&url) {
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
