//! Signs of life. Any frame from the server is one; a heartbeat is only sent when there is none for a while, or
//! when the client itself was silent for so long that the server might close.

use super::clock::Now;

/// The pulse of one socket.
#[derive(Clone, Debug)]
pub(crate) struct Heart {
    quiet: u64,
    keepalive: u64,
    last_in: u64,
    /// The same moment on the other clock: while a device sleeps, only one of them goes on.
    last_in_wall: u64,
    last_out: u64,
    pending: Option<Beat>,
    measured: Option<(String, u64)>,
    round_trip: Option<u64>,
}

#[derive(Clone, Debug)]
struct Beat {
    deadline: u64,
}

/// What the heart wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pulse {
    Calm,
    /// Send a heartbeat.
    Beat,
    /// No answer came in time.
    Lost,
}

const LEAST_PATIENCE: u64 = 2_000;
const MOST_PATIENCE: u64 = 10_000;

impl Heart {
    pub fn new(quiet: u64, keepalive: u64) -> Self {
        Self {
            quiet,
            keepalive,
            last_in: 0,
            last_in_wall: 0,
            last_out: 0,
            pending: None,
            measured: None,
            round_trip: None,
        }
    }

    pub fn opened(&mut self, now: Now) {
        (self.last_in, self.last_in_wall, self.last_out) = (now.mono, now.wall, now.mono);
        (self.pending, self.measured) = (None, None);
    }

    pub fn inbound(&mut self, now: Now) {
        (self.last_in, self.last_in_wall) = (now.mono, now.wall);
        self.pending = None;
    }

    pub fn outbound(&mut self, now: u64) {
        self.last_out = now;
    }

    pub fn last_in(&self) -> u64 {
        self.last_in
    }

    /// The last sign of life as Unix time.
    pub fn last_in_wall(&self) -> u64 {
        self.last_in_wall
    }

    pub fn round_trip(&self) -> Option<u64> {
        self.round_trip
    }

    /// A heartbeat was sent; an answer is due within the patience that the round trips suggest, or `limit`.
    pub fn sent(&mut self, now: u64, reference: String, limit: Option<u64>) {
        let patience = self.round_trip.map_or(MOST_PATIENCE / 2, |time| {
            time.saturating_mul(4).saturating_add(1_000)
        });
        let patience = limit.unwrap_or_else(|| patience.clamp(LEAST_PATIENCE, MOST_PATIENCE));
        self.pending = Some(Beat {
            deadline: now.saturating_add(patience),
        });
        self.measured = Some((reference, now));
        self.last_out = now;
    }

    /// Any reply: measures the round trip when it answers the last heartbeat.
    pub fn replied(&mut self, now: u64, reference: &str) {
        if let Some((_, sent)) = self.measured.take_if(|(own, _)| own == reference) {
            let sample = now.saturating_sub(sent);
            self.round_trip = Some(
                self.round_trip
                    .map_or(sample, |mean| (mean * 7 + sample) / 8),
            );
        }
    }

    /// When to look again.
    pub fn due(&self) -> u64 {
        let beat = self.last_out.saturating_add(self.keepalive);
        match &self.pending {
            Some(pending) => pending.deadline.min(beat),
            None => beat.min(self.last_in.saturating_add(self.quiet)),
        }
    }

    /// Decides. `patience_until` is set while a join is pending: a refused one freezes the socket for 5 s, and a
    /// late answer is then no death.
    pub fn pulse(&mut self, now: u64, patience_until: Option<u64>) -> Pulse {
        if let Some(pending) = &mut self.pending
            && now >= pending.deadline
        {
            match patience_until {
                Some(until) if until > now => pending.deadline = until,
                _ => return Pulse::Lost,
            }
        }
        let silent = self.pending.is_none() && now >= self.last_in.saturating_add(self.quiet);
        let mute = now >= self.last_out.saturating_add(self.keepalive);
        if silent || mute {
            Pulse::Beat
        } else {
            Pulse::Calm
        }
    }
}
