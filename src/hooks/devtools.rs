//! What the panel for developers is given: the cache and the feed as JSON text, and a few acts. The panel itself is a module of its
//! own (`public/devtools.js`), fetched when it is opened, so that nobody else pays for it; it reaches the app through one object on
//! the window that is there only while the panel is open. No tokens: the trace holds none, and the session is not shown.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use bedside_query::{
    Event, EventKind, Listening, QueryClient, QueryFilter, QueryView, use_query_client,
};
use leptos::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};
use wasm_bindgen::JsValue;
use wasm_bindgen::closure::Closure;

use super::Wish;
use crate::data::Page;
use crate::model::overview::Overview;
use crate::model::{FormSubmission, Patient, Profile};
use crate::sync::{Feed, Table};

/// The object on the window.
const BRIDGE: &str = "bedsideDevtools";
/// Where the panel's module is.
const MODULE: &str = "/devtools.js";
/// How many events are kept.
const EVENTS: usize = 300;

type Events = Rc<RefCell<VecDeque<Value>>>;

/// Opens and closes the panel.
#[derive(Clone, Copy)]
pub struct Devtools {
    open: StoredValue<Option<Open>, LocalStorage>,
    cache: StoredValue<QueryClient>,
    feed: StoredValue<Option<Feed>>,
}

/// What lives as long as the panel.
struct Open {
    _listening: Listening,
}

/// The panel of this page. It closes with the calling component: what one person's cache holds is not for the next.
pub fn use_devtools() -> Devtools {
    let devtools = Devtools {
        open: StoredValue::new_local(None),
        cache: StoredValue::new(use_query_client()),
        feed: StoredValue::new(use_context::<Feed>()),
    };
    on_cleanup(move || devtools.close());
    devtools
}

impl Devtools {
    /// Opens the panel, or closes it; only for whoever wants it.
    pub fn toggle(self, wanted: Wish) {
        let is_open = self.open.try_with_value(Option::is_some).unwrap_or(false);
        if is_open {
            self.close();
        } else if wanted.get_untracked() {
            self.show();
        }
    }

    fn show(self) {
        let (Some(cache), Some(feed)) = (self.cache.try_get_value(), self.feed.try_get_value())
        else {
            return;
        };
        let events = Events::default();
        let heard = Rc::clone(&events);
        let listening = cache.listen(move |event| keep(&heard, event));
        self.open.set_value(Some(Open {
            _listening: listening,
        }));
        let bridge = js_sys::Object::new();
        let offer = |name: &str, function: JsValue| {
            // A plain object takes any property.
            let _ = js_sys::Reflect::set(&bridge, &name.into(), &function);
        };
        let shown = cache.clone();
        offer(
            "snapshot",
            Closure::<dyn Fn() -> String>::new(move || {
                snapshot(&shown, feed.as_ref(), &events).to_string()
            })
            .into_js_value(),
        );
        let read = cache.clone();
        offer(
            "data",
            Closure::<dyn Fn(String) -> String>::new(move |key: String| {
                let view = find(&read, &key);
                let data = view.as_ref().and_then(data);
                data.map_or_else(String::new, |data| {
                    serde_json::to_string_pretty(&data).unwrap_or_default()
                })
            })
            .into_js_value(),
        );
        offer(
            "act",
            Closure::<dyn Fn(String, String)>::new(move |act: String, key: String| {
                if let Some(view) = find(&cache, &key) {
                    carry_out(&cache, &act, QueryFilter::exact(view.key));
                }
            })
            .into_js_value(),
        );
        offer(
            "close",
            Closure::<dyn Fn()>::new(move || self.close()).into_js_value(),
        );
        let _ = js_sys::Reflect::set(&window(), &BRIDGE.into(), &bridge);
        load();
    }

    /// Closes the panel, if it is open.
    pub fn close(self) {
        let ended = self.open.try_update_value(Option::take).flatten();
        if ended.is_some() {
            let _ = js_sys::Reflect::delete_property(&window(), &BRIDGE.into());
            tell_panel();
        }
    }
}

/// Fetches the panel's module the first time; afterwards it is told that something changed.
fn load() {
    let id = "devtools-module";
    if document().get_element_by_id(id).is_some() {
        return tell_panel();
    }
    let Ok(script) = document().create_element("script") else {
        return;
    };
    script.set_id(id);
    // A script's attributes and place are all there is to get wrong, and both are right.
    let _ = script.set_attribute("type", "module");
    let _ = script.set_attribute("src", MODULE);
    if let Some(head) = document().head() {
        let _ = head.append_child(&script);
    }
}

/// The panel looks whether the bridge is there.
fn tell_panel() {
    if let Ok(event) = web_sys::Event::new("bedside-devtools") {
        let _ = window().dispatch_event(&event);
    }
}

fn keep(events: &Events, event: &Event) {
    let (what, key) = match &event.kind {
        EventKind::Added(key) => ("added".to_owned(), Some(key)),
        EventKind::Removed(key) => ("removed".to_owned(), Some(key)),
        EventKind::Updated(key, action) => (format!("{action:?}").to_lowercase(), Some(key)),
        EventKind::ObserverAdded(key) => ("observed".to_owned(), Some(key)),
        EventKind::ObserverRemoved(key) => ("unobserved".to_owned(), Some(key)),
        EventKind::Mutation(_, status) => (format!("mutation {status:?}").to_lowercase(), None),
        EventKind::Cleared => ("cleared".to_owned(), None),
        _ => return,
    };
    let row = json!({"at": js_sys::Date::now(), "what": what, "key": key.map(ToString::to_string)});
    let mut events = events.borrow_mut();
    events.push_back(row);
    if events.len() > EVENTS {
        events.pop_front();
    }
}

fn snapshot(cache: &QueryClient, feed: Option<&Feed>, events: &Events) -> Value {
    let gaps = feed.map(Feed::gaps).unwrap_or_default();
    let gap = |gap: &bedside_realtime::Gap| {
        json!({
            "id": gap.id, "cause": format!("{:?}", gap.cause), "from": gap.from, "to": gap.to,
            "bindings": gap.bindings, "rooms": gap.rooms,
        })
    };
    let trace = feed.map(Feed::trace_json).unwrap_or_default();
    json!({
        "cache": cache.snapshot(),
        "tables": dependencies(),
        "events": *events.borrow(),
        "gaps": gaps.iter().map(gap).collect::<Vec<_>>(),
        "trace": serde_json::from_str::<Value>(&trace).unwrap_or_default(),
    })
}

/// On which tables the queries of each table stand.
fn dependencies() -> Value {
    let of = |table: Table| {
        let joined = Table::ALL
            .into_iter()
            .filter(|other| other.shown_by().contains(&table));
        let all: Vec<_> = std::iter::once(table)
            .chain(joined)
            .map(Table::name)
            .collect();
        (table.name().to_owned(), json!(all))
    };
    Value::Object(Table::ALL.into_iter().map(of).collect())
}

fn find(cache: &QueryClient, key: &str) -> Option<QueryView> {
    let mut views = cache.query_views(&QueryFilter::all()).into_iter();
    views.find(|view| view.key.to_string() == key)
}

/// The data of a query, of the types that this app caches.
fn data(view: &QueryView) -> Option<Value> {
    fn one<T: Serialize + Send + Sync + 'static>(view: &QueryView) -> Option<Value> {
        serde_json::to_value(&*view.data::<T>()?).ok()
    }
    fn page<T: Serialize + Send + Sync + 'static>(view: &QueryView) -> Option<Value> {
        let page = view.data::<Page<Arc<T>>>()?;
        let rows: Vec<_> = page
            .rows
            .iter()
            .filter_map(|row| serde_json::to_value(&**row).ok())
            .collect();
        Some(json!({"total": page.total, "rows": rows}))
    }
    one::<Patient>(view)
        .or_else(|| page::<Patient>(view))
        .or_else(|| one::<FormSubmission>(view))
        .or_else(|| page::<FormSubmission>(view))
        .or_else(|| one::<Profile>(view))
        .or_else(|| one::<usize>(view))
        .or_else(|| one::<Overview>(view))
}

fn carry_out(cache: &QueryClient, act: &str, filter: QueryFilter) {
    match act {
        "refetch" => cache.refetch_queries(filter),
        "invalidate" => cache.invalidate_queries(filter),
        "remove" => cache.remove_queries(filter),
        _ => {}
    }
}
