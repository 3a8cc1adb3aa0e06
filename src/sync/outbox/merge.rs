//! Three-way merge of a save with a row that moved meanwhile. A column that holds an object (the answers of a form) is merged
//! key by key. Pure; it never knows which table it is about.

use serde_json::Value;

use super::change::Columns;

/// The same field changed on both sides, to different values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The column, or `column.key` inside an object.
    pub field: String,
    /// What both began with; null for a key that was not there.
    pub base: Value,
    pub mine: Value,
    pub theirs: Value,
}

/// Whose value a person chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Side {
    Mine,
    Theirs,
    /// A value that is neither, made of both.
    Merged(Value),
}

/// A save, carried over to the row as it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// What is still to be sent; in a conflict the person's own value stands here.
    pub columns: Columns,
    /// What these columns hold now.
    pub base: Columns,
    /// Where a person has to choose first.
    pub conflicts: Vec<Conflict>,
}

/// Carries a save over from the row it was made for to the row as it is now.
///
/// ```
/// use bedside::sync::outbox::merge::merge;
/// use serde_json::{Value, json};
///
/// let columns = |json: Value| json.as_object().cloned().unwrap_or_default();
/// let base = columns(json!({"ward": "Surgery"}));
/// let mine = columns(json!({"ward": "Oncology"}));
/// let merged = merge(&base, &mine, &columns(json!({"ward": "Surgery", "notes": "new"})));
/// assert!(merged.conflicts.is_empty());
/// assert_eq!(merged.columns, mine);
/// let merged = merge(&base, &mine, &columns(json!({"ward": "Maternity"})));
/// assert_eq!(merged.conflicts.len(), 1);
/// ```
pub fn merge(base: &Columns, mine: &Columns, theirs: &Columns) -> Merged {
    let mut merged = Merged::default();
    for (column, own) in mine {
        let before = base.get(column).unwrap_or(&Value::Null);
        // A reply without the column says nothing about it.
        let now = theirs.get(column).unwrap_or(before);
        if now == own {
            continue;
        }
        let value = match (before, own, now) {
            (_, _, now) if now == before => own.clone(),
            (Value::Object(before), Value::Object(own), Value::Object(now)) => {
                Value::Object(keys(column, before, own, now, &mut merged.conflicts))
            }
            _ => {
                merged.conflicts.push(Conflict {
                    field: column.clone(),
                    base: before.clone(),
                    mine: own.clone(),
                    theirs: now.clone(),
                });
                own.clone()
            }
        };
        if value != *now {
            merged.columns.insert(column.clone(), value);
            merged.base.insert(column.clone(), now.clone());
        }
    }
    merged
}

/// Theirs, with what I changed put in.
fn keys(
    column: &str,
    before: &Columns,
    own: &Columns,
    now: &Columns,
    conflicts: &mut Vec<Conflict>,
) -> Columns {
    let mut result = now.clone();
    for key in own
        .keys()
        .chain(before.keys().filter(|key| !own.contains_key(*key)))
    {
        let (was, mine, theirs) = (before.get(key), own.get(key), now.get(key));
        if mine == was || mine == theirs {
            continue;
        }
        if theirs != was {
            let or_null = |value: Option<&Value>| value.cloned().unwrap_or(Value::Null);
            conflicts.push(Conflict {
                field: format!("{column}.{key}"),
                base: or_null(was),
                mine: or_null(mine),
                theirs: or_null(theirs),
            });
        }
        match mine {
            Some(value) => result.insert(key.clone(), value.clone()),
            None => result.remove(key),
        };
    }
    result
}

/// Puts a value in the place of mine, as the person chose.
pub fn choose(columns: &mut Columns, conflict: &Conflict, side: &Side) {
    let chosen = match side {
        Side::Mine => return,
        Side::Theirs => &conflict.theirs,
        Side::Merged(value) => value,
    };
    if let Some(own) = columns.get_mut(&conflict.field) {
        own.clone_from(chosen);
        return;
    }
    // A key inside an object: columns have no dot in their names.
    let Some((column, key)) = conflict.field.split_once('.') else {
        return;
    };
    if let Some(Value::Object(own)) = columns.get_mut(column) {
        if chosen.is_null() {
            own.remove(key);
        } else {
            own.insert(key.to_owned(), chosen.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )]
    use serde_json::json;

    use super::*;

    fn columns(json: Value) -> Columns {
        json.as_object().cloned().unwrap()
    }

    fn merged(base: Value, mine: Value, theirs: Value) -> Merged {
        merge(&columns(base), &columns(mine), &columns(theirs))
    }

    #[test]
    fn a_column_that_they_left_alone_is_mine() {
        let merged = merged(
            json!({"ward": "A"}),
            json!({"ward": "B"}),
            json!({"ward": "A", "notes": "theirs"}),
        );
        assert_eq!(Value::Object(merged.columns), json!({"ward": "B"}));
        assert_eq!(Value::Object(merged.base), json!({"ward": "A"}));
        assert!(merged.conflicts.is_empty());
    }

    #[test]
    fn what_is_there_already_need_not_be_sent() {
        let merged = merged(
            json!({"ward": "A"}),
            json!({"ward": "B"}),
            json!({"ward": "B"}),
        );
        assert_eq!(merged, Merged::default());
    }

    #[test]
    fn one_column_changed_on_both_sides_keeps_all_three_values() {
        let merged = merged(
            json!({"ward": "A", "notes": ""}),
            json!({"ward": "B", "notes": "mine"}),
            json!({"ward": "C", "notes": ""}),
        );
        let conflict = Conflict {
            field: "ward".to_owned(),
            base: json!("A"),
            mine: json!("B"),
            theirs: json!("C"),
        };
        assert_eq!(merged.conflicts, [conflict]);
        assert_eq!(
            Value::Object(merged.columns),
            json!({"ward": "B", "notes": "mine"})
        );
    }

    #[test]
    fn answers_are_merged_one_by_one() {
        let merged = merged(
            json!({"answers": {"pulse": 60, "pain": 1, "old": true}}),
            json!({"answers": {"pulse": 72, "pain": 1}}),
            json!({"answers": {"pulse": 60, "pain": 4, "old": true, "new": "x"}}),
        );
        assert!(merged.conflicts.is_empty());
        assert_eq!(
            Value::Object(merged.columns),
            json!({"answers": {"pulse": 72, "pain": 4, "new": "x"}})
        );
    }

    #[test]
    fn one_answer_changed_on_both_sides_is_named() {
        let merged = merged(
            json!({"answers": {"pulse": 60}}),
            json!({"answers": {"pulse": 72, "pain": 2}}),
            json!({"answers": {"pulse": 80}}),
        );
        assert_eq!(merged.conflicts.len(), 1);
        assert_eq!(merged.conflicts[0].field, "answers.pulse");
        let mut columns = merged.columns;
        choose(&mut columns, &merged.conflicts[0], &Side::Theirs);
        assert_eq!(
            Value::Object(columns),
            json!({"answers": {"pulse": 80, "pain": 2}})
        );
    }
}
