//! Lines as the moves of a play: whatever happens, the status tells the truth and the client comes back.
//!
//! A line is a letter and a number or a text; see the corpus. `$T` and `$R` in a frame stand for the topic and the
//! reference of the join that was accepted last.
#![no_main]

#[path = "../../tests/peer/mod.rs"]
mod peer;

use bedside_realtime::engine::{Config, Environment, TokenPolicy};
use libfuzzer_sys::fuzz_target;
use peer::play::{MESSAGES, Move, Play, REASONS};

/// Longer plays only say the same again.
const MOVES: usize = 120;

fn read(line: &[u8], play: &Play) -> Option<Move> {
    let (letter, rest) = line.split_first()?;
    let text = String::from_utf8_lossy(rest);
    let number = text.trim().parse::<u64>().unwrap_or(0);
    let one_of = |texts: [&'static str; 5]| texts[(number % 5) as usize];
    Some(match letter {
        b'p' => Move::Pass(number % 20_000),
        b'z' => Move::Sleep(number % 90_000_000, number / 3 % 90_000_000),
        b'o' => Move::Open,
        b'f' => Move::OpenFailed(u16::try_from(number).ok().filter(|status| *status > 0)),
        b'c' => Move::Close(u16::try_from(number % 5_000).unwrap_or(1006)),
        b'b' => Move::Bind((number % 4) as u8),
        b'u' => Move::Unbind(number % 12),
        b'e' => Move::Enter((number % 3) as u8),
        b'l' => Move::Leave(number % 200),
        b'a' => Move::Accept,
        b'r' => Move::Refuse(one_of(REASONS)),
        b's' => Move::Listen,
        b'm' => Move::System(
            if number < 5 {
                "system"
            } else {
                "postgres_changes"
            },
            one_of(MESSAGES),
        ),
        b'x' => Move::End(number > 0),
        b'g' => Move::Change(number % 9),
        b't' => Move::Token((number % 5) as u8),
        b'v' => Move::Environment(match number % 3 {
            0 => Environment::Online,
            1 => Environment::Offline,
            _ => Environment::Woken,
        }),
        b'R' => Move::Reconnect,
        b'T' => Move::TokenChanged,
        b'I' => Move::Identity,
        b'h' => Move::Heartbeats,
        b'=' => Move::Bytes(rest.to_vec()),
        b'>' => {
            let (topic, reference) = play.last_join();
            Move::Text(text.replace("$T", &topic).replace("$R", &reference))
        }
        _ => return None,
    })
}

fuzz_target!(|bytes: &[u8]| {
    let mut config = Config::new(peer::URL);
    config.seed = 1 + bytes.len() as u64;
    config.tokens = if bytes.len() % 2 == 0 {
        TokenPolicy::Source
    } else {
        TokenPolicy::ApiKey
    };
    let mut play = Play::with(config);
    for line in bytes.split(|byte| *byte == b'\n').take(MOVES) {
        if let Some(step) = read(line, &play) {
            play.step(step);
        }
    }
    play.heal();
});
