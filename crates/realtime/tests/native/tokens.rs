//! Tokens: asked for in time, pushed in-band, refused without a loop; and the fence between two people.

use std::time::Duration;

use bedside_realtime::engine::{Command, Config, TokenPolicy};
use bedside_realtime::{
    AccessToken, BindingEvent, FatalReason, GapCause, Status, TokenError, TokenNeed,
};
use serde_json::json;

use crate::peer::{Peer, Sent, URL, ids_of, jwt, patients, token_of};

fn peer() -> Peer {
    let mut config = Config::new(URL);
    config.tokens = TokenPolicy::Source;
    Peer::with(config)
}

/// A client whose first join is on its way, with a token of this lifetime.
fn joining_with(lifetime_s: u64) -> (Peer, Sent) {
    let mut peer = peer();
    peer.bind(patients());
    peer.open();
    assert_eq!(
        peer.answer_token(Ok(Some(token_of("a", lifetime_s, 1)))),
        TokenNeed::Join
    );
    let join = peer.join();
    (peer, join)
}

/// A client that is live with a token of this lifetime.
fn live_with(lifetime_s: u64) -> (Peer, Sent) {
    let (mut peer, join) = joining_with(lifetime_s);
    peer.accept(&join);
    peer.listening(&join);
    (peer, join)
}

#[test]
fn p17_no_join_leaves_without_its_token() {
    let mut peer = peer();
    peer.bind(patients());
    peer.open();
    peer.pass_alive(10_000);
    assert!(peer.take("phx_join").is_empty());
    let token = token_of("a", 3600, 1);
    peer.answer_token(Ok(Some(token)));
    let join = peer.join();
    assert_eq!(
        join.payload["access_token"],
        jwt(&json!({"sub": "a", "n": 1}))
    );
}

#[test]
fn p17_a_signed_out_client_joins_with_the_keys_rights() {
    let mut peer = peer();
    peer.bind(patients());
    peer.open();
    peer.answer_token(Ok(None));
    assert!(peer.join().payload.get("access_token").is_none());
}

#[test]
fn p17_a_day_with_tokens_of_a_minute_has_no_gap_and_no_close() {
    let (mut peer, join) = live_with(60);
    let mut serial = 1;
    let mut pushes = 0;
    while peer.mono < 86_400_000 {
        peer.pass_alive(1_000);
        if !peer.needs.is_empty() {
            serial += 1;
            assert_eq!(
                peer.answer_token(Ok(Some(token_of("a", 60, serial)))),
                TokenNeed::Renew
            );
            let pushed = peer.take("access_token");
            assert_eq!(pushed.len(), 1);
            assert_eq!(pushed[0].join_ref.as_deref(), Some(join.reference.as_str()));
            pushes += 1;
            peer.pass_alive(1_500);
            // The server subscribes anew with the new claims: no gap.
            peer.listening(&join);
        }
    }
    assert_eq!(peer.gaps(), []);
    assert_eq!(peer.status(), &Status::Live);
    // Each is renewed at between 75 and 85 percent of its life.
    assert!((1_600..=2_000).contains(&pushes), "{pushes} renewals");
}

#[test]
fn p17_an_expired_token_is_refreshed_first_and_then_joined_again() {
    let (mut peer, join) = live_with(3600);
    peer.system(&join, "system", "error", "Token has expired 0 seconds ago");
    peer.end(&join, "phx_close");
    assert!(
        peer.take("phx_join").is_empty(),
        "not with the token that was refused"
    );
    assert_eq!(
        peer.answer_token(Ok(Some(token_of("a", 3600, 2)))),
        TokenNeed::Refused
    );
    let again = peer.join();
    assert_eq!(
        again.payload["access_token"],
        jwt(&json!({"sub": "a", "n": 2}))
    );
    peer.accept(&again);
    peer.listening(&again);
    assert_eq!(peer.gaps().len(), 1);
    assert_eq!(peer.status(), &Status::Live);
}

#[test]
fn p11_fresh_tokens_that_are_refused_again_and_again_end_fatal() {
    let mut peer = peer();
    peer.bind(patients());
    peer.open();
    for serial in 1..=4 {
        peer.pass_alive(1_000);
        peer.answer_token(Ok(Some(token_of("a", 3600, serial))));
        let join = peer.join();
        peer.refuse(&join, "JwtSignatureError: Failed to validate JWT signature");
    }
    let reason = FatalReason::TokenRefused;
    assert_eq!(
        peer.status(),
        &Status::Fatal {
            reason,
            remedy: reason.remedy()
        }
    );
    let sent = peer.sent.len();
    peer.pass(600_000);
    assert_eq!(peer.sent.len(), sent);
    // A new sign-in ends it.
    peer.command(Command::TokenChanged);
    peer.pass(1_000);
    assert_eq!(peer.status(), &Status::Connecting);
}

#[test]
fn the_same_refused_token_is_not_joined_with_again() {
    let (mut peer, join) = live_with(3600);
    peer.system(
        &join,
        "system",
        "error",
        "The token provided is not a valid JWT",
    );
    peer.end(&join, "phx_close");
    for _ in 0..5 {
        let need = peer.answer_token(Ok(Some(token_of("a", 3600, 1))));
        assert_eq!(need, TokenNeed::Refused);
        peer.pass_alive(40_000);
        assert!(peer.take("phx_join").is_empty());
    }
}

#[test]
fn the_refusal_of_a_token_that_was_renewed_meanwhile_costs_no_other_renewal() {
    let (mut peer, join) = joining_with(3600);
    peer.command(Command::TokenChanged);
    peer.pass_alive(1);
    assert_eq!(
        peer.answer_token(Ok(Some(token_of("a", 3600, 2)))),
        TokenNeed::Renew
    );
    // The server takes seconds to refuse.
    peer.pass_alive(5_000);
    peer.refuse(&join, "JwtSignatureError: Failed to validate JWT signature");
    peer.pass_alive(5_000);
    assert_eq!(peer.needs.len(), 0, "{:?}", peer.needs);
    let again = peer.join();
    assert_eq!(
        again.payload["access_token"],
        jwt(&json!({"sub": "a", "n": 2}))
    );
}

/// The source renews because it was asked for another token than the refused one, and tells of the new one before it answers.
#[test]
fn news_of_the_token_that_is_being_asked_for_does_not_ask_for_yet_another() {
    let (mut peer, join) = joining_with(3600);
    peer.refuse(&join, "JwtSignatureError: Failed to validate JWT signature");
    peer.pass_alive(1);
    let asked: Vec<TokenNeed> = peer.needs.iter().map(|(_, need)| *need).collect();
    assert_eq!(asked, [TokenNeed::Refused]);
    peer.command(Command::TokenChanged);
    peer.pass_alive(1);
    let need = peer.answer_token(Ok(Some(token_of("a", 3600, 2))));
    assert_eq!(need, TokenNeed::Renew, "the newest will do");
    let again = peer.join();
    assert_eq!(
        again.payload["access_token"],
        jwt(&json!({"sub": "a", "n": 2}))
    );
}

#[test]
fn p16_clocks_that_are_hours_wrong_cause_no_storm() {
    let hour = 3_600_000_i64;
    for skew in [-2 * hour, -600_000, 0, 600_000, 2 * hour] {
        let mut peer = peer();
        peer.bind(patients());
        peer.open();
        let mut asked = 0;
        let mut issue = |peer: &mut Peer| {
            asked += 1;
            // The issuer's clock is right; ours is off by the skew, and there is no expires_in to go by.
            let issued = (i64::try_from(peer.wall).unwrap() + skew) / 1_000;
            let token = AccessToken::new(jwt(
                &json!({"sub": "a", "iat": issued, "exp": issued + 3_600, "n": asked}),
            ));
            peer.answer_token(Ok(Some(token)));
            asked
        };
        issue(&mut peer);
        let join = peer.join();
        peer.accept(&join);
        peer.listening(&join);
        let mut renewals = 0;
        while peer.mono < 6 * 3_600_000 {
            peer.pass_alive(10_000);
            if !peer.needs.is_empty() {
                renewals = issue(&mut peer) - 1;
                peer.listening(&join);
            }
        }
        assert!(renewals <= 12, "skew {skew}: {renewals} in six hours");
        assert_eq!(peer.gaps(), [], "skew {skew}");
    }
}

#[test]
fn p16_a_sleep_of_eight_hours_asks_for_one_fresh_token_before_joining() {
    let (mut peer, _) = live_with(3600);
    peer.sleep(8 * 3_600_000, 8 * 3_600_000);
    peer.give(bedside_realtime::engine::Input::Timer);
    peer.close(1000);
    while peer.opens.len() < 2 {
        peer.pass(100);
    }
    peer.open();
    assert!(peer.take("phx_join").is_empty(), "the old token is over");
    assert_eq!(peer.needs.len(), 1, "asked once: {:?}", peer.needs);
    peer.answer_token(Ok(Some(token_of("a", 3600, 2))));
    assert_eq!(
        peer.join().payload["access_token"],
        jwt(&json!({"sub": "a", "n": 2}))
    );
}

#[test]
fn a_source_that_fails_is_asked_again_with_growing_pauses() {
    let mut peer = peer();
    peer.bind(patients());
    peer.open();
    let mut asked = Vec::new();
    while peer.mono < 300_000 {
        if peer.needs.is_empty() {
            peer.pass_alive(100);
        } else {
            asked.push(peer.mono);
            peer.answer_token(Err(TokenError::Unavailable));
        }
    }
    assert!((8..40).contains(&asked.len()), "{asked:?}");
    assert_eq!(peer.status(), &Status::Authenticating);
}

#[test]
fn a_source_that_never_answers_is_asked_again() {
    let mut peer = peer();
    peer.bind(patients());
    peer.open();
    peer.pass_alive(61_000);
    assert!((2..=4).contains(&peer.needs.len()), "{:?}", peer.needs);
    // Only the newest question counts.
    let (old, _) = peer.needs[0];
    let answer = Ok(Some(token_of("a", 3600, 1)));
    peer.give(bedside_realtime::engine::Input::Token {
        request: old,
        answer,
    });
    assert!(peer.take("phx_join").is_empty());
}

#[test]
fn p18_another_identity_gets_nothing_of_the_old_one() {
    let (mut peer, join) = live_with(3600);
    let epoch = peer.engine.report().epoch;
    // Changes are on their way to holders when the identity changes.
    let now = bedside_realtime::engine::Now::new(peer.mono, peer.wall);
    for id in 0..100 {
        let data = json!({"schema": "public", "table": "patients", "type": "INSERT", "record": {"id": id}});
        let frame = json!([null, null, join.topic, "postgres_changes", {"ids": ids_of(&join), "data": data}]);
        peer.engine.handle(
            now,
            bedside_realtime::engine::Input::Text(&frame.to_string()),
        );
    }
    peer.command(Command::Identity);
    let late = json!([null, null, join.topic, "postgres_changes", {"ids": [1], "data": {"schema": "public", "table": "patients", "type": "INSERT", "record": {"id": 1}}}]);
    peer.text(&late);
    assert!(
        !peer
            .heard
            .iter()
            .any(|(_, event)| matches!(event, BindingEvent::Change(_)))
    );
    assert_eq!(peer.take("phx_leave").len(), 1);
    assert_eq!(
        peer.closes, 1,
        "the socket goes, and all that is on its way in it"
    );
    assert_eq!(peer.engine.report().epoch, epoch + 1);
    assert_eq!(peer.gaps()[0].cause, GapCause::IdentityChanged);
    peer.pass(10);
    peer.open();
    peer.answer_token(Ok(Some(token_of("b", 3600, 2))));
    assert_eq!(
        peer.join().payload["access_token"],
        jwt(&json!({"sub": "b", "n": 2}))
    );
}

#[test]
fn p18_a_token_of_another_person_is_a_fence_by_itself() {
    let (mut peer, _) = live_with(3600);
    peer.command(Command::TokenChanged);
    peer.answer_token(Ok(Some(token_of("b", 3600, 2))));
    assert!(
        peer.take("access_token").is_empty(),
        "never on the old person's channel"
    );
    assert_eq!(peer.closes, 1);
    peer.pass(10);
    peer.open();
    assert_eq!(
        peer.join().payload["access_token"],
        jwt(&json!({"sub": "b", "n": 2}))
    );
}

#[test]
fn p18_signing_out_is_a_fence_too() {
    let (mut peer, _) = live_with(3600);
    peer.command(Command::TokenChanged);
    peer.answer_token(Ok(None));
    assert_eq!(peer.gaps()[0].cause, GapCause::IdentityChanged);
    peer.pass(10);
    peer.open();
    assert!(peer.join().payload.get("access_token").is_none());
}

#[test]
fn a_token_that_changes_while_a_join_is_pending_is_pushed_after_it() {
    let mut peer = peer();
    peer.bind(patients());
    peer.open();
    peer.answer_token(Ok(Some(token_of("a", 3600, 1))));
    let join = peer.join();
    peer.command(Command::TokenChanged);
    peer.answer_token(Ok(Some(token_of("a", 3600, 2))));
    assert!(peer.take("access_token").is_empty());
    peer.accept(&join);
    assert_eq!(
        peer.take("access_token")[0].payload,
        json!({"access_token": jwt(&json!({"sub": "a", "n": 2}))})
    );
    peer.listening(&join);
    peer.listening(&join);
    assert_eq!(peer.gaps(), [], "the second word answers the push");
}

#[test]
fn a_token_that_claims_to_last_for_ever_or_not_at_all_is_survived() {
    let claims = [
        json!({"sub": "a", "exp": u64::MAX}),
        json!({"sub": "a", "exp": u64::MAX / 1_000, "iat": 0}),
        json!({"sub": "a", "exp": -1}),
        json!({"sub": 7, "exp": "soon"}),
        json!([]),
    ];
    for claims in claims {
        let mut peer = peer();
        peer.bind(patients());
        peer.open();
        peer.answer_token(Ok(Some(AccessToken::new(jwt(&claims)))));
        let join = peer.join();
        peer.accept(&join);
        peer.listening(&join);
        peer.pass_alive(100_000);
        assert_eq!(peer.status(), &Status::Live, "{claims}");
    }
    for text in ["", ".", "a.b.c", "a.%%%.c", "\u{1F600}.\u{1F600}.x"] {
        let mut peer = peer();
        peer.bind(patients());
        peer.open();
        peer.answer_token(Ok(Some(AccessToken::new(text))));
        assert_eq!(peer.join().payload["access_token"], text);
    }
}

#[test]
fn a_token_is_never_shown() {
    let token = token_of("a", 3600, 1).expires_in(Duration::from_secs(1));
    assert_eq!(format!("{token:?}"), "AccessToken(..)");
    let (peer, _) = live_with(3600);
    let secret = jwt(&json!({"sub": "a", "n": 1}));
    assert!(!peer.engine.trace_json().contains(&secret));
}
