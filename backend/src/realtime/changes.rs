//! From committed rows to events: which subscriptions a change concerns, and what each of them may see of it.
//!
//! Every change is checked at the time it is read: its filters against the row, Row Level Security by selecting the row
//! by its key in the subscriber's role and claims. The questions of many changes are put together, one statement for a
//! table and a kind of subscriber, because there is one connection and everybody waits in line for it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use super::binding::{Binding, Operation};
use super::catalog::{Catalog, Epoch, Table};
use super::fanout::{Body, Fanout, Kind};
use super::hub::{Subscription, Viewer};
use super::join::Protocol;
use super::losses::Losses;
use super::mailbox::{Content, Letter};
use super::outbox::Change;
use super::row::Row;
use super::visibility::{self, FilterAnswers, Keys, Visible};
use super::{code_of, payload, payload::Shape};
use crate::db::Db;

/// So many changes are checked in one transaction; then others get their turn at the connection.
const CHUNK: usize = 1_000;

/// A change with its rows read.
pub(crate) struct Known {
    pub(crate) operation: Operation,
    pub(crate) committed_at: String,
    pub(crate) table: Arc<Table>,
    pub(crate) relation: u32,
    pub(crate) old: Option<Row>,
    pub(crate) new: Option<Row>,
    /// The row that filters look at, as PostgreSQL wrote it.
    pub(crate) tested_text: String,
    /// Bytes of both rows together.
    pub(crate) bytes: usize,
}

impl Known {
    /// The row that filters look at: the new one, on DELETE the old one.
    pub(crate) fn tested(&self) -> Option<&Row> {
        match self.operation {
            Operation::Delete => self.old.as_ref(),
            Operation::Insert | Operation::Update => self.new.as_ref(),
        }
    }
}

/// An event and where it goes.
pub(crate) struct Delivery {
    pub(crate) subscription: Arc<Subscription>,
    pub(crate) event: Fanout,
}

impl Delivery {
    pub(crate) fn post(self) {
        let Self {
            subscription,
            event,
        } = self;
        let content = Content::Event(Arc::new(event));
        subscription.mailbox.post(Letter {
            channel: subscription.channel,
            content,
        });
    }
}

/// Turns changes, in their order, into deliveries, in the same order.
pub(crate) async fn deliveries(
    db: &Db,
    catalog: &mut Catalog,
    epoch: Epoch,
    changes: Vec<Change>,
    subscriptions: &[Arc<Subscription>],
    losses: &Losses,
) -> Result<Vec<Delivery>, sqlx::Error> {
    if subscriptions.is_empty() || changes.is_empty() {
        return Ok(Vec::new());
    }
    let oids: HashSet<u32> = changes.iter().map(|change| change.relation).collect();
    let roles: HashSet<String> = subscriptions
        .iter()
        .map(|s| s.viewer.role.clone())
        .collect();
    let mut deliveries = Vec::new();
    let mut changes = changes.into_iter().peekable();
    while changes.peek().is_some() {
        let mut tx = db.begin().await?;
        let tables = catalog.tables(&mut tx, epoch, &oids, &roles).await?;
        let known: Vec<Known> = changes
            .by_ref()
            .take(CHUNK)
            .filter_map(|change| read(change, tables))
            .filter(|change| !losses.takes(&change.table.name, Instant::now()))
            .collect();
        let mut candidates = candidates(&known, subscriptions);
        let answers = visibility::ask_filters(&mut tx, &known, &candidates).await;
        let answers = match answers {
            Ok(answers) => answers,
            Err(error) => {
                tracing::warn!(code = %code_of(&error), "filters could not be evaluated; these changes reach nobody who filters");
                tx.rollback().await?;
                tx = db.begin().await?;
                FilterAnswers::default()
            }
        };
        candidates.retain_mut(|candidate| candidate.keep_matching(&known, &answers));
        let visible = see(db, tx, &known, &candidates).await?;
        deliveries.extend(
            candidates
                .iter()
                .filter_map(|candidate| candidate.deliver(&known, &visible)),
        );
    }
    Ok(deliveries)
}

fn read(change: Change, tables: &HashMap<u32, Arc<Table>>) -> Option<Known> {
    // A table that is gone by now has nobody to tell.
    let table = Arc::clone(tables.get(&change.relation)?);
    let parse = |text: &Option<String>| text.as_deref().and_then(|text| Row::parse(text).ok());
    let (old, new) = (parse(&change.old), parse(&change.new));
    let bytes =
        change.old.as_ref().map_or(0, String::len) + change.new.as_ref().map_or(0, String::len);
    let tested = match change.operation {
        Operation::Delete => change.old,
        Operation::Insert | Operation::Update => change.new,
    };
    Some(Known {
        operation: change.operation,
        committed_at: change.committed_at,
        relation: change.relation,
        table,
        old,
        new,
        tested_text: tested?,
        bytes,
    })
}

/// A subscription that a change may concern, with those of its bindings that do.
pub(crate) struct Candidate<'a> {
    /// Which change, by its place.
    pub(crate) change: usize,
    pub(crate) subscription: &'a Arc<Subscription>,
    pub(crate) bindings: Vec<&'a Binding>,
}

fn candidates<'a>(known: &[Known], subscriptions: &'a [Arc<Subscription>]) -> Vec<Candidate<'a>> {
    let mut candidates = Vec::new();
    for (change, row) in known.iter().enumerate() {
        for subscription in subscriptions {
            let covers = |b: &&Binding| b.covers(&row.table.schema, &row.table.name, row.operation);
            let bindings: Vec<&Binding> = subscription.bindings.iter().filter(covers).collect();
            if !bindings.is_empty() {
                candidates.push(Candidate {
                    change,
                    subscription,
                    bindings,
                });
            }
        }
    }
    candidates
}

/// Asks, kind of subscriber by kind of subscriber, which rows may be seen.
async fn see(
    db: &Db,
    mut tx: sqlx::Transaction<'static, sqlx::Postgres>,
    known: &[Known],
    candidates: &[Candidate<'_>],
) -> Result<Visible, sqlx::Error> {
    let mut visible = Visible::default();
    for ((viewer, relation), keys) in questions(known, candidates) {
        match visibility::ask_rows(&mut tx, viewer, &keys).await {
            Ok(seen) => visible.insert(viewer, relation, &keys, &seen),
            Err(error) => {
                // A policy that fails shows nothing; the transaction has to start anew for the others.
                tracing::warn!(code = %code_of(&error), table = %keys.table.name, "a policy failed; its rows are not sent");
                tx.rollback().await?;
                tx = db.begin().await?;
            }
        }
    }
    tx.rollback().await?;
    Ok(visible)
}

/// The rows to look for, by viewer and table; each row once, however often it changed.
fn questions<'a>(
    known: &'a [Known],
    candidates: &[Candidate<'a>],
) -> HashMap<(&'a Viewer, u32), Keys<'a>> {
    let mut questions: HashMap<(&Viewer, u32), Keys<'_>> = HashMap::new();
    for candidate in candidates {
        let Some(row) = known.get(candidate.change) else {
            continue;
        };
        if row.operation == Operation::Delete || !row.table.row_security {
            continue;
        }
        questions
            .entry((&candidate.subscription.viewer, row.relation))
            .or_insert_with(|| Keys::new(&row.table))
            .add(row);
    }
    questions
}

impl<'a> Candidate<'a> {
    /// Drops the bindings whose filters don't match; whether any is left.
    fn keep_matching(&mut self, known: &[Known], answers: &FilterAnswers) -> bool {
        let Some(row) = known.get(self.change) else {
            return false;
        };
        self.bindings.retain(|binding| {
            binding
                .filters
                .iter()
                .all(|filter| answers.holds(self.change, row, filter))
        });
        !self.bindings.is_empty()
    }

    fn deliver(&self, known: &[Known], visible: &Visible) -> Option<Delivery> {
        let row = known.get(self.change)?;
        let viewer = &self.subscription.viewer;
        let readable = row.table.readable_by(&viewer.role);
        let shape = payload::shape(row, &readable);
        let checked =
            row.operation != Operation::Delete && row.table.row_security && shape == Shape::Whole;
        if checked && !visible.contains(viewer, row) {
            return None;
        }
        let columns = self.selected(readable);
        let data = payload::data(row, &columns, shape);
        let body = match self.subscription.protocol {
            Protocol::Legacy => Body::Json {
                event: row.operation.name(),
                payload: data,
            },
            Protocol::Current => {
                // The real server lists them in reverse.
                let ids: Vec<_> = self
                    .bindings
                    .iter()
                    .rev()
                    .map(|binding| binding.id.to_string())
                    .collect();
                let payload = format!(r#"{{"data":{data},"ids":[{}]}}"#, ids.join(","));
                Body::Json {
                    event: "postgres_changes",
                    payload,
                }
            }
        };
        let event = Fanout::new(self.subscription.topic.clone(), Kind::Change, body);
        Some(Delivery {
            subscription: Arc::clone(self.subscription),
            event,
        })
    }

    /// The columns that its bindings select: all, unless every one of them names some.
    fn selected<'c>(&self, readable: Vec<&'c super::row::Column>) -> Vec<&'c super::row::Column> {
        if self.bindings.iter().any(|binding| binding.select.is_none()) {
            return readable;
        }
        let wanted = |column: &&super::row::Column| {
            let named = |binding: &&Binding| {
                binding
                    .select
                    .iter()
                    .flatten()
                    .any(|name| *name == column.name)
            };
            column.key || self.bindings.iter().any(named)
        };
        readable.into_iter().filter(wanted).collect()
    }
}
