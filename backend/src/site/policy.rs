//! The Content-Security-Policy: only this origin, and of inline code only what the built page itself contains.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// Hashes of the inline scripts and styles of the page, as the policy names them.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Inline {
    scripts: Vec<String>,
    styles: Vec<String>,
}

impl Inline {
    /// The inline parts of a page. What it misses is refused by the browser, so it errs on the strict side.
    pub(super) fn of(html: &str) -> Self {
        Self {
            scripts: hashes(html, "script"),
            styles: hashes(html, "style"),
        }
    }
}

/// The policy for a page loaded from `host`. The socket is named beside 'self' for browsers that read 'self' as http.
pub(super) fn text(host: &str, inline: &Inline) -> String {
    let mut text = String::from("default-src 'self'; script-src 'self' 'wasm-unsafe-eval'");
    append(&mut text, &inline.scripts);
    text.push_str("; style-src 'self'");
    append(&mut text, &inline.styles);
    // Writing to a String can't fail.
    let _ = write!(text, "; connect-src 'self' ws://{host} wss://{host}");
    text.push_str("; img-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'");
    text
}

fn append(text: &mut String, hashes: &[String]) {
    for hash in hashes {
        text.push(' ');
        text.push_str(hash);
    }
}

/// The hashes of what stands between `<tag ..>` and `</tag>`, where anything does.
fn hashes(html: &str, tag: &str) -> Vec<String> {
    let (open, close) = (format!("<{tag}"), format!("</{tag}"));
    let mut found = Vec::new();
    let mut rest = html;
    while let Some((_, after)) = rest.split_once(&open) {
        let Some((attributes, after)) = after.split_once('>') else {
            break;
        };
        let Some((content, after)) = after.split_once(&close) else {
            break;
        };
        rest = after;
        // `<scripted>` is another element, and an element with a source has no inline content.
        let is_tag = attributes.is_empty() || attributes.starts_with(char::is_whitespace);
        if is_tag && !content.is_empty() {
            found.push(format!(
                "'sha256-{}'",
                STANDARD.encode(Sha256::digest(content))
            ));
        }
    }
    found
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
    fn an_inline_script_is_allowed_by_its_hash_and_nothing_else_inline_is() {
        let inline = Inline::of(
            "<script src=x></script><script type=\"module\">alert(1)</script><scripts>a</scripts>",
        );
        let policy = text("h:1", &inline);
        // printf 'alert(1)' | openssl dgst -sha256 -binary | base64
        assert!(policy.contains("script-src 'self' 'wasm-unsafe-eval' 'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI=';"), "{policy}");
        assert!(!policy.contains("unsafe-inline"));
    }

    #[test]
    fn a_page_without_inline_code_adds_nothing() {
        assert_eq!(Inline::of("<script src=x></script><p>"), Inline::default());
    }

    #[test]
    fn the_socket_of_the_same_host_may_be_opened() {
        assert!(
            text("127.0.0.1:8787", &Inline::default())
                .contains("connect-src 'self' ws://127.0.0.1:8787 wss://127.0.0.1:8787;")
        );
    }
}
