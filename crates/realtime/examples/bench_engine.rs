//! Frames per second through the codec and the engine, allocations per frame, and the peak of reconnects; as JSON
//! lines for `cargo xtask bench realtime`. Run it with `--release`. Not an example to learn from.
#![cfg_attr(target_arch = "wasm32", allow(unused))]

#[cfg(not(target_arch = "wasm32"))]
mod bench {
    use std::alloc::System;
    use std::collections::BTreeMap;
    use std::time::Instant;

    use bedside_realtime::engine::{Command, Config, Engine, HandleId, Input, Now, Output};
    use bedside_realtime::wire::{Body, decode_text};
    use bedside_realtime::{Binding, Vsn};
    use serde_json::{Value, json};
    use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

    #[global_allocator]
    static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

    const CLIENTS: u64 = 10_000;

    fn change(topic: &str, ids: &[u64], notes: usize) -> String {
        let columns: Vec<Value> = [
            "id",
            "mrn",
            "first_name",
            "last_name",
            "status",
            "version",
            "notes",
        ]
        .map(|name| json!({"name": name, "type": "text"}))
        .to_vec();
        let id = "aaaaaaaa-0000-4000-8000-000000000001";
        let record = json!({
            "id": id, "mrn": "MRN-1", "first_name": "Ada", "last_name": "Lovelace",
            "status": "active", "version": 9_007_199_254_740_993_u64, "notes": "n".repeat(notes),
        });
        let data = json!({
            "schema": "public", "table": "patients", "type": "UPDATE", "commit_timestamp": "2026-11-22T12:39:12.812Z",
            "columns": columns, "record": record, "old_record": {"id": id}, "errors": null,
        });
        json!([null, null, topic, "postgres_changes", {"ids": ids, "data": data}]).to_string()
    }

    /// An engine that is live, its topic and the id of its one binding.
    fn live() -> Option<(Engine, String, u64)> {
        let mut config = Config::new("ws://bench.test/");
        config.event_rate = None;
        let mut engine = Engine::new(config, Now::default());
        let binding = Binding::table("public", "patients");
        engine.handle(
            Now::new(1, 1),
            Input::Command(Command::Bind {
                handle: HandleId(1),
                binding,
            }),
        );
        engine.handle(Now::new(2, 2), Input::Opened);
        let join = std::iter::from_fn(|| engine.poll()).find_map(|output| match output {
            Output::Send(bedside_realtime::wire::Outbound::Text(text)) => {
                serde_json::from_str::<Value>(&text).ok()
            }
            _ => None,
        })?;
        let bindings = json!([{"id": 7, "event": "*", "schema": "public", "table": "patients"}]);
        let reply = json!({"status": "ok", "response": {"postgres_changes": bindings}});
        let (reference, topic) = (join.get(0)?, join.get(2)?);
        let frames = [
            json!([reference, reference, topic, "phx_reply", reply]),
            json!([reference, null, topic, "system", {"extension": "postgres_changes", "status": "ok", "message": ""}]),
        ];
        for frame in frames {
            engine.handle(Now::new(3, 3), Input::Text(&frame.to_string()));
        }
        while engine.poll().is_some() {}
        let topic = topic.as_str()?.to_owned();
        (engine.report().ready == 1).then_some((engine, topic, 7))
    }

    /// Nanoseconds and allocations of one call, the best of several rounds.
    fn measure(times: u32, mut call: impl FnMut()) -> (f64, f64) {
        let (mut best, mut allocations) = (f64::INFINITY, 0.0);
        for _ in 0..9 {
            let region = Region::new(COUNTED);
            let start = Instant::now();
            for _ in 0..times {
                call();
            }
            best = best.min(start.elapsed().as_nanos() as f64 / f64::from(times));
            allocations = region.change().allocations as f64 / f64::from(times);
        }
        (best, allocations)
    }

    fn knocks(code: u16) -> (u64, u64) {
        let mut by_second = BTreeMap::<u64, u64>::new();
        let down_ms = 8_000;
        for client in 1..=CLIENTS {
            let mut config = Config::new("ws://herd.test/");
            (config.seed, config.trace) = (client, 0);
            let mut engine = Engine::new(config, Now::default());
            let binding = Binding::table("public", "patients");
            engine.handle(
                Now::default(),
                Input::Command(Command::Bind {
                    handle: HandleId(1),
                    binding,
                }),
            );
            engine.handle(Now::default(), Input::Opened);
            engine.handle(Now::default(), Input::Closed { code });
            while engine.poll().is_some() {}
            let mut now = 0;
            while let Some(due) = engine.timer() {
                now = now.max(due);
                engine.handle(Now::new(now, now), Input::Timer);
                let opens = std::iter::from_fn(|| engine.poll())
                    .any(|output| matches!(output, Output::Open { .. }));
                if opens {
                    *by_second.entry(now / 1_000).or_default() += 1;
                    if now >= down_ms {
                        break;
                    }
                    engine.handle(Now::new(now, now), Input::OpenFailed { http_status: None });
                }
            }
        }
        // The usual client's attempts fall on the same moments for everybody: 1, 3, 8, 18 s.
        (by_second.values().copied().max().unwrap_or(0), CLIENTS)
    }

    pub fn run() -> Option<()> {
        for (name, notes, times) in [("small", 20, 20_000), ("64 kB", 64 * 1024, 500)] {
            let (mut engine, topic, id) = live()?;
            let frame = change(&topic, &[id], notes);
            let (decode, decode_allocations) = measure(times, || {
                if let Ok(frame) = decode_text(Vsn::V2, &frame)
                    && let Body::Change(change) = &frame.body
                {
                    std::hint::black_box(change.to_change());
                }
            });
            let mut mono = 10;
            let (whole, whole_allocations) = measure(times, || {
                mono += 1;
                engine.handle(Now::new(mono, mono), Input::Text(&frame));
                while let Some(output) = engine.poll() {
                    std::hint::black_box(&output);
                }
            });
            let case = json!({
                "case": name, "bytes": frame.len(), "decode_ns": decode.round(), "decode_allocations": decode_allocations,
                "engine_ns": whole.round(), "engine_allocations": whole_allocations,
                "engine_frames_per_second": (1e9 / whole).round(),
            });
            println!("{case}");
        }
        for (what, code) in [("restart", 1012), ("silent loss", 1006)] {
            let (ours, fixed) = knocks(code);
            let case = format!("reconnect peak, 10,000 clients, {what} of 8 s");
            println!("{}", json!({"case": case, "bedside": ours, "peer": fixed}));
        }
        Some(())
    }
}

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    match bench::run() {
        Some(()) => std::process::ExitCode::SUCCESS,
        None => std::process::ExitCode::FAILURE,
    }
}

#[cfg(target_arch = "wasm32")]
fn main() {}
