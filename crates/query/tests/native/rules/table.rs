//! The table of rules in the crate's docs is true: it has all rules, and every test that it names exists.

use std::collections::BTreeSet;

const TABLE: &str = include_str!("../../../docs/rules.md");

const TESTS: [&str; 14] = [
    include_str!("bad_input.rs"),
    include_str!("fetching.rs"),
    include_str!("infinite.rs"),
    include_str!("keys.rs"),
    include_str!("model.rs"),
    include_str!("mutations.rs"),
    include_str!("observers.rs"),
    include_str!("operations.rs"),
    include_str!("outside.rs"),
    include_str!("state.rs"),
    include_str!("time.rs"),
    include_str!("../hooks/groups.rs"),
    include_str!("../hooks/mutations.rs"),
    include_str!("../hooks/queries.rs"),
];

/// The first cells of the table's rows that are numbers.
fn rows() -> impl Iterator<Item = (usize, &'static str)> {
    TABLE.lines().filter_map(|line| {
        let number = line
            .strip_prefix('|')?
            .split('|')
            .next()?
            .trim()
            .parse()
            .ok()?;
        Some((number, line))
    })
}

fn is_test(name: &str) -> bool {
    TESTS
        .iter()
        .any(|source| source.contains(&format!("#[test]\nfn {name}()")))
}

#[test]
fn the_table_has_every_rule_once_and_in_order() {
    let numbers: Vec<usize> = rows().map(|(number, _)| number).collect();
    assert_eq!(numbers, (1..=117).collect::<Vec<_>>());
}

#[test]
fn every_row_names_a_test_or_gives_a_reason() {
    for (number, row) in rows() {
        let verdict = row.split('|').nth(3).unwrap_or_default().trim();
        assert!(
            ["covered", "different", "not applicable"].contains(&verdict),
            "rule {number}: {verdict}"
        );
        let names_test = row.split('`').skip(1).step_by(2).any(is_test);
        assert!(
            verdict != "covered" || names_test,
            "rule {number} names no test"
        );
    }
}

#[test]
fn every_named_test_exists() {
    for (number, row) in rows() {
        for name in row
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|name| name.starts_with('r') && name.as_bytes().get(4) == Some(&b'_'))
        {
            assert!(is_test(name), "rule {number}: there is no test {name}");
        }
    }
}

#[test]
fn every_test_named_after_a_rule_is_in_the_table() {
    let listed: BTreeSet<&str> = rows()
        .flat_map(|(_, row)| row.split('`').skip(1).step_by(2))
        .collect();
    for source in TESTS {
        for name in source
            .split("fn ")
            .skip(1)
            .filter_map(|rest| rest.split('(').next())
        {
            let is_rule = name.starts_with('r')
                && name
                    .get(1..4)
                    .is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
            assert!(
                !is_rule || listed.contains(name),
                "{name} is not in the table"
            );
        }
    }
}
