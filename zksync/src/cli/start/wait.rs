//! Waits in the foreground for an engine in the background, until the target is in sync.

use std::process::Child;
use std::time::Duration;

use mesolith_telemetry::Shutdown;
use tokio::time::Instant;

use super::StartArgs;
use super::shown::Shown;
use crate::cli::ask;
use crate::cli::background::Launch;
use crate::cli::console::Console;
use crate::cli::error::{Error, exit};
use crate::cli::locate::Output;
use crate::cli::render;
use crate::control::{Client, ClientError, Watch};
use crate::run::{self, Files};
use crate::status::{State, Status};

/// Longest time until a new engine answers on its socket. Reading options and making a socket is quick on any
/// machine.
const SOCKET_LIMIT: Duration = Duration::from_secs(60);
/// Between two looks at the child and its socket.
const LOOK: Duration = Duration::from_millis(50);
/// What a status means for the wait.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Wait,
    /// The wait is over if this status stays. Another engine is active, but it may have been killed a moment ago.
    Standby(String),
    Done(String),
    /// It follows, and the target does not take everything.
    Incomplete(String),
    Failed(String),
}

fn step(status: &Status) -> Step {
    let pid = status.pid;
    let waiting = status.waiting_for.as_ref();
    match status.state {
        State::Connecting | State::Seeding | State::CatchingUp => Step::Wait,
        State::InSync => Step::Done(render::in_sync(status)),
        State::Incomplete => Step::Incomplete(render::incomplete(status)),
        State::Standby => match other_active(status) {
            Some(run) => Step::Standby(format!(
                "standby: the engine {run} works; this one runs as pid {pid} and takes over when that one ends"
            )),
            None => Step::Wait,
        },
        State::Paused => Step::Done(format!(
            "paused, as it is stored in the target; the engine runs as pid {pid}; go on with: mesos-migrate sync resume"
        )),
        State::Failed | State::Stopped => Step::Failed(waiting.map_or_else(
            || format!("it is {}", status.state.as_str()),
            |waiting| waiting.message.clone(),
        )),
    }
}

/// The run of the active engine, if that is another process. Every engine stands by for a moment before it becomes
/// active.
fn other_active(status: &Status) -> Option<&str> {
    let active = status.active_run.as_deref();
    active.filter(|run| !run.is_empty() && *run != status.run)
}

pub(super) async fn start(
    args: &StartArgs,
    files: &Files,
    console: &mut Console,
    shutdown: &Shutdown,
    launch: &Launch,
) -> Result<u8, Error> {
    if let Some(pid) = files.holder() {
        let name = args.at.name().to_owned();
        return Err(run::Error::AlreadyRuns { name, pid }.into());
    }
    files.clear_error();
    let mut child = launch.start(files)?;
    let client = tokio::select! {
        client = connect(args, files, &mut child) => client?,
        () = shutdown.wait() => return Ok(interrupted(child.id(), console)),
    };
    match follow(args, &client, &mut child, console, shutdown).await {
        // It answered, and ended before it was asked the next thing.
        Err(Error::Client(ClientError::Lost { .. } | ClientError::Unreachable { .. })) => {
            Err(ended(files, &mut child).await)
        }
        Ok(None) => Err(ended(files, &mut child).await),
        Ok(Some(code)) => Ok(code),
        Err(error) => Err(error),
    }
}

/// Waits until the target is in sync. `None` when the engine ended first.
async fn follow(
    args: &StartArgs,
    client: &Client,
    child: &mut Child,
    console: &mut Console,
    shutdown: &Shutdown,
) -> Result<Option<u8>, Error> {
    if args.no_wait {
        let status = client.status().await?;
        let said = format!(
            "{}; the engine runs as pid {}; mesos-migrate sync status --watch",
            status.state.as_str(),
            // The status may be older than the engine's first look at both sides.
            child.id()
        );
        return done(args, &status, &said, console).map(Some);
    }
    let limit = Instant::now() + args.timeout;
    let mut shown = Shown::default();
    let mut statuses = client.watch().await?;
    let waited = tokio::select! {
        waited = until_decided(&mut statuses, &mut shown, args, console) => waited?,
        () = shutdown.wait() => return Ok(Some(interrupted(child.id(), console))),
        () = tokio::time::sleep_until(limit) => {
            let line = shown.last.as_ref().map(|status| render::status_line(status, &[]));
            console.note(&format!(
                "not in sync after {:?} ({}); the engine goes on as pid {}; mesos-migrate sync status --watch",
                args.timeout,
                line.unwrap_or_default(),
                child.id()
            ));
            return Ok(Some(exit::NOT_YET));
        }
    };
    match waited {
        Some((status, Step::Done(said) | Step::Standby(said))) => {
            done(args, &status, &said, console).map(Some)
        }
        Some((status, Step::Incomplete(said))) => {
            console.keep_live();
            console.note(&said);
            if args.at.output == Output::Json {
                console.json(&status)?;
            }
            Ok(Some(exit::NOT_YET))
        }
        Some((_, Step::Failed(message))) => {
            // The child has ended and only its exit status is missing, so this does not block.
            ask::stop_and_wait(&args.at, client).await?;
            Err(Error::Ended { message })
        }
        Some((_, Step::Wait)) | None => Ok(None),
    }
}

fn done(args: &StartArgs, status: &Status, said: &str, console: &mut Console) -> Result<u8, Error> {
    console.keep_live();
    match args.at.output {
        Output::Json => console.json(status)?,
        Output::Text => console.line(said)?,
    }
    Ok(exit::OK)
}

fn interrupted(pid: u32, console: &mut Console) -> u8 {
    console.keep_live();
    console.note(&format!(
        "no longer waiting; the engine goes on as pid {pid}; mesos-migrate sync status --watch, or: mesos-migrate sync stop"
    ));
    exit::INTERRUPTED
}

/// Waits until the socket answers. If the engine ends before, its own sentence is the error.
async fn connect(args: &StartArgs, files: &Files, child: &mut Child) -> Result<Client, Error> {
    let begun = Instant::now();
    loop {
        let has_ended = child.try_wait().ok().flatten().is_some();
        let error = match args.at.client().await {
            Ok(client) => return Ok(client),
            Err(error) => error,
        };
        if has_ended {
            return Err(last_words(files));
        }
        let may_come = matches!(
            error,
            Error::NotRunning { .. } | Error::Silent { .. } | Error::Client(ClientError::Lost { .. })
        );
        if !may_come || begun.elapsed() > SOCKET_LIMIT {
            return Err(error);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The next status that ends the wait. `None` when the engine is gone.
async fn until_decided(
    statuses: &mut Watch,
    shown: &mut Shown,
    args: &StartArgs,
    console: &mut Console,
) -> Result<Option<(Status, Step)>, Error> {
    // The place of a dead engine becomes free when its lease ends; then this engine becomes active.
    let patience = args.lease_timeout + args.lease_timeout / 2;
    let mut standing_by: Option<Instant> = None;
    while let Some(status) = statuses.next().await? {
        let step = step(&status);
        if args.at.output == Output::Text {
            let decided = !matches!(step, Step::Wait | Step::Standby(_));
            shown.show(&status, step == Step::Wait, decided, console)?;
        }
        match &step {
            Step::Wait => standing_by = None,
            Step::Standby(_) if standing_by.get_or_insert_with(Instant::now).elapsed() < patience => {}
            Step::Standby(_) | Step::Done(_) | Step::Incomplete(_) | Step::Failed(_) => {
                return Ok(Some((status, step)));
            }
        }
        shown.last = Some(status);
    }
    Ok(None)
}

/// The watch of its statuses has ended, so the process has ended or is about to.
async fn ended(files: &Files, child: &mut Child) -> Error {
    let begun = Instant::now();
    while child.try_wait().ok().flatten().is_none() && begun.elapsed() < SOCKET_LIMIT {
        tokio::time::sleep(LOOK).await;
    }
    last_words(files)
}

fn last_words(files: &Files) -> Error {
    let message = files.read_error().unwrap_or_else(|| {
        let tail = files.log_tail(5);
        format!(
            "it said nothing more than this, in {}:\n{tail}",
            files.log().display()
        )
    });
    Error::Ended { message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use crate::status::Waiting;

    #[test]
    fn each_state_means_something_to_who_waits() {
        let with = |state| Status {
            state,
            waiting_for: Some(Waiting {
                reason: "TargetNotEmpty".into(),
                message: "B has 7 znodes of its own; empty it".into(),
            }),
            active_run: Some("r2".into()),
            ..fixtures::status()
        };
        for state in [State::Connecting, State::Seeding, State::CatchingUp] {
            assert_eq!(step(&with(state)), Step::Wait);
        }
        let Step::Done(said) = step(&with(State::InSync)) else {
            unreachable!()
        };
        assert!(said.starts_with("in sync at zxid 0x2b0001f3a4"), "{said}");
        let Step::Incomplete(said) = step(&with(State::Incomplete)) else {
            unreachable!()
        };
        assert!(
            said.starts_with("not in sync: B does not take /big; the engine goes on as pid 4711"),
            "{said}"
        );
        let alone = Status {
            active_run: None,
            ..with(State::Standby)
        };
        assert_eq!(step(&alone), Step::Wait);
        let Step::Standby(said) = step(&with(State::Standby)) else {
            unreachable!()
        };
        assert!(
            said.starts_with("standby: the engine r2 works; this one runs as pid 4711"),
            "{said}"
        );
        for state in [State::Failed, State::Stopped] {
            assert_eq!(
                step(&with(state)),
                Step::Failed("B has 7 znodes of its own; empty it".into())
            );
        }
    }
}
