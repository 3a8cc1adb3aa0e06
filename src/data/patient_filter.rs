//! Which patients a list shows, and in which order: as a value, in the address, in a query's key, and as a request.

use bedside_query as query;
use bedside_query::{Condition, Predicate, TableDep};
use serde_json::{Value, json};
use uuid::Uuid;

use super::request::percent_encoded;
use super::{Request, rows};
use crate::model::PatientStatus;

/// How many rows a page of the list has.
pub const PAGE: usize = 50;

/// Which patients a list shows, and in which order. Lives in the URL, so that a link shows the same list.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct PatientFilter {
    /// Words that all occur in a name or in the record number.
    pub search: String,
    pub status: Option<PatientStatus>,
    pub ward: Option<String>,
    pub clinician: Option<Assigned>,
    pub sort: PatientSort,
    pub order: Order,
    /// Which part of the list, from zero. Not in the URL: a list is one, however it is fetched.
    pub page: usize,
}

/// Who is responsible for a patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Assigned {
    To(Uuid),
    Nobody,
}

impl Assigned {
    /// The word in the URL.
    pub fn word(self) -> String {
        match self {
            Self::To(id) => id.to_string(),
            Self::Nobody => "nobody".to_owned(),
        }
    }

    /// Reads the word; nothing for any other.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "nobody" => Some(Self::Nobody),
            word => Uuid::parse_str(word).ok().map(Self::To),
        }
    }
}

/// What a list of patients is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum PatientSort {
    #[default]
    Name,
    Mrn,
    Born,
    Status,
    Ward,
    Updated,
}

/// Which end comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Order {
    #[default]
    Ascending,
    Descending,
}

impl Order {
    pub const fn reversed(self) -> Self {
        match self {
            Self::Ascending => Self::Descending,
            Self::Descending => Self::Ascending,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Ascending => "asc",
            Self::Descending => "desc",
        }
    }
}

impl PatientSort {
    pub const ALL: &'static [Self] = &[
        Self::Name,
        Self::Mrn,
        Self::Born,
        Self::Status,
        Self::Ward,
        Self::Updated,
    ];

    /// The word in the URL.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Mrn => "mrn",
            Self::Born => "born",
            Self::Status => "status",
            Self::Ward => "ward",
            Self::Updated => "updated",
        }
    }

    const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Name => &["last_name", "first_name"],
            Self::Mrn => &["mrn"],
            Self::Born => &["date_of_birth"],
            Self::Status => &["status", "last_name", "first_name"],
            Self::Ward => &["ward", "last_name", "first_name"],
            Self::Updated => &["updated_at"],
        }
    }

    /// PostgREST's order; the key at the end makes it total, so that no row shows on two pages.
    fn order(self, order: Order) -> String {
        let mut text = String::new();
        for (index, column) in self.columns().iter().enumerate() {
            let way = if index == 0 { order } else { Order::Ascending };
            text.push_str(match *column {
                // A person with a single name is listed by it, whichever column it is in.
                "last_name" => "sort_name",
                column => column,
            });
            text.push('.');
            text.push_str(way.word());
            text.push(',');
        }
        text.push_str("id.asc");
        text
    }
}

impl PatientFilter {
    /// Reads the filter from the URL's query; what it doesn't know is as if it were not there.
    ///
    /// ```
    /// use bedside::data::patient_filter::{Order, PatientFilter, PatientSort};
    /// let filter = PatientFilter::from_query(|name| match name {
    ///     "q" => Some("okafor".to_owned()),
    ///     "sort" => Some("-born".to_owned()),
    ///     _ => None,
    /// });
    /// assert_eq!((filter.sort, filter.order), (PatientSort::Born, Order::Descending));
    /// assert_eq!(filter.to_query(), "?q=okafor&sort=-born");
    /// ```
    pub fn from_query(get: impl Fn(&str) -> Option<String>) -> Self {
        let sort = get("sort").unwrap_or_default();
        let (order, word) = match sort.strip_prefix('-') {
            Some(word) => (Order::Descending, word),
            None => (Order::Ascending, sort.as_str()),
        };
        Self {
            search: get("q").unwrap_or_default(),
            status: get("status")
                .map(|word| PatientStatus::from_word(&word))
                .filter(|status| *status != PatientStatus::Unknown),
            ward: get("ward").filter(|ward| !ward.is_empty()),
            sort: PatientSort::ALL
                .iter()
                .copied()
                .find(|sort| sort.word() == word)
                .unwrap_or_default(),
            clinician: get("clinician").and_then(|word| Assigned::from_word(&word)),
            order,
            page: 0,
        }
    }

    /// The URL's query for this filter; empty for the plain list.
    pub fn to_query(&self) -> String {
        let mut query = String::new();
        let mut add = |name: &str, value: &str| {
            query.push(if query.is_empty() { '?' } else { '&' });
            query.push_str(name);
            query.push('=');
            query.push_str(&percent_encoded(value));
        };
        if !self.search.is_empty() {
            add("q", &self.search);
        }
        if let Some(status) = self.status {
            add("status", status.word());
        }
        if let Some(ward) = &self.ward {
            add("ward", ward);
        }
        if let Some(clinician) = self.clinician {
            add("clinician", &clinician.word());
        }
        match (self.sort, self.order) {
            (PatientSort::Name, Order::Ascending) => {}
            (sort, Order::Ascending) => add("sort", sort.word()),
            (sort, Order::Descending) => add("sort", &format!("-{}", sort.word())),
        }
        query
    }

    /// The filter in a query's key.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "search": self.search.trim(),
            "status": self.status.map(PatientStatus::word),
            "ward": self.ward,
            "clinician": self.clinician.map(Assigned::word),
            "sort": self.sort.word(),
            "order": self.order.word(),
            "page": self.page,
        })
    }

    /// A part of this list, from zero.
    #[must_use]
    pub fn part(&self, page: usize) -> Self {
        Self {
            page,
            ..self.clone()
        }
    }

    /// Whether the list leaves any patient out.
    pub fn narrows(&self) -> bool {
        !self.search.trim().is_empty()
            || self.status.is_some()
            || self.ward.is_some()
            || self.clinician.is_some()
    }

    /// What the list depends on. Which rows a search finds is the database's to say.
    pub(super) fn dep(&self) -> TableDep {
        let mut shown = if self.search.trim().is_empty() {
            Predicate::all()
        } else {
            Predicate::opaque()
        };
        if let Some(status) = self.status {
            shown = shown.and("status", Condition::Eq(status.word().into()));
        }
        if let Some(ward) = &self.ward {
            shown = shown.and("ward", Condition::Eq(ward.into()));
        }
        if let Some(clinician) = self.clinician {
            let assigned = match clinician {
                Assigned::To(id) => Condition::Eq(id.into()),
                Assigned::Nobody => Condition::IsNull,
            };
            shown = shown.and("clinician_id", assigned);
        }
        let dep = rows::patients().matching(shown);
        let by = |dep: TableDep, column: &&str| dep.ordered(query::Order::ascending(column));
        // Pages never compare rows, so only which columns count matters here.
        self.sort.columns().iter().fold(dep, by)
    }

    pub(super) fn request(&self) -> Request {
        let mut request = Request::table("patients")
            .select("*")
            .order(self.sort.order(self.order));
        for pattern in search_patterns(&self.search) {
            request = request.like("search_text", pattern);
        }
        if let Some(status) = self.status {
            request = request.eq("status", status.word());
        }
        if let Some(ward) = &self.ward {
            request = request.eq("ward", ward);
        }
        match self.clinician {
            Some(Assigned::To(id)) => request = request.eq("clinician_id", id.to_string()),
            Some(Assigned::Nobody) => request = request.is("clinician_id", "null"),
            None => {}
        }
        let from = self.page.saturating_mul(PAGE);
        request.range(from, from.saturating_add(PAGE - 1))
    }
}

/// What `search_text` has to match for each word of a search. A handful of words is plenty for a name; a pasted novel is not a search.
pub(super) fn search_patterns(search: &str) -> Vec<String> {
    search_patterns_of(&fold(&decomposed(search)))
}

fn search_patterns_of(folded: &str) -> Vec<String> {
    folded
        .split_whitespace()
        .take(6)
        .map(like_pattern)
        .collect()
}

/// A text with every accented letter as letter and accent. The browser knows how; natively nobody asks.
fn decomposed(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    js_sys::JsString::from(text).normalize("NFD").into()
}

/// A decomposed text as the column `search_text` holds it: what a plain keyboard can type, without hyphens, apostrophes and full stops. The
/// rule is the database's (`private.fold_for_search`), and `search_folding.json` has the cases that both are tested with.
fn fold(decomposed: &str) -> String {
    let mut folded = String::with_capacity(decomposed.len());
    for letter in decomposed.chars() {
        match letter {
            '\u{300}'..='\u{36f}' => {}
            // Apostrophes.
            '\'' | '`' | '\u{b4}' | '\u{2018}' | '\u{2019}' | '\u{201b}' | '\u{2032}'
            | '\u{2035}' => {}
            '\u{2b9}' | '\u{2bb}'..='\u{2bf}' | '\u{55a}' | '\u{ff07}' => {}
            // Hyphens and dashes.
            '-' | '\u{ad}' | '\u{2010}'..='\u{2015}' | '\u{2212}' => {}
            '\u{fe58}' | '\u{fe63}' | '\u{ff0d}' => {}
            // The full stop, and what has no width.
            '.' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' => {}
            // These separate words.
            ',' | ';' | '/' | '(' | ')' | '\u{60c}' | '\u{3001}' | '\u{ff0c}' => folded.push(' '),
            '\u{a0}' | '\u{2009}' | '\u{202f}' | '\u{3000}' => folded.push(' '),
            'đ' | 'Đ' | 'ð' | 'Ð' => folded.push('d'),
            'ø' | 'Ø' => folded.push('o'),
            'ł' | 'Ł' => folded.push('l'),
            'ı' => folded.push('i'),
            'ħ' | 'Ħ' => folded.push('h'),
            'æ' | 'Æ' => folded.push_str("ae"),
            'œ' | 'Œ' => folded.push_str("oe"),
            'ß' | 'ẞ' => folded.push_str("ss"),
            'þ' | 'Þ' => folded.push_str("th"),
            _ => folded.extend(letter.to_lowercase()),
        }
    }
    folded
}

/// A word as a pattern that matches it anywhere. PostgREST writes `%` as `*`.
fn like_pattern(word: &str) -> String {
    let mut pattern = String::from("*");
    for letter in word.chars().take(64) {
        match letter {
            '\\' | '%' | '_' => {
                pattern.push('\\');
                pattern.push(letter);
            }
            // There is no way to write a plain star; any letter will do in its place.
            '*' => pattern.push('_'),
            _ => pattern.push(letter),
        }
    }
    pattern.push('*');
    pattern
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )]
    use super::*;
    use std::collections::HashMap;

    fn from(pairs: &[(&str, &str)]) -> PatientFilter {
        let map: HashMap<_, _> = pairs.iter().copied().collect();
        PatientFilter::from_query(|name| map.get(name).map(|value| (*value).to_owned()))
    }

    #[test]
    fn nonsense_in_the_url_gives_the_plain_list() {
        let filter = from(&[
            ("status", "dead"),
            ("sort", "-shoe"),
            ("ward", ""),
            ("clinician", "me"),
        ]);
        assert_eq!(
            filter,
            PatientFilter {
                order: Order::Descending,
                ..PatientFilter::default()
            }
        );
        assert_eq!(PatientFilter::default().to_query(), "");
    }

    #[test]
    fn a_filter_survives_the_way_through_the_url() {
        let filter = PatientFilter {
            search: "okafor".to_owned(),
            status: Some(PatientStatus::Observation),
            ward: Some("Surgery".to_owned()),
            sort: PatientSort::Updated,
            order: Order::Descending,
            clinician: Some(Assigned::Nobody),
            page: 0,
        };
        assert_eq!(
            filter.to_query(),
            "?q=okafor&status=observation&ward=Surgery&clinician=nobody&sort=-updated"
        );
        assert_eq!(
            from(&[
                ("q", "okafor"),
                ("status", "observation"),
                ("ward", "Surgery"),
                ("clinician", "nobody"),
                ("sort", "-updated"),
            ]),
            filter
        );
    }

    #[test]
    fn the_url_holds_any_letter() {
        let filter = PatientFilter {
            search: "a&b=ü 100%".to_owned(),
            ..PatientFilter::default()
        };
        assert_eq!(filter.to_query(), "?q=a%26b%3D%C3%BC%20100%25");
    }

    #[test]
    fn every_order_ends_with_the_key() {
        for sort in PatientSort::ALL {
            assert!(
                sort.order(Order::Descending).ends_with(",id.asc"),
                "{sort:?}"
            );
        }
        assert_eq!(
            PatientSort::Ward.order(Order::Descending),
            "ward.desc,sort_name.asc,first_name.asc,id.asc"
        );
    }

    #[test]
    fn a_search_is_folded_as_the_database_folds_names() {
        // Decomposed: the accents stand behind their letters. The database is tested with the same cases.
        let cases: Vec<(String, String)> =
            serde_json::from_str(include_str!("search_folding.json")).unwrap();
        for (typed, folded) in cases {
            assert_eq!(fold(&typed), folded, "{typed:?}");
        }
    }

    #[test]
    fn a_patient_is_found_the_way_lists_and_labels_write_them() {
        let stored = fold("O\u{2019}Neill-Smith Ada BH-107919");
        for typed in [
            "O'Neill-Smith, Ada",
            "o\u{2018}neill smith",
            "oneillsmith,ada",
            "O\u{2019}NEILL\u{2013}SMITH",
            "bh107919",
            "BH\u{2011}107919",
            "bh-1079",
            "ada - oneill",
        ] {
            let patterns = search_patterns_of(&fold(typed));
            assert!(!patterns.is_empty(), "{typed}");
            for pattern in patterns {
                let word = pattern.trim_matches('*');
                assert!(stored.contains(word), "{typed}: {word} in {stored}");
            }
        }
        assert_eq!(search_patterns_of(&fold(" - ' , ")), Vec::<String>::new());
    }

    #[test]
    fn a_searched_word_matches_itself_and_no_more() {
        assert_eq!(like_pattern("o'neill"), "*o'neill*");
        assert_eq!(like_pattern("50%_"), r"*50\%\_*");
        assert_eq!(like_pattern("a*b"), "*a_b*");
    }
}
