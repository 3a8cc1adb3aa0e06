//! Ten thousand clients after a restart of the server: how hard they knock, beside the schedule of the usual client.

use std::collections::BTreeMap;

use bedside_realtime::Binding;
use bedside_realtime::engine::{Command, Config, Engine, HandleId, Input, Now, Output};

const CLIENTS: u64 = 10_000;

/// Opens of all clients by second, from the moment at which the server closes every socket.
fn knocks(code: u16, down_ms: u64) -> BTreeMap<u64, u64> {
    let mut knocks = BTreeMap::new();
    for client in 1..=CLIENTS {
        let mut config = Config::new("ws://herd.test/");
        config.seed = client;
        config.trace = 0;
        let mut engine = Engine::new(config, Now::new(0, 0));
        let binding = Binding::table("public", "patients");
        engine.handle(
            Now::new(0, 0),
            Input::Command(Command::Bind {
                handle: HandleId(1),
                binding,
            }),
        );
        engine.handle(Now::new(0, 0), Input::Opened);
        while engine.poll().is_some() {}
        let start = 100;
        engine.handle(Now::new(start, start), Input::Closed { code });
        let mut now = start;
        loop {
            let opens = std::iter::from_fn(|| engine.poll())
                .filter(|output| matches!(output, Output::Open { .. }))
                .count();
            if opens > 0 {
                *knocks.entry((now - start) / 1_000).or_default() += 1;
                if now - start >= down_ms {
                    break;
                }
                engine.handle(Now::new(now, now), Input::OpenFailed { http_status: None });
            } else {
                now = now.max(engine.timer().expect("a client that waits for nothing"));
                engine.handle(Now::new(now, now), Input::Timer);
            }
        }
    }
    knocks
}

/// The fixed schedule of supabase-js: 1, 2, 5, then every 10 s after a failed attempt, without jitter.
fn fixed_schedule(down_ms: u64) -> BTreeMap<u64, u64> {
    let mut knocks = BTreeMap::new();
    let mut at = 0;
    for pause in [1_000, 2_000, 5_000]
        .into_iter()
        .chain(std::iter::repeat(10_000))
    {
        at += pause;
        *knocks.entry(at / 1_000).or_default() += CLIENTS;
        if at >= down_ms {
            return knocks;
        }
    }
    knocks
}

/// Nobody can tell a dead server from a dead cable, so a socket that broke without a word is spread as well.
#[test]
fn p13_ten_thousand_clients_knock_at_most_a_fifth_as_hard_whether_they_were_told_or_not() {
    for (name, code) in [("restart", 1012), ("silent loss", 1006)] {
        for down_ms in [0, 2_000, 8_000, 30_000, 60_000] {
            let ours = knocks(code, down_ms);
            let peak = ours.values().max().copied().unwrap();
            let theirs = fixed_schedule(down_ms).values().max().copied().unwrap();
            let last = ours.keys().max().copied().unwrap();
            println!(
                "{name} of {down_ms} ms: peak {peak}/s beside {theirs}/s, all back after {last} s"
            );
            assert!(
                peak * 5 <= theirs,
                "{name} of {down_ms} ms: {peak} beside {theirs}: {ours:?}"
            );
        }
    }
}
