//! This crate's side of the benchmark page: each case as one call that the page times. Keys, values and wishes are the same
//! as on the peer's side in `page.html`. Elsewhere than in a browser it is empty.
#![cfg(target_arch = "wasm32")]

use std::sync::Arc;

use bedside_query::{
    ClientOptions, Columns, Condition, GcTime, Observation, Order, Overlap, Predicate, QueryClient,
    QueryDefaults, QueryFilter, QueryKey, QueryOptions, Refetch, Row, RowChange, RowError, Rows,
    Segment, StaleTime, TableDep, query_key,
};
use serde_json::{Map, Value, json};
use wasm_bindgen::prelude::wasm_bindgen;

fn key(i: u32) -> QueryKey {
    query_key!["org", i % 100, "todos", json!({"id": i, "done": false})]
}

fn number(key: QueryKey) -> QueryOptions<f64, String> {
    QueryOptions::without_fetcher(key)
}

/// A cache with so many queries.
#[wasm_bindgen]
pub struct Bench {
    client: QueryClient,
    queries: u32,
    turn: u32,
    observations: Vec<Observation<f64, String>>,
    list: Option<Observation<Rows<Item>, String>>,
}

#[wasm_bindgen]
impl Bench {
    /// Fills the cache.
    #[wasm_bindgen(constructor)]
    pub fn new(queries: u32) -> Self {
        let defaults = QueryDefaults::default()
            .stale_time(StaleTime::Infinite)
            .gc_time(GcTime::Never);
        let client = QueryClient::new(ClientOptions::default().defaults(defaults));
        let bench = Self {
            client,
            queries,
            turn: 0,
            observations: Vec::new(),
            list: None,
        };
        bench.freshen();
        bench
    }

    /// Writes every query, so that each can be invalidated again.
    pub fn freshen(&self) {
        for i in 0..self.queries {
            self.client.set_query_data(key(i), f64::from(i)).ok();
        }
    }

    /// Invalidates single keys.
    pub fn invalidate_exact(&mut self, times: u32) {
        for _ in 0..times {
            self.turn = (self.turn + 7_919) % self.queries;
            self.invalidate(QueryFilter::exact(key(self.turn)));
        }
    }

    /// Invalidates families of one in a hundred.
    pub fn invalidate_prefix(&mut self, times: u32) {
        for _ in 0..times {
            self.turn = (self.turn + 1) % 100;
            self.invalidate(QueryFilter::prefix(query_key!["org", self.turn]));
        }
    }

    /// Invalidates what is not there.
    pub fn invalidate_miss(&mut self, times: u32) {
        for _ in 0..times {
            self.turn += 1;
            self.invalidate(QueryFilter::prefix(query_key!["nobody", self.turn]));
        }
    }

    fn invalidate(&self, filter: QueryFilter) {
        self.client
            .invalidate_queries_with(filter, Refetch::None, Overlap::Owe);
    }

    /// How many queries are invalidated: to see that both sides did the work.
    pub fn invalidated(&self) -> usize {
        self.client
            .query_views(&QueryFilter::all())
            .iter()
            .filter(|view| view.is_invalidated)
            .count()
    }

    /// Writes single keys.
    pub fn set_data(&mut self, times: u32) {
        for _ in 0..times {
            self.turn = (self.turn + 7_919) % self.queries;
            self.client
                .set_query_data(key(self.turn), f64::from(self.turn) + 0.5)
                .ok();
        }
    }

    /// One observer for each of so many queries.
    pub fn observe(&mut self, observers: u32) {
        let client = &self.client;
        self.observations
            .extend((0..observers).map(|i| client.observe(number(key(i)), |_| {})));
    }

    /// Ends all observations.
    pub fn drop_observers(&mut self) {
        self.observations.clear();
    }

    /// An observed list of so many rows.
    pub fn open_list(&mut self, rows: u32) {
        let items: Rows<Item> = (0..rows).map(|id| Item::new(id, id % 20)).collect();
        let options = QueryOptions::<Rows<Item>, String>::without_fetcher(query_key!["list"])
            .stale_time(StaleTime::Infinite)
            .initial_data(items)
            .rows(TableDep::rows("list").ordered(Order::ascending("id")));
        self.list = Some(self.client.observe(options, |_| {}));
    }

    /// Patches single rows of the list.
    pub fn patch_row(&mut self, rows: u32, times: u32) {
        for _ in 0..times {
            self.turn += 1;
            let (id, note) = (self.turn.wrapping_mul(7_919) % rows, self.turn);
            self.client.apply([RowChange::update(
                "list",
                id,
                json!({"id": id, "note": note}),
            )]);
        }
    }

    /// So many queries, each for the rows of one ward.
    pub fn open_wards(&mut self, wards: u32) {
        for ward in 0..wards {
            let items: Rows<Item> = [Item::new(ward, ward)].into_iter().collect();
            let matching = Predicate::all().and("ward", Condition::Eq(ward.into()));
            let options = QueryOptions::<Rows<Item>, String>::without_fetcher(query_key![
                "items",
                json!({"ward": ward})
            ])
            .initial_data(items)
            .gc_time(GcTime::Never)
            .rows(
                TableDep::rows("items")
                    .matching(matching)
                    .ordered(Order::ascending("id")),
            );
            self.client.prefetch_query(options);
        }
    }

    /// Tells of changes of single rows, each held by one of the wards' queries.
    pub fn route(&mut self, wards: u32, times: u32) {
        for _ in 0..times {
            self.turn += 1;
            let id = self.turn.wrapping_mul(7_919) % wards;
            let change = json!({"id": id, "ward": id, "note": self.turn});
            self.client.apply([RowChange::update("items", id, change)]);
        }
    }
}

#[derive(Clone, PartialEq)]
struct Item {
    id: u32,
    ward: u32,
    note: u32,
    first_name: Arc<str>,
    last_name: Arc<str>,
    status: Arc<str>,
    version: u32,
    updated_at: Arc<str>,
}

impl Item {
    fn new(id: u32, ward: u32) -> Self {
        Self {
            id,
            ward,
            note: 0,
            first_name: format!("first {id}").into(),
            last_name: format!("last {id}").into(),
            status: "active".into(),
            version: 1,
            updated_at: "2026-01-01T00:00:00Z".into(),
        }
    }
}

impl Columns for Item {
    fn column(&self, name: &str) -> Option<Segment> {
        match name {
            "id" => Some(self.id.into()),
            "ward" => Some(self.ward.into()),
            "note" => Some(self.note.into()),
            _ => None,
        }
    }
}

impl Row for Item {
    fn pk(&self) -> Segment {
        self.id.into()
    }

    fn from_columns(_: &Map<String, Value>) -> Result<Self, RowError> {
        Err(RowError::MissingColumn("first_name".to_string()))
    }

    fn merge(&self, columns: &Map<String, Value>) -> Result<Self, RowError> {
        let note = columns
            .get("note")
            .and_then(Value::as_u64)
            .and_then(|n| u32::try_from(n).ok());
        Ok(Self {
            note: note.unwrap_or(self.note),
            ..self.clone()
        })
    }
}
