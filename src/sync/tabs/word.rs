//! What the tabs of one person say to each other. Every word of a leader names its term and is numbered, so that who missed one
//! knows. It never holds a token.

use bedside_realtime::{Binding, BindingEvent, Echo, PresenceState, RoomEvent, StatusSnapshot};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::wants::Wants;

/// A tab, by a name that it gave itself.
pub type Tab = Uuid;

/// One lead of one tab, for one person. Of two, the later counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Term {
    /// When it began, in milliseconds of the computer's calendar.
    pub since: u64,
    pub tab: Tab,
}

/// A word on the channel that all tabs of a person hear.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Word {
    /// Somebody asks who leads, and whether they are still there.
    Asks,
    /// The leader is here, and has said so many words.
    Leads { term: Term, said: u64 },
    /// A word of the leader.
    Said {
        term: Term,
        number: u64,
        to: Audience,
        what: Said,
    },
    /// All that a tab wants of the leader, in place of what it wanted before.
    Wants {
        from: Tab,
        term: Term,
        wants: Wants,
        known: Known,
    },
    /// A tab wants something done.
    Does { from: Tab, term: Term, act: Act },
}

/// Who is meant. All hear it, for the sake of the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Audience {
    All,
    Only(Tab),
    AllBut(Tab),
}

impl Audience {
    pub fn includes(self, tab: Tab) -> bool {
        match self {
            Self::All => true,
            Self::Only(only) => only == tab,
            Self::AllBut(not) => not != tab,
        }
    }
}

/// What the leader says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Said {
    Binding(Binding, BindingEvent),
    /// Who is in a room, before the event that tells of it.
    Present(String, PresenceState),
    Room(String, RoomEvent),
    Status(Box<StatusSnapshot>),
}

/// What a tab knows of the things that it wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Known {
    /// What was said of those that it wanted before.
    Former,
    /// Nothing: it is new, or has missed something.
    Nothing,
}

/// Something to be done at the socket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Act {
    Say {
        room: String,
        event: String,
        json: String,
    },
    /// An own write should come back within so many milliseconds.
    Expect(Echo, u64),
    Reconnect,
    /// A check of the feed against the database found so many changes missing.
    Checked(u64),
}
