//! The page's WebSocket, as something that can be polled.
//!
//! Not through a portable wrapper, for reasons that were measured: a queue with a task behind it costs as much as the
//! reading, so a frame goes straight into the engine. And the close event is waited for, however long a socket says that it
//! is only closing: its code decides what to do next.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use js_sys::{ArrayBuffer, JsString, Uint8Array};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{BinaryType, CloseEvent, Event, MessageEvent, WebSocket};

use super::browser_text::{LONG, Openings, PageText, read_text, with_text};
use super::{SocketNews, at_once};
use crate::client::Shared;
use crate::engine::Input;
use crate::wire::Outbound;

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

    fn tell(self, shared: &Shared, known: &mut Openings) {
        at_once(shared, |engine, now| match self {
            Self::Text(text) => {
                let units = text.length();
                if units > LONG {
                    let far = PageText::new(text);
                    engine.handle(now, Input::Far(Arc::new(far)));
                } else if let Some((opening, from)) = known.find(&text) {
                    with_text(&text.slice(from, units), units - from, |rest| {
                        engine.handle(now, Input::Continued { opening, rest });
                    });
                } else {
                    with_text(&text, units, |text| {
                        known.learn(text);
                        engine.handle(now, Input::Text(text));
                    });
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
            let mut known = Openings::default();
            Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
                let Some(message) = Message::of(&event) else {
                    return;
                };
                if heard.borrow().news.is_empty() {
                    message.tell(&shared, &mut known);
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
