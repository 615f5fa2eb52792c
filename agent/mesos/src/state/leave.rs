//! The agent leaves its cluster for good: what it started ends, the master is told, then the agent ends.
//!
//! ```text
//! Ending ─nothing runs─► Reporting ─all acknowledged─► Saying ─the master closed the session─► left
//!                            └─nobody listens for a while──────────┴────────────────────────────┘
//! ```
//!
//! As Mesos' agent on SIGUSR1, but the master is told last: until then it shows the tasks that still run, and
//! schedulers get their true ends. Then it forgets the agent at once. Without a master the agent waits only shortly.

use std::time::Duration;

use mesolith_proto::departure::Departure;
use mesolith_proto::mesolith::session::v1::{Leave, from_agent};

use super::{Agent, Cx, Effect, ExecutorKey, KillCause, TaskKey, deadline};

/// How long to wait, once nothing runs any more, for acknowledgements and for a master that is being elected.
const REPORTING: Duration = Duration::from_secs(15);
/// How long the master may take to close the session once it was told.
const SAYING: Duration = Duration::from_secs(2);

/// How far the agent is on its way out.
#[derive(Debug)]
pub(crate) struct Leaving {
    stage: Stage,
    /// End of the longest grace, since the epoch.
    ends_by: Duration,
    /// Why Docker containers cannot be ended, if they cannot: the agent then ends without having left.
    no_docker: Option<String>,
}

/// Times are since the epoch.
#[derive(Debug)]
enum Stage {
    Ending,
    Reporting { until: Duration },
    Saying { until: Duration },
    Left,
}

impl Leaving {
    /// When the stage ends by itself.
    pub(super) fn deadline(&self) -> Option<Duration> {
        match self.stage {
            Stage::Reporting { until } | Stage::Saying { until } => Some(until),
            Stage::Ending | Stage::Left => None,
        }
    }
}

impl Agent {
    /// Begins to leave; a second call changes nothing.
    pub(crate) fn leave(&mut self, no_docker: Option<String>, cx: &mut Cx<'_>) {
        if self.leaving.is_some() {
            return;
        }
        let tasks = self.tasks.values().filter(|t| !t.is_terminal());
        let tasks = tasks.map(|t| deadline::grace(t.info.kill_policy.as_ref()));
        let executors = self.executors.values().map(|e| deadline::shutdown_grace(&e.info));
        let longest = tasks.chain(executors).max().unwrap_or_default();
        self.leaving = Some(Leaving {
            stage: Stage::Ending,
            ends_by: cx.now + longest,
            no_docker,
        });
        let living = self.tasks.iter().filter(|(_, t)| !t.is_terminal());
        let living: Vec<(TaskKey, bool)> = living.map(|(k, t)| (k.clone(), t.executor.is_some())).collect();
        for (key, in_executor) in living {
            match self.tasks.get_mut(&key).filter(|_| in_executor) {
                // It ends with its executor.
                Some(task) => {
                    task.kill = KillCause::Asked;
                    cx.push(Effect::SaveTask(key));
                }
                None => self.kill(&key, None, KillCause::Asked, cx),
            }
        }
        let executors: Vec<ExecutorKey> = self.executors.keys().cloned().collect();
        for key in executors {
            self.shutdown_executor(&key, cx);
        }
    }

    /// The next step, if it is time for one.
    pub(super) fn go_on_leaving(&mut self, cx: &mut Cx<'_>) {
        let registered = self.master.is_some();
        // A master that knows no such agent, or told it to go, need not hear of it.
        let unknown = self.info.id.is_none() || self.stopping.is_some();
        let (ended, acknowledged) = (self.running() == 0, self.updates.is_empty());
        let Some(leaving) = &mut self.leaving else { return };
        if matches!(leaving.stage, Stage::Ending) && ended {
            if let Some(why) = &leaving.no_docker {
                cx.push(Effect::Held(why.clone()));
                leaving.stage = Stage::Left;
                return;
            }
            leaving.stage = Stage::Reporting {
                until: cx.now + REPORTING,
            };
        }
        match leaving.stage {
            Stage::Reporting { until } if unknown || (cx.now >= until && !registered) => {
                leaving.stage = Stage::Left;
                cx.push(Effect::Left);
            }
            Stage::Reporting { until } if registered && (acknowledged || cx.now >= until) => {
                leaving.stage = Stage::Saying {
                    until: cx.now + SAYING,
                };
                cx.send(from_agent::Message::Leave(Leave {
                    reason: "The agent left the cluster".into(),
                }));
            }
            Stage::Saying { until } if !registered || cx.now >= until => {
                leaving.stage = Stage::Left;
                cx.push(Effect::Left);
            }
            Stage::Ending | Stage::Reporting { .. } | Stage::Saying { .. } | Stage::Left => {}
        }
    }

    /// What the supervisor is told; none while the agent stays.
    pub(crate) fn departure(&self) -> Option<Departure> {
        let leaving = self.leaving.as_ref()?;
        Some(Departure {
            tasks: u32::try_from(self.running()).unwrap_or(u32::MAX),
            ends_by: i64::try_from(leaving.ends_by.as_secs()).unwrap_or(i64::MAX),
            left: false,
            no_docker: leaving.no_docker.clone(),
        })
    }

    /// Tasks that have not ended, and executors without one.
    fn running(&self) -> usize {
        let tasks = self.tasks.iter().filter(|(_, t)| !t.is_terminal());
        let idle = self.executors.keys().filter(|executor| {
            !self.tasks.iter().any(|(key, task)| {
                !task.is_terminal()
                    && key.framework == executor.framework
                    && task.executor.as_ref() == Some(&executor.executor)
            })
        });
        tasks.count() + idle.count()
    }
}
