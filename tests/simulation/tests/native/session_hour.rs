//! An hour of a browser whose tokens live twenty seconds: tabs come, go, sleep and wake, and the one that leads holds the
//! socket. The session and the Realtime engine are the app's own; the browser, the auth service and the Realtime server are
//! models, and time is theirs.

use std::collections::BTreeMap;
use std::time::Duration;

use bedside::data::clock::{Moment, Now as Clocks};
use bedside::data::session::Session;
use bedside_realtime::engine::{
    Command, Config, Engine, Event, HandleId, Input, Now, Output, TokenPolicy,
};
use bedside_realtime::wire::Outbound;
use bedside_realtime::{AccessToken, Binding, BindingEvent, Status, TokenNeed};
use serde_json::{Value, json};

use crate::soak;

const HERE: &str = "https://here.test";
const LIFE: u64 = 20_000;
const HOUR: u64 = 3_600_000;
const STEP: u64 = 50;
/// A tab may be without the feed for so long, while it is awake.
const PATIENCE: u64 = 40_000;
/// How long a tab waits for its turn to renew.
const DEADLINE: u64 = 15_000;
const BORN: u64 = 1_800_000_000_000;

/// The auth service: each refresh token is good once. The one before the last is forgiven, since its answer may have been lost;
/// so are older ones, for ten seconds.
#[derive(Default)]
struct Auth {
    issued: u64,
    tokens: u64,
    used: BTreeMap<String, u64>,
    refreshes: u64,
}

impl Auth {
    fn issue(&mut self, now: u64) -> String {
        self.issued += 1;
        json!({"access_token": format!("token.{}.{}", self.issued, now + LIFE),
            "refresh_token": format!("refresh-{}", self.tokens), "expires_in": LIFE / 1_000,
            "expires_at": (BORN + now + LIFE) / 1_000,
            "user": {"id": "00000000-0000-4000-a000-000000000001", "email": "ana@example.test"}})
        .to_string()
    }

    fn refresh(&mut self, token: &str, now: u64) -> String {
        self.refreshes += 1;
        if token == format!("refresh-{}", self.tokens) {
            self.used.insert(token.to_owned(), now);
            self.tokens += 1;
        } else if token != format!("refresh-{}", self.tokens - 1) {
            let used = self.used[token];
            assert!(
                now - used <= 10_000,
                "{token} was used before: signed out at {now}"
            );
        }
        self.issue(now)
    }
}

fn ends(token: &str) -> u64 {
    token.rsplit('.').next().unwrap().parse().unwrap()
}

/// A socket with its server at the other end.
#[derive(Default)]
struct Socket {
    open: bool,
    /// When each channel's token ends, by topic, with its join.
    channels: BTreeMap<String, (u64, Value)>,
    /// What is on its way to the engine.
    coming: Vec<(u64, String)>,
}

impl Socket {
    fn say(&mut self, at: u64, frame: Value) {
        self.coming.push((at, frame.to_string()));
    }

    fn take(&mut self, now: u64, frame: &str) {
        let frame: Value = serde_json::from_str(frame).unwrap();
        let [join, reference, topic, event, payload] = frame.as_array().unwrap().as_slice() else {
            panic!("a frame of five")
        };
        let name = topic.as_str().unwrap().to_owned();
        let ok = |response: Value| json!([join, reference, topic, "phx_reply", {"status": "ok", "response": response}]);
        let token = payload["access_token"].as_str();
        let listens = json!([join, null, topic, "system", {"channel": name, "status": "ok",
            "extension": "postgres_changes", "message": "Subscribed to PostgreSQL"}]);
        match event.as_str().unwrap() {
            "heartbeat" => self.say(now + 20, ok(json!({}))),
            "phx_join" => {
                let token = token.expect("nobody joins without a token");
                assert!(ends(token) > now, "joined with a token that has ended");
                let bindings = payload["config"]["postgres_changes"].as_array().unwrap();
                let echoed: Vec<Value> = bindings
                    .iter()
                    .enumerate()
                    .map(|(id, binding)| {
                        let mut binding = binding.clone();
                        binding["id"] = json!(id + 1);
                        binding
                    })
                    .collect();
                self.say(now + 30, ok(json!({ "postgres_changes": echoed })));
                self.say(now + 150, listens);
                self.channels.insert(name, (ends(token), join.clone()));
            }
            "access_token" => {
                let ends = ends(token.expect("a token"));
                assert!(ends > now, "pushed a token that has ended");
                if let Some(channel) = self.channels.get_mut(&name) {
                    channel.0 = ends;
                    self.say(now + 1_000, listens);
                }
            }
            "phx_leave" => {
                self.channels.remove(&name);
                self.say(now + 20, ok(json!({})));
            }
            other => panic!("{other}"),
        }
    }

    /// Closes the channels whose token has ended.
    fn expire(&mut self, now: u64) {
        let over: Vec<String> = self
            .channels
            .iter()
            .filter(|(_, (ends, _))| *ends <= now)
            .map(|(topic, _)| topic.clone())
            .collect();
        for topic in over {
            let (_, join) = self.channels.remove(&topic).unwrap();
            self.say(
                now,
                json!([join, null, topic, "system", {"channel": topic, "status": "error",
                "extension": "system", "message": "Token has expired 0 seconds ago"}]),
            );
            self.say(now, json!([join, join, topic, "phx_close", {}]));
        }
    }
}

struct Lead {
    page: usize,
    engine: Engine,
    socket: Socket,
    opens: Option<u64>,
    asked: Vec<(u64, TokenNeed)>,
    live_at: u64,
}

struct Page {
    session: Session,
    born: u64,
    sleeps_until: u64,
    open: bool,
    calls_at: u64,
    /// The last token that the Realtime server was given.
    given: String,
}

struct Renewal {
    page: usize,
    began: u64,
    asked: Clocks,
    /// The server's calendar, in its answer.
    date: u64,
    answers: u64,
    answer: String,
}

struct Browser {
    now: u64,
    /// How far this computer's calendar is from the server's, in seconds.
    skew: i64,
    auth: Auth,
    storage: String,
    pages: Vec<Page>,
    /// Who has asked for a new token, and waits for the answer.
    renewing: Option<Renewal>,
    lead: Option<Lead>,
    dice: u64,
    calls: u64,
}

impl Browser {
    fn new(seed: u64, skew: i64) -> Self {
        let mut browser = Self {
            now: 0,
            skew,
            auth: Auth::default(),
            storage: String::new(),
            pages: Vec::new(),
            renewing: None,
            lead: None,
            dice: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            calls: 0,
        };
        let answer = browser.auth.issue(0);
        let session = Session::received(&answer, HERE, browser.clocks(0)).unwrap();
        browser.storage = session.stored(browser.clocks(0)).unwrap();
        browser.comes();
        browser
    }

    fn roll(&mut self, sides: u64) -> u64 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        (self.dice >> 33) % sides
    }

    fn unix(&self) -> u64 {
        ((BORN + self.now) / 1_000)
            .checked_add_signed(self.skew)
            .unwrap()
    }

    fn clocks(&self, born: u64) -> Clocks {
        Clocks {
            moment: Moment::from_millis(self.now - born),
            unix: self.unix(),
        }
    }

    fn comes(&mut self) {
        let session = Session::restored(&self.storage, HERE, self.clocks(self.now)).unwrap();
        self.pages.push(Page {
            session,
            born: self.now,
            sleeps_until: 0,
            open: true,
            calls_at: self.now,
            given: String::new(),
        });
    }

    fn awake(&self, page: usize) -> bool {
        self.pages[page].open && self.pages[page].sleeps_until <= self.now
    }

    /// What another tab renewed, as the storage tells.
    fn look_again(&mut self, page: usize) {
        let clocks = self.clocks(self.pages[page].born);
        let kept = Session::restored(&self.storage, HERE, clocks).unwrap();
        if kept.refresh_token() != self.pages[page].session.refresh_token() {
            self.pages[page].session = kept;
        }
    }

    /// A token for now, or the wait for a renewal, of which there is one in the whole browser.
    fn token(&mut self, page: usize, but: Option<&str>) -> Option<(String, Duration)> {
        self.look_again(page);
        let clocks = self.clocks(self.pages[page].born);
        let session = &self.pages[page].session;
        if let Some(token) = session
            .usable_token(clocks)
            .filter(|token| Some(*token) != but)
        {
            return Some((token.to_owned(), session.left(clocks)));
        }
        // A tab that sleeps while it has the turn is not waited for.
        if self
            .renewing
            .as_ref()
            .is_none_or(|known| self.now - known.began > DEADLINE)
        {
            let refresh = self.pages[page].session.refresh_token().to_owned();
            let answer = self.auth.refresh(&refresh, self.now);
            self.renewing = Some(Renewal {
                page,
                began: self.now,
                asked: clocks,
                date: (BORN + self.now) / 1_000,
                answers: self.now + 50 + self.roll(400),
                answer,
            });
        }
        None
    }

    fn renew(&mut self) {
        let Some(Renewal { page, answers, .. }) = self.renewing else {
            return;
        };
        if !self.pages[page].open {
            // Its lock is free; the answer is nobody's.
            self.renewing = None;
        } else if answers <= self.now
            && self.awake(page)
            && let Some(Renewal {
                asked,
                date,
                answer,
                ..
            }) = self.renewing.take()
        {
            let clocks = self.clocks(self.pages[page].born);
            let mut session = Session::received(&answer, HERE, asked).unwrap();
            session.corrected(date, asked);
            self.storage = session.stored(clocks).unwrap();
            self.pages[page].session = session;
            // The others hear of it at once, as far as they are awake.
            for other in 0..self.pages.len() {
                if self.awake(other) {
                    self.look_again(other);
                }
            }
        }
    }

    fn call(&mut self, page: usize) {
        if self.pages[page].calls_at > self.now {
            return;
        }
        if let Some((token, _)) = self.token(page, None) {
            assert!(
                ends(&token) > self.now,
                "a request with a token that has ended"
            );
            self.calls += 1;
            let wait = 1_000 + self.roll(6_000);
            self.pages[page].calls_at = self.now + wait;
        }
    }

    /// The socket belongs to a tab that is awake; with another tab it is another socket.
    fn lead(&mut self) {
        if self
            .lead
            .as_ref()
            .is_some_and(|lead| !self.awake(lead.page))
        {
            self.lead = None;
        }
        if self.lead.is_none() {
            let Some(page) = (0..self.pages.len()).find(|page| self.awake(*page)) else {
                return;
            };
            let mut config = Config::new("ws://here.test/realtime/v1/websocket?apikey=k&vsn=2.0.0");
            config.tokens = TokenPolicy::Source;
            let mut engine = Engine::new(config, Now::new(self.now, BORN + self.now));
            for (number, table) in ["profiles", "patients"].into_iter().enumerate() {
                let bind = Command::Bind {
                    handle: HandleId(number as u64 + 1),
                    binding: Binding::table("public", table),
                };
                engine.handle(Now::new(self.now, BORN + self.now), Input::Command(bind));
            }
            self.lead = Some(Lead {
                page,
                engine,
                socket: Socket::default(),
                opens: None,
                asked: Vec::new(),
                live_at: self.now,
            });
        }
        let Some(mut lead) = self.lead.take() else {
            return;
        };
        self.drive(&mut lead);
        self.lead = Some(lead);
    }

    fn drive(&mut self, lead: &mut Lead) {
        let now = Now::new(self.now, BORN + self.now);
        if lead.opens.is_some_and(|at| at <= self.now) {
            lead.opens = None;
            lead.socket.open = true;
            lead.engine.handle(now, Input::Opened);
        }
        lead.socket.expire(self.now);
        let (due, later) = std::mem::take(&mut lead.socket.coming)
            .into_iter()
            .partition(|(at, _)| *at <= self.now);
        lead.socket.coming = later;
        let due: Vec<(u64, String)> = due;
        for (_, frame) in due {
            lead.engine.handle(now, Input::Text(&frame));
        }
        for (request, need) in std::mem::take(&mut lead.asked) {
            let refused = self.pages[lead.page].given.clone();
            let but = (need == TokenNeed::Refused).then_some(refused.as_str());
            match self.token(lead.page, but) {
                Some((token, left)) => {
                    self.pages[lead.page].given.clone_from(&token);
                    let answer = Ok(Some(AccessToken::new(token).expires_in(left)));
                    lead.engine.handle(now, Input::Token { request, answer });
                }
                None => lead.asked.push((request, need)),
            }
        }
        let session = self.pages[lead.page].session.held_token().to_owned();
        if !self.pages[lead.page].given.is_empty() && session != self.pages[lead.page].given {
            self.pages[lead.page].given = session;
            lead.engine
                .handle(now, Input::Command(Command::TokenChanged));
        }
        if lead.engine.timer().is_some_and(|at| at <= self.now) {
            lead.engine.handle(now, Input::Timer);
        }
        while let Some(output) = lead.engine.poll() {
            match output {
                Output::Open { .. } => lead.opens = Some(self.now + 40),
                Output::Send(Outbound::Text(frame)) => lead.socket.take(self.now, &frame),
                Output::Send(Outbound::Binary(_)) => panic!("nothing binary is said"),
                Output::Close { .. } => lead.socket = Socket::default(),
                Output::NeedToken { request, need } => lead.asked.push((request, need)),
                Output::Event(Event::Binding {
                    event: BindingEvent::Refused(refusal),
                    ..
                }) => panic!("{}", refusal.reason),
                Output::Event(_) | Output::Ask { .. } | Output::Post { .. } | Output::Finished => {}
            }
        }
        if lead.engine.report().status == Status::Live {
            lead.live_at = self.now;
        }
        assert!(
            self.now - lead.live_at < PATIENCE,
            "without the feed since {} at {}: {:?}",
            lead.live_at,
            self.now,
            lead.engine.report()
        );
    }

    fn hour(&mut self) {
        while self.now < HOUR {
            self.now += STEP;
            let open: Vec<usize> = (0..self.pages.len())
                .filter(|page| self.pages[*page].open)
                .collect();
            match self.roll(400) {
                0 if open.len() < 6 => self.comes(),
                1 if open.len() > 1 => {
                    let page = open[self.roll(open.len() as u64) as usize];
                    self.pages[page].open = false;
                }
                2 | 3 => {
                    let page = open[self.roll(open.len() as u64) as usize];
                    self.pages[page].sleeps_until = self.now + 1_000 * self.roll(120);
                }
                _ => {}
            }
            self.renew();
            for page in open {
                if self.awake(page) {
                    self.call(page);
                }
            }
            self.lead();
        }
    }
}

#[test]
fn an_hour_of_short_lived_tokens_ends_as_it_began_signed_in_and_live() {
    for seed in 1..=soak::size(8, 100) {
        for skew in [0, 7_200, -7_200] {
            let mut browser = Browser::new(seed, skew);
            browser.hour();
            let lives = HOUR / LIFE;
            let refreshes = browser.auth.refreshes;
            assert!(
                refreshes <= 2 * lives,
                "{refreshes} refreshes in {lives} lives, seed {seed}"
            );
            assert!(browser.calls > 500, "the tabs did nothing, seed {seed}");
            assert!(
                refreshes > lives / 2,
                "the tokens were never renewed, seed {seed}"
            );
        }
    }
}

#[test]
fn a_night_of_sleep_ends_with_one_renewal_and_nobody_signed_out() {
    let mut browser = Browser::new(1, 0);
    for _ in 0..600 {
        browser.now += STEP;
        browser.renew();
        browser.call(0);
        browser.lead();
    }
    let before = browser.auth.refreshes;
    // Eight hours in which the page's own clock stands still: only the calendar goes on.
    let night = 8 * HOUR;
    browser.now += night;
    browser.pages[0].born += night;
    browser.pages[0].calls_at = browser.now;
    if let Some(lead) = &mut browser.lead {
        lead.socket.open = false;
        lead.live_at = browser.now;
        let now = Now::new(browser.now, BORN + browser.now);
        lead.socket = Socket::default();
        lead.engine.handle(now, Input::Closed { code: 1006 });
    }
    for _ in 0..200 {
        browser.now += STEP;
        browser.renew();
        browser.call(0);
        browser.lead();
    }
    assert_eq!(browser.auth.refreshes - before, 1);
    let lead = browser.lead.as_ref().unwrap();
    assert_eq!(lead.engine.report().status, Status::Live);
}
