//! The stage of the other modules: one backend, people to act as, and a few rows whose owner is known.
//!
//! It must never decide what is allowed; it only reports what the database did.

use std::future::Future;
use std::sync::LazyLock;
use std::time::Duration;

use bedside_backend::realtime::Config;
use bedside_backend::{Backend, Options, Running};
use sqlx::{AssertSqlSafe, Decode, Executor as _, Postgres, Row as _, Transaction, Type};
use tokio::runtime::Runtime;

/// Somebody who sends a statement through the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Person {
    /// Nobody is signed in.
    Anon,
    /// A program that holds the service key.
    Service,
    Admin,
    ClinicianOne,
    ClinicianTwo,
    Viewer,
    /// A second viewer, whose account one story turns off and on.
    OtherViewer,
    /// A clinician whose account an admin has turned off.
    Deactivated,
    /// A valid token of an account that is gone.
    Deleted,
}

impl Person {
    pub fn id(self) -> &'static str {
        match self {
            Person::Anon | Person::Service => "",
            Person::Admin => "00000000-0000-4000-a000-000000000001",
            Person::ClinicianOne => "00000000-0000-4000-a000-000000000002",
            Person::ClinicianTwo => "00000000-0000-4000-a000-000000000003",
            Person::Viewer => "00000000-0000-4000-a000-000000000004",
            Person::OtherViewer => "00000000-0000-4000-a000-000000000012",
            Person::Deactivated => "00000000-0000-4000-a000-000000000010",
            Person::Deleted => "00000000-0000-4000-a000-00000000dead",
        }
    }

    pub fn named(name: &str) -> Self {
        match name {
            "anon" => Person::Anon,
            "admin" => Person::Admin,
            "clinician" => Person::ClinicianOne,
            "viewer" => Person::Viewer,
            "deactivated" => Person::Deactivated,
            "deleted" => Person::Deleted,
            other => panic!("nobody is called {other}"),
        }
    }

    fn role(self) -> &'static str {
        match self {
            Person::Anon => "anon",
            Person::Service => "service_role",
            _ => "authenticated",
        }
    }
}

/// What the database made of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It ran and touched (or returned) so many rows.
    Rows(u64),
    /// It was refused with this SQLSTATE.
    Refused(String),
}

/// Answers that can be submitted.
pub const INTAKE: &str = r#"{"reason": "Chest pain", "allergies": "None known", "medication": "None", "mobility": "independent",
    "contact_name": "Ada Patient", "contact_phone": "+44 7700 900001"}"#;

/// No invitation, or a sign-up that names none.
pub fn not_invited() -> Outcome {
    Outcome::Refused("PT403".to_owned())
}

/// Another row has this already.
pub fn taken() -> Outcome {
    Outcome::Refused("23505".to_owned())
}

/// The right is missing.
pub fn forbidden() -> Outcome {
    Outcome::Refused("42501".to_owned())
}

/// The right is there, the row breaks a rule.
pub fn against_a_rule() -> Outcome {
    Outcome::Refused("23514".to_owned())
}

/// Rows that [`Ward::open`] lays out. The clinician of the matrix is clinician one.
pub const OWN_PATIENT: &str = "aaaaaaaa-0000-4000-a000-000000000001";
pub const OTHER_PATIENT: &str = "aaaaaaaa-0000-4000-a000-000000000002";
pub const OWN_FORM: &str = "bbbbbbbb-0000-4000-a000-000000000001";
pub const OTHER_FORM: &str = "bbbbbbbb-0000-4000-a000-000000000002";
/// A patient of clinician one's without forms.
pub const OWN_NEW_PATIENT: &str = "aaaaaaaa-0000-4000-a000-000000000003";
pub const OTHER_NEW_PATIENT: &str = "aaaaaaaa-0000-4000-a000-000000000004";
/// An invitation that nobody has used yet.
pub const INVITATION: &str = "dddddddd-0000-4000-a000-000000000001";

struct Stage {
    runtime: Runtime,
    backend: Running,
}

static STAGE: LazyLock<Stage> = LazyLock::new(|| {
    let runtime = Runtime::new().expect("a runtime");
    let supabase = concat!(env!("CARGO_MANIFEST_DIR"), "/../supabase");
    let options = Options {
        realtime: Config {
            // Refusals as late as the real server's would only be waited for.
            error_delay: Duration::from_millis(20),
            ..Config::default()
        },
        ..Options::in_memory(supabase)
    };
    let backend = runtime
        .block_on(Backend::start(options))
        .expect("migrations and seed apply to the embedded PostgreSQL");
    Stage { runtime, backend }
});

/// Plays a story in a transaction that is rolled back.
pub fn on_the_ward<F: Future<Output = ()>>(story: impl FnOnce(Ward) -> F) {
    let stage = &*STAGE;
    stage.runtime.block_on(async {
        let ward = Ward::open(&stage.backend).await;
        story(ward).await;
    });
}

/// Plays a story over HTTP, for real.
pub fn over_http<F: Future<Output = ()>>(story: impl FnOnce(&'static Running) -> F) {
    let stage: &'static Stage = &STAGE;
    stage.runtime.block_on(story(&stage.backend));
}

pub struct Ward {
    tx: Transaction<'static, Postgres>,
}

impl Ward {
    async fn open(backend: &Running) -> Self {
        let tx = backend.db().begin().await.expect("a transaction");
        let mut ward = Self { tx };
        let (one, two, off) = (
            Person::ClinicianOne.id(),
            Person::ClinicianTwo.id(),
            Person::Deactivated.id(),
        );
        ward.owner(&format!(
            "insert into public.patients (id, mrn, first_name, last_name, date_of_birth, ward, clinician_id) values
               ('{OWN_PATIENT}', 'W-OWN', 'Own', 'Patient', '1970-01-01', 'Surgery', '{one}'),
               ('{OTHER_PATIENT}', 'W-OTHER', 'Other', 'Patient', '1970-01-01', 'Surgery', '{two}'),
               ('{OWN_NEW_PATIENT}', 'W-OWN-NEW', 'Own', 'Newcomer', '1970-01-01', 'Surgery', '{one}'),
               ('{OTHER_NEW_PATIENT}', 'W-OTHER-NEW', 'Other', 'Newcomer', '1970-01-01', 'Surgery', '{two}');
             insert into public.form_submissions (id, patient_id, form_type, submitted_by, answers) values
               ('{OWN_FORM}', '{OWN_PATIENT}', 'intake', '{one}', '{INTAKE}'),
               ('{OTHER_FORM}', '{OTHER_PATIENT}', 'intake', '{two}', '{INTAKE}');
             insert into public.staff_invitations (id, email, full_name, role) values
               ('{INVITATION}', 'invited@bedside.test', 'Invited Person', 'viewer');
             update public.profiles set active = false where id = '{off}';
             delete from realtime.messages;"
        ))
        .await;
        ward
    }

    /// Runs SQL as the database's owner.
    pub async fn owner(&mut self, sql: &str) {
        self.tx
            .execute(sqlx::raw_sql(AssertSqlSafe(sql)))
            .await
            .unwrap_or_else(|error| panic!("{error}: {sql}"));
    }

    /// What would happen if `person` sent this; nothing of it stays.
    pub async fn attempt(&mut self, person: Person, sql: &str) -> Outcome {
        let outcome = self.act(person, sql).await;
        self.owner("rollback to savepoint act").await;
        outcome
    }

    /// Sends it as `person`; what it did stays for the rest of the story.
    pub async fn act(&mut self, person: Person, sql: &str) -> Outcome {
        self.owner("savepoint act").await;
        self.become_person(person).await;
        self.finish_act(sql).await
    }

    /// Sends it as the owner, whom rules alone can refuse.
    pub async fn act_as_owner(&mut self, sql: &str) -> Outcome {
        self.owner("savepoint act").await;
        self.finish_act(sql).await
    }

    async fn finish_act(&mut self, sql: &str) -> Outcome {
        let result = self.tx.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await;
        match result {
            Ok(done) => {
                self.owner("reset role").await;
                Outcome::Rows(done.rows_affected())
            }
            Err(sqlx::Error::Database(error)) => {
                self.owner("rollback to savepoint act").await;
                Outcome::Refused(error.code().expect("an SQLSTATE").into_owned())
            }
            Err(error) => panic!("{error}: {sql}"),
        }
    }

    /// A history takes no `update` and no `insert` from anyone, and its rows can't be deleted even by the owner.
    pub async fn is_append_only(&mut self, table: &str, update: &str, insert: &str) {
        let delete = format!("delete from {table}");
        let truncate = format!("truncate {table}");
        for write in [delete.as_str(), truncate.as_str(), update, insert] {
            for person in [Person::Admin, Person::Service] {
                let outcome = self.attempt(person, write).await;
                assert_eq!(outcome, forbidden(), "{person:?} {write}");
            }
        }
        for write in [delete, truncate] {
            let outcome = self.act_as_owner(&write).await;
            assert_eq!(outcome, forbidden(), "{write}");
        }
    }

    /// The one value of a query that `person` sends.
    pub async fn seen<T>(&mut self, person: Person, sql: &str) -> T
    where
        T: for<'r> Decode<'r, Postgres> + Type<Postgres>,
    {
        self.become_person(person).await;
        let value = self.fact(sql).await;
        self.owner("reset role").await;
        value
    }

    /// The one value of a query that the owner sends.
    pub async fn fact<T>(&mut self, sql: &str) -> T
    where
        T: for<'r> Decode<'r, Postgres> + Type<Postgres>,
    {
        let row = self
            .tx
            .fetch_one(sqlx::raw_sql(AssertSqlSafe(sql)))
            .await
            .unwrap_or_else(|error| panic!("{error}: {sql}"));
        row.try_get(0)
            .unwrap_or_else(|error| panic!("{error}: {sql}"))
    }

    async fn become_person(&mut self, person: Person) {
        // App metadata claims to be an admin on purpose: the token's word must count for nothing.
        self.owner(&format!(
            "select set_config('request.jwt.claims', case when '{id}' = '' then '{{\"role\": \"anon\"}}' else json_build_object(
               'sub', '{id}', 'role', 'authenticated', 'app_metadata', json_build_object('role', 'admin'))::text end, true);
             set local role {role}",
            id = person.id(),
            role = person.role(),
        ))
        .await;
    }
}

/// Both numbers of a query that `person` sends.
pub async fn both(ward: &mut Ward, person: Person, sql: &str) -> (i64, i64) {
    ward.become_person(person).await;
    let row = ward
        .tx
        .fetch_one(sqlx::raw_sql(AssertSqlSafe(sql)))
        .await
        .unwrap_or_else(|error| panic!("{error}: {sql}"));
    ward.owner("reset role").await;
    (row.get(0), row.get(1))
}
