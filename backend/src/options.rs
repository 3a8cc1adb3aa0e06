//! What a backend is started with: every choice as a type, none read from the environment.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use crate::faults::Faults;
use crate::origin::Origin;
use crate::realtime;

/// Where the rows live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// PostgreSQL in this process, its data in a folder that outlives it.
    Folder(PathBuf, OnStart),
    /// PostgreSQL in this process, gone with it.
    InMemory,
    /// A PostgreSQL server elsewhere, by `postgres://` address.
    Url(String),
}

/// What becomes of data that an earlier run left in the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnStart {
    /// It is served.
    Keep,
    /// It is deleted; migrations and seed run anew.
    Reset,
}

/// What a client may use up before it is refused or cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest that one statement of a REST request may run; zero is no limit. Default 8 s, as the role
    /// `authenticated` has in a Supabase project.
    pub statement: Duration,
    /// The longest that a client may take to send a request's headers, also on a connection that it keeps open between
    /// two requests. Default 30 s.
    pub headers: Duration,
    /// The longest that a client may take to send a request's body. Default 30 s.
    pub body: Duration,
    /// HTTP connections of one address at a time; further ones are closed at once. Sockets of Realtime have a limit of
    /// their own, [`realtime::Limits::sockets`]. Default 256.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            statement: Duration::from_secs(8),
            headers: Duration::from_secs(30),
            body: Duration::from_secs(30),
            connections: 256,
        }
    }
}

/// Everything [`Backend::start`](crate::Backend::start) needs.
///
/// ```
/// use bedside_backend::Options;
/// use std::path::PathBuf;
///
/// let options = Options {
///     dist: Some(PathBuf::from("dist")),
///     ..Options::in_memory("supabase")
/// };
/// assert_eq!(options.port, 0);
/// ```
#[derive(Debug, Clone)]
pub struct Options {
    /// The address to listen on; loopback unless said otherwise.
    pub host: IpAddr,
    /// The port; 0 takes a free one, [`Running::url`](crate::Running::url) tells which.
    pub port: u16,
    /// Where the rows live.
    pub database: Database,
    /// The folder with `migrations/*.sql` and `seed.sql`, in the Supabase CLI's layout.
    pub supabase: PathBuf,
    /// The built app; without it the root path says how to build it.
    pub dist: Option<PathBuf>,
    /// Signs tokens and API keys; at least 32 characters. `None`: the data folder's own, or without a folder a random one.
    pub jwt_secret: Option<String>,
    /// Origins other than the backend's own and those on loopback whose pages may call the APIs, such as
    /// `https://ward.example`. Their hosts are also names by which the backend may be called.
    pub allowed_origins: Vec<Origin>,
    /// What one request and one client may use up.
    pub limits: Limits,
    /// How long an access token lives; GoTrue's default is an hour.
    pub token_life: Duration,
    /// Within so long a used refresh token may be used again, since two tabs may refresh at the same moment; GoTrue's default
    /// is ten seconds.
    pub refresh_reuse: Duration,
    /// How many tokens may be asked for at once, and then within five minutes, before auth answers 429; `None` is no limit.
    pub auth_rate: Option<u32>,
    /// How often the feed's heartbeat beats where no pg_cron does it; `None` is never.
    pub heartbeat: Option<Duration>,
    /// How long the app keeps a table bound after the last page that shows it.
    pub linger: Duration,
    /// Faults on purpose, for tests; none by default.
    pub faults: Faults,
    /// Delays, limits and faults of the Realtime part.
    pub realtime: realtime::Config,
}

impl Options {
    /// A backend that keeps nothing, on a free loopback port: what tests want.
    pub fn in_memory(supabase: impl Into<PathBuf>) -> Self {
        Self {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            database: Database::InMemory,
            supabase: supabase.into(),
            dist: None,
            jwt_secret: None,
            allowed_origins: Vec::new(),
            limits: Limits::default(),
            token_life: Duration::from_secs(3600),
            refresh_reuse: Duration::from_secs(10),
            auth_rate: None,
            heartbeat: Some(Duration::from_secs(10)),
            linger: Duration::from_secs(30),
            faults: Faults::default(),
            realtime: realtime::Config::default(),
        }
    }

    /// As [`Options::in_memory`], but with a data folder that survives.
    pub fn in_folder(supabase: impl Into<PathBuf>, data: impl Into<PathBuf>) -> Self {
        Self {
            database: Database::Folder(data.into(), OnStart::Keep),
            ..Self::in_memory(supabase)
        }
    }
}
