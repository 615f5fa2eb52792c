//! What a container's life means for its task.

use mesolith_proto::mesos::v1::{TaskState, framework_info::capability, task_status::Reason};

use super::report::Report;
use super::{Agent, ContainerEvent, Cx, Deadline, Effect, Exit, KillCause, TaskKey, deadline, is_docker};

impl Agent {
    pub(crate) fn container_says(&mut self, container: &str, event: ContainerEvent, cx: &mut Cx<'_>) {
        if let Some(key) = self.task_of(container) {
            self.task_container_says(&key, event, cx);
        } else if let Some(key) = self.executor_of(container) {
            self.executor_container_says(&key, event, cx);
        } else {
            cx.push(Effect::Cleanup(container.to_owned()));
        }
    }

    fn task_container_says(&mut self, key: &TaskKey, event: ContainerEvent, cx: &mut Cx<'_>) {
        let Some(task) = self.tasks.get_mut(key) else {
            return;
        };
        if task.is_terminal() {
            cx.push(Effect::Cleanup(task.container.clone()));
            return;
        }
        match event {
            ContainerEvent::Prepared => {
                if task.state == TaskState::TaskStaging {
                    self.report(key, TaskState::TaskStarting, Report::default(), cx);
                }
            }
            ContainerEvent::Started(status) => {
                let news = task.container_status.as_ref() != Some(&*status);
                task.container_status = Some(*status);
                match task.state {
                    TaskState::TaskStaging | TaskState::TaskStarting => {
                        self.report(key, TaskState::TaskRunning, Report::default(), cx);
                    }
                    _ if news => cx.push(Effect::SaveTask(key.clone())),
                    _ => {}
                }
            }
            ContainerEvent::LaunchFailed(why) => {
                let report = Report {
                    problem: why.problem,
                    ..Report::because(Reason::ContainerLaunchFailed, why.message)
                };
                self.report(key, TaskState::TaskFailed, report, cx);
            }
            ContainerEvent::Health {
                healthy,
                kill,
                message,
            } => {
                let changed = task.healthy != Some(healthy);
                task.healthy = Some(healthy);
                if changed && task.state == TaskState::TaskRunning {
                    let report = Report::because(Reason::TaskHealthCheckStatusUpdated, message);
                    self.report(key, TaskState::TaskRunning, report, cx);
                }
                if kill {
                    self.kill(key, None, KillCause::Unhealthy, cx);
                }
            }
            ContainerEvent::TooLong => self.kill(key, None, KillCause::TooLong, cx),
            ContainerEvent::Exited(exit) => {
                let what = if is_docker(&task.info) {
                    "Container"
                } else {
                    "Command"
                };
                let (state, report) = verdict(what, &exit, task.kill);
                self.report(key, state, report, cx);
            }
        }
    }

    /// Starts to end a task. Asking again can only shorten what it has left.
    pub(crate) fn kill(
        &mut self,
        key: &TaskKey,
        policy: Option<mesolith_proto::mesos::v1::KillPolicy>,
        cause: KillCause,
        cx: &mut Cx<'_>,
    ) {
        let announces = self.capable(&key.framework, capability::Type::TaskKillingState);
        let Some(task) = self.tasks.get_mut(key) else {
            return;
        };
        if task.is_terminal() {
            return;
        }
        let grace = deadline::grace(policy.as_ref().or(task.info.kill_policy.as_ref()));
        let Some(deadline) = Deadline::after(cx.now, grace).before(task.deadline) else {
            return;
        };
        task.deadline = Some(deadline);
        if task.kill == KillCause::None {
            task.kill = cause;
        }
        let container = task.container.clone();
        let was_running = task.state == TaskState::TaskRunning;
        if announces && was_running && task.executor.is_none() {
            self.report(key, TaskState::TaskKilling, Report::default(), cx);
        } else {
            cx.push(Effect::SaveTask(key.clone()));
        }
        cx.push(Effect::Kill { container, deadline });
    }
}

/// What an exit means, given why the container was being ended.
fn verdict(what: &str, exit: &Exit, kill: KillCause) -> (TaskState, Report) {
    let message = describe(what, exit);
    match (exit, kill) {
        (Exit::OutOfMemory { .. }, _) => (
            TaskState::TaskFailed,
            Report::because(Reason::ContainerLimitationMemory, message),
        ),
        (Exit::BeforeStart, _) => (
            TaskState::TaskKilled,
            Report::because(Reason::TaskKilledDuringLaunch, message),
        ),
        (_, KillCause::TooLong) => (
            TaskState::TaskFailed,
            Report::because(Reason::MaxCompletionTimeReached, message),
        ),
        (_, KillCause::Asked | KillCause::Unhealthy | KillCause::Drained | KillCause::DrainedForGood) => {
            (TaskState::TaskKilled, Report::saying(message))
        }
        (Exit::Code(0), KillCause::None) => (TaskState::TaskFinished, Report::saying(message)),
        (Exit::Code(_) | Exit::Signal(_), KillCause::None) => (
            TaskState::TaskFailed,
            Report::because(Reason::CommandExecutorFailed, message),
        ),
        (Exit::Unknown(_), KillCause::None) => (
            TaskState::TaskFailed,
            Report::because(Reason::ExecutorTerminated, message),
        ),
    }
}

/// How a container ended, in Mesos' sentences.
pub(crate) fn describe(what: &str, exit: &Exit) -> String {
    match exit {
        Exit::Code(code) => format!("{what} exited with status {code}"),
        Exit::Signal(number) => format!("{what} terminated with signal {}", signal_name(*number)),
        Exit::OutOfMemory { limit_bytes } => {
            format!(
                "Memory limit exceeded: the container may use {}MB",
                limit_bytes / (1024 * 1024)
            )
        }
        Exit::BeforeStart => "Killed before it was started".into(),
        Exit::Unknown(why) => why.clone(),
    }
}

/// What strsignal(3) calls it, as Mesos prints it.
fn signal_name(number: i32) -> String {
    let known = match number {
        1 => "Hangup",
        2 => "Interrupt",
        3 => "Quit",
        4 => "Illegal instruction",
        6 => "Aborted",
        7 => "Bus error",
        8 => "Floating point exception",
        9 => "Killed",
        11 => "Segmentation fault",
        13 => "Broken pipe",
        14 => "Alarm clock",
        15 => "Terminated",
        _ => return number.to_string(),
    };
    known.to_owned()
}
