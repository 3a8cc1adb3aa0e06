//! Child processes that never outlive us. Each child leads a process group of its own, so that ending it also ends
//! what it started (cargo's compilers, trunk's cargo, the backend).

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::{Error, workspace};

/// How long a child may take to end by itself after it was asked to.
const GRACE: Duration = Duration::from_secs(8);
const POLL: Duration = Duration::from_millis(50);

static RUNNING: Mutex<Vec<u32>> = Mutex::new(Vec::new());
static STOPPING: AtomicBool = AtomicBool::new(false);

/// From here on Ctrl-C, SIGTERM and SIGHUP end every child; whoever waits for one sees it end and stops in turn.
pub fn end_children_on_signal() -> Result<(), Error> {
    ctrlc::set_handler(|| {
        let again = STOPPING.swap(true, Ordering::SeqCst);
        let groups = RUNNING
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        for group in groups {
            // A second Ctrl-C means now.
            signal(group, if again { Signal::Kill } else { Signal::Term });
        }
    })
    .map_err(|error| Error::Step {
        step: "watching for Ctrl-C".to_owned(),
        reason: error.to_string(),
    })
}

/// Whether the person has asked for the end.
pub fn stopping() -> bool {
    STOPPING.load(Ordering::SeqCst)
}

#[derive(Clone, Copy)]
enum Signal {
    Term,
    Kill,
}

#[cfg(unix)]
fn signal(group: u32, signal: Signal) {
    let Some(pid) = i32::try_from(group)
        .ok()
        .and_then(rustix::process::Pid::from_raw)
    else {
        return;
    };
    let signal = match signal {
        Signal::Term => rustix::process::Signal::TERM,
        Signal::Kill => rustix::process::Signal::KILL,
    };
    // The group may have ended in between, which is what we want of it.
    let _ = rustix::process::kill_process_group(pid, signal);
}

#[cfg(not(unix))]
fn signal(_group: u32, _signal: Signal) {
    // Elsewhere the console sends Ctrl-C to the whole group, and `Running::drop` kills the child itself.
}

/// A child that is ended when this value goes.
pub struct Running {
    child: Child,
    name: String,
}

/// Starts a child that goes on while we do something else.
pub fn start(name: &str, command: &mut Command) -> Result<Running, Error> {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    if stopping() {
        return Err(Error::Interrupted);
    }
    let child = command
        .stdin(Stdio::null())
        .spawn()
        .map_err(|error| Error::MissingTool {
            tool: name.to_owned(),
            remedy: format!(
                "cannot start {}: {error}",
                command.get_program().to_string_lossy()
            ),
        })?;
    RUNNING
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(child.id());
    Ok(Running {
        child,
        name: name.to_owned(),
    })
}

/// Runs a child to its end.
///
/// # Errors
/// [`Error::Step`] with its exit status when it fails, [`Error::Interrupted`] after Ctrl-C.
pub fn run(name: &str, command: &mut Command) -> Result<(), Error> {
    let status = start(name, command)?.wait()?;
    if stopping() {
        Err(Error::Interrupted)
    } else if status.success() {
        Ok(())
    } else {
        Err(Error::Step {
            step: name.to_owned(),
            reason: status.to_string(),
        })
    }
}

/// Runs a child to its end, with its output in a file.
///
/// # Errors
/// As [`run`], and [`Error::DiskFull`] where that is why it failed.
pub fn run_logged(name: &str, command: &mut Command, log: &Path) -> Result<(), Error> {
    const NOTHING_LEFT: u64 = 100_000_000;
    let open = || File::options().create(true).append(true).open(log);
    let both = open().and_then(|out| Ok((out.try_clone()?, out)));
    let (out, err) = both.map_err(|source| Error::file("write", log, source))?;
    let ran = run(name, command.stdout(out).stderr(err));
    match (&ran, workspace::free_bytes(log)) {
        (Err(Error::Step { .. }), Some(free)) if free < NOTHING_LEFT => Err(Error::DiskFull {
            folder: log.display().to_string(),
            free: free / 1_000_000,
            needed: 1_000,
        }),
        _ => ran,
    }
}

impl Running {
    /// Waits for the child's own end.
    pub fn wait(&mut self) -> Result<ExitStatus, Error> {
        self.child.wait().map_err(|error| self.lost(&error))
    }

    /// The exit status, if the child has ended.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>, Error> {
        self.child.try_wait().map_err(|error| self.lost(&error))
    }

    /// What this child is called in front of people.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn lost(&self, error: &std::io::Error) -> Error {
        Error::Step {
            step: self.name.clone(),
            reason: error.to_string(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let group = self.child.id();
        signal(group, Signal::Term);
        let deadline = Instant::now() + GRACE;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(POLL);
        }
        signal(group, Signal::Kill);
        let _ = self.child.kill();
        let _ = self.child.wait();
        RUNNING
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|pid| *pid != group);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_failing_child_is_named_with_its_status() {
        let error = run("the impossible", Command::new("false").arg(""))
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("the impossible failed"), "{error}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run("the tool", &mut Command::new("no-such-program-here"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("no-such-program-here"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn dropping_a_child_ends_what_it_started_too() {
        let dir = std::env::temp_dir().join(format!("bedside-xtask-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let pid_file = dir.join("pid");
        let script = format!("sleep 600 & echo $! > {}; wait", pid_file.display());
        let running = start("a shell", Command::new("sh").args(["-c", &script])).unwrap();
        let grandchild: i32 = loop {
            let text = std::fs::read_to_string(&pid_file).unwrap_or_default();
            if let Ok(pid) = text.trim().parse() {
                break pid;
            }
            std::thread::yield_now();
        };
        drop(running);
        let pid = rustix::process::Pid::from_raw(grandchild).unwrap();
        let deadline = Instant::now() + GRACE;
        // An orphan stays as a zombie until its new parent reaps it; its group is what must be gone or dead.
        while rustix::process::test_kill_process(pid).is_ok() && !is_zombie(grandchild) {
            assert!(Instant::now() < deadline, "the grandchild lives on");
            std::thread::yield_now();
        }
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[cfg(unix)]
    fn is_zombie(pid: i32) -> bool {
        std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
            stat.rsplit(") ")
                .next()
                .is_some_and(|rest| rest.starts_with('Z'))
        })
    }
}
