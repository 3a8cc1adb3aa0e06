//! The native driver against the real backend, by the same scenarios that a page of Chromium plays against one
//! (`crates/realtime/tests/web/backend.rs`).
#[path = "../../../crates/realtime/tests/scenarios/backend.rs"]
mod scenarios;

use std::time::Duration;

use bedside_backend::realtime::Config;
use bedside_backend::{Backend, Options, Running};
use bedside_realtime::{Builder, PostRequest, RealtimeClient};
use scenarios::{Place, Request};

/// A process, and a backend of its own with the demo data.
struct Process {
    backend: Running,
    http: reqwest::Client,
}

impl Process {
    async fn start() -> Self {
        let realtime = Config {
            error_delay: Duration::from_millis(50),
            connect_error_delay: Duration::from_millis(50),
            ..Config::default()
        };
        let supabase = concat!(env!("CARGO_MANIFEST_DIR"), "/../supabase");
        let options = Options {
            realtime,
            ..Options::in_memory(supabase)
        };
        Self {
            backend: Backend::start(options).await.unwrap(),
            http: reqwest::Client::new(),
        }
    }
}

async fn post(http: reqwest::Client, request: PostRequest) -> Option<u16> {
    let bearer = request.token.as_deref().unwrap_or(&request.api_key);
    let posted = http
        .post(&request.url)
        .header("apikey", &request.api_key)
        .bearer_auth(bearer)
        .header("content-type", "application/json")
        .body(request.body.clone())
        .send();
    Some(posted.await.ok()?.status().as_u16())
}

impl Place for Process {
    fn url(&self) -> String {
        self.backend.url().to_owned()
    }

    fn key(&self) -> String {
        self.backend.keys().anon_key().to_owned()
    }

    fn builder(&self, key: &str) -> Builder {
        let http = self.http.clone();
        RealtimeClient::builder(self.url(), key).poster(move |request| post(http.clone(), request))
    }

    async fn request(&self, request: Request) -> String {
        let mut sent = self
            .http
            .request(request.method.parse().unwrap(), &request.url)
            .body(request.body);
        for (name, value) in request.headers {
            sent = sent.header(name, value);
        }
        sent.send().await.unwrap().text().await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_page_does_against_the_backend_a_process_does_too() {
    let place = Process::start().await;
    let all = async {
        scenarios::a_row_that_is_written_after_ready_is_heard_and_again_after_a_reconnect(&place)
            .await;
        scenarios::a_wrong_binding_is_refused_and_the_other_lives(&place).await;
        scenarios::two_people_meet_in_a_room_and_talk_text_and_bytes(&place).await;
        scenarios::what_is_said_before_the_room_is_joined_goes_by_http(&place).await;
        scenarios::a_key_that_the_server_does_not_take_is_named(&place).await;
        scenarios::a_room_that_a_person_has_no_right_to_is_refused(&place).await;
    };
    tokio::time::timeout(Duration::from_secs(90), all)
        .await
        .expect("a scenario hangs");
    place.backend.shutdown().await;
}
