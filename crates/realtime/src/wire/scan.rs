//! A walk through JSON text that looks only at what it is asked for: no tree, no allocation, one pass.
//!
//! It exists for row changes, which come by the thousand and whose rows are mostly not read: a parser that checks every
//! byte of them took three times as long. Through sound JSON it finds the right way; through anything else it finds
//! some way or none, and never panics. What it hands out as a value is checked by whoever reads it.

use std::borrow::Cow;

/// A place in a text.
#[derive(Clone, Debug)]
pub(super) struct Scan<'a> {
    text: &'a str,
    at: usize,
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

#[inline(always)]
/// Where the next of two bytes is; eight bytes a step.
fn either(bytes: &[u8], one: u8, other: u8) -> Option<usize> {
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let (ones, others) = (ONES * u64::from(one), ONES * u64::from(other));
    let (mut passed, mut rest) = (0, bytes);
    while let Some((chunk, more)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        let hits = zero(word ^ ones) | zero(word ^ others);
        if hits != 0 {
            // Only bytes above the first hit may be wrong.
            return Some(passed + hits.trailing_zeros() as usize / 8);
        }
        (passed, rest) = (passed + 8, more);
    }
    let left = rest
        .iter()
        .position(|byte| *byte == one || *byte == other)?;
    Some(passed + left)
}

impl<'a> Scan<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    #[inline(always)]
    /// How far it came, in bytes.
    pub fn at(&self) -> usize {
        self.at
    }

    #[inline(always)]
    /// What it has not come to.
    pub fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    #[inline(always)]
    /// Passes these very bytes.
    pub fn exactly(&mut self, bytes: &str) -> Option<()> {
        self.rest()
            .starts_with(bytes)
            .then(|| self.at += bytes.len())
    }

    #[inline(always)]
    /// The rest of a string whose first quote was passed, if it is written as it is said.
    pub fn plain(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        let end = either(rest.as_bytes(), b'"', b'\\')?;
        self.at += end + 1;
        rest.get(..end)
            .filter(|_| rest.as_bytes().get(end) == Some(&b'"'))
    }

    #[inline(always)]
    /// The next byte that is no space.
    fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.text.as_bytes().get(self.at)?;
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    #[inline(always)]
    /// Passes one byte of structure.
    pub fn pass(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Nothing but spaces is left.
    pub fn is_done(&mut self) -> bool {
        self.peek().is_none()
    }

    /// The next key of the object that was stepped into, its value being next; `Some(None)` at the object's end.
    pub fn key(&mut self) -> Option<Option<Cow<'a, str>>> {
        if self.peek()? == b',' {
            self.at += 1;
        }
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(None);
        }
        let key = self.string()?;
        self.pass(b':')?;
        Some(Some(key))
    }

    #[inline(always)]
    /// A string, read.
    pub fn string(&mut self) -> Option<Cow<'a, str>> {
        if self.peek()? != b'"' {
            return None;
        }
        let start = self.at;
        self.at += 1;
        if let Some(plain) = self.plain() {
            return Some(Cow::Borrowed(plain));
        }
        self.at = start;
        unquoted(self.value()?)
    }

    /// Any value, as it is written.
    pub fn value(&mut self) -> Option<&'a str> {
        let first = self.peek()?;
        let start = self.at;
        match first {
            b'"' => self.pass_string()?,
            b'{' | b'[' => self.pass_nested()?,
            _ => self.pass_scalar(),
        }
        self.text
            .get(start..self.at)
            .filter(|text| !text.is_empty())
    }

    /// An array, which mostly ends at its first closing bracket, known by what follows. In a string, the quotes of
    /// what follows would be escaped.
    pub fn array_before(&mut self, follows: &str) -> Option<&'a str> {
        self.peek()?;
        let rest = self.rest();
        let end = either(rest.as_bytes(), b']', b']')? + 1;
        if rest.starts_with('[')
            && rest
                .get(end..)
                .is_some_and(|rest| rest.starts_with(follows))
        {
            self.at += end;
            return rest.get(..end);
        }
        self.value()
    }

    #[inline(always)]
    /// Any value but null.
    pub fn present(&mut self) -> Option<Option<&'a str>> {
        self.value()
            .map(|value| Some(value).filter(|value| *value != "null"))
    }

    #[inline(always)]
    fn pass_string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            let rest = self.text.as_bytes().get(self.at..)?;
            let stop = either(rest, b'"', b'\\')?;
            if rest.get(stop) == Some(&b'"') {
                self.at += stop + 1;
                return Some(());
            }
            self.at += stop + 2;
        }
    }

    fn pass_nested(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match *self.text.as_bytes().get(self.at)? {
                b'"' => {
                    self.pass_string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Some(());
            }
        }
    }

    #[inline(always)]
    fn pass_scalar(&mut self) {
        let of_scalar = |byte: &u8| matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'+' | b'-' | b'.');
        while self.text.as_bytes().get(self.at).is_some_and(of_scalar) {
            self.at += 1;
        }
    }
}

/// What a JSON string says; borrowed, when it holds no escapes.
pub(super) fn unquoted(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if either(inner.as_bytes(), b'\\', b'\\').is_some() {
        return serde_json::from_str(json).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_string_ends_at_its_own_quote_wherever_that_falls_in_a_step() {
        for before in 0..20 {
            let long = "x".repeat(before);
            for (inside, said) in [("", ""), ("\\\"", "\""), ("\\\\", "\\"), ("é", "é")] {
                let json = format!("\"{long}{inside}{long}\", 1");
                let mut scan = Scan::new(&json);
                assert_eq!(
                    scan.string().unwrap(),
                    format!("{long}{said}{long}"),
                    "{json}"
                );
                assert_eq!(scan.pass(b','), Some(()));
                assert_eq!(scan.value(), Some("1"));
                assert!(scan.is_done());
            }
        }
    }

    #[test]
    fn brackets_in_strings_are_not_structure() {
        let mut scan = Scan::new(r#"{"a": "]}\"", "b": [{"c": "}"}]} ,"#);
        assert_eq!(
            scan.clone().value(),
            Some(r#"{"a": "]}\"", "b": [{"c": "}"}]}"#)
        );
        scan.pass(b'{').unwrap();
        assert_eq!(scan.key().unwrap().as_deref(), Some("a"));
        scan.value().unwrap();
        assert_eq!(scan.key().unwrap().as_deref(), Some("b"));
        assert_eq!(scan.value(), Some(r#"[{"c": "}"}]"#));
        assert_eq!(scan.key(), Some(None));
    }

    #[test]
    fn an_array_ends_at_its_own_bracket_even_when_another_comes_first() {
        for array in ["[]", r#"[{"a": "b"}]"#, r#"["],\"b\":"]"#, "[[1],[2]]"] {
            let json = format!(r#" {array},"b":1"#);
            assert_eq!(
                Scan::new(&json).array_before(",\"b\":"),
                Some(array),
                "{json}"
            );
        }
    }

    #[test]
    fn what_is_cut_off_is_no_value() {
        for cut in [
            "", "\"", "\"a", "\"a\\", "{", "{\"a\":", "[1,2", "[\"]", ",", ":",
        ] {
            assert_eq!(Scan::new(cut).value(), None, "{cut}");
            assert_eq!(Scan::new(cut).array_before(","), None, "{cut}");
        }
    }
}
