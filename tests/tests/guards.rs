//! What the app offers beside what the database allows: the policy table of the app, cell by cell, tried over REST as each role.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use bedside::model::Role;
use bedside::model::policy::{Action, Reach, Resource, reach};
use bedside_backend::{Backend, Options, Running};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use uuid::Uuid;

const PEOPLE: [(Role, &str); 3] = [
    (Role::Admin, "admin@bedside.test"),
    (Role::Clinician, "clinician.one@bedside.test"),
    (Role::Viewer, "viewer@bedside.test"),
];
/// Somebody else, who treats patients of their own.
const OTHER: &str = "00000000-0000-4000-a000-000000000003";

/// Somebody who asks.
struct Asker {
    role: Role,
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

    async fn sign_in(&self, role: Role, email: &str) -> Asker {
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
    async fn make(&self, resource: Resource, owner: &str) -> String {
        let (table, id, row) = new_row(resource, owner, self.patient_of(resource, owner).await);
        let service = self.backend.keys().service_role_key().to_owned();
        assert_eq!(
            self.rows(&service, Method::POST, table, Some(row)).await,
            1,
            "the stage is set"
        );
        id
    }

    /// A form needs a patient; whoever can't have one of their own gets somebody's.
    async fn patient_of(&self, resource: Resource, owner: &str) -> Option<String> {
        if resource != Resource::FormSubmissions {
            return None;
        }
        let (table, id, row) = new_row(Resource::Patients, owner, None);
        let service = self.backend.keys().service_role_key().to_owned();
        self.rows(&service, Method::POST, table, Some(row)).await;
        Some(id)
    }

    /// Whether somebody may do something to a row of `owner`'s.
    async fn may(&self, asker: &Asker, resource: Resource, action: Action, owner: &str) -> bool {
        let touched = match action {
            Action::Create => {
                let patient = self.patient_of(resource, owner).await;
                let (table, _, row) = new_row(resource, owner, patient);
                self.rows(&asker.token, Method::POST, table, Some(row))
                    .await
            }
            Action::Read | Action::Change | Action::Delete => {
                let id = match resource {
                    // Accounts are there already.
                    Resource::Profiles => owner.to_owned(),
                    resource => self.make(resource, owner).await,
                };
                let path = format!("{}?id=eq.{id}", table(resource));
                match action {
                    Action::Read => self.rows(&asker.token, Method::GET, &path, None).await,
                    Action::Change => {
                        let change = Some(change(resource));
                        self.rows(&asker.token, Method::PATCH, &path, change).await
                    }
                    _ => self.rows(&asker.token, Method::DELETE, &path, None).await,
                }
            }
        };
        touched == 1
    }

    async fn measured(&self, asker: &Asker, resource: Resource, action: Action) -> Reach {
        // A viewer treats nobody: every patient is somebody else's.
        let own = match (asker.role, resource) {
            (Role::Viewer, Resource::Patients | Resource::FormSubmissions) => OTHER,
            _ => asker.id.as_str(),
        };
        let others = self.may(asker, resource, action, OTHER).await;
        match (self.may(asker, resource, action, own).await, others) {
            (true, true) => Reach::All,
            (true, false) => Reach::Own,
            (false, false) => Reach::Nothing,
            (false, true) => panic!("others' but not one's own"),
        }
    }
}

fn table(resource: Resource) -> &'static str {
    match resource {
        Resource::Profiles => "profiles",
        Resource::Patients => "patients",
        Resource::FormSubmissions => "form_submissions",
        Resource::Invitations => "staff_invitations",
    }
}

fn new_row(
    resource: Resource,
    owner: &str,
    patient: Option<String>,
) -> (&'static str, String, Value) {
    let id = Uuid::new_v4().to_string();
    let word = id.replace('-', "").to_uppercase();
    let row = match resource {
        Resource::Profiles => json!({
            "id": id, "email": "x@bedside.test", "full_name": "X", "role": "viewer" }),
        Resource::Patients => json!({
            "id": id, "mrn": format!("G-{}", &word[..20]), "first_name": "New", "last_name": "Patient",
            "date_of_birth": "1970-01-01", "ward": "Surgery", "clinician_id": owner }),
        Resource::FormSubmissions => json!({
            "id": id, "patient_id": patient, "form_type": "vitals" }),
        Resource::Invitations => json!({
            "id": id, "email": format!("{}@bedside.test", word.to_lowercase()), "full_name": "X", "role": "viewer" }),
    };
    (table(resource), id, row)
}

/// A change that breaks no rule.
fn change(resource: Resource) -> Value {
    match resource {
        Resource::Profiles | Resource::Invitations => json!({ "full_name": "Renamed" }),
        Resource::Patients => json!({ "notes": "Changed." }),
        Resource::FormSubmissions => json!({ "answers": {} }),
    }
}

#[tokio::test]
async fn the_app_offers_what_the_database_allows_and_nothing_else() {
    let world = World::start().await;
    let mut wrong = Vec::new();
    let mut cells = 0;
    for (role, email) in PEOPLE {
        let asker = world.sign_in(role, email).await;
        for resource in Resource::ALL {
            for action in Action::ALL {
                let (offered, allowed) = (
                    reach(role, resource, action),
                    world.measured(&asker, resource, action).await,
                );
                if offered != allowed {
                    wrong.push(format!(
                        "{role:?} {resource:?} {action:?}: offered {offered:?}, allowed {allowed:?}"
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
