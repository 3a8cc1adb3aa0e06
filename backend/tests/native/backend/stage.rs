//! What the stories stand on: a project folder, a backend over it, a client, and people.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use bedside_backend::{Backend, Options, Running};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub const PASSWORD: &str = "correct horse";
/// Not GoTrue's default, so that a story can see the option arrive.
pub const TOKEN_LIFE: u64 = 1234;

const NOTES: &str = "
create table public.notes (
  id uuid primary key default gen_random_uuid(),
  owner uuid not null default auth.uid() references auth.users (id) on delete cascade,
  title text not null unique,
  version int not null default 1
);
create table public.lines (
  id int generated always as identity primary key,
  note uuid not null references public.notes (id) on delete cascade,
  body text not null
);
alter table public.notes enable row level security;
alter table public.lines enable row level security;
create policy own on public.notes to authenticated using (owner = auth.uid()) with check (owner = auth.uid());
create policy own on public.lines to authenticated using (exists (select from public.notes n where n.id = note));
create function public.whoami() returns json language sql stable as $$
  select json_build_object('uid', auth.uid(), 'role', auth.role(), 'email', auth.email(),
                           'user', current_user, 'session', auth.jwt() ->> 'session_id')
$$;
create function public.time_limit() returns text language sql stable as $$
  select current_setting('statement_timeout')
$$;
create table public.secrets (id int primary key);
revoke all on public.secrets from anon, authenticated;
alter publication supabase_realtime add table public.notes;
";

/// A folder in the Supabase CLI's layout with these files.
pub struct Project {
    folder: TempDir,
}

impl Project {
    pub fn new() -> Self {
        let project = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        project.write("migrations/20260101000000_notes.sql", NOTES);
        project
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A folder beside, for data or a built app.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

struct Stage {
    backend: Running,
    _project: Project,
    _runtime: Runtime,
}

/// One backend for all stories over HTTP. It runs on threads of its own, since each test's runtime ends with the test.
static STAGE: LazyLock<Stage> = LazyLock::new(|| {
    let starting = std::thread::spawn(|| {
        let runtime = Runtime::new().unwrap();
        let project = Project::new();
        let options = Options {
            token_life: Duration::from_secs(TOKEN_LIFE),
            ..Options::in_memory(project.path())
        };
        let backend = runtime.block_on(Backend::start(options)).unwrap();
        Stage {
            backend,
            _project: project,
            _runtime: runtime,
        }
    });
    starting.join().unwrap()
});

pub fn backend() -> &'static Running {
    &STAGE.backend
}

/// A request with the anon key, as every client sends it.
pub fn call(method: Method, path: &str) -> RequestBuilder {
    bare(method, path).header("apikey", backend().keys().anon_key())
}

/// A request without any key.
pub fn bare(method: Method, path: &str) -> RequestBuilder {
    Client::new().request(method, format!("{}{path}", backend().url()))
}

pub fn get(path: &str) -> RequestBuilder {
    call(Method::GET, path)
}

pub fn post(path: &str, body: Value) -> RequestBuilder {
    call(Method::POST, path).json(&body)
}

/// Status and JSON body, which every API answer has.
pub async fn answer(request: RequestBuilder) -> (u16, Value) {
    let (status, _, body) = whole(request.send().await.unwrap()).await;
    (status, body)
}

pub async fn whole(response: Response) -> (u16, reqwest::header::HeaderMap, Value) {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body = match text.is_empty() {
        true => Value::Null,
        false => serde_json::from_str(&text).unwrap_or_else(|_| panic!("not JSON: {text}")),
    };
    (status, headers, body)
}

/// Somebody signed up and in.
#[derive(Clone)]
pub struct Person {
    pub email: String,
    pub id: String,
    pub access: String,
    pub refresh: String,
}

impl Person {
    /// A new account of its own.
    pub async fn new() -> Self {
        let email = format!("{}@ward.test", uuid::Uuid::new_v4());
        let (status, session) = answer(post(
            "/auth/v1/signup",
            json!({ "email": email, "password": PASSWORD }),
        ))
        .await;
        assert_eq!(status, 200, "{session}");
        Self::of(&session)
    }

    /// Another session of the same account.
    pub async fn again(&self) -> Self {
        let (status, session) = sign_in(&self.email, PASSWORD).await;
        assert_eq!(status, 200, "{session}");
        Self::of(&session)
    }

    pub fn of(session: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            email: text(&session["user"]["email"]),
            id: text(&session["user"]["id"]),
            access: text(&session["access_token"]),
            refresh: text(&session["refresh_token"]),
        }
    }

    pub fn call(&self, method: Method, path: &str) -> RequestBuilder {
        call(method, path).bearer_auth(&self.access)
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.call(Method::GET, path)
    }

    pub fn post(&self, path: &str, body: Value) -> RequestBuilder {
        self.call(Method::POST, path).json(&body)
    }

    pub async fn refreshed(&self) -> (u16, Value) {
        refresh(&self.refresh).await
    }
}

pub async fn sign_in(email: &str, password: &str) -> (u16, Value) {
    let body = json!({ "email": email, "password": password });
    answer(post("/auth/v1/token?grant_type=password", body)).await
}

pub async fn refresh(token: &str) -> (u16, Value) {
    answer(post(
        "/auth/v1/token?grant_type=refresh_token",
        json!({ "refresh_token": token }),
    ))
    .await
}

/// A request in the name of the service role.
pub fn as_service(method: Method, path: &str) -> RequestBuilder {
    let key = backend().keys().service_role_key();
    bare(method, path).header("apikey", key).bearer_auth(key)
}
