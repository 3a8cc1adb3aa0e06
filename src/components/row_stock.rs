//! The rows of a long table as elements that are copied from a pattern once and written to again and again. A row that scrolls in takes the
//! elements of one that scrolled out, and another order of the list is other texts in the same elements: a tenth of what rows made of components
//! cost, and what keeps sorting and scrolling within a frame on a slow computer. Knows places and texts, not what they mean.

use std::ops::Range;

use leptos::prelude::document;
use uuid::Uuid;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlTemplateElement, Node};

/// What stands in the elements of a row that is made.
pub struct Slot {
    /// Its place in the whole list.
    pub place: usize,
    /// Whom or what it shows; nothing while that is on the way.
    of: Option<Uuid>,
    /// Whether a text that differs is a change of what is shown, not another thing shown.
    continues: bool,
    row: Element,
    parts: Vec<Part>,
}

/// An element of a row that is written to.
struct Part {
    element: Element,
    written: Vec<(Written, String)>,
    marks: u32,
}

/// Where in an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    Text,
    Attribute(&'static str),
}

/// The rows that are made.
pub struct RowStock {
    pattern: Element,
    body: Element,
    slots: Vec<Slot>,
}

impl RowStock {
    /// Rows for a table's body. `pattern` is the HTML of one row; its elements with `data-part` are the ones written to, in order.
    pub fn new(body: Element, pattern: &str) -> Option<Self> {
        let template = document().create_element("template").ok()?;
        let template = template.dyn_into::<HtmlTemplateElement>().ok()?;
        template.set_inner_html(pattern);
        Some(Self {
            pattern: template.content().first_element_child()?,
            body,
            slots: Vec::new(),
        })
    }

    /// The rows, in order.
    pub fn slots(&mut self) -> &mut [Slot] {
        &mut self.slots
    }

    /// Makes the rows of these places and of no others. What they show is written afterwards.
    pub fn arrange(&mut self, places: Range<usize>) {
        let all = std::mem::take(&mut self.slots);
        let focus = document().active_element();
        let focus = focus.as_ref().map(AsRef::<Node>::as_ref);
        let has_focus = |slot: &Slot| focus.is_some() && slot.row.contains(focus);
        let may_stay = |slot: &Slot| places.contains(&slot.place);
        // After a leap nearly every row is another one: they stand where they are, which spares the browser to place them anew.
        let leaps = all.iter().filter(|slot| may_stay(slot)).count() < places.len() / 2
            && !all.iter().any(|slot| may_stay(slot) && has_focus(slot));
        let (kept, spare): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|slot| !leaps && may_stay(slot));
        let (lost, spare): (Vec<_>, Vec<_>) = spare.into_iter().partition(has_focus);
        // The focus does not travel to another place with the elements that had it.
        for slot in lost {
            slot.row.remove();
        }
        // Where none stays, all stand in order already.
        let stand = kept.is_empty();
        let first = kept.first().map(|slot| (slot.place, slot.row.clone()));
        let (mut kept, mut spare) = (kept.into_iter().peekable(), spare.into_iter());
        for place in places.clone() {
            if let Some(slot) = kept.next_if(|slot| slot.place == place) {
                self.slots.push(slot);
                continue;
            }
            let used = spare.next();
            let stays = stand && used.is_some();
            let Some(mut slot) = used.or_else(|| self.copy()) else {
                break;
            };
            slot.place = place;
            if !stays {
                let before = first.as_ref().filter(|(first, _)| place < *first);
                let before = before.map(|(_, row)| AsRef::<Node>::as_ref(row));
                // An element goes into the table that it was copied for.
                let _ = self.body.insert_before(&slot.row, before);
            }
            self.slots.push(slot);
        }
        for slot in spare.chain(kept) {
            slot.row.remove();
        }
    }

    fn copy(&self) -> Option<Slot> {
        let row = self.pattern.clone_node_with_deep(true).ok()?;
        let row = row.dyn_into::<Element>().ok()?;
        let found = row.query_selector_all("[data-part]").ok()?;
        let elements = std::iter::once(row.clone())
            .chain((0..found.length()).filter_map(|part| found.item(part)?.dyn_into().ok()));
        let parts = elements.map(|element| Part {
            element,
            written: Vec::new(),
            marks: 0,
        });
        Some(Slot {
            place: 0,
            of: None,
            continues: false,
            parts: parts.collect(),
            row,
        })
    }
}

impl Slot {
    /// The part that is the row itself; those of the pattern follow.
    pub const ROW: usize = 0;

    /// Begins to write what is shown here now: something, or that it is on its way.
    pub fn shows(&mut self, of: Option<Uuid>) {
        self.continues = of.is_some() && self.of == of;
        self.of = of;
        self.has(
            Self::ROW,
            "aria-busy",
            if of.is_some() { "false" } else { "true" },
        );
    }

    /// Writes a text, and says whether it was another one.
    pub fn says(&mut self, part: usize, text: &str) -> bool {
        self.write(part, Written::Text, text)
    }

    /// Writes an attribute.
    pub fn has(&mut self, part: usize, name: &'static str, value: &str) {
        self.write(part, Written::Attribute(name), value);
    }

    /// Marks a part for a moment, if what is shown has changed rather than been replaced.
    pub fn mark(&mut self, part: usize) {
        if let Some(part) = self.parts.get_mut(part)
            && self.continues
        {
            part.marks = part.marks.wrapping_add(1);
            // Two names of one animation: the second change in a row starts it anew.
            let word = if part.marks.is_multiple_of(2) {
                "even"
            } else {
                "odd"
            };
            let _ = part.element.set_attribute("data-changed", word);
        }
    }

    fn write(&mut self, part: usize, place: Written, value: &str) -> bool {
        let Some(part) = self.parts.get_mut(part) else {
            return false;
        };
        match part
            .written
            .iter_mut()
            .find(|(written, _)| *written == place)
        {
            Some((_, now)) if now == value => return false,
            Some((_, now)) => value.clone_into(now),
            None => part.written.push((place, value.to_owned())),
        }
        match place {
            // The pattern has a text in each part that says something, so that there is a node to write to.
            Written::Text => match part.element.first_child() {
                Some(text) => text.set_node_value(Some(value)),
                None => part.element.set_text_content(Some(value)),
            },
            Written::Attribute(name) => {
                // Names and values here are none that a browser refuses.
                let _ = part.element.set_attribute(name, value);
            }
        }
        true
    }
}
