//! The decisions of one tab among many: whether it leads or follows, what it says and asks, and when the word of a leader counts
//! as lost. Words and time in, effects out; it knows no channel, no lock and no clock.

use bedside_realtime::{
    Binding, BindingEvent, Echo, Gap, GapCause, Liveness, Message, Payload, PresenceState, Room,
    RoomEvent, Status, StatusSnapshot,
};

use super::held::Held;
use super::lead::Lead;
use super::wants::Wants;
use super::word::{Act, Audience, Known, Said, Tab, Term, Word};

/// So many questions in a row without an answer, and the leader is taken for dead or frozen. With [`super::line::PACE`] between
/// two, the lead changes in half of the three seconds that a person should wait at most.
pub const UNANSWERED: u32 = 4;

/// Something to be done, in the order in which it is given.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Say a word to all tabs.
    Post(Box<Word>),
    /// Take the lead from whoever has it.
    Seize,
    /// Give the lead back, and wait for it again.
    Yield,
    /// Tell when that tab is gone.
    Attend(Tab),
    /// Make a client; there is none.
    Open,
    /// End the client, with its socket.
    Close,
    /// The client should listen.
    Bind(Binding),
    /// It should stop.
    Unbind(Binding),
    /// It should enter a room.
    Enter(Room),
    /// It should leave it.
    Leave(String),
    /// It should show this in a room's presence, or nothing.
    Show(String, Option<String>),
    /// It should watch the feed's heartbeat, or not.
    Watch(Option<Liveness>),
    /// It should do this.
    Do(Act),
    /// It should do what is due: its own timers may be held back.
    Tick,
    /// The holders of these numbers hear this.
    Tell(Vec<u64>, BindingEvent),
    /// The same, of a room.
    TellRoom(Vec<u64>, RoomEvent),
}

/// Which tab leads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Leadership {
    /// There is no way to other tabs, or nobody is signed in.
    #[default]
    Alone,
    /// This one, and so many others hear from it.
    Leads { others: usize },
    /// Another one, or nobody yet.
    Follows,
}

#[derive(Debug)]
enum Role {
    Follows {
        /// The lead that is believed, and how many of its words came.
        leader: Option<(Term, u64)>,
        unanswered: u32,
    },
    Leads(Box<Lead>),
}

const NOBODY: Role = Role::Follows {
    leader: None,
    unanswered: 0,
};

/// One tab. `wall` is the time in milliseconds of the computer's calendar.
#[derive(Debug)]
pub struct Tabs {
    me: Tab,
    role: Role,
    held: Held,
    status: StatusSnapshot,
    /// When the leader was last heard.
    proven: u64,
    /// Nobody else can be heard.
    alone: bool,
}

impl Tabs {
    /// A tab that has heard nothing yet.
    pub fn new(me: Tab) -> Self {
        Self {
            me,
            role: NOBODY,
            held: Held::default(),
            status: StatusSnapshot::default(),
            proven: 0,
            alone: true,
        }
    }

    pub fn me(&self) -> Tab {
        self.me
    }

    pub fn status(&self) -> &StatusSnapshot {
        &self.status
    }

    pub fn leadership(&self) -> Leadership {
        match &self.role {
            _ if self.alone => Leadership::Alone,
            Role::Leads(lead) => Leadership::Leads {
                others: lead.others(),
            },
            Role::Follows { .. } => Leadership::Follows,
        }
    }

    /// What is known to have been missed, the oldest first.
    pub fn gaps(&self) -> Vec<Gap> {
        self.held.gaps()
    }

    /// Somebody else is signed in, or nobody: no leader is believed any more, and nothing is proven. What is held stays held.
    pub fn fence(&mut self) -> Vec<Effect> {
        self.alone = true;
        self.step_down(GapCause::IdentityChanged)
    }

    /// Other tabs can be heard from here on. Asks who leads.
    pub fn come(&mut self) -> Vec<Effect> {
        self.alone = false;
        self.status = connecting();
        vec![Effect::Post(Box::new(Word::Asks))]
    }

    /// This tab has the lead.
    pub fn crowned(&mut self, wall: u64) -> Vec<Effect> {
        if let Role::Leads(_) = self.role {
            return Vec::new();
        }
        let mut since = wall;
        if let Role::Follows {
            leader: Some((term, _)),
            ..
        } = self.role
        {
            // A calendar that was set back must not make the new lead look like the older one.
            since = since.max(term.since.saturating_add(1));
        }
        self.status = connecting();
        let mut effects = self.held.lose(GapCause::RelayLost, self.proven);
        let mut lead = Lead::new(Term {
            since,
            tab: self.me,
        });
        effects.push(Effect::Open);
        if !self.alone {
            effects.push(lead.is_here());
        }
        effects.extend(lead.serve(self.held.wants()));
        self.role = Role::Leads(Box::new(lead));
        effects
    }

    /// The lead was taken from this tab: it was silent for too long.
    pub fn deposed(&mut self) -> Vec<Effect> {
        if let Role::Follows { .. } = self.role {
            return Vec::new();
        }
        let mut effects = self.step_down(GapCause::RelayLost);
        self.status = connecting();
        effects.push(Effect::Post(Box::new(Word::Asks)));
        effects
    }

    fn step_down(&mut self, cause: GapCause) -> Vec<Effect> {
        let led = matches!(self.role, Role::Leads(_));
        self.role = NOBODY;
        self.status = StatusSnapshot::default();
        let mut effects = self.held.lose(cause, self.proven);
        if led {
            effects.insert(0, Effect::Close);
        }
        effects
    }

    /// Another tab is gone.
    pub fn left(&mut self, tab: Tab) -> Vec<Effect> {
        if let Role::Leads(lead) = &mut self.role {
            lead.left(tab);
        }
        self.serve()
    }

    /// It is time to ask whether the leader is still there.
    pub fn tick(&mut self) -> Vec<Effect> {
        match &mut self.role {
            Role::Follows { unanswered, .. } if !self.alone => {
                *unanswered = unanswered.saturating_add(1);
                let mut effects = vec![Effect::Post(Box::new(Word::Asks))];
                if *unanswered > UNANSWERED {
                    *unanswered = 0;
                    effects.push(Effect::Seize);
                }
                effects
            }
            _ => Vec::new(),
        }
    }

    /// A word came over the channel.
    pub fn hear(&mut self, word: Word, wall: u64) -> Vec<Effect> {
        match &self.role {
            // Not there yet, or for nobody.
            _ if self.alone => Vec::new(),
            Role::Leads(_) => self.hear_as_leader(word, wall),
            Role::Follows { .. } => self.hear_as_follower(word, wall),
        }
    }

    fn hear_as_leader(&mut self, word: Word, wall: u64) -> Vec<Effect> {
        let Role::Leads(lead) = &mut self.role else {
            return Vec::new();
        };
        match word {
            Word::Asks => vec![lead.is_here(), Effect::Tick],
            // Two may believe in themselves for a moment, when one was frozen: the later lead is the real one.
            Word::Leads { term, .. } if term > lead.term => {
                let mut effects = self.deposed();
                effects.push(Effect::Yield);
                effects
            }
            Word::Leads { .. } => vec![lead.is_here()],
            Word::Said { .. } => Vec::new(),
            Word::Wants { term, .. } | Word::Does { term, .. } if term != lead.term => {
                vec![lead.is_here()]
            }
            Word::Wants {
                from, wants, known, ..
            } => {
                let former = lead.want(from, wants);
                let mut effects = Vec::new();
                if former.is_none() {
                    effects.push(Effect::Attend(from));
                }
                let before = match known {
                    Known::Former => former.unwrap_or_default(),
                    Known::Nothing => Wants::default(),
                };
                effects.extend(lead.catch_up(from, &before, &self.status));
                effects.extend(self.serve());
                effects
            }
            Word::Does { from, act, .. } => {
                let mut effects = Vec::new();
                if let Act::Say { room, event, json } = &act {
                    let message = said(event, json);
                    let to = Audience::AllBut(from);
                    effects.extend(lead.say(to, Said::Room(room.clone(), message.clone())));
                    effects.extend(self.held.hear_room(room, &message, None, wall));
                }
                effects.push(Effect::Do(act));
                effects
            }
        }
    }

    fn hear_as_follower(&mut self, word: Word, wall: u64) -> Vec<Effect> {
        let Role::Follows { leader, unanswered } = &mut self.role else {
            return Vec::new();
        };
        match word {
            Word::Leads { term, said } => match leader {
                Some((known, count)) if *known == term => {
                    *unanswered = 0;
                    let missed = *count != said;
                    *count = said;
                    self.proven_or_missed(missed, wall)
                }
                // One who was frozen may still speak of a lead that is over.
                Some((known, _)) if *known > term && *unanswered < 2 => Vec::new(),
                _ => {
                    *leader = Some((term, said));
                    *unanswered = 0;
                    self.proven_or_missed(true, wall)
                }
            },
            Word::Said {
                term,
                number,
                to,
                what,
            } => match leader {
                Some((known, count)) if *known == term && number > *count => {
                    *unanswered = 0;
                    let missed = number != *count + 1;
                    *count = number;
                    let mut effects = self.proven_or_missed(missed, wall);
                    if to.includes(self.me) {
                        effects.extend(self.believe(what, wall));
                    }
                    effects
                }
                _ => Vec::new(),
            },
            Word::Asks | Word::Wants { .. } | Word::Does { .. } => Vec::new(),
        }
    }

    /// The leader was heard; when a word before was not, nothing is proven, and the leader is asked for all that is wanted.
    fn proven_or_missed(&mut self, missed: bool, wall: u64) -> Vec<Effect> {
        let mut effects = Vec::new();
        if missed {
            self.status = connecting();
            effects = self.held.lose(GapCause::RelayLost, self.proven);
            effects.extend(self.ask(Known::Nothing));
        }
        self.proven = wall;
        effects
    }

    fn believe(&mut self, what: Said, wall: u64) -> Vec<Effect> {
        match what {
            Said::Binding(binding, event) => self.held.hear(&binding, &event, wall),
            Said::Present(room, present) => {
                self.held.meet(room, present);
                Vec::new()
            }
            Said::Room(room, event) => self.held.hear_room(&room, &event, None, wall),
            Said::Status(status) => {
                self.status = *status;
                Vec::new()
            }
        }
    }

    /// Tells the leader what this tab wants.
    fn ask(&self, known: Known) -> Option<Effect> {
        let Role::Follows {
            leader: Some((term, _)),
            ..
        } = &self.role
        else {
            return None;
        };
        Some(Effect::Post(Box::new(Word::Wants {
            from: self.me,
            term: *term,
            wants: self.held.wants(),
            known,
        })))
    }

    /// Sees to it that the socket serves what is wanted, this tab's or another's.
    fn serve(&mut self) -> Vec<Effect> {
        match &mut self.role {
            Role::Leads(lead) => lead.serve(self.held.wants()),
            Role::Follows { .. } => self.ask(Known::Former).into_iter().collect(),
        }
    }

    /// Listens, until [`Tabs::release`]. Gives the number by which it is told.
    pub fn bind(&mut self, binding: Binding, wall: u64) -> (u64, Vec<Effect>) {
        let ready = self.held.is_ready(&binding);
        let known = match &self.role {
            Role::Leads(lead) => lead.word(&binding),
            Role::Follows { .. } if ready => {
                let ready = bedside_realtime::Ready {
                    at: self.proven,
                    gap: None,
                };
                Some(BindingEvent::Ready(ready))
            }
            Role::Follows { .. } => None,
        };
        let number = self.held.bind(binding);
        let mut effects = self.serve();
        if let Some(word) = known {
            effects.extend(self.held.hear_as(&[number], &word, wall));
        }
        (number, effects)
    }

    /// Enters a room, until [`Tabs::release`].
    pub fn enter(&mut self, room: Room, wall: u64) -> (u64, Vec<Effect>) {
        let name = room.name().to_owned();
        let inside = self.held.is_entered(&name);
        let number = self.held.enter(room);
        let (word, present) = match &self.role {
            Role::Leads(lead) => (lead.room_word(&name), lead.present(&name)),
            Role::Follows { .. } if inside => {
                let ready = bedside_realtime::Ready {
                    at: self.proven,
                    gap: None,
                };
                (Some(RoomEvent::Ready(ready)), None)
            }
            Role::Follows { .. } => (None, None),
        };
        let mut effects = self.serve();
        if let Some(present) = present {
            self.held.meet(name, present);
        }
        if let Some(word) = word {
            effects.extend(self.held.hear_room_as(&[number], &word, wall));
        }
        (number, effects)
    }

    /// Watches the feed's heartbeat, until [`Tabs::release`].
    pub fn watch(&mut self, liveness: Liveness) -> (u64, Vec<Effect>) {
        let number = self.held.watch(liveness);
        (number, self.serve())
    }

    /// Lets go of what has this number.
    pub fn release(&mut self, number: u64) -> Vec<Effect> {
        self.held.drop(number);
        self.serve()
    }

    /// Shows up in a room with a JSON object, or not any more.
    pub fn show(&mut self, number: u64, json: Option<String>) -> Vec<Effect> {
        self.held.show(number, json);
        self.serve()
    }

    /// Says something in a room. Nobody hears it while there is no leader.
    pub fn say(&mut self, number: u64, event: String, json: String, wall: u64) -> Vec<Effect> {
        let Some(room) = self.held.room_of(number) else {
            return Vec::new();
        };
        let room = room.name().to_owned();
        let message = said(&event, &json);
        let mut effects = self.held.hear_room(&room, &message, Some(number), wall);
        if let Role::Leads(lead) = &mut self.role {
            effects.extend(lead.say(Audience::All, Said::Room(room.clone(), message)));
        }
        effects.extend(self.act(Act::Say { room, event, json }));
        effects
    }

    /// Says that an own write was accepted, and that its change must come back.
    pub fn expect(&self, echo: Echo, within: u64) -> Vec<Effect> {
        self.act(Act::Expect(echo, within)).into_iter().collect()
    }

    /// Tries again now.
    pub fn reconnect(&self) -> Vec<Effect> {
        self.act(Act::Reconnect).into_iter().collect()
    }

    /// Says how many changes the feed should have brought and didn't.
    pub fn checked(&self, missed: u64) -> Vec<Effect> {
        self.act(Act::Checked(missed)).into_iter().collect()
    }

    fn act(&self, act: Act) -> Option<Effect> {
        match &self.role {
            Role::Leads(_) => Some(Effect::Do(act)),
            Role::Follows {
                leader: Some((term, _)),
                ..
            } => Some(Effect::Post(Box::new(Word::Does {
                from: self.me,
                term: *term,
                act,
            }))),
            Role::Follows { leader: None, .. } => None,
        }
    }

    /// The own client said something of a binding.
    pub fn served(&mut self, binding: &Binding, event: &BindingEvent, wall: u64) -> Vec<Effect> {
        let Role::Leads(lead) = &mut self.role else {
            return Vec::new();
        };
        self.proven = wall;
        let mut effects: Vec<Effect> = lead.heard(binding, event).into_iter().collect();
        effects.extend(self.held.hear(binding, event, wall));
        effects
    }

    /// The own client said something of a room.
    pub fn served_room(
        &mut self,
        name: &str,
        event: &RoomEvent,
        present: PresenceState,
        wall: u64,
    ) -> Vec<Effect> {
        let Role::Leads(lead) = &mut self.role else {
            return Vec::new();
        };
        let mut effects = lead.heard_room(name, event, present.clone());
        self.held.meet(name.to_owned(), present);
        effects.extend(self.held.hear_room(name, event, None, wall));
        effects
    }

    /// The own client's status.
    pub fn fares(&mut self, status: StatusSnapshot) -> Vec<Effect> {
        let Role::Leads(lead) = &mut self.role else {
            return Vec::new();
        };
        let said = lead.say(Audience::All, Said::Status(Box::new(status.clone())));
        self.status = status;
        said.into_iter().collect()
    }

    /// Whether this holder is in the room.
    pub fn is_inside(&self, number: u64) -> bool {
        self.held.is_inside(number)
    }

    /// Who is in the room of a holder, tabs that share a socket apart.
    pub fn present(&self, number: u64) -> PresenceState {
        self.held.present(number)
    }
}

fn said(event: &str, json: &str) -> RoomEvent {
    RoomEvent::Message(Message {
        event: event.to_owned(),
        payload: Payload::Json(json.to_owned()),
        id: None,
        replayed: false,
    })
}

/// What is shown until a leader says more.
fn connecting() -> StatusSnapshot {
    StatusSnapshot {
        status: Status::Connecting,
        ..StatusSnapshot::default()
    }
}
