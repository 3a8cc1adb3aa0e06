//! Many tabs against a model of the browser (a channel, a lock) and of a server that counts changes, in simulated time.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::collections::{BTreeMap, VecDeque};

use bedside_realtime::{
    Binding, BindingEvent, Change, Gap, GapCause, Presence, PresenceState, Ready, Room, RoomEvent,
    Status, StatusSnapshot,
};
use uuid::Uuid;

use super::state::UNANSWERED;
use super::word::{Act, Said, Word};
use super::{Effect, Leadership, Tab, Tabs};

const PACE: u64 = 400;
/// What a new socket takes until the server listens.
const JOIN: u64 = 300;

fn patients() -> Binding {
    Binding::table("public", "patients")
}

fn change(number: u64) -> BindingEvent {
    let text = format!(
        r#"{{"data":{{"schema":"public","table":"patients","type":"INSERT","record":{{"id":{number}}}}}}}"#
    );
    let change: Change = serde_json::from_str(&text).unwrap();
    BindingEvent::Change(change.into())
}

enum News {
    /// As text, the way it goes over the channel.
    Word(String),
    Crowned,
    Deposed,
    Left(Tab),
}

#[derive(PartialEq)]
enum Life {
    Runs,
    Frozen,
    Over,
}

struct Sim {
    tabs: Tabs,
    life: Life,
    news: VecDeque<News>,
    /// The bindings of the own client, and when the server listens.
    client: Option<BTreeMap<Binding, u64>>,
    shown: BTreeMap<String, Option<String>>,
    asked: Vec<Act>,
    number: u64,
    /// The last change that this tab knows of, by fetch or by event.
    seen: u64,
    ready: bool,
    gaps: Vec<Gap>,
    rooms: Vec<RoomEvent>,
}

#[derive(Default)]
struct World {
    now: u64,
    all: Vec<Sim>,
    lock: Option<usize>,
    waiting: VecDeque<usize>,
    attended: Vec<(usize, Tab)>,
    committed: u64,
    /// Everything that was said on the channel.
    said: usize,
    lose_next: bool,
}

impl World {
    fn with(count: usize) -> Self {
        let mut world = Self {
            now: 100_000_000,
            ..Self::default()
        };
        for _ in 0..count {
            world.open();
        }
        world.settle();
        world
    }

    fn open(&mut self) -> usize {
        let place = self.all.len();
        let mut tabs = Tabs::new(Uuid::from_u128(place as u128 + 1));
        let mut effects = tabs.come();
        let (number, bound) = tabs.bind(patients(), self.now);
        effects.extend(bound);
        self.all.push(Sim {
            tabs,
            life: Life::Runs,
            news: VecDeque::new(),
            client: None,
            shown: BTreeMap::new(),
            asked: Vec::new(),
            number,
            seen: 0,
            ready: false,
            gaps: Vec::new(),
            rooms: Vec::new(),
        });
        self.waiting.push_back(place);
        self.carry_out(place, effects);
        self.grant();
        place
    }

    fn me(&self, place: usize) -> Tab {
        self.all[place].tabs.me()
    }

    fn grant(&mut self) {
        if self.lock.is_none()
            && let Some(next) = self.waiting.pop_front()
        {
            self.lock = Some(next);
            self.all[next].news.push_back(News::Crowned);
        }
    }

    /// The tab ends, by itself or by a crash: its locks are free.
    fn close(&mut self, place: usize) {
        self.all[place].life = Life::Over;
        self.all[place].client = None;
        self.waiting.retain(|waits| *waits != place);
        let gone = self.me(place);
        for (by, tab) in self.attended.clone() {
            if tab == gone {
                self.all[by].news.push_back(News::Left(gone));
            }
        }
        if self.lock == Some(place) {
            self.lock = None;
        }
        self.grant();
    }

    /// A frozen tab goes on, and its client finds out that it slept.
    fn thaw(&mut self, place: usize) {
        let now = self.now;
        let sim = &mut self.all[place];
        sim.life = Life::Runs;
        let Some(client) = &mut sim.client else {
            return;
        };
        client.values_mut().for_each(|at| *at = now + JOIN);
        let gap = Gap {
            id: 1,
            cause: GapCause::Frozen,
            from: now,
            to: None,
            bindings: 1,
            rooms: 0,
        };
        let effects = sim.tabs.served(&patients(), &BindingEvent::Gap(gap), now);
        self.carry_out(place, effects);
    }

    fn carry_out(&mut self, place: usize, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Post(word) => {
                    self.said += 1;
                    let lost =
                        matches!(*word, Word::Said { .. }) && std::mem::take(&mut self.lose_next);
                    let text = serde_json::to_string(&word).unwrap();
                    for (other, sim) in self.all.iter_mut().enumerate() {
                        if other != place && sim.life != Life::Over && !lost {
                            sim.news.push_back(News::Word(text.clone()));
                        }
                    }
                }
                Effect::Seize => {
                    if self.lock == Some(place) {
                        continue;
                    }
                    if let Some(former) = self.lock.replace(place) {
                        self.all[former].news.push_back(News::Deposed);
                        self.waiting.push_back(former);
                    }
                    self.waiting.retain(|waits| *waits != place);
                    self.all[place].news.push_back(News::Crowned);
                }
                Effect::Yield => {
                    if self.lock == Some(place) {
                        self.lock = None;
                        self.waiting.push_back(place);
                        self.grant();
                    }
                }
                Effect::Attend(tab) => {
                    self.attended.push((place, tab));
                    let gone = |sim: &Sim| sim.tabs.me() == tab && sim.life == Life::Over;
                    if self.all.iter().any(gone) {
                        self.all[place].news.push_back(News::Left(tab));
                    }
                }
                Effect::Open => self.all[place].client = Some(BTreeMap::new()),
                Effect::Close => self.all[place].client = None,
                Effect::Bind(binding) => {
                    let at = self.now + JOIN;
                    let client = self.all[place].client.as_mut().expect("a client");
                    client.insert(binding, at);
                }
                Effect::Unbind(binding) => {
                    let client = self.all[place].client.as_mut().expect("a client");
                    client.remove(&binding).expect("bound");
                }
                Effect::Show(room, json) => {
                    self.all[place].shown.insert(room, json);
                }
                Effect::Do(act) => self.all[place].asked.push(act),
                Effect::Tell(numbers, event) => {
                    let committed = self.committed;
                    let sim = &mut self.all[place];
                    if !numbers.contains(&sim.number) {
                        continue;
                    }
                    match event {
                        BindingEvent::Ready(ready) => {
                            // What a page does: it fetches, and knows all that is committed.
                            sim.seen = committed;
                            sim.ready = true;
                            sim.gaps.extend(ready.gap);
                        }
                        BindingEvent::Change(change) => {
                            let id = change.record().unwrap().text("id").unwrap();
                            let id: u64 = id.parse().unwrap();
                            if id == sim.seen + 1 {
                                sim.seen = id;
                            }
                        }
                        BindingEvent::Gap(_) | BindingEvent::Refused(_) => sim.ready = false,
                    }
                }
                Effect::TellRoom(_, event) => self.all[place].rooms.push(event),
                Effect::Tick | Effect::Enter(_) | Effect::Leave(_) | Effect::Watch(_) => {}
            }
        }
    }

    /// One tab takes one piece of news; says whether there was any.
    fn step(&mut self, place: usize) -> bool {
        let wall = self.now;
        let sim = &mut self.all[place];
        if sim.life != Life::Runs {
            return false;
        }
        let Some(news) = sim.news.pop_front() else {
            return false;
        };
        let effects = match news {
            News::Word(text) => sim.tabs.hear(serde_json::from_str(&text).unwrap(), wall),
            News::Crowned => sim.tabs.crowned(wall),
            News::Deposed => sim.tabs.deposed(),
            News::Left(tab) => sim.tabs.left(tab),
        };
        self.carry_out(place, effects);
        true
    }

    /// Everything that was said is heard.
    fn settle(&mut self) {
        while (0..self.all.len()).any(|place| self.step(place)) {}
    }

    /// The server commits a change and tells every socket that listens.
    fn commit(&mut self) {
        self.committed += 1;
        let event = change(self.committed);
        for place in 0..self.all.len() {
            let sim = &mut self.all[place];
            let ready = |client: &BTreeMap<Binding, u64>| client.get(&patients()) == Some(&0);
            // The socket of a frozen page: its frames are read when it is too late, if at all.
            if sim.life == Life::Runs && sim.client.as_ref().is_some_and(ready) {
                let effects = sim.tabs.served(&patients(), &event, self.now);
                self.carry_out(place, effects);
            }
        }
    }

    /// Time passes, with the questions of those who follow, and the server's answers.
    fn pass(&mut self, millis: u64) {
        let end = self.now + millis;
        while self.now < end {
            self.now += 50;
            for place in 0..self.all.len() {
                let now = self.now;
                let sim = &mut self.all[place];
                if sim.life != Life::Runs {
                    continue;
                }
                let due = sim.client.as_mut().is_some_and(|client| {
                    let at = client.get_mut(&patients());
                    at.is_some_and(|at| (1..=now).contains(at) && std::mem::take(at) > 0)
                });
                if due {
                    let ready = BindingEvent::Ready(Ready { at: now, gap: None });
                    let live = StatusSnapshot {
                        status: Status::Live,
                        ..StatusSnapshot::default()
                    };
                    let mut effects = sim.tabs.served(&patients(), &ready, now);
                    effects.extend(sim.tabs.fares(live));
                    self.carry_out(place, effects);
                }
                if now.is_multiple_of(PACE) {
                    let effects = self.all[place].tabs.tick();
                    self.carry_out(place, effects);
                }
            }
            self.settle();
        }
    }

    fn leaders(&self) -> Vec<usize> {
        let leads = |place: &usize| {
            let sim = &self.all[*place];
            sim.life == Life::Runs && matches!(sim.tabs.leadership(), Leadership::Leads { .. })
        };
        (0..self.all.len()).filter(leads).collect()
    }

    fn sockets(&self) -> usize {
        self.all.iter().filter(|sim| sim.client.is_some()).count()
    }

    /// Whoever claims to have missed nothing has missed nothing.
    fn is_true(&self) {
        for (place, sim) in self.all.iter().enumerate() {
            if sim.life == Life::Runs && sim.ready && sim.news.is_empty() {
                assert_eq!(sim.seen, self.committed, "tab {place} at {}", self.now);
            }
        }
    }

    /// How long until every tab that runs is ready.
    fn time_to_live(&mut self) -> u64 {
        let start = self.now;
        while self
            .all
            .iter()
            .any(|sim| sim.life == Life::Runs && !sim.ready)
        {
            self.pass(50);
            assert!(self.now < start + 60_000, "never live again");
        }
        self.now - start
    }
}

#[test]
fn ten_tabs_have_one_socket_and_each_change_is_relayed_once() {
    let mut world = World::with(10);
    world.pass(1_000);
    assert_eq!((world.leaders(), world.sockets()), (vec![0], 1));
    let before = world.said;
    world.commit();
    world.settle();
    assert_eq!(world.said - before, 1);
    assert!(world.all.iter().all(|sim| sim.seen == 1));
    assert!(
        world
            .all
            .iter()
            .all(|sim| sim.tabs.status().status == Status::Live)
    );
    assert_eq!(
        world.all[0].tabs.leadership(),
        Leadership::Leads { others: 9 }
    );
    assert_eq!(world.all[3].tabs.leadership(), Leadership::Follows);
}

#[test]
fn a_tab_alone_says_nothing_of_what_it_hears() {
    let mut world = World::with(1);
    world.pass(1_000);
    let before = world.said;
    world.commit();
    assert_eq!((world.all[0].seen, world.said), (1, before));
}

#[test]
fn when_the_leader_closes_the_next_leads_and_the_time_between_is_a_gap() {
    let mut world = World::with(3);
    world.pass(1_000);
    world.close(0);
    world.settle();
    world.commit();
    assert!(world.all[1..].iter().all(|sim| !sim.ready));
    assert!(world.time_to_live() < 1_000);
    world.is_true();
    assert_eq!((world.leaders(), world.sockets()), (vec![1], 1));
    for sim in &world.all[1..] {
        let [gap] = sim.gaps.as_slice() else {
            panic!("one gap: {:?}", sim.gaps)
        };
        assert_eq!(gap.cause, GapCause::RelayLost);
        assert!(gap.to.is_some_and(|to| to >= gap.from));
        assert_eq!(sim.tabs.gaps(), std::slice::from_ref(gap));
    }
}

#[test]
fn a_frozen_leader_is_replaced_within_three_seconds_and_steps_down_when_it_thaws() {
    let mut world = World::with(3);
    world.pass(1_000);
    world.all[0].life = Life::Frozen;
    world.commit();
    let start = world.now;
    while world.leaders().is_empty() {
        world.pass(50);
    }
    world.time_to_live();
    assert!(world.now - start < 3_000, "{} ms", world.now - start);
    world.is_true();

    world.thaw(0);
    world.pass(1_000);
    assert_eq!((world.leaders().len(), world.sockets()), (1, 1));
    assert_ne!(world.leaders(), [0], "the new lead stays where it is");
    world.commit();
    world.settle();
    world.is_true();
}

#[test]
fn a_thawed_leader_that_does_not_know_of_its_end_is_not_believed() {
    let mut world = World::with(2);
    world.pass(1_000);
    world.all[0].life = Life::Frozen;
    while world.leaders().is_empty() {
        world.pass(50);
    }
    world.time_to_live();
    // It wakes, and speaks before the browser has told it that the lead was taken.
    let late = world.all[0]
        .tabs
        .served(&patients(), &change(99), world.now);
    world.carry_out(0, late);
    let seen = world.all[1].seen;
    world.settle();
    assert_eq!(world.all[1].seen, seen);
    assert!(world.all[1].ready);
}

#[test]
fn a_lost_word_is_noticed_at_the_next_and_becomes_a_gap() {
    let mut world = World::with(2);
    world.pass(1_000);
    world.lose_next = true;
    world.commit();
    world.settle();
    assert_eq!(world.all[1].seen, 0);
    world.commit();
    world.settle();
    world.is_true();
    assert_eq!(world.all[1].gaps.len(), 1);
}

#[test]
fn a_last_word_that_was_lost_is_noticed_by_the_next_sign_of_life() {
    let mut world = World::with(2);
    world.pass(1_000);
    world.lose_next = true;
    world.commit();
    world.pass(PACE * 2);
    world.is_true();
    assert!(world.all[1].ready);
    assert_eq!(world.all[1].gaps.len(), 1);
}

#[test]
fn a_leader_that_answers_is_left_alone() {
    let mut world = World::with(4);
    world.pass(u64::from(UNANSWERED) * PACE * 20);
    assert_eq!(world.leaders(), [0]);
    assert!(world.all.iter().all(|sim| sim.gaps.is_empty()));
}

#[test]
fn the_socket_stops_serving_what_a_closed_tab_wanted() {
    let mut world = World::with(2);
    let forms = Binding::table("public", "form_submissions");
    let (_, effects) = world.all[1].tabs.bind(forms.clone(), 0);
    world.carry_out(1, effects);
    world.settle();
    let bound = |world: &World| world.all[0].client.as_ref().unwrap().contains_key(&forms);
    assert!(bound(&world));
    world.close(1);
    world.settle();
    assert!(!bound(&world));
    assert_eq!(
        world.all[0].tabs.leadership(),
        Leadership::Leads { others: 0 }
    );
}

#[test]
fn whoever_comes_late_learns_at_once_that_the_socket_is_ready() {
    let mut world = World::with(1);
    world.pass(1_000);
    world.commit();
    let place = world.open();
    world.settle();
    assert!(world.all[place].ready);
    world.is_true();
}

#[test]
fn after_a_change_of_person_nothing_is_proven_and_no_former_leader_is_believed() {
    let mut world = World::with(2);
    world.pass(1_000);
    // The follower signs out; the leader has not heard of it yet.
    let effects = world.all[1].tabs.fence();
    world.carry_out(1, effects);
    assert!(!world.all[1].ready);
    world.commit();
    world.settle();
    assert_eq!(world.all[1].seen, 0);
    let effects = world.all[0].tabs.fence();
    world.carry_out(0, effects);
    assert_eq!(world.sockets(), 0);
    assert_eq!(world.all[0].tabs.status().status, Status::Offline);
    assert_eq!(world.all[0].tabs.leadership(), Leadership::Alone);
}

fn present(json: &str) -> PresenceState {
    let (reference, json) = ("1".to_owned(), json.to_owned());
    [("ada".to_owned(), vec![Presence { reference, json }])].into()
}

#[test]
fn tabs_in_one_room_show_up_together_and_hear_each_other() {
    let mut world = World::with(3);
    let mut seats = Vec::new();
    for place in 0..3 {
        let (seat, effects) = world.all[place].tabs.enter(Room::named("form:1"), 0);
        world.carry_out(place, effects);
        let shows = format!(r#"{{"tab":{place}}}"#);
        let effects = world.all[place].tabs.show(seat, Some(shows));
        world.carry_out(place, effects);
        world.settle();
        seats.push(seat);
    }
    let shown = world.all[0].shown["form:1"].clone().unwrap();
    assert_eq!(shown, r#"{"tabs":[{"tab":0},{"tab":1},{"tab":2}]}"#);
    let ready = RoomEvent::Ready(Ready { at: 0, gap: None });
    let effects = world.all[0]
        .tabs
        .served_room("form:1", &ready, present(&shown), 0);
    world.carry_out(0, effects);
    world.settle();
    for (place, seat) in seats.iter().enumerate() {
        assert!(world.all[place].tabs.is_inside(*seat));
        assert_eq!(world.all[place].tabs.present(*seat)["ada"].len(), 3);
        world.all[place].rooms.clear();
    }

    let effects = world.all[1]
        .tabs
        .say(seats[1], "here".to_owned(), "{}".to_owned(), 0);
    world.carry_out(1, effects);
    world.settle();
    let heard: Vec<usize> = world.all.iter().map(|sim| sim.rooms.len()).collect();
    assert_eq!(heard, [1, 0, 1]);
    assert_eq!(
        world.all[0].asked.len(),
        1,
        "and whoever is elsewhere hears it by the socket"
    );

    world.close(2);
    world.settle();
    let shown = world.all[0].shown["form:1"].clone().unwrap();
    assert_eq!(shown, r#"{"tabs":[{"tab":0},{"tab":1}]}"#);
}

#[test]
fn a_tab_that_has_not_come_yet_hears_and_says_nothing() {
    let mut tabs = Tabs::new(Uuid::from_u128(1));
    let (_, effects) = tabs.bind(patients(), 0);
    assert_eq!(effects, []);
    let (since, tab) = (1, Uuid::from_u128(2));
    let term = super::Term { since, tab };
    assert_eq!(tabs.hear(Word::Leads { term, said: 0 }, 0), []);
    assert_eq!(tabs.come(), [Effect::Post(Box::new(Word::Asks))]);
}

#[test]
fn without_other_tabs_the_line_is_the_socket() {
    let mut tabs = Tabs::new(Uuid::from_u128(1));
    let effects = tabs.crowned(0);
    assert_eq!(effects, [Effect::Open]);
    assert_eq!(tabs.leadership(), Leadership::Alone);
    assert_eq!(tabs.tick(), []);
}

#[test]
fn a_calendar_that_was_set_back_does_not_keep_a_new_leader_from_being_believed() {
    let mut world = World::with(3);
    world.pass(1_000);
    world.now -= 7_200_000;
    let fresh = world.open();
    world.settle();
    world.close(0);
    world.settle();
    assert!(world.time_to_live() < 5_000);
    assert_eq!(world.leaders().len(), 1);
    assert!(world.all[fresh].ready);
}

#[test]
fn foreign_words_on_the_channel_are_errors() {
    for text in [
        "",
        "null",
        "{}",
        r#"{"Leads":{}}"#,
        r#"{"Sings":1}"#,
        "[[[[",
    ] {
        assert!(serde_json::from_str::<Word>(text).is_err(), "{text}");
    }
    let whole = Said::Binding(patients(), change(1));
    let text = serde_json::to_string(&whole).unwrap();
    assert_eq!(serde_json::from_str::<Said>(&text).unwrap(), whole);
    assert!(serde_json::from_str::<Said>(&text[..text.len() / 2]).is_err());
}

/// Tabs come, go, freeze, thaw and miss words at random; who claims to have missed nothing is right at every moment, and in the
/// end there is one leader, one socket, and everybody is live.
#[test]
fn whatever_the_tabs_do_nothing_is_missed_without_a_gap() {
    for seed in 0..300_u64 {
        let mut dice = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut roll = |sides: usize| {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            (dice >> 33) as usize % sides
        };
        let mut world = World::with(1 + roll(4));
        for _ in 0..60 {
            let place = roll(world.all.len());
            match roll(12) {
                0 if world.all.len() < 8 => drop(world.open()),
                1 => world.close(place),
                2 if world.all[place].life == Life::Runs => world.all[place].life = Life::Frozen,
                3 if world.all[place].life == Life::Frozen => world.thaw(place),
                4 => world.lose_next = true,
                5..=7 => world.commit(),
                8..=9 => drop(world.step(place)),
                _ => world.pass(50 * roll(30) as u64),
            }
            if !world.lose_next {
                // A word that was lost is noticed at the latest by the next question, not before.
                world.settle();
            }
        }
        world.lose_next = false;
        for place in 0..world.all.len() {
            if world.all[place].life == Life::Frozen {
                world.thaw(place);
            }
        }
        world.open();
        world.pass(10_000);
        world.commit();
        world.pass(2_000);
        assert_eq!(
            (world.leaders().len(), world.sockets()),
            (1, 1),
            "seed {seed}"
        );
        for sim in world.all.iter().filter(|sim| sim.life == Life::Runs) {
            assert!(sim.ready, "seed {seed}");
            assert_eq!(sim.seen, world.committed, "seed {seed}");
        }
    }
}
