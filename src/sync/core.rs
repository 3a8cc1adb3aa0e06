//! The sync without its effects: who follows what, whom the feed belongs to, whether it can be trusted, and what all that
//! asks of the cache and of the feed. Events and time in, effects out; it knows no socket, no cache, no clock and no task.
//!
//! [`Feed`](super::Feed) carries the effects out in the browser; the simulation does the same in a world of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use super::registry::Table;
use super::router::{Due, Heard, Router, Work};
use crate::data::clock::Moment;

/// How long a table is listened to after the last look at it: moving between pages should cost nothing.
pub const LINGER: Duration = Duration::from_secs(30);

/// While the feed can't be trusted, what is on screen is fetched this often.
pub const POLL: Duration = Duration::from_secs(20);

/// Something to be done. Effects are carried out in the order in which they are given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Listen to a table; what is heard goes to [`Core::hear`].
    Bind(Table),
    /// Stop listening to it.
    Unbind(Table),
    /// Listen to the feed's heartbeat, which goes to [`Core::beat`], and to what this person alone is told, which goes to
    /// [`Core::told`].
    Attend(String),
    /// Take the absence of the heartbeat for the death of the feed.
    Watch,
    /// Stop attending and watching.
    Depart,
    /// Put queries in question.
    Cache(Work),
    /// Take these rows out of what is cached, at once: this person may not see them any more.
    Drop(Lost),
    /// Everything cached goes, and nothing that was asked before may arrive any more.
    Forget,
}

/// What a person lost the right to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// A row, with the rows that belong to it.
    Row(Table, String),
    /// Too much to be named.
    Everything,
}

/// What the private room says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// The room is entered; messages before that may be missing.
    Ready,
    /// Rights were lost.
    Revoked(Lost),
}

/// Whether the feed itself brings what changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// It does.
    Live,
    /// It may not.
    Doubtful,
}

#[derive(Debug)]
struct Followed {
    followers: usize,
    /// When listening ends, once nobody follows.
    ends: Option<Moment>,
}

/// The decisions of one page's feed.
#[derive(Debug, Default)]
pub struct Core {
    router: Router,
    followed: BTreeMap<Table, Followed>,
    identity: Option<String>,
    attending: Option<String>,
    /// A beat was heard, so there are beats: a database without a scheduler has none, and their absence says nothing there.
    beats: bool,
    /// When the gathered work is due.
    work_at: Option<Moment>,
    /// When the next look without the feed is due.
    poll_at: Option<Moment>,
}

impl Core {
    /// Somebody looks at a table.
    pub fn follow(&mut self, table: Table) -> Vec<Effect> {
        if let Some(followed) = self.followed.get_mut(&table) {
            followed.followers += 1;
            followed.ends = None;
            return Vec::new();
        }
        let followed = Followed {
            followers: 1,
            ends: None,
        };
        self.followed.insert(table, followed);
        let mut effects = self.attend();
        effects.push(Effect::Bind(table));
        effects
    }

    /// One who looked at a table looks away.
    pub fn unfollow(&mut self, table: Table, now: Moment) {
        if let Some(followed) = self.followed.get_mut(&table) {
            followed.followers = followed.followers.saturating_sub(1);
            if followed.followers == 0 {
                followed.ends = Some(now.after(LINGER));
            }
        }
    }

    /// From here on the feed and the cache are somebody else's: nothing of the former person stays.
    pub fn identify(&mut self, user: Option<String>) -> Vec<Effect> {
        self.router.forget();
        self.identity = user;
        let mut effects = vec![Effect::Forget];
        let left: Vec<Table> = self.left(|_| true);
        for table in left {
            self.followed.remove(&table);
            effects.push(Effect::Unbind(table));
        }
        effects.extend(self.attend());
        effects
    }

    /// The feed said something about a table.
    pub fn hear(&mut self, table: Table, heard: Heard, now: Moment) -> Vec<Effect> {
        // Other rights in force: who may see what can have changed for every row there is.
        let own = table == Table::Profiles
            && matches!(&heard, Heard::Row(row) if Some(row) == self.identity.as_ref());
        let due = if own {
            self.doubt_all(now)
        } else {
            self.router.hear(table, heard, now)
        };
        self.schedule(due, now)
    }

    /// The private room said something.
    pub fn told(&mut self, told: Told, now: Moment) -> Vec<Effect> {
        let mut effects = match told {
            Told::Ready => Vec::new(),
            Told::Revoked(lost) => vec![Effect::Drop(lost)],
        };
        let due = self.doubt_all(now);
        effects.extend(self.schedule(due, now));
        effects
    }

    /// The feed's heartbeat was heard.
    pub fn beat(&mut self) -> Vec<Effect> {
        if std::mem::replace(&mut self.beats, true) || self.attending.is_none() {
            return Vec::new();
        }
        vec![Effect::Watch]
    }

    /// The state of the feed.
    pub fn trust(&mut self, trust: Trust, now: Moment) {
        self.poll_at = match trust {
            Trust::Live => None,
            Trust::Doubtful => self.poll_at.or(Some(now.after(POLL))),
        };
    }

    /// When [`Core::wake`] has something to do.
    pub fn due(&self) -> Option<Moment> {
        let ends = self.followed.values().filter_map(|followed| followed.ends);
        ends.chain(self.work_at).chain(self.poll_at).min()
    }

    /// Does what is due.
    pub fn wake(&mut self, now: Moment) -> Vec<Effect> {
        let mut effects = Vec::new();
        for table in self.left(|ends| ends <= now) {
            self.followed.remove(&table);
            effects.push(Effect::Unbind(table));
            // Nobody listens from here on, so nothing of it may be taken for fresh when it is next looked at.
            effects.push(Effect::Cache(Work::Doubt(table)));
        }
        effects.extend(self.attend());
        if self.work_at.is_some_and(|at| at <= now) {
            effects.extend(self.work(now));
        }
        if self.poll_at.is_some_and(|at| at <= now) {
            self.poll_at = Some(now.after(POLL));
            effects.extend(Table::ALL.map(|table| Effect::Cache(Work::All(table))));
        }
        effects
    }

    /// The tables that nobody follows any more, and whose end is as asked.
    fn left(&self, over: impl Fn(Moment) -> bool) -> Vec<Table> {
        let left = |followed: &Followed| followed.ends.is_some_and(&over);
        self.followed
            .iter()
            .filter(|(_, followed)| left(followed))
            .map(|(table, _)| *table)
            .collect()
    }

    /// Attends for whoever is signed in, while there is anything to listen to.
    fn attend(&mut self) -> Vec<Effect> {
        let wanted = self.identity.clone().filter(|_| !self.followed.is_empty());
        if wanted == self.attending {
            return Vec::new();
        }
        let departs = self.attending.take().map(|_| Effect::Depart);
        self.attending.clone_from(&wanted);
        let watches = (self.beats && wanted.is_some()).then_some(Effect::Watch);
        departs
            .into_iter()
            .chain(wanted.map(Effect::Attend))
            .chain(watches)
            .collect()
    }

    fn doubt_all(&mut self, now: Moment) -> Due {
        let mut due = Due::AsSaid;
        for table in Table::ALL {
            match self.router.hear(table, Heard::Unclear, now) {
                Due::AsSaid => {}
                said => due = said,
            }
        }
        due
    }

    fn schedule(&mut self, due: Due, now: Moment) -> Vec<Effect> {
        match due {
            Due::AsSaid => Vec::new(),
            Due::Now => self.work(now),
            Due::In(wait) => {
                self.work_at = Some(now.after(wait));
                Vec::new()
            }
        }
    }

    fn work(&mut self, now: Moment) -> Vec<Effect> {
        self.work_at = None;
        let work = self.router.work(now);
        work.into_iter().map(Effect::Cache).collect()
    }
}
