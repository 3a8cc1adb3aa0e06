//! The embedded backend's command line: flags in, [`Options`] out, and an orderly end on Ctrl-C or SIGTERM.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use bedside_backend::{Backend, Control, Database, Faults, Limits, OnStart, Options, Origin};
use clap::Parser;
use clap::error::ErrorKind;

/// The environment variable in place of `--database-url`.
const DATABASE_URL: &str = "BEDSIDE_DATABASE_URL";

/// An embedded Supabase-compatible backend: PostgreSQL, REST, auth and realtime on one port.
#[derive(Debug, Parser)]
#[command(name = "bedside-backend", version)]
struct Cli {
    /// Port to listen on; 0 takes a free one and prints it.
    #[arg(long, default_value_t = 8787)]
    port: u16,
    /// Address to listen on.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,
    /// Folder that keeps the data between runs.
    #[arg(long, value_name = "FOLDER", default_value = ".bedside/data")]
    data_dir: PathBuf,
    /// Delete the kept data first.
    #[arg(long, conflicts_with_all = ["in_memory", "database_url"])]
    reset: bool,
    /// Keep nothing.
    #[arg(long, conflicts_with = "database_url")]
    in_memory: bool,
    /// Use a database of a PostgreSQL server elsewhere; the variable keeps a password out of the arguments.
    #[arg(long, value_name = "URL", env = DATABASE_URL, hide_env_values = true)]
    database_url: Option<String>,
    /// Folder with migrations/ and seed.sql.
    #[arg(long, value_name = "FOLDER", default_value = "supabase")]
    supabase_dir: PathBuf,
    /// Folder with the built app.
    #[arg(long, value_name = "FOLDER")]
    dist: Option<PathBuf>,
    /// Let pages of this origin call the APIs too, such as https://ward.example; may be repeated.
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<Origin>,
    /// Longest time in milliseconds for one statement of a REST request; 0 is no limit.
    #[arg(long, value_name = "MS", default_value_t = 8_000)]
    statement_timeout: u64,
    /// Sign with this secret instead of the data folder's own.
    #[arg(
        long,
        value_name = "SECRET",
        env = "BEDSIDE_JWT_SECRET",
        hide_env_values = true,
        hide = true
    )]
    jwt_secret: Option<String>,
    /// How log lines look.
    #[arg(long, value_enum, default_value_t = Log::Human)]
    log: Log,
    /// Life of an access token in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, hide = true)]
    token_life: u64,
    /// Tokens that auth gives out at once, and then in five minutes, before it answers 429; without it there is no limit.
    #[arg(long, value_name = "COUNT", hide = true)]
    auth_rate: Option<u32>,
    /// Seconds within which a used refresh token may be used again.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, hide = true)]
    refresh_reuse: u64,
    /// Milliseconds between beats of the change feed; 0 is a feed without a heartbeat.
    #[arg(long, value_name = "MS", default_value_t = 10_000, hide = true)]
    heartbeat: u64,
    /// Milliseconds for which the app keeps a table bound after the last page that shows it.
    #[arg(long, value_name = "MS", default_value_t = 30_000, hide = true)]
    linger: u64,
    /// Delay every API request by this many milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 0, hide = true)]
    fault_latency: u64,
    /// Share of REST requests, 0 to 1, that fail with 503.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, hide = true)]
    fault_errors: f64,
    /// Let clients lose row changes at /dev/faults.
    #[arg(long, hide = true)]
    fault_control: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Log {
    Human,
    Json,
}

impl Cli {
    fn into_options(self) -> Options {
        let database = match (self.database_url, self.in_memory, self.reset) {
            (Some(url), ..) => Database::Url(url),
            (None, true, _) => Database::InMemory,
            (None, false, true) => Database::Folder(self.data_dir, OnStart::Reset),
            (None, false, false) => Database::Folder(self.data_dir, OnStart::Keep),
        };
        Options {
            host: self.host,
            port: self.port,
            database,
            dist: self.dist,
            jwt_secret: self.jwt_secret,
            allowed_origins: self.allow_origin,
            limits: Limits {
                statement: Duration::from_millis(self.statement_timeout),
                ..Limits::default()
            },
            token_life: Duration::from_secs(self.token_life),
            refresh_reuse: Duration::from_secs(self.refresh_reuse),
            auth_rate: self.auth_rate,
            heartbeat: Some(Duration::from_millis(self.heartbeat)),
            linger: Duration::from_millis(self.linger),
            faults: Faults {
                latency: Duration::from_millis(self.fault_latency),
                error_rate: self.fault_errors,
                control: match self.fault_control {
                    true => Control::Open,
                    false => Control::Closed,
                },
            },
            ..Options::in_memory(self.supabase_dir)
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(|error| refuse(&error));
    log_to_stderr(cli.log);
    // One future for both waits: a signal that came between two of them would be lost.
    let mut end = pin!(asked_to_end());
    let mut starting = pin!(Backend::start(cli.into_options()));
    let started = tokio::select! {
        started = &mut starting => started,
        () = &mut end => {
            // Finished before it is ended, so that a first start doesn't leave a half-written folder.
            if let Ok(backend) = starting.await {
                backend.shutdown().await;
            }
            return ExitCode::SUCCESS;
        }
    };
    let backend = match started {
        Ok(backend) => backend,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    // Whoever started it may not be listening any more; that is no reason to stop serving.
    let _ = writeln!(std::io::stdout(), "listening on {}", backend.url());
    end.await;
    backend.shutdown().await;
    ExitCode::SUCCESS
}

/// Prints why the command line is not accepted, or the help that was asked for, and exits.
fn refuse(error: &clap::Error) -> ! {
    let _ = error.print();
    // Clap names the flag, which is confusing for people who set only the variable.
    if error.kind() == ErrorKind::ArgumentConflict && std::env::var_os(DATABASE_URL).is_some() {
        eprintln!("\n{DATABASE_URL} is set in the environment, which counts as --database-url.");
    }
    std::process::exit(error.exit_code())
}

fn log_to_stderr(log: Log) {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_default_env()
        // Libraries' warnings may quote statements or rows; what matters of theirs is said by the backend itself.
        .unwrap_or_else(|_| EnvFilter::new("off,bedside_backend=info"));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match log {
        Log::Human => lines.init(),
        Log::Json => lines.json().init(),
    }
}

/// Resolves on Ctrl-C or, where there is one, SIGTERM.
async fn asked_to_end() {
    let ctrl_c = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = ctrl_c => {}
        () = terminated() => {}
    }
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}
