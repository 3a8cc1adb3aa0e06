//! Who is in a room. States replace, diffs apply by the server's reference: joins first, then leaves.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::room::{Presence, PresenceChange, PresenceState};

/// Diffs that come before the state wait for it; more than this is not a room but an attack.
const WAITING: usize = 1_000;

#[derive(Clone, Debug, Default)]
pub(crate) struct Attendance {
    members: PresenceState,
    /// The state of this join has come; diffs before it belong on top of it.
    settled: bool,
    waiting: Vec<Diff>,
}

#[derive(Clone, Debug, Default)]
struct Diff {
    joins: PresenceState,
    leaves: PresenceState,
}

#[derive(Deserialize)]
#[serde(transparent)]
struct Members<'a>(#[serde(borrow)] BTreeMap<Cow<'a, str>, Metas<'a>>);

#[derive(Deserialize)]
struct Metas<'a> {
    #[serde(borrow, default)]
    metas: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Meta {
    phx_ref: String,
}

fn read_members(raw: &RawValue) -> PresenceState {
    let Ok(Members(members)) = serde_json::from_str(raw.get()) else {
        return PresenceState::new();
    };
    let presence = |raw: &RawValue| {
        let meta: Meta = serde_json::from_str(raw.get()).ok()?;
        Some(Presence {
            reference: meta.phx_ref,
            json: raw.get().to_owned(),
        })
    };
    members
        .into_iter()
        .map(|(key, metas)| {
            (
                key.into_owned(),
                metas
                    .metas
                    .into_iter()
                    .filter_map(presence)
                    .collect::<Vec<_>>(),
            )
        })
        .filter(|(_, metas)| !metas.is_empty())
        .collect()
}

impl Attendance {
    pub fn members(&self) -> &PresenceState {
        &self.members
    }

    /// A new join: the state will come anew, the old one stands until then.
    pub fn rejoin(&mut self) {
        self.settled = false;
        self.waiting.clear();
    }

    /// Everybody is gone, for another person must not see them.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    pub fn state(&mut self, raw: &RawValue) -> PresenceChange {
        let before = std::mem::replace(&mut self.members, read_members(raw));
        self.settled = true;
        for diff in std::mem::take(&mut self.waiting) {
            self.apply(&diff);
        }
        difference(&before, &self.members)
    }

    pub fn diff(&mut self, raw: &RawValue) -> PresenceChange {
        #[derive(Deserialize)]
        struct Shape<'a> {
            #[serde(borrow, default)]
            joins: Option<&'a RawValue>,
            #[serde(borrow, default)]
            leaves: Option<&'a RawValue>,
        }
        let Ok(shape) = serde_json::from_str::<Shape<'_>>(raw.get()) else {
            return PresenceChange::default();
        };
        let diff = Diff {
            joins: shape.joins.map(read_members).unwrap_or_default(),
            leaves: shape.leaves.map(read_members).unwrap_or_default(),
        };
        if !self.settled {
            if self.waiting.len() < WAITING {
                self.waiting.push(diff);
            }
            return PresenceChange::default();
        }
        let before = self.members.clone();
        self.apply(&diff);
        difference(&before, &self.members)
    }

    fn apply(&mut self, diff: &Diff) {
        for (key, metas) in &diff.joins {
            let present = self.members.entry(key.clone()).or_default();
            for meta in metas {
                if !present.iter().any(|own| own.reference == meta.reference) {
                    present.push(meta.clone());
                }
            }
        }
        for (key, metas) in &diff.leaves {
            let Some(present) = self.members.get_mut(key) else {
                continue;
            };
            present.retain(|own| !metas.iter().any(|meta| meta.reference == own.reference));
            if present.is_empty() {
                self.members.remove(key);
            }
        }
    }
}

/// What happened, for people: a key that lost one appearance and gained another only changed its words.
fn difference(before: &PresenceState, after: &PresenceState) -> PresenceChange {
    let mut change = PresenceChange::default();
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let none = Vec::new();
    for key in keys {
        let (old, new) = (
            before.get(key).unwrap_or(&none),
            after.get(key).unwrap_or(&none),
        );
        let only = |of: &[Presence], not: &[Presence]| -> Vec<Presence> {
            of.iter()
                .filter(|one| !not.iter().any(|other| other.reference == one.reference))
                .cloned()
                .collect()
        };
        let (mut came, went) = (only(new, old), only(old, new));
        let updates = came.len().min(went.len());
        let updated: Vec<Presence> = came.drain(..updates).collect();
        change
            .updated
            .extend(updated.into_iter().map(|one| (key.clone(), one)));
        change
            .joined
            .extend(came.into_iter().map(|one| (key.clone(), one)));
        change
            .left
            .extend(went.into_iter().skip(updates).map(|one| (key.clone(), one)));
    }
    change
}
