//! An engine that says what it is told to say and answers commands by the rules.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mesolith_zksync::handle::{Command, ConflictRecord, DiffReport, Difference, Handle, Refused};
use mesolith_zksync::options::Options;
use mesolith_zksync::run::{Comparison, Engine, Running};
use mesolith_zksync::settings::{self, Mode, Settings, Side};
use mesolith_zksync::status::{Progress, SideStatus, State, Status, Waiting};
use tokio::sync::{mpsc, watch};

/// Between two states of a script.
const STEP: Duration = Duration::from_millis(30);

/// What it does.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scripted {
    /// States shown one after the other before it is in sync.
    pub(crate) before: Vec<State>,
    /// It ends there instead, with this reason.
    pub(crate) fails: Option<&'static str>,
    /// It stays in the last of `before`.
    pub(crate) stuck: bool,
    /// What a comparison finds.
    pub(crate) different: u64,
}

impl Engine for Scripted {
    async fn start(self, options: Options) -> Result<Running, Refused> {
        if self.fails == Some("at once") {
            return Err(refused(
                "SameEnsemble",
                "A and B are the same ensemble; nothing was written",
            ));
        }
        let mut settings = options.settings.clone();
        settings.generation = settings.generation.max(1);
        let status = status(&options, settings);
        let (shown, seen) = watch::channel(Arc::new(status));
        let (commands, asked) = mpsc::channel(8);
        let handle = Handle {
            status: seen,
            commands,
        };
        let task = tokio::spawn(self.run(shown, asked));
        Ok(Running::task(handle, task))
    }

    async fn compare(self, comparison: Comparison) -> Result<DiffReport, Refused> {
        if comparison.source.servers[0].host == "gone" {
            return Err(refused("SourceUnreachable", "no server of A answers"));
        }
        Ok(report(self.different, comparison.limit))
    }
}

impl Scripted {
    async fn run(
        self,
        shown: watch::Sender<Arc<Status>>,
        mut asked: mpsc::Receiver<Command>,
    ) -> Result<(), Refused> {
        for state in &self.before {
            let progress = (*state == State::Seeding).then_some(Progress {
                done: 50,
                total: 200,
                bytes: 1,
                per_second: 100.0,
                seconds_left: Some(1.5),
            });
            let failed = (*state == State::Failed).then(|| Waiting {
                reason: "TargetNotEmpty".into(),
                message: "B holds 7 znodes of its own; empty it or choose other --paths".into(),
            });
            change(&shown, |status| {
                status.state = *state;
                status.progress = progress;
                status.waiting_for = failed;
            });
            tokio::time::sleep(STEP).await;
        }
        if let Some(message) = self.fails {
            return Err(refused("Broken", message));
        }
        if !self.stuck {
            change(&shown, |status| {
                status.state = State::InSync;
                status.progress = None;
            });
        }
        // Nobody left to ask: it ends.
        while let Some(command) = asked.recv().await {
            if self.obey(command, &shown).await {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Whether it ends.
    async fn obey(&self, command: Command, shown: &watch::Sender<Arc<Status>>) -> bool {
        match command {
            Command::Configure(wanted, answer) => {
                let current = shown.borrow().settings.clone();
                let accepted = settings::accept(&current, *wanted);
                let stops = accepted.as_ref().is_ok_and(|s| s.mode == Mode::Stop);
                let _ = answer.send(accepted.clone().map(|s| s.generation));
                // A real one shows it a moment later, too.
                tokio::time::sleep(STEP * 3).await;
                if let Ok(settings) = &accepted {
                    change(shown, |status| {
                        status.state = match settings.mode {
                            Mode::Run => State::InSync,
                            Mode::Pause => State::Paused,
                            Mode::Stop => State::Stopped,
                        };
                        status.observed_generation = settings.generation;
                        status.settings = settings.clone();
                    });
                }
                return stops;
            }
            Command::Diff { limit, answer } => {
                let _ = answer.send(Ok(report(self.different, limit)));
            }
            Command::Resolve { path, answer, .. } => {
                let frozen = shown.borrow().frozen.contains(&path);
                change(shown, |status| status.frozen.retain(|other| *other != path));
                let _ = answer.send(match frozen {
                    true => Ok(()),
                    false => Err(refused(
                        "NotFrozen",
                        "/x is not frozen; sync conflicts names those that are",
                    )),
                });
            }
            Command::Conflicts { limit, answer } => {
                let mut found = vec![conflict(Some(Side::A)), conflict(None)];
                found.truncate(limit);
                let _ = answer.send(Ok(found));
            }
            Command::Barrier(answer) => {
                let _ = answer.send(Ok("0x2b".to_owned()));
            }
        }
        false
    }
}

fn change(shown: &watch::Sender<Arc<Status>>, change: impl FnOnce(&mut Status)) {
    shown.send_modify(|status| change(Arc::make_mut(status)));
}

fn refused(reason: &'static str, message: &str) -> Refused {
    Refused {
        reason,
        message: message.to_owned(),
    }
}

fn report(different: u64, limit: usize) -> DiffReport {
    let one = |n| Difference {
        path: format!("/n{n}"),
        field: "data".into(),
        a: "1".into(),
        b: "2".into(),
    };
    DiffReport {
        compared: 200,
        different,
        differences: (0..different).take(limit).map(one).collect(),
        zxid: "0x2b".into(),
    }
}

fn conflict(winner: Option<Side>) -> ConflictRecord {
    ConflictRecord {
        time: "2026-01-02T03:04:05Z".into(),
        path: "/x".into(),
        message: "written on both sides".into(),
        a: Some("YQ==".into()),
        b: None,
        winner,
        session: "0x1".into(),
        zxid: "0x2a".into(),
    }
}

fn status(options: &Options, settings: Settings) -> Status {
    let side = |servers: String| SideStatus {
        servers,
        version: Some("3.9.3".into()),
        leader: Some("zk1:2181".into()),
        connected: true,
        capture: "observer".into(),
        capture_reason: "exact".into(),
        znodes: 200,
        ..SideStatus::default()
    };
    Status {
        name: options.name.clone(),
        observed_generation: settings.generation,
        settings,
        run: "run-1".into(),
        pid: std::process::id(),
        znodes: 200,
        frozen: vec!["/frozen".into()],
        applied_zxid: "0x2b".into(),
        sides: BTreeMap::from([
            (Side::A, side(options.source.connection_string())),
            (Side::B, side(options.target.connection_string())),
        ]),
        ..Status::default()
    }
}
