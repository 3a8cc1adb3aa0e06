//! What this browser keeps of a session between loads and for its other tabs: the session, or why there is none.

use super::clock::Now;
use super::session::Session;
use super::signed_out::SignedOutBecause;
use super::store;

/// Where it is kept. Another app on the same origin has another name.
pub const KEY: &str = "bedside.session";

const ENDED: &str = "ended:";

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    Session(Box<Session>),
    /// Nobody is signed in, for this reason.
    Nothing(SignedOutBecause),
}

/// Reads what is kept for a project.
pub fn read(project: &str, now: Now) -> Kept {
    store::read(KEY).map_or(Kept::Nothing(SignedOutBecause::Nobody), |text| {
        parse(&text, project, now)
    })
}

/// What a text that anybody may have written means.
fn parse(text: &str, project: &str, now: Now) -> Kept {
    if let Some(word) = text.strip_prefix(ENDED) {
        return Kept::Nothing(SignedOutBecause::from_word(word));
    }
    Session::restored(text, project, now).map_or(
        // Corrupt, foreign or older: as if it were not there. The next sign-in overwrites it.
        Kept::Nothing(SignedOutBecause::Nobody),
        |session| Kept::Session(Box::new(session)),
    )
}

/// Keeps a session, and says whether the browser lets us.
pub fn write(session: &Session, now: Now) -> store::Written {
    let written = match session.stored(now) {
        Ok(text) => store::write(KEY, &text),
        Err(_) => store::Written::Refused,
    };
    if written == store::Written::Refused {
        // An older one must not stay: its refresh token is used up.
        store::remove(KEY);
    }
    written
}

/// Keeps the reason why nobody is signed in.
pub fn end(because: SignedOutBecause) {
    if store::write(KEY, &format!("{ENDED}{}", because.word())) == store::Written::Refused {
        store::remove(KEY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::clock::Moment;

    const NOW: Now = Now {
        moment: Moment::from_millis(0),
        unix: 1_000_000,
    };

    #[test]
    fn the_reason_for_an_end_reaches_the_other_tabs() {
        for because in SignedOutBecause::ALL {
            let text = format!("{ENDED}{}", because.word());
            assert_eq!(parse(&text, "", NOW), Kept::Nothing(because));
        }
    }

    #[test]
    fn what_nobody_can_read_is_nobody_signed_in() {
        for text in ["", "{", "ended", "ended:", "ended:{}", "\u{0}", "[[[[[[[["] {
            assert_eq!(
                parse(text, "", NOW),
                Kept::Nothing(SignedOutBecause::Nobody),
                "{text}"
            );
        }
    }
}
