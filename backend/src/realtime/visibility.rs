//! The two questions that changes raise, put to PostgreSQL for many rows at once: does this row match that filter, and
//! may this viewer see it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use super::authorize;
use super::catalog::Table;
use super::changes::{Candidate, Known};
use super::filters::{Filter, Operand, Operator, quote_identifier};
use super::hub::Viewer;
use super::row::Row;

/// What PostgreSQL said about filters whose answer is not plain.
#[derive(Default)]
pub(crate) struct FilterAnswers {
    /// By filter, the places of the changes for which it holds.
    holding: HashMap<Filter, HashSet<usize>>,
}

impl FilterAnswers {
    /// Whether `filter` holds for the change at `place`.
    pub(crate) fn holds(&self, place: usize, change: &Known, filter: &Filter) -> bool {
        decide(change, filter).unwrap_or_else(|| {
            self.holding
                .get(filter)
                .is_some_and(|places| places.contains(&place))
        })
    }
}

fn decide(change: &Known, filter: &Filter) -> Option<bool> {
    // The column was there when the binding was accepted; without it nothing can match any more.
    let Some(column) = change.table.column(&filter.column) else {
        return Some(false);
    };
    let value = change.tested().and_then(|row| row.get(&filter.column));
    let value: Option<Value> = value.and_then(|text| serde_json::from_str(text).ok());
    filter.decide(&column.type_name, value.as_ref())
}

/// Asks about all filters that have no plain answer, one statement a table.
pub(crate) async fn ask_filters(
    connection: &mut PgConnection,
    known: &[Known],
    candidates: &[Candidate<'_>],
) -> Result<FilterAnswers, sqlx::Error> {
    let mut open: HashMap<u32, (HashSet<usize>, Vec<&Filter>)> = HashMap::new();
    for candidate in candidates {
        let Some(change) = known.get(candidate.change) else {
            continue;
        };
        for filter in candidate
            .bindings
            .iter()
            .flat_map(|binding| &binding.filters)
        {
            if decide(change, filter).is_none() {
                let (places, filters) = open.entry(change.relation).or_default();
                places.insert(candidate.change);
                if !filters.contains(&filter) {
                    filters.push(filter);
                }
            }
        }
    }
    let mut answers = FilterAnswers::default();
    for (places, filters) in open.into_values() {
        let Some(table) = places
            .iter()
            .next()
            .and_then(|place| known.get(*place))
            .map(|change| &change.table)
        else {
            continue;
        };
        let (mut asked, mut conditions, mut parameters) = (Vec::new(), Vec::new(), Vec::new());
        for filter in filters {
            if let Some(column) = table.column(&filter.column) {
                conditions.push(filter.sql(&column.cast, 3 + parameters.len()));
                asked.push(filter);
                // A keyword is part of the condition; an unused parameter would have no type.
                parameters.extend(Some(filter).filter(|filter| filter.operator != Operator::Is));
            }
        }
        // Names are quoted, types are PostgreSQL's own spelling, values are parameters.
        let sql = AssertSqlSafe(format!(
            "select k.place, array[{}] from unnest($1::int8[], $2::text[]) as k (place, doc),
             lateral jsonb_populate_record(null::{}, k.doc::jsonb) as t",
            conditions.join(", "),
            qualified(table)
        ));
        let places: Vec<usize> = places.into_iter().collect();
        let numbers: Vec<i64> = places
            .iter()
            .map(|place| i64::try_from(*place).unwrap_or_default())
            .collect();
        let docs: Vec<&str> = places
            .iter()
            .map(|place| {
                known
                    .get(*place)
                    .map_or("{}", |change| change.tested_text.as_str())
            })
            .collect();
        let mut query = sqlx::query(sql).bind(numbers).bind(docs);
        for filter in &parameters {
            query = match &filter.value {
                Operand::One(value) => query.bind(value),
                Operand::Many(values) => query.bind(values),
            };
        }
        for row in query.fetch_all(&mut *connection).await? {
            let place = usize::try_from(row.try_get::<i64, _>(0)?).unwrap_or_default();
            for (filter, holds) in asked.iter().zip(row.try_get::<Vec<bool>, _>(1)?) {
                if holds {
                    answers
                        .holding
                        .entry((**filter).clone())
                        .or_default()
                        .insert(place);
                }
            }
        }
    }
    Ok(answers)
}

/// The keys of rows of one table, as text, each once.
pub(crate) struct Keys<'a> {
    pub(crate) table: &'a Arc<Table>,
    seen: HashSet<String>,
    /// One list for each column of the key.
    columns: Vec<Vec<String>>,
    texts: Vec<String>,
}

impl<'a> Keys<'a> {
    pub(crate) fn new(table: &'a Arc<Table>) -> Self {
        let columns = table.key().map(|_| Vec::new()).collect();
        Self {
            table,
            seen: HashSet::new(),
            columns,
            texts: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, change: &Known) {
        let Some(row) = &change.new else {
            return;
        };
        let text = key_text(self.table, row);
        if !self.seen.insert(text.clone()) {
            return;
        }
        for (list, column) in self.columns.iter_mut().zip(self.table.key()) {
            list.push(row.get(&column.name).map(plain).unwrap_or_default());
        }
        self.texts.push(text);
    }
}

/// Which rows which viewers may see.
#[derive(Default)]
pub(crate) struct Visible {
    rows: HashMap<(Viewer, u32), HashSet<String>>,
}

impl Visible {
    pub(crate) fn insert(
        &mut self,
        viewer: &Viewer,
        relation: u32,
        keys: &Keys<'_>,
        places: &[usize],
    ) {
        let rows = self.rows.entry((viewer.clone(), relation)).or_default();
        rows.extend(
            places
                .iter()
                .filter_map(|place| keys.texts.get(*place).cloned()),
        );
    }

    pub(crate) fn contains(&self, viewer: &Viewer, change: &Known) -> bool {
        let rows = self.rows.get(&(viewer.clone(), change.relation));
        let row = change.new.as_ref().map(|row| key_text(&change.table, row));
        rows.zip(row).is_some_and(|(rows, row)| rows.contains(&row))
    }
}

/// The places among `keys` of the rows that `viewer` sees now.
pub(crate) async fn ask_rows(
    connection: &mut PgConnection,
    viewer: &Viewer,
    keys: &Keys<'_>,
) -> Result<Vec<usize>, sqlx::Error> {
    if keys.columns.is_empty() {
        return Ok(Vec::new());
    }
    authorize::act_as(connection, viewer, "").await?;
    let key: Vec<_> = keys.table.key().collect();
    let parameters: Vec<_> = (0..key.len())
        .map(|nth| format!("${}::text[]", nth + 2))
        .collect();
    let names: Vec<_> = (0..key.len()).map(|nth| format!("k{nth}")).collect();
    let equal: Vec<_> = key
        .iter()
        .enumerate()
        .map(|(nth, column)| {
            format!(
                "t.{} = k.k{nth}::{}",
                quote_identifier(&column.name),
                column.cast
            )
        })
        .collect();
    let sql = AssertSqlSafe(format!(
        "select k.place from unnest($1::int8[], {}) as k (place, {})
         where exists (select from {} t where {})",
        parameters.join(", "),
        names.join(", "),
        qualified(keys.table),
        equal.join(" and ")
    ));
    let places: Vec<i64> = (0..keys.texts.len())
        .map(|place| i64::try_from(place).unwrap_or_default())
        .collect();
    let mut query = sqlx::query_scalar::<_, i64>(sql).bind(places);
    for list in &keys.columns {
        query = query.bind(list);
    }
    let seen = query.fetch_all(connection).await?;
    Ok(seen
        .into_iter()
        .filter_map(|place| usize::try_from(place).ok())
        .collect())
}

fn qualified(table: &Table) -> String {
    format!(
        "{}.{}",
        quote_identifier(&table.schema),
        quote_identifier(&table.name)
    )
}

/// A row's key as one text.
fn key_text(table: &Table, row: &Row) -> String {
    let mut text = String::new();
    for column in table.key() {
        text.push_str(row.get(&column.name).unwrap_or("null"));
        text.push('\u{1f}');
    }
    text
}

/// JSON text as PostgreSQL reads it: strings without quotes, everything else as it stands.
fn plain(json: &str) -> String {
    serde_json::from_str::<String>(json).unwrap_or_else(|_| json.to_owned())
}
