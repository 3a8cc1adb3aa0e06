//! What must hold: at every step, and at the end when nothing moves any more.

use std::collections::HashMap;

use bedside::data::clock::Moment;
use bedside_query::{FetchStatus, QueryFilter, Status};

use crate::database::Database;
use crate::laid::{fits, shown};
use crate::page::Page;
use crate::question::{Answer, Question, is_for};
use crate::server::Fate;

/// How long news may be gathered before it is acted on.
pub const WINDOW: u64 = 250;

/// Within so long a silent loss is noticed.
pub const NOTICED: u64 = 25_000;

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    pub at: u64,
    pub what: String,
}

/// When each commit must be on every screen that claims to be fresh.
#[derive(Default)]
pub struct Deadlines {
    by_commit: Vec<u64>,
    /// So many of the oldest are past.
    settled: usize,
    /// When it was last looked whether any is due.
    looked: u64,
    /// The last answer that was compared and found right, by key: most steps change nothing.
    right: HashMap<Question, (usize, Answer)>,
}

impl Deadlines {
    /// Takes in what became of the commits.
    pub fn update(&mut self, database: &Database, fates: &[Fate], now: u64) {
        for number in self.by_commit.len()..database.commits.len() {
            let at = database.commits.get(number).map_or(0, |commit| commit.at);
            self.by_commit.push(at + NOTICED);
        }
        let arrived = |fate: &Fate| fate.polled && !fate.lost && fate.outstanding == 0;
        for (number, fate) in fates.iter().enumerate().skip(self.settled) {
            let together = number..=if fate.told > 0 {
                number
            } else {
                fate.with.max(number)
            };
            if fates
                .get(together)
                .is_some_and(|all| all.iter().all(arrived))
                && let Some(deadline) = self.by_commit.get_mut(number)
            {
                *deadline = (*deadline).min(now + WINDOW);
            }
        }
        let past = |deadline: &u64| *deadline < now;
        self.settled += self
            .by_commit
            .iter()
            .skip(self.settled)
            .take_while(|deadline| past(deadline))
            .count();
    }

    /// The page slept from then on: what it could not notice it may notice later.
    pub fn forgive(&mut self, since: u64, now: u64) {
        for deadline in &mut self.by_commit {
            if *deadline >= since {
                *deadline = (*deadline).max(now + NOTICED);
            }
        }
    }

    /// Whether something fell due since this was last asked: then what was right a moment ago may be late.
    pub fn fell_due(&mut self, now: u64) -> bool {
        let since = std::mem::replace(&mut self.looked, now);
        let open = self.by_commit.iter().skip(self.settled);
        open.into_iter()
            .any(|deadline| (since..=now).contains(deadline))
    }

    fn due(&self, number: usize, now: u64) -> bool {
        self.by_commit
            .get(number)
            .is_some_and(|deadline| *deadline <= now)
    }
}

/// Whether the page has been live for long enough to be held to what it claims.
pub fn settled(page: &Page, now: u64) -> bool {
    page.live_since.is_some_and(|since| since + WINDOW < now)
        && page.core.catch_up().is_proven(Moment::from_millis(now))
}

/// Checks what must hold at every step.
pub fn step(
    page: &Page,
    database: &Database,
    deadlines: &mut Deadlines,
    now: u64,
) -> Result<(), Divergence> {
    let fail = |what: String| Err(Divergence { at: now, what });
    let (Some(user), true) = (page.user, settled(page, now)) else {
        return Ok(());
    };
    for (question, key) in page.visits.iter().flat_map(|visit| &visit.questions) {
        let Some(view) = page.cache.query_view(key) else {
            continue;
        };
        let claims = view.has_data()
            && view.status == Status::Success
            && !view.is_invalidated
            && !view.is_stale
            && view.fetch_status == FetchStatus::Idle;
        let Some(held) = question.held(&view).filter(|_| claims) else {
            continue;
        };
        let newest = database.newest();
        let plain = page.laid.is_empty();
        let known = deadlines.right.get(question).filter(|_| plain);
        if known.is_some_and(|(number, answer)| *number == newest && *answer == held) {
            continue;
        }
        let answer = |number: usize| {
            let commit = database.commits.get(number)?;
            question.answer(&commit.after, user).ok()
        };
        let right =
            |answer: Option<&Answer>| answer.is_some_and(|answer| fits(&held, answer, &page.laid));
        if right(answer(newest).as_ref()) {
            if plain {
                deadlines.right.insert(*question, (newest, held));
            }
            continue;
        }
        // It lags. It may, until the first change that it lacks had to be known.
        let mut number = newest;
        while number > 0 && !right(answer(number).as_ref()) {
            let (before, after) = (answer(number - 1), answer(number));
            if before != after
                && deadlines.due(number, now)
                && !holds_what_changed(&held, [&before, &after], || {
                    (number..=newest).filter_map(answer).flat_map(|answer| {
                        let laid = shown(answer.clone(), &page.laid);
                        [answer, laid]
                    })
                })
            {
                let committed = database.commits.get(number).map_or(0, |commit| commit.at);
                return fail(format!(
                    "{key} claims to be fresh without commit {number} of {committed} ms"
                ));
            }
            number -= 1;
        }
    }
    Ok(())
}

/// Whether a list has the rows that a commit changed as they were then or later: it may have learnt of them alone, and lack an
/// earlier commit that got lost and need not be known yet. The same goes for a form and the name of its patient.
fn holds_what_changed<A: Iterator<Item = Answer>>(
    held: &Answer,
    around: [&Option<Answer>; 2],
    since: impl Fn() -> A,
) -> bool {
    let [Some(before), Some(after)] = around else {
        return false;
    };
    let (Some(before), Some(after), Some(held)) = (before.rows(), after.rows(), held.rows()) else {
        return false;
    };
    let changed = before.keys().chain(after.keys());
    changed
        .filter(|id| before.get(id) != after.get(id))
        .all(|id| {
            since()
                .filter_map(|answer| answer.rows())
                .any(|rows| rows.get(id) == held.get(id))
        })
}

/// Checks that everything cached was read for whoever is here now.
pub fn identity(page: &Page, now: u64) -> Result<(), Divergence> {
    let Some(user) = page.user else { return Ok(()) };
    for view in page.cache.query_views(&QueryFilter::all()) {
        if !is_for(&view, user) {
            let what = format!(
                "{} holds a row of somebody else than person {user}",
                view.key
            );
            return Err(Divergence { at: now, what });
        }
    }
    Ok(())
}

/// Checks what must hold once nothing moves any more.
pub fn quiescence(page: &Page, database: &Database, now: u64) -> Result<(), Divergence> {
    let fail = |what: String| Err(Divergence { at: now, what });
    let Some(user) = page.user else { return Ok(()) };
    for (question, key) in page.visits.iter().flat_map(|visit| &visit.questions) {
        let Some(view) = page.cache.query_view(key) else {
            return fail(format!("{key} is on the screen and not in the cache"));
        };
        match question.answer(&database.now(), user) {
            // Without a feed it is asked for again and again.
            Ok(_) if page.live_since.is_some() && view.fetch_status != FetchStatus::Idle => {
                return fail(format!("{key} is still being fetched"));
            }
            Ok(answer)
                if !question
                    .held(&view)
                    .is_some_and(|held| fits(&held, &answer, &page.laid)) =>
            {
                return fail(format!(
                    "{key} differs from the database ({:?}, {:?})",
                    view.status,
                    page.engine.report().status
                ));
            }
            Ok(_) if view.status != Status::Success => {
                return fail(format!("{key} is right and says that it failed"));
            }
            Err(_) if view.status == Status::Success => {
                return fail(format!("{key} shows a row that is not there"));
            }
            Ok(_) | Err(_) => {}
        }
    }
    Ok(())
}
