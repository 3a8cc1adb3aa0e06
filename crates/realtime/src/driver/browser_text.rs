//! The page's strings, brought into WASM as far as they are needed.
//!
//! Text goes through `TextEncoder` straight into a buffer here: the generated glue copies a string character by character,
//! five times slower. Of a row change only what is new comes, since all changes of a table begin alike, and a long text
//! stays with the page until somebody reads it. Nothing here knows what a text means, but for how changes begin.

use core::arch::wasm32::memory_size;
use std::cell::RefCell;
use std::sync::Arc;

use js_sys::{JsString, Uint8Array};
use send_wrapper::SendWrapper;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use crate::wire::{FarText, Opening};

/// A text of more UTF-16 units stays with the page until it is read.
pub(super) const LONG: u32 = 8 * 1024;
/// A UTF-16 unit becomes at most three bytes.
const WIDEST: usize = 3;

#[wasm_bindgen]
extern "C" {
    /// The platform's, taking its own strings: the ready-made binding wants ours, which is what is to be made.
    type TextEncoder;

    #[wasm_bindgen(constructor)]
    fn new() -> TextEncoder;

    /// How much was written is answered with an object, which costs as much as writing a hundred bytes.
    #[wasm_bindgen(method, js_name = encodeInto)]
    fn encode_into(this: &TextEncoder, text: &JsString, buffer: &Uint8Array);
}

/// The platform's encoder, and a buffer that any text fits into that is not long. Between uses, it is all [`UNWRITTEN`].
struct Scribe {
    encoder: TextEncoder,
    buffer: Vec<u8>,
    /// The buffer as the page sees it: made once, since the ready-made binding makes one for each call, to be collected.
    view: Uint8Array,
    /// How large the memory was then. Once it grows, a view sees nothing.
    memory: usize,
}

impl Scribe {
    fn new() -> Self {
        let buffer = vec![UNWRITTEN; LONG as usize * WIDEST + 1];
        // Before the view is made: at worst, it is made once more.
        let memory = memory_size::<0>();
        Self {
            encoder: TextEncoder::new(),
            view: view_of(&buffer),
            buffer,
            memory,
        }
    }

    /// Writes a text at the buffer's beginning.
    fn write(&mut self, text: &JsString) {
        if memory_size::<0>() != self.memory {
            *self = Self::new();
        }
        self.encoder.encode_into(text, &self.view);
    }
}

fn view_of(buffer: &[u8]) -> Uint8Array {
    let memory: js_sys::WebAssembly::Memory = wasm_bindgen::memory().unchecked_into();
    // Addresses and lengths here have 32 bits.
    let number = |value: usize| u32::try_from(value).unwrap_or_default();
    let (at, length) = (number(buffer.as_ptr() as usize), number(buffer.len()));
    Uint8Array::new_with_byte_offset_and_length(&memory.buffer(), at, length)
}

/// A byte that UTF-8 has no use for: the first one left is where a text ends.
const UNWRITTEN: u8 = 0xff;

thread_local! {
    static SCRIBE: RefCell<Scribe> = RefCell::new(Scribe::new());
}

/// Hands out the UTF-8 of a text of at most [`LONG`] units, in one call of the platform's encoder.
pub(super) fn with_text(text: &JsString, units: u32, take: impl FnOnce(&str)) {
    SCRIBE.with_borrow_mut(|scribe| {
        scribe.write(text);
        let buffer = &mut scribe.buffer;
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
pub(super) fn read_text(text: &JsString) -> String {
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
pub(super) struct PageText(SendWrapper<JsString>);

impl PageText {
    pub fn new(text: JsString) -> Self {
        Self(SendWrapper::new(text))
    }
}

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

/// How row changes began lately, the last one first. To compare such a beginning in the page costs a tenth of bringing it.
#[derive(Default)]
pub(super) struct Openings(Vec<Known>);

struct Known {
    opening: Arc<Opening>,
    page: JsString,
    units: u32,
}

/// Tables that change at the same time; with many more, comparing costs what it saves.
const OPENINGS: usize = 8;

impl Openings {
    /// How a text begins, and where it goes on.
    pub fn find(&mut self, text: &JsString) -> Option<(&Arc<Opening>, u32)> {
        let begins = |known: &Known| {
            let beginning = text.slice(0, known.units);
            AsRef::<JsValue>::as_ref(&beginning) == AsRef::<JsValue>::as_ref(&known.page)
        };
        let at = self.0.iter().position(begins)?;
        self.0.get_mut(..=at)?.rotate_right(1);
        let known = self.0.first()?;
        Some((&known.opening, known.units))
    }

    /// Remembers how a text begins that was brought here whole.
    pub fn learn(&mut self, text: &str) {
        let Some(opening) = Opening::of(text) else {
            return;
        };
        let page = JsString::from(opening.text());
        let known = Known {
            units: page.length(),
            page,
            opening: Arc::new(opening),
        };
        self.0.truncate(OPENINGS - 1);
        self.0.insert(0, known);
    }
}
