//! Pages of a longer list, with a total, under changes told at once and fetched later: whatever a page claims must be what the
//! whole table gives.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use bedside_query::{
    Activity, ClientOptions, Columns, Condition, FetchStatus, ManualRuntime, Observation, Order,
    Overlap, Predicate, QueryClient, QueryFilter, QueryOptions, Refetch, Row, RowChange, RowError,
    RowSet, Segment, StaleTime, Staleness, TableDep, query_key,
};
use futures::channel::oneshot;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::soak;

#[derive(Clone, Debug, PartialEq)]
struct Bed {
    id: u32,
    ward: u32,
    rank: i64,
    note: u32,
}

impl Columns for Bed {
    fn column(&self, name: &str) -> Option<Segment> {
        match name {
            "id" => Some(self.id.into()),
            "ward" => Some(self.ward.into()),
            "rank" => Some(self.rank.into()),
            _ => None,
        }
    }
}

impl Row for Bed {
    fn pk(&self) -> Segment {
        self.id.into()
    }

    fn from_columns(columns: &Map<String, Value>) -> Result<Self, RowError> {
        let number = |name: &str| {
            columns
                .get(name)
                .and_then(Value::as_i64)
                .ok_or_else(|| RowError::MissingColumn(name.to_owned()))
        };
        Ok(Self {
            id: number("id")? as u32,
            ward: number("ward")? as u32,
            rank: number("rank")?,
            note: number("note")? as u32,
        })
    }

    fn merge(&self, columns: &Map<String, Value>) -> Result<Self, RowError> {
        Self::from_columns(columns)
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Shown {
    rows: Vec<Bed>,
    total: usize,
    from: usize,
}

impl RowSet for Shown {
    type Row = Bed;

    fn get(&self, pk: &Segment) -> Option<&Bed> {
        self.rows.iter().find(|row| row.pk() == *pk)
    }

    fn each_pk(&self, each: &mut dyn FnMut(Segment)) {
        self.rows.iter().for_each(|row| each(row.pk()));
    }

    fn replace(&self, new: Bed) -> Self {
        let mut next = self.clone();
        for row in next.rows.iter_mut().filter(|row| row.id == new.id) {
            *row = new.clone();
        }
        next
    }

    fn remove(&self, pk: &Segment) -> Self {
        let mut next = self.clone();
        next.rows.retain(|row| row.pk() != *pk);
        next.total -= 1;
        next
    }

    fn is_whole(&self) -> bool {
        self.from == 0 && self.rows.len() == self.total
    }
}

#[derive(Clone, Debug)]
struct Asked {
    ward: u32,
    from: usize,
    size: usize,
}

impl Asked {
    fn of(&self, beds: &BTreeMap<u32, Bed>) -> Shown {
        let mut all: Vec<Bed> = beds
            .values()
            .filter(|bed| bed.ward == self.ward)
            .cloned()
            .collect();
        all.sort_by_key(|bed| (bed.rank, bed.id));
        Shown {
            total: all.len(),
            rows: all.into_iter().skip(self.from).take(self.size).collect(),
            from: self.from,
        }
    }

    fn dep(&self) -> TableDep {
        TableDep::rows("beds")
            .matching(Predicate::all().and("ward", Condition::Eq(self.ward.into())))
            .ordered(Order::ascending("rank"))
            .ordered(Order::ascending("id"))
    }
}

#[derive(Clone, Debug)]
enum Step {
    Write(Bed),
    Delete(u32),
    /// The burst is over, for now: what is stale is fetched.
    Gather,
    Deliver,
    Cancel,
}

fn step() -> impl Strategy<Value = Step> {
    let bed = (0_u32..10, 0_u32..2, 0_i64..4, 0_u32..3).prop_map(|(id, ward, rank, note)| Bed {
        id,
        ward,
        rank,
        note,
    });
    prop_oneof![
        8 => bed.prop_map(Step::Write),
        2 => (0_u32..10).prop_map(Step::Delete),
        3 => Just(Step::Gather),
        4 => Just(Step::Deliver),
        1 => Just(Step::Cancel),
    ]
}

fn asked() -> impl Strategy<Value = Asked> {
    (0_u32..2, 0_usize..3, 1_usize..8).prop_map(|(ward, from, size)| Asked { ward, from, size })
}

#[derive(Default)]
struct Database {
    beds: BTreeMap<u32, Bed>,
    in_flight: Vec<oneshot::Sender<()>>,
    requests: usize,
}

struct World {
    runtime: ManualRuntime,
    client: QueryClient,
    database: Rc<RefCell<Database>>,
    pages: Vec<(Asked, Observation<Shown, String>)>,
}

impl World {
    fn new(asked: Vec<Asked>) -> Self {
        let runtime = ManualRuntime::new();
        let client = QueryClient::new(ClientOptions::default().runtime(runtime.clone()));
        let database = Rc::new(RefCell::new(Database::default()));
        for id in 0..6 {
            let (ward, rank) = (id % 2, i64::from(id) / 2);
            let bed = Bed {
                id,
                ward,
                rank,
                note: 0,
            };
            database.borrow_mut().beds.insert(id, bed);
        }
        let pages = asked
            .into_iter()
            .enumerate()
            .map(|(at, asked)| {
                let (db, question) = (Rc::clone(&database), asked.clone());
                let options = QueryOptions::new(query_key!["beds", at], move |_| {
                    let answer = question.of(&db.borrow().beds);
                    let (deliver, due) = oneshot::channel();
                    db.borrow_mut().in_flight.push(deliver);
                    db.borrow_mut().requests += 1;
                    async move {
                        let _ = due.await;
                        Ok(answer)
                    }
                });
                let options = options.row_set(asked.dep()).stale_time(StaleTime::Infinite);
                (asked, client.observe(options, |_| {}))
            })
            .collect();
        Self {
            runtime,
            client,
            database,
            pages,
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Write(bed) => {
                let all =
                    json!({"id": bed.id, "ward": bed.ward, "rank": bed.rank, "note": bed.note});
                let before = self.database.borrow_mut().beds.insert(bed.id, bed.clone());
                let change = match before {
                    None => RowChange::insert("beds", bed.id, all),
                    Some(_) => RowChange::update("beds", bed.id, all),
                };
                self.client.apply_with([change], Refetch::None);
            }
            Step::Delete(id) => {
                if self.database.borrow_mut().beds.remove(id).is_some() {
                    let change = RowChange::delete("beds", *id);
                    self.client.apply_with([change], Refetch::None);
                }
            }
            Step::Gather => {
                let stale = QueryFilter::prefix(query_key!["beds"])
                    .activity(Activity::Active)
                    .staleness(Staleness::Stale);
                self.client.refetch_queries_with(stale, Overlap::Owe);
            }
            Step::Deliver => {
                let due = self.database.borrow_mut().in_flight.pop();
                if let Some(due) = due {
                    let _ = due.send(());
                }
            }
            Step::Cancel => self.client.cancel_queries(query_key!["beds"]),
        }
        self.runtime.settle();
    }

    /// Whatever claims to be fresh is what the database would answer now.
    fn check_claims(&self) {
        for (at, (asked, observation)) in self.pages.iter().enumerate() {
            let seen = observation.now();
            let view = self.client.query_view(&query_key!["beds", at]).unwrap();
            if view.is_invalidated || seen.fetch_status != FetchStatus::Idle {
                continue;
            }
            if let Some(held) = seen.data {
                assert_eq!(*held, asked.of(&self.database.borrow().beds), "{asked:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: soak::size(600, 20_000), ..ProptestConfig::default() })]

    #[test]
    fn a_page_that_claims_to_be_fresh_is_what_the_table_gives(
        asked in proptest::collection::vec(asked(), 1..4),
        steps in proptest::collection::vec(step(), 0..60),
    ) {
        let mut world = World::new(asked);
        world.runtime.settle();
        for step in &steps {
            world.take(step);
            world.check_claims();
        }
        // Once nothing changes any more, gathering and delivering bring all of them to rest, fresh.
        for _ in 0..8 {
            world.take(&Step::Gather);
            for _ in 0..16 {
                world.take(&Step::Deliver);
            }
        }
        for at in 0..world.pages.len() {
            let view = world.client.query_view(&query_key!["beds", at]).unwrap();
            prop_assert!(!view.is_invalidated && view.data::<Shown>().is_some());
        }
        world.check_claims();
    }
}

#[test]
fn a_burst_that_cannot_be_told_costs_one_request_when_it_is_gathered() {
    let page = Asked {
        ward: 0,
        from: 0,
        size: 2,
    };
    let mut world = World::new(vec![page]);
    world.runtime.settle();
    world.take(&Step::Deliver);
    let before = world.database.borrow().requests;
    for rank in 0..1_000 {
        let bed = Bed {
            id: 100,
            ward: 0,
            rank,
            note: 0,
        };
        world.take(&Step::Write(bed));
        world.take(&Step::Deliver);
    }
    assert_eq!(world.database.borrow().requests, before);
    world.take(&Step::Gather);
    world.take(&Step::Deliver);
    assert_eq!(world.database.borrow().requests, before + 1);
    world.check_claims();
}
