//! The command line as values. Knows the flags and nothing of what they do.

use crate::Error;
use crate::check::TestOptions;
use crate::sim::SimOptions;
use lexopt::prelude::*;

/// The port that the README, the demo and the tests know.
pub const DEFAULT_PORT: u16 = 8787;

const HELP: &str = "\
Bedside's commands

  cargo xtask dev      set up what is missing, build, serve on http://127.0.0.1:8787
      --port N             another port
      --database-url URL   a PostgreSQL of your own instead of the embedded one
      --in-memory          keep nothing after the end
      --reset              begin with an empty data folder
      --no-build           serve what is built
      --watch              rebuild and reload on change
  cargo xtask build    the app alone, into dist/, for a static host
  cargo xtask test     every check and test, with one summary
      PART.. [WORD]        only these parts, and in them the tests whose names contain the word
      --list               the parts; after a part, its tests
  cargo xtask soak     the long versions of tests, and 100,000 random histories
  cargo xtask screens  pictures of every page and state, as each role, into target/screens/
      WORD                 only those whose names contain it
  cargo xtask sim      random histories of live sync, in simulated time, until one diverges
      --seeds N            how many (2000)
      --from S             the first one (0)
      --bug NAME           with a known mistake made on purpose
  cargo xtask bench    measure beside the named peers, in headless Chromium; writes target/bench/*.json
      query | realtime         only the one
      app                      only how fast pages answer on a slow computer
      feed                     only what the log of changes costs a PostgreSQL server
  cargo xtask setup    install the pinned tools that dev and test need
  cargo xtask help     this text
";

#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    Help(&'static str),
    Setup,
    Build,
    Dev(DevOptions),
    Test(TestOptions),
    Soak,
    /// Only pages whose names contain this word.
    Screens(Option<String>),
    Sim(SimOptions),
    Bench(Bench),
}

/// What to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bench {
    All,
    Query,
    Realtime,
    App,
    Feed,
}

#[derive(Debug, PartialEq, Eq)]
pub struct DevOptions {
    pub port: u16,
    pub storage: Storage,
    pub build: Build,
}

/// Where the backend keeps its data.
#[derive(Debug, PartialEq, Eq)]
pub enum Storage {
    /// The project's data folder.
    Kept,
    /// The project's data folder, emptied first.
    Reset,
    /// Nowhere: gone at the end.
    InMemory,
    /// In a PostgreSQL that is not ours.
    Database(String),
}

#[derive(Debug, PartialEq, Eq)]
pub enum Build {
    Once,
    /// Serve what the last build left.
    Skip,
    /// Rebuild on each change.
    Watch,
}

/// Reads the command line.
///
/// # Errors
/// [`Error::Usage`] names the word that was not understood.
pub fn parse(mut args: lexopt::Parser) -> Result<Command, Error> {
    let Some(first) = args.next().map_err(usage)? else {
        return Ok(Command::Help(HELP));
    };
    match first {
        Short('h') | Long("help") => Ok(Command::Help(HELP)),
        Value(name) => match name.to_str() {
            Some("help") => Ok(Command::Help(HELP)),
            Some("setup") => no_more(&mut args, Command::Setup),
            Some("build") => no_more(&mut args, Command::Build),
            Some("test") => test(&mut args),
            Some("soak") => no_more(&mut args, Command::Soak),
            Some("bench") => bench(&mut args),
            Some("dev") => dev(&mut args),
            Some("screens") => screens(&mut args),
            Some("sim") => sim(&mut args),
            _ => Err(Error::Usage(format!(
                "there is no command '{}'; `cargo xtask help` lists them",
                name.to_string_lossy()
            ))),
        },
        other => Err(usage(other.unexpected())),
    }
}

fn bench(args: &mut lexopt::Parser) -> Result<Command, Error> {
    let chosen = match args.next().map_err(usage)? {
        None => return Ok(Command::Bench(Bench::All)),
        Some(Value(name)) if name == "query" => Bench::Query,
        Some(Value(name)) if name == "realtime" => Bench::Realtime,
        Some(Value(name)) if name == "app" => Bench::App,
        Some(Value(name)) if name == "feed" => Bench::Feed,
        Some(other) => return Err(usage(other.unexpected())),
    };
    no_more(args, Command::Bench(chosen))
}

fn dev(args: &mut lexopt::Parser) -> Result<Command, Error> {
    let mut port = DEFAULT_PORT;
    let mut storage = Storage::Kept;
    let mut build = Build::Once;
    while let Some(arg) = args.next().map_err(usage)? {
        match arg {
            Long("port") => {
                let text = args.value().map_err(usage)?;
                port = text
                    .to_str()
                    .and_then(|text| text.parse().ok())
                    .filter(|port| *port != 0)
                    .ok_or_else(|| {
                        Error::Usage("--port takes a number from 1 to 65535".to_owned())
                    })?;
            }
            Long("database-url") => {
                let url = args.value().map_err(usage)?.to_string_lossy().into_owned();
                choose(&mut storage, Storage::Kept, Storage::Database(url))?;
            }
            Long("in-memory") => choose(&mut storage, Storage::Kept, Storage::InMemory)?,
            Long("reset") => choose(&mut storage, Storage::Kept, Storage::Reset)?,
            Long("no-build") => choose(&mut build, Build::Once, Build::Skip)?,
            Long("watch") => choose(&mut build, Build::Once, Build::Watch)?,
            Short('h') | Long("help") => return Ok(Command::Help(HELP)),
            other => return Err(usage(other.unexpected())),
        }
    }
    Ok(Command::Dev(DevOptions {
        port,
        storage,
        build,
    }))
}

fn test(args: &mut lexopt::Parser) -> Result<Command, Error> {
    let mut options = TestOptions::default();
    while let Some(arg) = args.next().map_err(usage)? {
        match arg {
            Value(word) => options.words.push(word.to_string_lossy().into_owned()),
            Long("list") => options.list = true,
            Short('h') | Long("help") => return Ok(Command::Help(HELP)),
            other => return Err(usage(other.unexpected())),
        }
    }
    Ok(Command::Test(options))
}

fn screens(args: &mut lexopt::Parser) -> Result<Command, Error> {
    let only = match args.next().map_err(usage)? {
        None => return Ok(Command::Screens(None)),
        Some(Value(word)) => word.to_string_lossy().into_owned(),
        Some(other) => return Err(usage(other.unexpected())),
    };
    no_more(args, Command::Screens(Some(only)))
}

fn sim(args: &mut lexopt::Parser) -> Result<Command, Error> {
    let mut options = SimOptions {
        seeds: 2_000,
        from: 0,
        bug: None,
    };
    while let Some(arg) = args.next().map_err(usage)? {
        match arg {
            Long("seeds") => options.seeds = args.value().and_then(|n| n.parse()).map_err(usage)?,
            Long("from") => options.from = args.value().and_then(|n| n.parse()).map_err(usage)?,
            Long("bug") => {
                options.bug = Some(args.value().map_err(usage)?.to_string_lossy().into_owned());
            }
            Short('h') | Long("help") => return Ok(Command::Help(HELP)),
            other => return Err(usage(other.unexpected())),
        }
    }
    Ok(Command::Sim(options))
}

/// Sets a choice once; a second, different word for the same choice contradicts the first.
fn choose<T: PartialEq>(slot: &mut T, unset: T, chosen: T) -> Result<(), Error> {
    if *slot != unset && *slot != chosen {
        return Err(Error::Usage(
            "--in-memory, --reset and --database-url exclude each other, and so do --no-build and --watch"
                .to_owned(),
        ));
    }
    *slot = chosen;
    Ok(())
}

fn no_more(args: &mut lexopt::Parser, command: Command) -> Result<Command, Error> {
    match args.next().map_err(usage)? {
        None => Ok(command),
        Some(Short('h') | Long("help")) => Ok(Command::Help(HELP)),
        Some(other) => Err(usage(other.unexpected())),
    }
}

fn usage(error: lexopt::Error) -> Error {
    Error::Usage(format!(
        "{error}; `cargo xtask help` lists the commands and flags"
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    fn parse_words(words: &str) -> Result<Command, Error> {
        parse(lexopt::Parser::from_args(words.split_whitespace()))
    }

    fn refused(words: &str, expected: &str) {
        let error = parse_words(words).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains('\n'), "one line, not: {error}");
    }

    #[test]
    fn dev_serves_the_known_port_unless_told_otherwise() {
        let Command::Dev(options) = parse_words("dev").unwrap() else {
            panic!("not dev")
        };
        assert_eq!(options.port, DEFAULT_PORT);
        let Command::Dev(options) = parse_words("dev --port 9000 --in-memory --watch").unwrap()
        else {
            panic!("not dev")
        };
        assert_eq!(
            options,
            DevOptions {
                port: 9000,
                storage: Storage::InMemory,
                build: Build::Watch
            }
        );
    }

    #[test]
    fn a_word_nobody_knows_is_refused_by_name_in_one_line() {
        refused("deploy", "deploy");
        refused("dev --fast", "--fast");
        refused("test --everything", "everything");
        refused("bench everything", "everything");
        refused("bench query realtime", "realtime");
        refused("dev --port many", "--port");
        refused("dev --port 0", "--port");
        refused("dev --port", "--port");
    }

    #[test]
    fn tests_are_chosen_by_parts_and_words() {
        let Command::Test(options) = parse_words("test e2e outbox --list").unwrap() else {
            panic!("not test")
        };
        assert_eq!(options.words, ["e2e", "outbox"]);
        assert!(options.list);
    }

    #[test]
    fn pictures_are_of_all_pages_or_of_those_with_a_word() {
        assert_eq!(parse_words("screens").unwrap(), Command::Screens(None));
        assert_eq!(
            parse_words("screens patients").unwrap(),
            Command::Screens(Some("patients".to_owned()))
        );
        refused("screens --dark", "--dark");
        refused("screens patients forms", "forms");
    }

    #[test]
    fn a_simulation_is_chosen_by_seeds_and_mistake() {
        let Command::Sim(options) = parse_words("sim --seeds 7 --from 3 --bug ignore-gap").unwrap()
        else {
            panic!("not sim")
        };
        assert_eq!((options.seeds, options.from), (7, 3));
        assert_eq!(options.bug.as_deref(), Some("ignore-gap"));
        refused("sim --seeds many", "many");
        refused("sim --bug", "--bug");
    }

    #[test]
    fn contradicting_flags_are_refused() {
        refused("dev --in-memory --reset", "exclude each other");
        refused("dev --watch --no-build", "exclude each other");
        assert!(parse_words("dev --reset --reset").is_ok());
    }
}
