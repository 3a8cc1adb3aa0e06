//! Random frames and random scripts: nothing panics, nothing gets stuck, nothing grows without bound.

use bedside_realtime::Vsn;
use bedside_realtime::engine::{Config, Environment, TokenPolicy};
use bedside_realtime::wire::{decode_binary, decode_text};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::peer::URL;
use crate::peer::play::{MESSAGES, Move, Play, REASONS};
use crate::soak;

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z_:*]{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "ok",
            "error",
            "postgres_changes",
            "system",
            "realtime:r",
            "1",
            "2",
            "Subscribed to PostgreSQL"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        let key = prop::sample::select(vec![
            "status",
            "response",
            "reason",
            "ids",
            "data",
            "schema",
            "table",
            "type",
            "record",
            "old_record",
            "columns",
            "errors",
            "metas",
            "phx_ref",
            "joins",
            "leaves",
            "payload",
            "event",
            "meta",
            "message",
            "extension",
            "id",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(key.prop_map(str::to_owned), inner, 0..6)
                .prop_map(|map| json!(map)),
        ]
    })
}

fn any_event() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "phx_reply",
            "phx_close",
            "phx_error",
            "system",
            "postgres_changes",
            "presence_state",
            "presence_diff",
            "broadcast",
        ])
        .prop_map(str::to_owned),
        "[a-z]{0,8}",
    ]
}

fn any_move() -> impl Strategy<Value = Move> {
    prop_oneof![
        4 => (0..20_000_u64).prop_map(Move::Pass),
        1 => (0..9_000_000_u64, 0..9_000_000_u64).prop_map(|(wall, mono)| Move::Sleep(wall, mono)),
        4 => Just(Move::Open),
        1 => prop::option::of(prop::sample::select(vec![401_u16, 403, 404, 429, 500])).prop_map(Move::OpenFailed),
        1 => prop::sample::select(vec![1000_u16, 1001, 1005, 1006, 1009, 1012, 4000]).prop_map(Move::Close),
        3 => (0..4_u8).prop_map(Move::Bind),
        1 => (0..12_u64).prop_map(Move::Unbind),
        1 => (0..3_u8).prop_map(Move::Enter),
        1 => (0..12_u64).prop_map(Move::Leave),
        6 => Just(Move::Accept),
        1 => prop::sample::select(REASONS.to_vec()).prop_map(Move::Refuse),
        6 => Just(Move::Listen),
        1 => (prop::sample::select(vec!["system", "postgres_changes"]), prop::sample::select(MESSAGES.to_vec())).prop_map(|(extension, message)| Move::System(extension, message)),
        1 => any::<bool>().prop_map(Move::End),
        3 => (0..9_u64).prop_map(Move::Change),
        2 => (any_event(), any_json()).prop_map(|(event, payload)| Move::Frame(event, payload)),
        1 => ".{0,40}".prop_map(Move::Text),
        1 => prop::collection::vec(any::<u8>(), 0..60).prop_map(Move::Bytes),
        3 => (0..5_u8).prop_map(Move::Token),
        1 => prop::sample::select(vec![Environment::Online, Environment::Offline, Environment::Woken]).prop_map(Move::Environment),
        1 => Just(Move::Reconnect),
        1 => Just(Move::TokenChanged),
        1 => Just(Move::Identity),
        3 => Just(Move::Heartbeats),
    ]
}

/// Cases of a test, in each run and in a soak; `PROPTEST_CASES` overrides both.
fn cases(short: u32, full: u32) -> u32 {
    std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or_else(|| soak::size(short, full))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(400, 10_000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn p24_no_text_panics_the_codec(text in ".{0,200}") {
        let _ = (decode_text(Vsn::V1, &text), decode_text(Vsn::V2, &text));
    }

    #[test]
    fn p24_no_bytes_panic_the_codec(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode_binary(&bytes);
    }

    #[test]
    fn p24_no_json_in_the_shape_of_a_frame_panics_the_codec(event in any_event(), payload in any_json()) {
        let frame = json!([null, null, "realtime:r", event, payload]).to_string();
        if let Ok(frame) = decode_text(Vsn::V2, &frame)
            && let bedside_realtime::wire::Body::Change(change) = &frame.body
            && let Some(change) = change.to_change()
        {
            let _ = (change.is_partial(), change.columns(), change.keyed_record().map(|record| record.text("id").is_some()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(150, 10_000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn p22_whatever_happens_the_status_tells_the_truth_and_the_client_comes_back(
        moves in prop::collection::vec(any_move(), 1..80),
        seed in 1..u64::MAX,
        tokens in any::<bool>(),
    ) {
        let mut config = Config::new(URL);
        config.seed = seed;
        config.tokens = if tokens { TokenPolicy::Source } else { TokenPolicy::ApiKey };
        let mut play = Play::with(config);
        for step in moves {
            play.step(step);
        }
        play.heal();
    }
}
