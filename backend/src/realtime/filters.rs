//! Filters of bindings: their text form (`column=op.value,..`), the SQL that means the same, and a short cut for the
//! comparisons whose answer does not need PostgreSQL. Comparisons follow SQL: what is compared with NULL is not a match.

use serde_json::Value;

use super::notation;

/// At most so many values in one `in`.
pub(crate) const MAX_VALUES: usize = 100;

/// One condition; a binding's conditions must all hold.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Filter {
    pub(crate) column: String,
    pub(crate) operator: Operator,
    pub(crate) value: Operand,
    pub(crate) negation: Negation,
}

/// Whether `not.` stood before the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Negation {
    Plain,
    Not,
}

/// What to compare with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Operand {
    One(String),
    Many(Vec<String>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Operator {
    Eq,
    Neq,
    Lt,
    Lte,
    Gt,
    Gte,
    In,
    Like,
    Ilike,
    Is,
    Match,
    Imatch,
    IsDistinct,
}

impl Operator {
    const ALL: [(&'static str, Self); 13] = [
        ("eq", Self::Eq),
        ("neq", Self::Neq),
        ("lt", Self::Lt),
        ("lte", Self::Lte),
        ("gt", Self::Gt),
        ("gte", Self::Gte),
        ("in", Self::In),
        ("like", Self::Like),
        ("ilike", Self::Ilike),
        ("is", Self::Is),
        ("match", Self::Match),
        ("imatch", Self::Imatch),
        ("isdistinct", Self::IsDistinct),
    ];

    fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, operator)| *operator)
    }

    pub(crate) fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, operator)| *operator == self)
            .map_or("", |(name, _)| name)
    }

    /// Whether it compares patterns, which only text has.
    pub(crate) fn needs_text(self) -> bool {
        matches!(self, Self::Like | Self::Ilike | Self::Match | Self::Imatch)
    }

    fn sql(self) -> &'static str {
        match self {
            Self::Eq => "=",
            Self::Neq => "<>",
            Self::Lt => "<",
            Self::Lte => "<=",
            Self::Gt => ">",
            Self::Gte => ">=",
            Self::In => "= any",
            Self::Like => "like",
            Self::Ilike => "ilike",
            Self::Is => "is",
            Self::Match => "~",
            Self::Imatch => "~*",
            Self::IsDistinct => "is distinct from",
        }
    }
}

/// Why a filter's text was not understood; the texts are the real server's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FilterError {
    #[error("Error parsing `filter` params: {}", notation::strings(.0.iter().map(String::as_str)))]
    Unknown(Vec<String>),
    #[error("Error parsing `filter` params: `in` filter value must be wrapped by parentheses")]
    NoParentheses,
}

impl Filter {
    /// The tuple that error texts show: column, operator, value, negated.
    pub(crate) fn tuple(&self) -> Vec<String> {
        let value = match &self.value {
            Operand::One(value) => value.clone(),
            Operand::Many(values) => format!("{{{}}}", values.join(",")),
        };
        vec![
            notation::string(&self.column),
            notation::string(self.operator.name()),
            notation::string(&value),
            (self.negation == Negation::Not).to_string(),
        ]
    }

    /// The condition on the row `t`, with the value as the text parameter `$nth`. NULL counts as false.
    pub(crate) fn sql(&self, cast: &str, nth: usize) -> String {
        let column = format!("t.{}", quote_identifier(&self.column));
        let operator = self.operator.sql();
        let condition = match (&self.value, self.operator) {
            (Operand::Many(_), _) => format!("{column} = any(${nth}::text[]::{cast}[])"),
            // A keyword, one of four, checked when the binding was accepted.
            (Operand::One(value), Operator::Is) => {
                let keyword = IS_KEYWORDS
                    .iter()
                    .find(|known| value.eq_ignore_ascii_case(known));
                let keyword = keyword.copied().unwrap_or("null");
                match keyword {
                    "null" => format!("{column} is null"),
                    other => format!("{column}::boolean is {other}"),
                }
            }
            (
                Operand::One(_),
                Operator::Like | Operator::Ilike | Operator::Match | Operator::Imatch,
            ) => {
                format!("{column}::text {operator} ${nth}")
            }
            (Operand::One(_), _) => format!("{column} {operator} ${nth}::text::{cast}"),
        };
        match self.negation {
            Negation::Plain => format!("coalesce(({condition}), false)"),
            Negation::Not => format!("coalesce(not ({condition}), false)"),
        }
    }

    /// The answer without PostgreSQL, where it is certain: equality of texts and uuids, NULL tests. `value` is the
    /// column's JSON; a row that does not have the column, as the old row of most deletes, matches no filter at all.
    pub(crate) fn decide(&self, type_name: &str, value: Option<&Value>) -> Option<bool> {
        let Some(value) = value else {
            return Some(false);
        };
        let null = value.is_null();
        let same = |wanted: &String| -> Option<bool> {
            let found = value.as_str()?;
            match type_name {
                "text" | "varchar" => Some(found == wanted),
                "uuid" => Some(found.eq_ignore_ascii_case(wanted)).filter(|_| wanted.len() == 36),
                _ => None,
            }
        };
        let holds = match (&self.value, self.operator) {
            (Operand::One(keyword), Operator::Is) if keyword.eq_ignore_ascii_case("null") => {
                Some(null)
            }
            (_, Operator::Is) => None,
            (Operand::One(_), Operator::IsDistinct) if null => Some(true),
            _ if null => return Some(false),
            (Operand::One(wanted), Operator::Eq) => same(wanted),
            (Operand::One(wanted), Operator::Neq | Operator::IsDistinct) => {
                same(wanted).map(|same| !same)
            }
            (Operand::Many(wanted), _) => wanted
                .iter()
                .map(same)
                .try_fold(false, |any, one| one.map(|one| any || one)),
            _ => None,
        }?;
        Some(holds == (self.negation == Negation::Plain))
    }
}

/// What may follow `is.`.
pub(crate) const IS_KEYWORDS: [&str; 4] = ["null", "true", "false", "unknown"];

/// Reads `column=op.value`, several separated by commas outside of quotes and parentheses. Empty text is no filter.
pub(crate) fn parse(text: &str) -> Result<Vec<Filter>, FilterError> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    split(text, ',').into_iter().map(parse_one).collect()
}

fn parse_one(text: &str) -> Result<Filter, FilterError> {
    let unknown =
        |parts: &[&str]| FilterError::Unknown(parts.iter().map(|p| (*p).to_owned()).collect());
    let (column, rest) = text.split_once('=').ok_or_else(|| unknown(&[text]))?;
    let (negation, rest) = match rest.strip_prefix("not.") {
        Some(rest) => (Negation::Not, rest),
        None => (Negation::Plain, rest),
    };
    let (name, value) = rest.split_once('.').ok_or_else(|| unknown(&[rest]))?;
    let operator = Operator::parse(name).ok_or_else(|| unknown(&[name, value]))?;
    let value = match operator {
        Operator::In => {
            let inner = value.strip_prefix('(').and_then(|v| v.strip_suffix(')'));
            let inner = inner.ok_or(FilterError::NoParentheses)?;
            Operand::Many(split(inner, ',').into_iter().map(unquote).collect())
        }
        _ => Operand::One(unquote(value)),
    };
    Ok(Filter {
        column: column.to_owned(),
        operator,
        value,
        negation,
    })
}

/// Splits where `separator` stands outside of double quotes and parentheses.
fn split(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut depth, mut quoted, mut escaped) = (0, 0_usize, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth = depth.saturating_sub(1),
            c if c == separator && !quoted && depth == 0 => {
                parts.extend(text.get(start..at));
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.extend(text.get(start..));
    parts
}

/// Without its double quotes and their escapes, if it has them on both sides.
fn unquote(text: &str) -> String {
    let Some(inner) = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) else {
        return text.to_owned();
    };
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        out.push(if c == '\\' {
            chars.next().unwrap_or('\\')
        } else {
            c
        });
    }
    out
}

/// An identifier for SQL, whatever it contains.
pub(crate) fn quote_identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
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
    use serde_json::json;

    fn one(text: &str) -> Filter {
        parse(text).unwrap().remove(0)
    }

    #[test]
    fn commas_mean_and_except_in_quotes_and_lists() {
        assert_eq!(parse("qty=gt.2,qty=lt.8").unwrap().len(), 2);
        assert_eq!(
            one(r#"body=eq."a,b""#).value,
            Operand::One("a,b".to_owned())
        );
        assert_eq!(
            one(r#"body=in.(red,"a,b","q\"q")"#).value,
            Operand::Many(vec!["red".to_owned(), "a,b".to_owned(), "q\"q".to_owned()])
        );
        assert_eq!(parse("").unwrap(), []);
    }

    #[test]
    fn a_value_keeps_its_dots_and_percents() {
        assert_eq!(
            one("body=like.r%25.x").value,
            Operand::One("r%25.x".to_owned())
        );
        assert_eq!(one("body=not.is.null").negation, Negation::Not);
    }

    #[test]
    fn the_errors_are_the_real_servers() {
        let message = |text| parse(text).unwrap_err().to_string();
        assert_eq!(
            message("body=foo.1"),
            r#"Error parsing `filter` params: ["foo", "1"]"#
        );
        assert_eq!(
            message("undefined"),
            r#"Error parsing `filter` params: ["undefined"]"#
        );
        assert_eq!(
            message("qty=in.1,2"),
            "Error parsing `filter` params: `in` filter value must be wrapped by parentheses"
        );
    }

    #[test]
    fn sql_quotes_the_column_and_passes_the_value_as_a_parameter() {
        assert_eq!(
            one(r#"a"b=eq.x'; drop"#).sql("uuid", 3),
            r#"coalesce((t."a""b" = $3::text::uuid), false)"#
        );
        assert_eq!(
            one("q=in.(1)").sql("integer", 3),
            r#"coalesce((t."q" = any($3::text[]::integer[])), false)"#
        );
        assert_eq!(
            one("q=not.is.null").sql("integer", 3),
            r#"coalesce(not (t."q" is null), false)"#
        );
    }

    #[test]
    fn what_is_decided_here_follows_sql() {
        let red = json!("red");
        let decide = |text: &str, value| one(text).decide("text", value);
        assert_eq!(decide("b=eq.red", Some(&red)), Some(true));
        assert_eq!(decide("b=neq.red", Some(&red)), Some(false));
        assert_eq!(decide("b=in.(blue,red)", Some(&red)), Some(true));
        for never_null in [
            "b=eq.red",
            "b=neq.red",
            "b=not.eq.red",
            "b=gt.a",
            "b=not.in.(x)",
            "b=like.%",
        ] {
            assert_eq!(
                decide(never_null, Some(&Value::Null)),
                Some(false),
                "{never_null}"
            );
            assert_eq!(decide(never_null, None), Some(false), "{never_null}");
        }
        assert_eq!(decide("b=is.null", Some(&Value::Null)), Some(true));
        assert_eq!(decide("b=is.null", None), Some(false));
        assert_eq!(decide("b=isdistinct.red", Some(&Value::Null)), Some(true));
        assert_eq!(decide("b=gt.a", Some(&red)), None);
        assert_eq!(one("n=eq.5").decide("int4", Some(&json!(5))), None);
    }
}
