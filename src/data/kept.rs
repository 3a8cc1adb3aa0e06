//! What this browser keeps of a session between loads and for its other tabs: the session, or why there is none.

use serde::{Deserialize, Serialize};

use super::clock::Now;
use super::session::{Session, User};
use super::signed_out::SignedOutBecause;
use super::store;

/// Where it is kept. Another app on the same origin has another name.
pub const KEY: &str = "bedside.session";

const ENDED: &str = "ended:";
/// Prefix of the record of a locked screen, which holds the user and no tokens.
const LOCKED: &str = "locked:";
/// Written when a session didn't fit: open tabs stay signed in. Short enough for full storage.
const UNKEPT: &str = "unkept";

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    Session(Box<Session>),
    /// A user is signed in and their screens are locked: no tokens are stored until the password is entered.
    Locked(User),
    /// Nobody is signed in, for this reason.
    Nothing(SignedOutBecause),
    /// There may be a session; it can't be read. By itself that ends nothing: the storage may fail for a moment, or a newer version of
    /// the app may have written it.
    Unreadable,
}

/// Reads what is kept for a project.
pub fn read(project: &str, now: Now) -> Kept {
    match store::read(KEY) {
        Ok(Some(text)) => parse(&text, project, now),
        Ok(None) => Kept::Nothing(SignedOutBecause::Nobody),
        Err(store::Unreadable) => Kept::Unreadable,
    }
}

/// What a text that anybody may have written means.
fn parse(text: &str, project: &str, now: Now) -> Kept {
    if let Some(word) = text.strip_prefix(ENDED) {
        return SignedOutBecause::of_word(word).map_or(Kept::Unreadable, Kept::Nothing);
    }
    if let Some(text) = text.strip_prefix(LOCKED) {
        return match serde_json::from_str::<LockedText>(text) {
            Ok(locked) if locked.project == project => Kept::Locked(locked.user),
            _ => Kept::Unreadable,
        };
    }
    // Corrupt, foreign, older or newer. The next sign-in overwrites it.
    Session::restored(text, project, now)
        .map_or(Kept::Unreadable, |session| Kept::Session(Box::new(session)))
}

/// Keeps a session, and says whether the browser lets us.
pub fn write(session: &Session, now: Now) -> store::Written {
    let Ok(text) = session.stored(now) else {
        return store::Written::Refused;
    };
    if store::write(KEY, &text) == store::Written::Kept {
        return store::Written::Kept;
    }
    // An older one must not stay: its refresh token is used up. What it took may be what this one lacks. The key is never absent in
    // between: another tab would take that for a sign-out.
    if store::write(KEY, UNKEPT) == store::Written::Refused {
        store::remove(KEY);
    }
    store::write(KEY, &text)
}

/// Whose screens are locked, of which project.
#[derive(Serialize, Deserialize)]
struct LockedText {
    project: String,
    user: User,
}

/// Keeps who is signed in and removes the tokens, so that a locked screen has none.
pub fn lock(user: &User, project: &str) {
    let text = LockedText {
        project: project.to_owned(),
        user: user.clone(),
    };
    let written = match serde_json::to_string(&text) {
        Ok(text) => store::write(KEY, &format!("{LOCKED}{text}")),
        Err(_) => store::Written::Refused,
    };
    if written == store::Written::Refused {
        // Signed out after a reload is better than a locked screen with tokens.
        store::remove(KEY);
    }
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
    fn a_locked_session_says_whose_it_is_and_has_no_tokens() {
        let user = User {
            id: uuid::Uuid::from_u128(1),
            email: "ana@example.test".to_owned(),
        };
        let text = LockedText {
            project: "https://here.test".to_owned(),
            user: user.clone(),
        };
        let text = format!(
            "{LOCKED}{}",
            serde_json::to_string(&text).unwrap_or_default()
        );
        assert!(!text.contains("token"));
        assert_eq!(parse(&text, "https://here.test", NOW), Kept::Locked(user));
        assert_eq!(parse(&text, "https://there.test", NOW), Kept::Unreadable);
    }

    #[test]
    fn what_can_t_be_read_is_not_taken_for_the_end_of_a_session() {
        let odd = [
            "",
            "{",
            "ended",
            "ended:",
            "ended:{}",
            "ended:later",
            UNKEPT,
            "\u{0}",
            "[[[[[[[[",
        ];
        for text in odd {
            assert_eq!(parse(text, "", NOW), Kept::Unreadable, "{text}");
        }
    }
}
