//! What was searched for, kept out of the address on shared computers: the address has a number, this page knows its text. A
//! browser's history outlives a session, and the next person can read it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use leptos::prelude::use_context;
use uuid::Uuid;

use crate::data::Config;
use crate::data::request::percent_encoded;

/// More searches than this are not gone back to.
const MOST: usize = 200;

/// The searches of one page load. Clones share them.
#[derive(Clone, Default)]
pub struct Searches(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    owner: Option<Uuid>,
    /// The number of the first text.
    first: usize,
    texts: Vec<String>,
}

impl Searches {
    /// The signed-in user changed. One user's searches never reach the next.
    pub fn belong_to(&self, person: Option<Uuid>) {
        let mut inner = self.lock();
        if person.is_some() && inner.owner != person {
            // Numbers go on: an address of the last person's must not name a search of the next.
            inner.first = inner.first.saturating_add(inner.texts.len());
            inner.texts.clear();
            inner.owner = person;
        }
    }

    /// The search that an address names.
    pub fn read(&self, get: impl Fn(&str) -> Option<String>) -> Option<String> {
        let number = get("s").and_then(|number| number.parse::<usize>().ok());
        let Some(number) = number else {
            return get("q");
        };
        let inner = self.lock();
        let place = number.checked_sub(inner.first)?;
        inner.texts.get(place).cloned()
    }

    /// An address's query with a number in place of the search in it.
    pub fn hidden(&self, query: &str, search: &str) -> String {
        if search.is_empty() {
            return query.to_owned();
        }
        let said = format!("q={}", percent_encoded(search));
        query.replacen(&said, &format!("s={}", self.number_of(search)), 1)
    }

    fn number_of(&self, search: &str) -> usize {
        let mut inner = self.lock();
        if let Some(place) = inner.texts.iter().position(|text| text == search) {
            return inner.first.saturating_add(place);
        }
        if inner.texts.len() >= MOST {
            inner.texts.remove(0);
            inner.first = inner.first.saturating_add(1);
        }
        inner.texts.push(search.to_owned());
        inner
            .first
            .saturating_add(inner.texts.len())
            .saturating_sub(1)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a list reads and writes the search in its address.
#[derive(Clone, Default)]
pub struct SearchAddress(Option<Searches>);

/// Searches in addresses: in words where everyone has a computer of their own, else as numbers.
pub fn use_search_address() -> SearchAddress {
    let shared = use_context::<Config>().is_none_or(|config| config.shared_computers);
    SearchAddress(use_context::<Searches>().filter(|_| shared))
}

impl SearchAddress {
    /// A value of the address's query, with the search in words.
    pub fn get(&self, name: &str, get: impl Fn(&str) -> Option<String>) -> Option<String> {
        match &self.0 {
            Some(searches) if name == "q" => searches.read(get),
            _ => get(name),
        }
    }

    /// The address's query for a filter that searches for `search`.
    pub fn query(&self, query: &str, search: &str) -> String {
        match &self.0 {
            Some(searches) => searches.hidden(query, search),
            None => query.to_owned(),
        }
    }

    /// Whether an address says in words what it should not.
    pub fn is_told(&self, get: impl Fn(&str) -> Option<String>) -> bool {
        self.0.is_some() && get("q").is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(query: &str) -> impl Fn(&str) -> Option<String> {
        let pairs: Vec<(String, String)> = query
            .trim_start_matches('?')
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        move |name| {
            let found = pairs.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value.clone())
        }
    }

    #[test]
    fn a_search_is_read_back_and_is_not_in_the_address() {
        let searches = Searches::default();
        let hidden = searches.hidden("?q=o%27neill%20a&status=waiting", "o'neill a");
        assert_eq!(hidden, "?s=0&status=waiting");
        assert_eq!(
            searches.read(address(&hidden)).as_deref(),
            Some("o'neill a")
        );
        assert_eq!(searches.hidden("?q=b", "b"), "?s=1");
        assert_eq!(
            searches.hidden("?q=o%27neill%20a", "o'neill a"),
            "?s=0",
            "one number a search"
        );
        assert_eq!(searches.hidden("?status=waiting", ""), "?status=waiting");
    }

    #[test]
    fn the_next_person_s_back_button_finds_no_search() {
        let (ana, ben) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let searches = Searches::default();
        searches.belong_to(Some(ana));
        let hidden = searches.hidden("?q=okafor", "okafor");
        // The session ended and the same person goes on.
        searches.belong_to(None);
        searches.belong_to(Some(ana));
        assert_eq!(searches.read(address(&hidden)).as_deref(), Some("okafor"));
        searches.belong_to(Some(ben));
        let other = searches.hidden("?q=smith", "smith");
        assert_eq!(searches.read(address(&hidden)), None);
        assert_eq!(searches.read(address(&other)).as_deref(), Some("smith"));
    }

    #[test]
    fn an_address_from_elsewhere_is_understood_and_nonsense_is_none() {
        let searches = Searches::default();
        assert_eq!(
            searches.read(address("?q=okafor")).as_deref(),
            Some("okafor")
        );
        for query in ["?s=7", "?s=-1", "?s=x", "?"] {
            assert_eq!(searches.read(address(query)), None, "{query}");
        }
    }

    #[test]
    fn only_so_many_searches_are_kept() {
        let searches = Searches::default();
        let first = searches.hidden("?q=0", "0");
        for number in 1..=MOST {
            let text = number.to_string();
            let hidden = searches.hidden(&format!("?q={text}"), &text);
            assert_eq!(searches.read(address(&hidden)), Some(text));
        }
        assert_eq!(searches.read(address(&first)), None);
    }
}
