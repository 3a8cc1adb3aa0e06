//! What a client does against a running backend with its demo data, whatever carries it: natively and in a page of a real
//! browser. Who runs a scenario says how a request is made there, and what a client is built with.

use bedside_realtime::{
    Access, AccessToken, Binding, BindingEvent, Builder, DegradedReason, FatalReason, GapCause,
    Payload, RealtimeClient, Room, RoomEvent, Status, TokenError,
};
use futures::StreamExt;
use serde_json::{Value, json};

/// A request with these headers.
pub struct Request {
    pub method: &'static str,
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

/// Where the client runs.
pub trait Place {
    /// The backend's address.
    fn url(&self) -> String;

    /// Its public key.
    fn key(&self) -> String;

    /// A client of it, with this key.
    fn builder(&self, key: &str) -> Builder;

    /// Makes a request; gives the body.
    async fn request(&self, request: Request) -> String;
}

/// Somebody who is signed in.
struct Person<'a, P> {
    place: &'a P,
    key: String,
    token: String,
    id: String,
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| panic!("not JSON: {text}"))
}

async fn sign_in<'a, P: Place>(place: &'a P, who: &str) -> Person<'a, P> {
    let key = place.key();
    let sign_in = Request {
        method: "POST",
        url: format!("{}/auth/v1/token?grant_type=password", place.url()),
        headers: vec![
            ("apikey", key.clone()),
            ("content-type", "application/json".to_owned()),
        ],
        body: json!({"email": format!("{who}@bedside.test"), "password": "bedside-demo"})
            .to_string(),
    };
    let session = json_of(&place.request(sign_in).await);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Person {
        place,
        key,
        token: text(&session["access_token"]),
        id: text(&session["user"]["id"]),
    }
}

impl<P: Place> Person<'_, P> {
    fn client(&self) -> RealtimeClient {
        let token = self.token.clone();
        self.place
            .builder(&self.key)
            .token_source(move |_| {
                std::future::ready(Ok::<_, TokenError>(Some(AccessToken::new(token.clone()))))
            })
            .event_rate(None)
            .build()
            .unwrap()
    }

    /// A patient of this person's own; gives their number.
    async fn admit(&self, mrn: &str) {
        let row = json!({
            "mrn": mrn, "first_name": "Test", "last_name": "Person", "date_of_birth": "1980-02-29",
            "ward": "Surgery", "clinician_id": self.id,
        });
        let insert = Request {
            method: "POST",
            url: format!("{}/rest/v1/patients", self.place.url()),
            headers: vec![
                ("apikey", self.key.clone()),
                ("authorization", format!("Bearer {}", self.token)),
                ("content-type", "application/json".to_owned()),
            ],
            body: row.to_string(),
        };
        let answer = self.place.request(insert).await;
        assert!(answer.is_empty() || answer.starts_with('['), "{answer}");
    }
}

async fn until(client: &RealtimeClient, is: impl Fn(&Status) -> bool) -> Status {
    let mut changes = client.status().changes();
    loop {
        let status = changes.next().await.unwrap().status;
        if is(&status) {
            return status;
        }
    }
}

pub async fn a_row_that_is_written_after_ready_is_heard_and_again_after_a_reconnect(
    place: &impl Place,
) {
    let one = sign_in(place, "clinician.one").await;
    let client = one.client();
    let patients = client.bind(Binding::table("public", "patients"));
    let mut events = patients.events();
    let first = events.next().await;
    assert!(matches!(first, Some(BindingEvent::Ready(_))), "{first:?}");
    for round in ["FIRST", "SECOND"] {
        let mrn = format!("DRIVER-{round}");
        one.admit(&mrn).await;
        let Some(BindingEvent::Change(change)) = events.next().await else {
            panic!("no change")
        };
        let record = change.record().unwrap();
        assert_eq!(record.text("mrn").unwrap(), mrn);
        assert!(!change.is_partial());
        if round == "FIRST" {
            client.reconnect();
            let Some(BindingEvent::Gap(gap)) = events.next().await else {
                panic!("no gap")
            };
            assert_eq!(gap.cause, GapCause::ReconnectRequested);
            let again = events.next().await;
            assert!(matches!(again, Some(BindingEvent::Ready(_))), "{again:?}");
        }
    }
    assert_eq!(client.status().get().status, Status::Live);
    client.shutdown();
}

pub async fn a_wrong_binding_is_refused_and_the_other_lives(place: &impl Place) {
    let one = sign_in(place, "clinician.one").await;
    let client = one.client();
    let patients = client.bind(Binding::table("public", "patients"));
    let nothing = client.bind(Binding::table("public", "there_is_no_such_table"));
    let mut refused = nothing.events();
    let first = refused.next().await;
    assert!(matches!(first, Some(BindingEvent::Refused(_))), "{first:?}");
    let is_degraded = |status: &Status| {
        matches!(
            status,
            Status::Degraded(DegradedReason::BindingRefused { .. })
        )
    };
    until(&client, is_degraded).await;
    assert!(patients.is_ready() && !nothing.is_ready());
    client.shutdown();
}

pub async fn two_people_meet_in_a_room_and_talk_text_and_bytes(place: &impl Place) {
    let (one, two) = (
        sign_in(place, "clinician.one").await.client(),
        sign_in(place, "clinician.two").await.client(),
    );
    let room = |key: &str| Room::named("drivers").presence(key).acknowledged();
    let (mine, theirs) = (one.enter(room("one")), two.enter(room("two")));
    let mut heard = theirs.events();
    until(&one, |status| *status == Status::Live).await;
    until(&two, |status| *status == Status::Live).await;
    mine.track(&json!({"name": "One"})).unwrap();
    let mut said = false;
    // Presence comes to those who are inside; then what is said is heard.
    loop {
        match heard.next().await.unwrap() {
            RoomEvent::Presence(_) if theirs.presence().contains_key("one") && !said => {
                said = true;
                assert_eq!(mine.say("hello", &json!({"n": 1})).await, Ok(()));
                assert_eq!(mine.say_bytes("bytes", vec![0, 159, 255]).await, Ok(()));
            }
            RoomEvent::Message(message) if message.event == "hello" => {
                assert_eq!(message.payload, Payload::Json("{\"n\":1}".to_owned()));
            }
            RoomEvent::Message(message) => {
                assert_eq!(message.payload, Payload::Bytes(vec![0, 159, 255]));
                break;
            }
            _ => {}
        }
    }
    one.shutdown();
    two.shutdown();
}

pub async fn what_is_said_before_the_room_is_joined_goes_by_http(place: &impl Place) {
    let (one, two) = (
        sign_in(place, "clinician.one").await.client(),
        sign_in(place, "clinician.two").await.client(),
    );
    let theirs = two.enter(Room::named("posted"));
    let mut heard = theirs.events();
    until(&two, |status| *status == Status::Live).await;
    let mine = one.enter(Room::named("posted"));
    assert!(!mine.is_inside());
    assert_eq!(mine.say("early", &json!({"n": 2})).await, Ok(()));
    let message = loop {
        if let RoomEvent::Message(message) = heard.next().await.unwrap() {
            break message;
        }
    };
    assert_eq!(message.event, "early");
    assert_eq!(message.payload.decode::<Value>().unwrap(), json!({"n": 2}));
    one.shutdown();
    two.shutdown();
}

/// In a page, three handshakes fail without a word before the client asks by plain HTTP; natively the first one says it.
pub async fn a_key_that_the_server_does_not_take_is_named(place: &impl Place) {
    let client = place
        .builder("not-a-key")
        .tune(|config| {
            config.backoff_base = 20;
            config.backoff_cap = 100;
            config.restart_spread = 20;
            config.loss_spread = 20;
        })
        .build()
        .unwrap();
    let _patients = client.bind(Binding::table("public", "patients"));
    let fatal = until(&client, |status| matches!(status, Status::Fatal { .. })).await;
    assert!(
        matches!(
            fatal,
            Status::Fatal {
                reason: FatalReason::ApiKeyRefused,
                ..
            }
        ),
        "{fatal:?}"
    );
    client.shutdown();
}

pub async fn a_room_that_a_person_has_no_right_to_is_refused(place: &impl Place) {
    let (one, two) = (
        sign_in(place, "clinician.one").await,
        sign_in(place, "clinician.two").await,
    );
    let room = || Room::named(format!("user:{}", one.id)).access(Access::Private);
    let (own, foreign) = (one.client(), two.client());
    let (mine, theirs) = (own.enter(room()), foreign.enter(room()));
    let mut heard = (mine.events(), theirs.events());
    let (own_word, foreign_word) = (heard.0.next().await, heard.1.next().await);
    assert!(
        matches!(own_word, Some(RoomEvent::Ready(_))),
        "{own_word:?}"
    );
    assert!(
        matches!(foreign_word, Some(RoomEvent::Refused(_))),
        "{foreign_word:?}"
    );
    own.shutdown();
    foreign.shutdown();
}
