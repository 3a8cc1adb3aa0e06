//! The gap ledger: every interval without proof, once, from the last proven moment to the next.

use std::collections::VecDeque;

use crate::gap::{Gap, GapCause};

/// Keeps the newest gaps; open ones are never dropped.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    gaps: VecDeque<Gap>,
    opened: u64,
}

const KEPT: usize = 200;

impl Ledger {
    pub fn open(&mut self, cause: GapCause, from: u64, bindings: usize, rooms: usize) -> Gap {
        self.opened += 1;
        let gap = Gap {
            id: self.opened,
            cause,
            from,
            to: None,
            bindings,
            rooms,
        };
        self.gaps.push_back(gap.clone());
        if self.gaps.len() > KEPT
            && let Some(oldest) = self.gaps.iter().position(|gap| gap.to.is_some())
        {
            self.gaps.remove(oldest);
        }
        gap
    }

    /// Ends a gap; bindings that end later move its end.
    pub fn close(&mut self, id: u64, at: u64) -> Option<Gap> {
        let gap = self.gaps.iter_mut().rev().find(|gap| gap.id == id)?;
        gap.to = Some(at);
        Some(gap.clone())
    }

    pub fn all(&self) -> Vec<Gap> {
        self.gaps.iter().cloned().collect()
    }
}
