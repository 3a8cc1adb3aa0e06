//! Ten thousand losses of every kind, with clocks that jump and pages that sleep: the last return is like the first.

use bedside_realtime::Status;
use bedside_realtime::engine::{Environment, Input};
use serde_json::json;

use crate::peer::{Peer, forms, id_of, patients};

const ROUNDS: u64 = 10_000;
const HOUR: u64 = 3_600_000;

/// Loses the feed in one of many ways; the socket is gone after it.
fn lose(peer: &mut Peer, round: u64) {
    match round % 8 {
        0 => peer.close(1006),
        1 => peer.close(1012),
        2 => peer.close(1000),
        3 => {
            // Nothing comes any more, and nothing says so.
            while peer.status() == &Status::Live {
                peer.pass(500);
            }
        }
        4 => {
            // The page was frozen for a night; on some devices the monotonic clock stood still.
            peer.sleep(8 * HOUR, if round % 16 == 4 { 8 * HOUR } else { 0 });
            peer.give(Input::Timer);
            peer.close(1006);
        }
        5 => {
            peer.environment(Environment::Offline);
            peer.close(1006);
            peer.pass(700);
            peer.environment(Environment::Online);
        }
        6 => {
            // Somebody sets the clock, and the socket breaks.
            peer.wall += 2 * HOUR;
            peer.close(1006);
        }
        _ => {
            peer.wall -= 2 * HOUR;
            peer.close(1011);
        }
    }
}

/// Drops what the test itself collected, so that only the engine can grow.
fn forget(peer: &mut Peer) {
    peer.sent.clear();
    peer.heard.clear();
    peer.statuses.clear();
    peer.opens.clear();
}

#[test]
fn p22_after_ten_thousand_losses_it_is_live_in_no_more_memory_and_every_gap_was_told_once() {
    let mut peer = Peer::new();
    let holders = [
        peer.bind(patients()),
        peer.bind(patients()),
        peer.bind(forms()),
    ];
    peer.open();
    let first = peer.join();
    peer.accept(&first);
    peer.listening(&first);
    peer.pass_alive(1_000);
    for late in peer.take("phx_join") {
        peer.accept(&late);
        peer.listening(&late);
    }
    let mut size = 0;
    for round in 0..ROUNDS {
        peer.pass_alive(31_000);
        forget(&mut peer);
        assert_eq!(peer.status(), &Status::Live, "round {round}");
        lose(&mut peer, round);
        let join = if peer.opens.is_empty() {
            peer.come_back()
        } else {
            // Some ways to lose it are on their way back already.
            peer.open();
            let join = peer.join();
            peer.accept(&join);
            peer.listening(&join);
            join
        };
        let gaps = peer.gaps();
        assert!(gaps.len() <= 200, "the ledger is bounded");
        assert_eq!(
            gaps.last().unwrap().id,
            round + 1,
            "round {round}: {:?}",
            gaps.last()
        );
        assert!(
            gaps.iter().all(|gap| gap.to.is_some()),
            "round {round}: {:?}",
            gaps.last()
        );
        for holder in holders {
            assert_eq!(peer.readies(holder), 1, "round {round}");
        }
        peer.change(&join.topic, &[id_of(&json!(patients()))], "patients", round);
        let heard = holders.map(|holder| peer.changes(holder).len());
        assert_eq!(heard, [1, 1, 0], "round {round}");
        if round == 1_000 {
            size = format!("{:?}", peer.engine).len();
        }
    }
    let grown = format!("{:?}", peer.engine).len();
    assert!(
        grown < size * 11 / 10,
        "{size} bytes of state became {grown}"
    );
}
