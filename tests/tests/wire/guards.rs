//! The app's policy table against the database, cell by cell, tried over REST as each role. The table is `tests/policy.tsv`;
//! a test in `src/model/policy.rs` keeps it equal to what the app offers.
use bedside_backend::{Backend, Options, Running};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use uuid::Uuid;

const POLICY: &str = include_str!("../../policy.tsv");

const PEOPLE: [(&str, &str); 3] = [
    ("admin", "admin@bedside.test"),
    ("clinician", "clinician.one@bedside.test"),
    ("viewer", "viewer@bedside.test"),
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Action {
    Read,
    Create,
    Change,
    Delete,
}

/// In the order of the table's columns.
const ACTIONS: [Action; 4] = [Action::Read, Action::Create, Action::Change, Action::Delete];
/// Somebody else, who treats patients of their own.
const OTHER: &str = "00000000-0000-4000-a000-000000000003";

/// Somebody who asks.
struct Asker {
    role: &'static str,
    id: String,
    token: String,
}

struct World {
    backend: Running,
    http: Client,
}

impl World {
    async fn start() -> Self {
        let supabase = bedside_tests::root().join("supabase");
        let backend = Backend::start(Options::in_memory(supabase)).await.unwrap();
        Self {
            backend,
            http: Client::new(),
        }
    }

    async fn sign_in(&self, role: &'static str, email: &str) -> Asker {
        let url = format!("{}/auth/v1/token?grant_type=password", self.backend.url());
        let request = self
            .http
            .post(url)
            .header("apikey", self.backend.keys().anon_key())
            .json(&json!({ "email": email, "password": bedside_tests::PASSWORD }));
        let session: Value = request.send().await.unwrap().json().await.unwrap();
        Asker {
            role,
            id: session["user"]["id"].as_str().unwrap().to_owned(),
            token: session["access_token"].as_str().unwrap().to_owned(),
        }
    }

    /// How many rows a request touched; none when it was refused.
    async fn rows(&self, token: &str, method: Method, path: &str, body: Option<Value>) -> usize {
        let mut request = self
            .http
            .request(method, format!("{}/rest/v1/{path}", self.backend.url()))
            .header("apikey", self.backend.keys().anon_key())
            .header("prefer", "return=representation")
            .bearer_auth(token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let refused = !answer.status().is_success();
        let body: Value = answer.json().await.unwrap();
        if refused {
            assert_eq!(
                body["code"],
                json!("42501"),
                "refused for want of a right, not by a rule: {path} {body}"
            );
            return 0;
        }
        body.as_array().unwrap().len()
    }

    /// A row of somebody's, made by the service.
    async fn make(&self, table: &str, owner: &str) -> String {
        let (id, row) = new_row(table, owner, self.patient_of(table, owner).await);
        let service = self.backend.keys().service_role_key().to_owned();
        assert_eq!(
            self.rows(&service, Method::POST, table, Some(row)).await,
            1,
            "the stage is set"
        );
        id
    }

    /// A form needs a patient; whoever can't have one of their own gets somebody's.
    async fn patient_of(&self, table: &str, owner: &str) -> Option<String> {
        if table != "form_submissions" {
            return None;
        }
        let (id, row) = new_row("patients", owner, None);
        let service = self.backend.keys().service_role_key().to_owned();
        self.rows(&service, Method::POST, "patients", Some(row))
            .await;
        Some(id)
    }

    /// Whether somebody may do something to a row of `owner`'s.
    async fn may(&self, asker: &Asker, table: &str, action: Action, owner: &str) -> bool {
        let touched = match action {
            Action::Create => {
                let patient = self.patient_of(table, owner).await;
                let (_, row) = new_row(table, owner, patient);
                self.rows(&asker.token, Method::POST, table, Some(row))
                    .await
            }
            Action::Read | Action::Change | Action::Delete => {
                let id = match table {
                    // Accounts are there already.
                    "profiles" => owner.to_owned(),
                    table => self.make(table, owner).await,
                };
                let path = format!("{table}?id=eq.{id}");
                match action {
                    Action::Read => self.rows(&asker.token, Method::GET, &path, None).await,
                    Action::Change => {
                        let change = Some(change(table));
                        self.rows(&asker.token, Method::PATCH, &path, change).await
                    }
                    _ => self.rows(&asker.token, Method::DELETE, &path, None).await,
                }
            }
        };
        touched == 1
    }

    /// How far a right reaches, in the words of the table.
    async fn measured(&self, asker: &Asker, table: &str, action: Action) -> &'static str {
        // A viewer treats nobody: every patient is somebody else's.
        let own = match (asker.role, table) {
            ("viewer", "patients" | "form_submissions") => OTHER,
            _ => asker.id.as_str(),
        };
        let others = self.may(asker, table, action, OTHER).await;
        match (self.may(asker, table, action, own).await, others) {
            (true, true) => "all",
            (true, false) => "own",
            (false, false) => "-",
            (false, true) => panic!("others' but not one's own"),
        }
    }
}

fn new_row(table: &str, owner: &str, patient: Option<String>) -> (String, Value) {
    let id = Uuid::new_v4().to_string();
    let word = id.replace('-', "").to_uppercase();
    let row = match table {
        "profiles" => json!({
            "id": id, "email": "x@bedside.test", "full_name": "X", "role": "viewer" }),
        "patients" => json!({
            "id": id, "mrn": format!("G-{}", &word[..20]), "first_name": "New", "last_name": "Patient",
            "date_of_birth": "1970-01-01", "ward": "Surgery", "clinician_id": owner }),
        "form_submissions" => json!({
            "id": id, "patient_id": patient, "form_type": "vitals" }),
        "staff_invitations" => json!({
            "id": id, "email": format!("{}@bedside.test", word.to_lowercase()), "full_name": "X", "role": "viewer" }),
        other => panic!("no rows for {other}"),
    };
    (id, row)
}

/// A change that breaks no rule.
fn change(table: &str) -> Value {
    match table {
        "patients" => json!({ "notes": "Changed." }),
        "form_submissions" => json!({ "answers": {} }),
        // Two members of staff may not have one name.
        _ => json!({ "full_name": format!("Renamed {}", Uuid::new_v4().simple()) }),
    }
}

#[tokio::test]
async fn the_app_offers_what_the_database_allows_and_nothing_else() {
    let world = World::start().await;
    let mut wrong = Vec::new();
    let mut cells = 0;
    for (role, email) in PEOPLE {
        let asker = world.sign_in(role, email).await;
        for row in POLICY.lines().skip(1) {
            let mut words = row.split('\t');
            if words.next() != Some(role) {
                continue;
            }
            let table = words.next().unwrap();
            for (action, offered) in ACTIONS.into_iter().zip(words) {
                let allowed = world.measured(&asker, table, action).await;
                if offered != allowed {
                    wrong.push(format!(
                        "{role} {table} {action:?}: offered {offered}, allowed {allowed}"
                    ));
                }
                cells += 1;
            }
        }
    }
    assert_eq!(cells, 48);
    assert!(wrong.is_empty(), "{wrong:#?}");
    world.backend.shutdown().await;
}
