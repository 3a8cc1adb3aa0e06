//! Routing against a brute-force model: a table, queries over it, random changes, random delays of fetches; whatever a
//! query claims must be what recomputing it from the whole table gives.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use bedside_query::{
    ClientOptions, Columns, Condition, FetchStatus, ManualRuntime, Observation, Order, Predicate,
    QueryClient, QueryKey, QueryOptions, Row, RowChange, RowError, Rows, Segment, Shape, StaleTime,
    TableDep, query_key,
};
use futures::channel::oneshot;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::soak;

#[derive(Clone, Debug, PartialEq)]
struct Item {
    id: u32,
    ward: u32,
    rank: Option<i64>,
    note: u32,
}

impl Item {
    fn columns(&self) -> Value {
        json!({"id": self.id, "ward": self.ward, "rank": self.rank, "note": self.note})
    }
}

impl Columns for Item {
    fn column(&self, name: &str) -> Option<Segment> {
        match name {
            "id" => Some(self.id.into()),
            "ward" => Some(self.ward.into()),
            "rank" => Some(self.rank.into()),
            "note" => Some(self.note.into()),
            _ => None,
        }
    }
}

impl Row for Item {
    fn pk(&self) -> Segment {
        self.id.into()
    }

    fn from_columns(columns: &Map<String, Value>) -> Result<Self, RowError> {
        let number = |name: &str| {
            let value = columns
                .get(name)
                .ok_or_else(|| RowError::MissingColumn(name.into()))?;
            value
                .as_u64()
                .map(|n| n as u32)
                .ok_or_else(|| RowError::Unreadable(name.into()))
        };
        let rank = columns
            .get("rank")
            .ok_or_else(|| RowError::MissingColumn("rank".into()))?;
        Ok(Self {
            id: number("id")?,
            ward: number("ward")?,
            rank: rank.as_i64(),
            note: number("note")?,
        })
    }

    fn merge(&self, columns: &Map<String, Value>) -> Result<Self, RowError> {
        let Value::Object(mut all) = self.columns() else {
            unreachable!()
        };
        all.extend(columns.clone());
        Self::from_columns(&all)
    }
}

/// The database.
#[derive(Default)]
struct Database {
    items: BTreeMap<u32, Item>,
    /// Answers that were read and have not been delivered.
    in_flight: Vec<oneshot::Sender<()>>,
}

impl Database {
    fn list(&self, query: &ListQuery) -> Vec<Item> {
        let mut found: Vec<Item> = self
            .items
            .values()
            .filter(|item| query.wards.contains(&item.ward))
            .cloned()
            .collect();
        // Nulls last ascending, first descending, as in the database.
        found.sort_by_key(|item| (item.rank.is_none(), item.rank, item.id));
        if query.descending {
            found.sort_by_key(|item| {
                (
                    item.rank.is_some(),
                    item.rank.map(std::cmp::Reverse),
                    item.id,
                )
            });
        }
        found.truncate(query.limit.unwrap_or(usize::MAX));
        found
    }
}

#[derive(Clone, Debug)]
struct ListQuery {
    wards: Vec<u32>,
    limit: Option<usize>,
    descending: bool,
}

impl ListQuery {
    fn dep(&self) -> TableDep {
        let wards = self.wards.iter().map(|ward| Segment::from(*ward)).collect();
        let rank = if self.descending {
            Order::descending("rank")
        } else {
            Order::ascending("rank")
        };
        let dep = TableDep::rows("items")
            .matching(Predicate::all().and("ward", Condition::In(wards)))
            .ordered(rank)
            .ordered(Order::ascending("id"));
        match self.limit {
            Some(limit) => dep.first(limit),
            None => dep,
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Write {
        id: u32,
        ward: u32,
        rank: Option<i64>,
        note: u32,
        told: Told,
    },
    Delete {
        id: u32,
    },
    Deliver,
    Invalidate,
}

/// How much of a changed row the change tells.
#[derive(Clone, Copy, Debug)]
enum Told {
    All,
    Changed,
    Doubtful,
}

fn step() -> impl Strategy<Value = Step> {
    let rank = prop_oneof![Just(None), (0_i64..6).prop_map(Some)];
    let told =
        prop_oneof![6 => Just(Told::All), 3 => Just(Told::Changed), 1 => Just(Told::Doubtful)];
    prop_oneof![
        8 => (0_u32..12, 0_u32..4, rank, 0_u32..3, told)
            .prop_map(|(id, ward, rank, note, told)| Step::Write { id, ward, rank, note, told }),
        3 => (0_u32..12).prop_map(|id| Step::Delete { id }),
        4 => Just(Step::Deliver),
        1 => Just(Step::Invalidate),
    ]
}

fn list_query() -> impl Strategy<Value = ListQuery> {
    let wards = proptest::sample::subsequence(vec![0_u32, 1, 2, 3], 1..=3);
    let limit = prop_oneof![Just(None), (1_usize..5).prop_map(Some)];
    (wards, limit, any::<bool>()).prop_map(|(wards, limit, descending)| ListQuery {
        wards,
        limit,
        descending,
    })
}

struct World {
    runtime: ManualRuntime,
    client: QueryClient,
    database: Rc<RefCell<Database>>,
    lists: Vec<(ListQuery, QueryKey, Observation<Rows<Item>, String>)>,
    single: Observation<Item, String>,
    count: Observation<usize, String>,
}

impl World {
    fn new(queries: Vec<ListQuery>) -> Self {
        let runtime = ManualRuntime::new();
        let client = QueryClient::new(ClientOptions::default().runtime(runtime.clone()));
        let database = Rc::new(RefCell::new(Database::default()));
        for id in 0..6 {
            let item = Item {
                id,
                ward: id % 3,
                rank: Some(i64::from(id) / 2),
                note: 0,
            };
            database.borrow_mut().items.insert(id, item);
        }
        let lists = queries
            .into_iter()
            .enumerate()
            .map(|(at, query)| {
                let key = query_key!["items", at];
                let (database, asked) = (Rc::clone(&database), query.clone());
                let options = Self::read(&key, database, move |db| db.list(&asked).into())
                    .rows(query.dep())
                    .stale_time(StaleTime::Infinite);
                (query, key, client.observe(options, |_| {}))
            })
            .collect();
        let one = Self::read(&query_key!["item", 3], Rc::clone(&database), |db| {
            db.items.get(&3).cloned().unwrap_or(Item {
                id: 3,
                ward: 99,
                rank: None,
                note: 99,
            })
        })
        .row(TableDep::rows("items").matching(Predicate::all().and("id", Condition::Eq(3.into()))));
        let count = Self::read(&query_key!["count"], Rc::clone(&database), |db| {
            db.items.len()
        })
        .deps([TableDep::made_from("items", Shape::Aggregate)]);
        let single = client.observe(one.stale_time(StaleTime::Infinite), |_| {});
        let count = client.observe(count.stale_time(StaleTime::Infinite), |_| {});
        Self {
            runtime,
            client,
            database,
            lists,
            single,
            count,
        }
    }

    /// A query that reads when its fetch starts and answers when a delivery is due.
    fn read<T: PartialEq + Send + Sync + 'static>(
        key: &QueryKey,
        database: Rc<RefCell<Database>>,
        read: impl Fn(&Database) -> T + Clone + 'static,
    ) -> QueryOptions<T, String> {
        QueryOptions::new(key, move |_| {
            let answer = read(&database.borrow());
            let (deliver, due) = oneshot::channel();
            database.borrow_mut().in_flight.push(deliver);
            async move {
                let _ = due.await;
                Ok(answer)
            }
        })
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Write {
                id,
                ward,
                rank,
                note,
                told,
            } => {
                let item = Item {
                    id: *id,
                    ward: *ward,
                    rank: *rank,
                    note: *note,
                };
                let before = self.database.borrow_mut().items.insert(*id, item.clone());
                let all = item.columns();
                let change = match (before, told) {
                    (None, Told::Doubtful) => {
                        RowChange::doubtful(bedside_query::ChangeKind::Insert, "items", *id)
                    }
                    (None, _) => RowChange::insert("items", *id, all),
                    (Some(_), Told::Doubtful) => {
                        RowChange::doubtful(bedside_query::ChangeKind::Update, "items", *id)
                    }
                    (Some(_), Told::All) => RowChange::update("items", *id, all),
                    (Some(before), Told::Changed) => {
                        let (Value::Object(new), Value::Object(old)) = (all, before.columns())
                        else {
                            unreachable!()
                        };
                        let changed = new
                            .into_iter()
                            .filter(|(name, value)| name == "id" || old.get(name) != Some(value))
                            .collect::<Map<_, _>>();
                        RowChange::update("items", *id, Value::Object(changed))
                    }
                };
                self.client.apply([change]);
            }
            Step::Delete { id } => {
                if self.database.borrow_mut().items.remove(id).is_some() {
                    self.client.apply([RowChange::delete("items", *id)]);
                }
            }
            Step::Deliver => {
                let due = self.database.borrow_mut().in_flight.pop();
                if let Some(due) = due {
                    let _ = due.send(());
                }
            }
            Step::Invalidate => self.client.invalidate_queries(query_key!["items"]),
        }
        self.runtime.settle();
    }

    /// Whatever claims to be fresh is what the database would answer now.
    fn check_claims(&self) {
        for (query, key, observation) in &self.lists {
            let seen = observation.now();
            let view = self.client.query_view(key).unwrap();
            if seen.data.is_none() || view.is_invalidated || seen.fetch_status != FetchStatus::Idle
            {
                continue;
            }
            let held: Vec<Item> = seen
                .data
                .unwrap()
                .iter()
                .map(|item| item.as_ref().clone())
                .collect();
            assert_eq!(held, self.database.borrow().list(query), "{query:?}");
        }
    }

    fn come_to_rest(&mut self) {
        // Bounded: each delivery may owe one more fetch, and nothing changes any more.
        for _ in 0..64 {
            self.take(&Step::Deliver);
        }
        assert_eq!(
            self.client.counts().fetching,
            0,
            "everything owed was fetched"
        );
        for (query, key, _) in &self.lists {
            assert!(
                !self.client.query_view(key).unwrap().is_invalidated,
                "{query:?} rests fresh"
            );
        }
        self.check_claims();
        let database = self.database.borrow();
        assert_eq!(
            self.count.now().data.as_deref(),
            Some(&database.items.len())
        );
        if let Some(item) = database.items.get(&3) {
            assert_eq!(self.single.now().data.as_deref(), Some(item));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: soak::size(400, 20_000), ..ProptestConfig::default() })]

    #[test]
    fn routed_queries_equal_recomputed_ones(
        queries in proptest::collection::vec(list_query(), 1..5),
        steps in proptest::collection::vec(step(), 0..60),
    ) {
        let mut world = World::new(queries);
        world.runtime.settle();
        for step in &steps {
            world.take(step);
            world.check_claims();
        }
        world.come_to_rest();
    }
}

#[test]
fn an_open_list_takes_a_burst_without_a_request() {
    let all = ListQuery {
        wards: vec![0, 1, 2, 3],
        limit: None,
        descending: false,
    };
    let mut world = World::new(vec![all]);
    world.runtime.settle();
    for _ in 0..3 {
        world.take(&Step::Deliver);
    }
    let before = world.client.query_view(&query_key!["items", 0]).unwrap();
    for id in 100..600 {
        let step = Step::Write {
            id,
            ward: 1,
            rank: Some(1),
            note: 0,
            told: Told::All,
        };
        world.take(&step);
    }
    let after = world.client.query_view(&query_key!["items", 0]).unwrap();
    assert_eq!(after.data::<Rows<Item>>().unwrap().len(), 506);
    assert_eq!(
        after.data_update_count, before.data_update_count,
        "patched, never fetched"
    );
    assert_eq!(
        after.data_updated_at, before.data_updated_at,
        "a patch is not a fetch"
    );
}
