//! Putting the parts together in order, and taking them apart in the reverse one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::Uri;
use axum::routing::any;
use axum::{Router, middleware};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tower::ServiceExt as _;

use crate::auth::{Auth, Rate, Terms};
use crate::db::Db;
use crate::embedded::Embedded;
use crate::error::StartError;
use crate::heartbeat::Heartbeat;
use crate::jwt::{DEMO_SECRET, JwtKeys};
use crate::options::{Database, Options};
use crate::origin::Origin;
use crate::realtime::{self, Realtime};
use crate::serve::serve;
use crate::site::Site;
use crate::{bootstrap, external, faults, gateway, migrations, pattern, rest, secret};

/// How long requests in progress may take to end.
const GRACE: Duration = Duration::from_secs(3);

/// Characters of a secret that is given; as Supabase asks for.
const SHORTEST_SECRET: usize = 32;

/// The way to start a backend.
pub struct Backend;

/// A backend that serves. Dropped without [`Running::shutdown`] it winds down in the background, its sockets closed
/// without a word.
pub struct Running {
    address: SocketAddr,
    keys: Arc<JwtKeys>,
    db: Db,
    realtime: Arc<Realtime>,
    embedded: Option<Embedded>,
    heartbeat: Heartbeat,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
}

impl Backend {
    /// Opens the database, applies migrations and seed where they haven't been, and listens.
    ///
    /// # Errors
    /// A [`StartError`], whose text is one line saying what to do. Nothing keeps running then.
    pub async fn start(options: Options) -> Result<Running, StartError> {
        // The port first: it fails fast, and a second backend says so before it waits for a database.
        let listener = listen(SocketAddr::new(options.host, options.port)).await?;
        let address = listener.local_addr().map_err(|source| StartError::Listen {
            address: SocketAddr::new(options.host, options.port),
            source,
        })?;
        if let Some(secret) = &options.jwt_secret {
            if secret.len() < SHORTEST_SECRET {
                return Err(StartError::ShortSecret(SHORTEST_SECRET));
            }
            if !address.ip().is_loopback() && secret == DEMO_SECRET {
                tracing::warn!(%address, "anyone who can reach this address can sign tokens: the secret is a public one");
            }
        }
        migrations::find(&options.supabase)?;
        let (embedded, db) = open(&options.database).await?;
        match assemble(&options, address, &db, embedded.as_ref()).await {
            Ok(parts) => {
                let (stop, stopped) = watch::channel(false);
                let serving = serve(listener, parts.router, options.limits, stopped);
                let server = tokio::spawn(serving);
                let Parts {
                    keys,
                    realtime,
                    heartbeat,
                    ..
                } = parts;
                Ok(Running {
                    address,
                    keys,
                    db,
                    realtime,
                    embedded,
                    heartbeat,
                    stop,
                    server,
                })
            }
            Err(error) => {
                close(db, embedded).await;
                Err(error)
            }
        }
    }
}

/// What [`assemble`] made.
struct Parts {
    keys: Arc<JwtKeys>,
    realtime: Arc<Realtime>,
    heartbeat: Heartbeat,
    router: Router,
}

async fn assemble(
    options: &Options,
    address: SocketAddr,
    db: &Db,
    embedded: Option<&Embedded>,
) -> Result<Parts, StartError> {
    let secret = match (&options.jwt_secret, embedded) {
        (Some(given), _) => Some(given.clone()),
        (None, Some(embedded)) => embedded.secret()?,
        (None, None) => None,
    };
    let keys = Arc::new(JwtKeys::new(&secret.unwrap_or_else(secret::random)));
    if embedded.is_none() {
        bootstrap::check(db).await?;
    }
    bootstrap::apply(db).await?;
    let applied = migrations::apply(db, &options.supabase).await?;
    realtime::after_migrations(db)
        .await
        .map_err(StartError::database("watching the published tables"))?;
    if let Some(embedded) = embedded {
        embedded.mark_complete()?;
    }
    tracing::info!(
        migrations = applied.migrations,
        seeded = applied.seeded,
        "the database is ready"
    );
    let realtime = Realtime::new(db.clone(), keys.clone(), options.realtime.clone());
    let rest = rest::router(db, &keys, options.limits.statement)
        .await?
        .layer(middleware::from_fn(pattern::guard));
    let auth = Auth::new(
        db.clone(),
        keys.clone(),
        Terms {
            token_life: options.token_life,
            refresh_reuse: options.refresh_reuse,
            rate: Rate::new(options.auth_rate),
        },
        &format!("http://{address}"),
    );
    let root = rest.clone();
    let api = Router::new()
        .nest("/rest/v1", rest)
        // Nesting leaves out the path that ends with a slash, which is the one that tools ask.
        .route(
            "/rest/v1/",
            any(move |mut request: Request| {
                *request.uri_mut() = Uri::from_static("/");
                root.clone().oneshot(request)
            }),
        )
        .nest("/auth/v1", auth.router());
    let limits = &options.limits;
    let origins: Arc<[Origin]> = options.allowed_origins.clone().into();
    let cors = gateway::cors(origins.clone());
    let api = gateway::guard(
        api,
        keys.clone(),
        realtime.clone(),
        options.faults.clone(),
        limits.body,
    );
    let site = Site::load(
        options.dist.as_deref(),
        keys.anon_key(),
        pace(options),
        &address.to_string(),
    )?;
    let heartbeat = Heartbeat::start(db.clone(), realtime.clone(), options.heartbeat)
        .await
        .map_err(StartError::database("looking for the feed's heartbeat"))?;
    // Realtime's routes know the project by the host's name and answer for other names themselves.
    let pages = site
        .router()
        .merge(faults::router(options.faults.control, &realtime));
    let router = gateway::known_hosts(api.layer(cors.clone()).merge(pages), origins)
        .merge(gateway::take_bodies(realtime.router(), limits.body).layer(cors));
    Ok(Parts {
        keys,
        realtime,
        heartbeat,
        router,
    })
}

/// What `config.json` tells the app of the feed's waits.
fn pace(options: &Options) -> serde_json::Value {
    let mut pace = serde_json::json!({ "linger_ms": millis(options.linger) });
    // Without a heartbeat the app never expects one.
    if let (Some(beat), Some(pace)) = (options.heartbeat, pace.as_object_mut())
        && !beat.is_zero()
    {
        pace.insert("heartbeat_ms".to_owned(), millis(beat).into());
    }
    pace
}

fn millis(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
}

/// The connection first: the embedded server ends only after it. A connection that is stuck is left behind, which loses
/// nothing that was committed.
async fn close(db: Db, embedded: Option<Embedded>) {
    if tokio::time::timeout(GRACE, db.close()).await.is_err() {
        tracing::warn!("the database connection did not come back");
        return;
    }
    if let Some(embedded) = embedded {
        embedded.stop().await;
    }
}

impl Running {
    /// Where it listens, such as `http://127.0.0.1:8787`: no slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The keys it signs and verifies with.
    pub fn keys(&self) -> &JwtKeys {
        &self.keys
    }

    /// The Realtime part, for tests that cut sockets or silence the feed.
    pub fn realtime(&self) -> &Realtime {
        &self.realtime
    }

    /// The database behind it, for tests that look past the API.
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// Stops listening, closes sockets with 1012, lets requests end, closes the database. Takes seconds at most.
    pub async fn shutdown(self) {
        self.stop.send_replace(true);
        drop(self.heartbeat);
        self.realtime.shutdown().await;
        let mut server = self.server;
        if tokio::time::timeout(GRACE, &mut server).await.is_err() {
            server.abort();
        }
        close(self.db, self.embedded).await;
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| match source.kind() {
            std::io::ErrorKind::AddrInUse => StartError::PortTaken(address),
            _ => StartError::Listen { address, source },
        })
}

async fn open(database: &Database) -> Result<(Option<Embedded>, Db), StartError> {
    match database {
        Database::Folder(path, on_start) => {
            let (embedded, db) = Embedded::in_folder(path, *on_start).await?;
            Ok((Some(embedded), db))
        }
        Database::InMemory => {
            let (embedded, db) = Embedded::in_memory().await?;
            Ok((Some(embedded), db))
        }
        Database::Url(url) => {
            let db = external::connect(url).await?;
            Ok((None, db))
        }
    }
}
