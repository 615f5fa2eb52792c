//! The time until an engine has its links and has joined. It can be asked already, and says what it waits for.

use std::pin::pin;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::Error;
use super::open::{self, Opened};
use crate::Routes;
use crate::handle::{Command, Refused};
use crate::options::Options;
use crate::preflight::Problem;
use crate::settings::{Mode, Side, accept};
use crate::status::{SideStatus, State, Status, Waiting};

/// Opens both sides and answers commands meanwhile. `None` when the engine was told to end.
///
/// # Errors
/// When the engine must not begin.
pub(super) async fn opened(
    options: &Options,
    routes: &Routes,
    status: &watch::Sender<Arc<Status>>,
    commands: &mut mpsc::Receiver<Command>,
) -> Result<Option<Opened>, Error> {
    let waits = |waiting: Waiting| change(status, |status| status.waiting_for = Some(waiting));
    waits(Waiting {
        reason: "Opening".to_owned(),
        message: "the servers of both sides are asked who they are".to_owned(),
    });
    let opening = open::open(options, routes, |problems| waits(waiting(problems)));
    let opened = answering(opening, status, commands).await;
    if opened.is_none() {
        change(status, |status| {
            (status.state, status.waiting_for) = (State::Stopped, None)
        });
    }
    opened.transpose()
}

/// Runs something that takes a while, and answers commands meanwhile. `None` when the engine was told to end first.
pub(super) async fn answering<T>(
    work: impl Future<Output = T>,
    status: &watch::Sender<Arc<Status>>,
    commands: &mut mpsc::Receiver<Command>,
) -> Option<T> {
    let mut work = pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return Some(done),
            command = commands.recv() => {
                if !command.is_some_and(|command| answer(command, status)) {
                    return None;
                }
            }
        }
    }
}

/// The status before anything is known of the ensembles.
pub(super) fn first_status(options: &Options) -> Status {
    let side = |side: Side| SideStatus {
        servers: options.endpoint(side).connection_string(),
        ..SideStatus::default()
    };
    Status {
        name: options.name.clone(),
        observed_generation: options.settings.generation,
        settings: options.settings.clone(),
        pid: std::process::id(),
        sides: [Side::A, Side::B].map(|one| (one, side(one))).into(),
        ..Status::default()
    }
}

/// The reason of the first problem, and the sentences of all.
fn waiting(problems: &[Problem]) -> Waiting {
    let sentences: Vec<_> = problems.iter().map(|problem| problem.message.as_str()).collect();
    Waiting {
        reason: problems
            .first()
            .map(|problem| problem.reason.clone())
            .unwrap_or_default(),
        message: sentences.join(" "),
    }
}

/// Answers a command. True if the engine goes on. Every command but the one that ends it is refused, since nothing
/// can be stored in a target that is not there.
fn answer(command: Command, status: &watch::Sender<Arc<Status>>) -> bool {
    let refused = || {
        let waiting = status.borrow().waiting_for.clone();
        let why = waiting.map_or_else(String::new, |w| format!(": {}: {}", w.reason, w.message));
        Refused {
            reason: "NotActive",
            message: format!(
                "this engine is not connected yet{why}; ask again later, or: mesos-migrate sync stop"
            ),
        }
    };
    match command {
        Command::Configure(wanted, answer) if wanted.mode == Mode::Stop => {
            let accepted = accept(&status.borrow().settings, *wanted);
            let goes_on = accepted.is_err();
            let generation = accepted.map(|settings| {
                let generation = settings.generation;
                change(status, |status| {
                    (status.observed_generation, status.settings) = (generation, settings);
                });
                generation
            });
            let _ = answer.send(generation);
            return goes_on;
        }
        Command::Configure(_, answer) => drop(answer.send(Err(refused()))),
        Command::Diff { answer, .. } => drop(answer.send(Err(refused()))),
        Command::Resolve { answer, .. } => drop(answer.send(Err(refused()))),
        Command::Conflicts { answer, .. } => drop(answer.send(Err(refused()))),
        Command::Barrier(answer) => drop(answer.send(Err(refused()))),
    }
    true
}

fn change(status: &watch::Sender<Arc<Status>>, change: impl FnOnce(&mut Status)) {
    status.send_modify(|status| change(Arc::make_mut(status)));
}
