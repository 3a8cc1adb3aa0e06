//! Values as the real server's error texts write them: it prints Elixir terms, broken into lines at 80 columns.
//! Pure, and for people's eyes only.

use serde_json::Value;

const WIDTH: usize = 80;

/// A JSON value as an Elixir term: `%{"a" => nil}`.
pub(crate) fn term(value: &Value) -> String {
    match value {
        Value::Null => "nil".to_owned(),
        Value::String(text) => string(text),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(term).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(map) => {
            let mut pairs: Vec<_> = map.iter().collect();
            pairs.sort_by(|a, b| a.0.cmp(b.0));
            let pairs: Vec<_> = pairs
                .into_iter()
                .map(|(key, value)| format!("{} => {}", string(key), term(value)))
                .collect();
            format!("%{{{}}}", pairs.join(", "))
        }
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// Text in double quotes, with the escapes that both notations share.
pub(crate) fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Text as a JSON string.
pub(crate) fn string_json(text: &str) -> String {
    Value::from(text).to_string()
}

/// A list of strings: `["a", "b"]`.
pub(crate) fn strings<'a>(items: impl IntoIterator<Item = &'a str>) -> String {
    let items: Vec<_> = items.into_iter().map(string).collect();
    format!("[{}]", items.join(", "))
}

/// A list of tuples, each given as its printed elements.
pub(crate) fn tuples(tuples: &[Vec<String>]) -> String {
    let lines: Vec<_> = tuples
        .iter()
        .map(|elements| format!("{{{}}}", elements.join(", ")))
        .collect();
    let one_line = format!("[{}]", lines.join(", "));
    if one_line.chars().count() <= WIDTH {
        return one_line;
    }
    let broken: Vec<_> = tuples
        .iter()
        .map(|elements| format!("  {}", filled(elements)))
        .collect();
    format!("[\n{}\n]", broken.join(",\n"))
}

/// As many elements on a line as fit, the rest below, indented under the first.
fn filled(elements: &[String]) -> String {
    let mut out = String::from("{");
    let mut column = 3;
    for (nth, element) in elements.iter().enumerate() {
        let width = element.chars().count() + 1;
        if nth > 0 {
            out.push(',');
            if column + 1 + width > WIDTH {
                out.push_str("\n   ");
                column = 3;
            } else {
                out.push(' ');
                column += 1;
            }
        }
        out.push_str(element);
        column += width;
    }
    out.push('}');
    out
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

    #[test]
    fn maps_are_sorted_and_null_is_nil() {
        let value = json!({"schema": "public", "event": "*", "table": null});
        assert_eq!(
            term(&value),
            r#"%{"event" => "*", "schema" => "public", "table" => nil}"#
        );
    }

    #[test]
    fn a_tuple_too_long_for_a_line_is_broken_below_its_first_element() {
        let tuple = |value: &str| {
            vec![
                string("qty"),
                string("in"),
                string(value),
                "false".to_owned(),
            ]
        };
        assert_eq!(tuples(&[tuple("{1}")]), r#"[{"qty", "in", "{1}", false}]"#);
        let long = "9".repeat(100);
        assert_eq!(
            tuples(&[tuple(&long)]),
            format!("[\n  {{\"qty\", \"in\",\n   \"{long}\",\n   false}}\n]")
        );
    }
}
