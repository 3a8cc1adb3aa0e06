//! Regular expressions of clients, refused when they could keep PostgreSQL busy for minutes.
//!
//! The embedded PostgreSQL has one connection and no timer that could interrupt it, so a pattern is judged before it
//! gets there. PostgreSQL matches by an automaton, in time that grows with the text and the pattern's states, unless the
//! pattern has back-references or look-around, for which it tries every way. So those are refused, and the number of
//! states is bounded: by the pattern's length and by what its counted repetitions multiply it to.
//!
//! This module reads patterns as PostgreSQL's "advanced" flavour; where that depends on options within the pattern it
//! refuses the options.

use axum::Json;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use postrust_core::api_request::{Filter, LogicTree, Operation, QuantOperator, parse_query_params};
use serde_json::json;

/// Bytes of one pattern.
const MAX_LENGTH: usize = 256;
/// What all bounds of counted repetitions, such as the 9 of `{2,9}`, multiply to.
const MAX_REPEATS: u64 = 256;
/// Patterns of one request.
const MAX_PATTERNS: usize = 16;

/// Why a pattern is refused. The texts follow "invalid regular expression: ".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("more than {MAX_LENGTH} bytes are not supported")]
    TooLong,
    #[error("back-references are not supported")]
    BackReference,
    #[error("look-around and embedded options are not supported")]
    Extension,
    #[error("repetitions multiply to more than {MAX_REPEATS}")]
    TooManyRepeats,
    #[error("more than {MAX_PATTERNS} in one request are not supported")]
    TooMany,
}

/// SQLSTATE of an invalid regular expression, as PostgreSQL says it for one that is too complex.
pub(crate) const CODE: &str = "2201B";

/// What an error says.
pub(crate) fn message(refused: Refused) -> String {
    format!("invalid regular expression: {refused}")
}

/// Judges one pattern. Whether it is well formed is PostgreSQL's to say.
pub(crate) fn check(pattern: &str) -> Result<(), Refused> {
    if pattern.len() > MAX_LENGTH {
        return Err(Refused::TooLong);
    }
    // "***:" and "***=" change the flavour.
    if pattern.starts_with("***") {
        return Err(Refused::Extension);
    }
    let mut repeats: u64 = 1;
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => {
                if let Some('1'..='9') = rest.next() {
                    return Err(Refused::BackReference);
                }
            }
            '(' if rest.as_str().starts_with('?') && !rest.as_str().starts_with("?:") => {
                return Err(Refused::Extension);
            }
            '{' => {
                repeats = repeats.saturating_mul(largest_bound(rest.as_str()));
                if repeats > MAX_REPEATS {
                    return Err(Refused::TooManyRepeats);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The larger number of a bound, such as `2,9}`; 1 for what is none.
fn largest_bound(text: &str) -> u64 {
    let Some((bound, _)) = text.split_once('}') else {
        return 1;
    };
    bound
        .split(',')
        .filter_map(|number| number.trim().parse().ok())
        .max()
        .unwrap_or(1)
        .max(1)
}

/// Answers requests whose filters hold a pattern that is refused; all others go on.
pub(crate) async fn guard(request: Request, next: Next) -> Response {
    match check_query(request.uri().query().unwrap_or_default()) {
        Ok(()) => next.run(request).await,
        Err(refused) => {
            let body = json!({
                "code": CODE,
                "details": null,
                "hint": "The embedded backend can't interrupt a slow pattern, so it only accepts plain ones.",
                "message": message(refused),
            });
            (StatusCode::BAD_REQUEST, Json(body)).into_response()
        }
    }
}

/// Judges the patterns of a query, found by the parser that the engine itself uses.
fn check_query(query: &str) -> Result<(), Refused> {
    // Read as a function's query, which skips what is no filter. What can't be parsed gets no further than the engine.
    let Ok(params) = parse_query_params(query, true) else {
        return Ok(());
    };
    let mut filters: Vec<&Filter> = params.filters_root.iter().collect();
    filters.extend(params.filters.iter().map(|(_, filter)| filter));
    let mut trees: Vec<&LogicTree> = params.logic.iter().map(|(_, tree)| tree).collect();
    while let Some(tree) = trees.pop() {
        match tree {
            LogicTree::Expr { children, .. } => trees.extend(children),
            LogicTree::Stmt(filter) => filters.push(filter),
        }
    }
    let mut patterns = 0;
    for filter in filters {
        let Operation::Quant {
            op: QuantOperator::Match | QuantOperator::IMatch,
            quantifier,
            value,
        } = &filter.op_expr.operation
        else {
            continue;
        };
        patterns += 1;
        if patterns > MAX_PATTERNS {
            return Err(Refused::TooMany);
        }
        match quantifier {
            None => check(value)?,
            // An array's text, in which a backslash makes the next character plain: judged as one pattern.
            Some(_) => check(&without_escapes(value))?,
        }
    }
    Ok(())
}

fn without_escapes(array: &str) -> String {
    let mut text = String::with_capacity(array.len());
    let mut rest = array.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => text.extend(rest.next()),
            c => text.push(c),
        }
    }
    text
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

    #[test]
    fn plain_patterns_pass() {
        for pattern in [
            "",
            "^MRN-[0-9]{3,8}$",
            r"\msmith\M",
            r"a\\1",
            r"\0",
            "(?:ab|cd)+",
            "((a+)+)+$",
            "{",
            "a{2}{3}",
        ] {
            assert_eq!(check(pattern), Ok(()), "{pattern}");
        }
    }

    #[test]
    fn patterns_that_cost_more_than_their_states_are_refused() {
        let long = "a".repeat(MAX_LENGTH + 1);
        for (pattern, refused) in [
            (r"(a*)*b\1", Refused::BackReference),
            (r"\\\1", Refused::BackReference),
            (r"[\1]", Refused::BackReference),
            ("(?=a)", Refused::Extension),
            ("(?<!a)b", Refused::Extension),
            ("(?b)a", Refused::Extension),
            ("***:a", Refused::Extension),
            ("(a{1,99}){1,99}", Refused::TooManyRepeats),
            ("a{9}b{9}c{9}", Refused::TooManyRepeats),
            (&long, Refused::TooLong),
        ] {
            assert_eq!(check(pattern), Err(refused), "{pattern}");
        }
    }

    #[test]
    fn a_pattern_is_found_wherever_a_filter_may_be() {
        for query in [
            r"title=match.(a)\1",
            r"title=not.imatch.(a)\1",
            r"title=%6Datch.(a)%5C1",
            r#"title=match(any).{x,"(a)\\1"}"#,
            r#"title=match(all).{"(a)\\\1"}"#,
            r"or=(title.eq.x,title.match.(a)\1)",
            r"and=(id.gt.1,not.or(id.gt.2,title.imatch.(a)\1))",
            r"select=*,notes(*)&notes.title=match.(a)\1",
            r"notes.or=(title.match.(a)\1,id.eq.1)",
            r"some_argument=1&title=match.(a)\1",
        ] {
            assert_eq!(check_query(query), Err(Refused::BackReference), "{query}");
        }
        for query in [
            "",
            r"title=eq.match.(a)\1",
            r"title=like.(a)\1",
            "title=match.^a",
            "select=id&order=id.desc",
            r#"title=match(any).{a,"b\\.c"}"#,
        ] {
            assert_eq!(check_query(query), Ok(()), "{query}");
        }
        let many = vec!["title=match.a"; MAX_PATTERNS + 1].join("&");
        assert_eq!(check_query(&many), Err(Refused::TooMany));
    }
}
