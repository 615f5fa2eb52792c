//! A task or executor as a plain process in its own control group; it outlives the agent.

use std::path::PathBuf;
use std::sync::Arc;

use mesolith_process::{Adopted, CgroupSpec, Handle, Spec, Status};
use mesolith_proto::mesos::v1::{CommandInfo, r_limit_info};
use tokio::time::Instant;

use super::{Job, Limits, environment};
use crate::state::Exit;

/// A process that runs, or an ended one that was found.
#[derive(Clone)]
pub(super) struct Process {
    handle: Option<Handle>,
    ended: Option<mesolith_process::Exit>,
    spec: Arc<Spec>,
    limits: Limits,
}

/// The shell that `CommandInfo.shell` means.
const SHELL: [&str; 2] = ["/bin/sh", "-c"];

pub(super) async fn launch(job: &Job) -> Result<Process, String> {
    let spec = spec(job)?;
    job.settings.owners.claim(&job.launch.container);
    let handle = mesolith_process::launch(&spec).await.map_err(|e| {
        let cause = std::error::Error::source(&e)
            .map(|s| format!(": {s}"))
            .unwrap_or_default();
        format!("Failed to launch container: {e}{cause}")
    })?;
    Ok(Process {
        handle: Some(handle),
        ended: None,
        spec: Arc::new(spec),
        limits: job.limits,
    })
}

/// Takes up the process again; `Ok(None)` when it was never started.
pub(super) async fn adopt(job: &Job) -> Result<Option<Process>, String> {
    let spec = Arc::new(spec(job)?);
    let limits = job.limits;
    match mesolith_process::adopt(&spec.dir)
        .await
        .map_err(|e| e.to_string())?
    {
        Adopted::Running(handle) => {
            job.settings.owners.claim(&job.launch.container);
            Ok(Some(Process {
                handle: Some(handle),
                ended: None,
                spec,
                limits,
            }))
        }
        Adopted::Exited(exit) => Ok(Some(Process {
            handle: None,
            ended: Some(exit),
            spec,
            limits,
        })),
        Adopted::Unknown => Ok(None),
    }
}

/// Where its records are.
pub(super) fn records(job: &Job) -> PathBuf {
    super::records_below(&job.meta)
}

fn spec(job: &Job) -> Result<Spec, String> {
    let launch = &job.launch;
    let command = launch.command().ok_or("There is no command to run")?;
    let rlimits = launch
        .task
        .container
        .as_ref()
        .and_then(|c| c.rlimit_info.as_ref());
    let named = |l: &r_limit_info::RLimit| mesolith_process::Limit {
        resource: l.r#type().as_str_name().to_owned(),
        soft: l.soft,
        hard: l.hard,
    };
    Ok(Spec {
        id: launch.container.clone(),
        argv: argv(command)?,
        env: environment::of_process(job, command),
        cwd: job.sandbox.clone(),
        user: job.user().map(str::to_owned),
        stdout: Some(job.sandbox.join("stdout")),
        stderr: Some(job.sandbox.join("stderr")),
        dir: records(job),
        cgroup: Some(cgroup(job, job.limits)),
        limits: rlimits
            .into_iter()
            .flat_map(|info| info.rlimits.iter().map(named))
            .collect(),
    })
}

fn cgroup(job: &Job, limits: Limits) -> CgroupSpec {
    CgroupSpec {
        path: format!(
            "/{}/{}",
            job.settings.cgroups_root.trim_matches('/'),
            job.launch.container
        ),
        cpu_shares: Some(limits.shares()),
        cpu_quota: limits.cpus_hard(job.settings.cfs),
        memory_bytes: limits.memory_hard(),
    }
}

/// As in Mesos: with `shell` the value is a line for sh; without it the value is the program and `arguments` is argv
/// from its zeroth element on.
fn argv(command: &CommandInfo) -> Result<Vec<String>, String> {
    let value = command.value.clone().ok_or("The command has no value")?;
    if command.shell() {
        return Ok([SHELL[0].to_owned(), SHELL[1].to_owned(), value].to_vec());
    }
    let arguments = command.arguments.iter().skip(1).cloned();
    Ok(std::iter::once(value).chain(arguments).collect())
}

impl Process {
    pub(super) fn pid(&self) -> Option<u32> {
        self.handle.as_ref().map(Handle::pid)
    }

    pub(super) async fn wait(&self) -> Exit {
        let ended = match (&self.ended, &self.handle) {
            (Some(exit), _) => Ok(exit.clone()),
            (None, Some(handle)) => handle.wait().await,
            (None, None) => return Exit::Unknown("The process was never started".into()),
        };
        match ended {
            Ok(exit) if exit.oom_killed && exit.status != Status::Code(0) => {
                Exit::OutOfMemory { limit_bytes: self.limits.memory_hard().unwrap_or_default() }
            }
            Ok(exit) => match exit.status {
                Status::Code(code) => Exit::Code(code),
                Status::Signal(number) => Exit::Signal(number),
                Status::Lost => Exit::Unknown(
                    "Nobody saw how the process ended: the machine was restarted, or its supervisor was killed".into(),
                ),
            },
            Err(e) => Exit::Unknown(format!("The end of the process could not be read: {e}")),
        }
    }

    /// Ends everything in the container by then. Without `signal` it only kills, at that time: an executor that is to
    /// end its tasks must not get SIGTERM itself.
    pub(super) async fn stop(&self, by: Instant, signal: bool) -> Result<(), String> {
        if !signal {
            tokio::time::sleep_until(by).await;
        }
        let left = by.saturating_duration_since(Instant::now());
        match &self.handle {
            Some(handle) => handle.stop(left).await.map(drop).map_err(|e| e.to_string()),
            None => Ok(()),
        }
    }

    /// Runs a command of a health check in the container's control group and as its user.
    pub(super) async fn exec(&self, command: &CommandInfo) -> Result<i32, String> {
        let mut spec = Spec {
            argv: argv(command)?,
            stdout: None,
            stderr: None,
            ..(*self.spec).clone()
        };
        spec.env.extend(environment::own(command.environment.as_ref()));
        let status = mesolith_process::run_inside(&spec).await;
        status
            .map(|status| status.code().unwrap_or(-1))
            .map_err(|e| e.to_string())
    }

    /// Sets other limits while it runs.
    pub(super) fn resize(&self, job: &Job, limits: Limits) {
        if let Some(handle) = &self.handle
            && let Err(e) = handle.limit(&cgroup(job, limits))
        {
            tracing::warn!(container = %job.launch.container, "failed to change limits: {e}");
        }
    }

    /// Removes what is left, once the end is on record.
    pub(super) fn forget(&self) {
        if let Some(handle) = &self.handle
            && let Err(e) = handle.forget()
        {
            tracing::warn!("{e}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shell_and_argv_commands() {
        let shell = CommandInfo {
            value: Some("echo $A".into()),
            ..Default::default()
        };
        assert_eq!(argv(&shell).unwrap(), ["/bin/sh", "-c", "echo $A"]);
        let plain = CommandInfo {
            shell: Some(false),
            value: Some("/bin/echo".into()),
            arguments: vec!["echo".into(), "a b".into()],
            ..Default::default()
        };
        assert_eq!(argv(&plain).unwrap(), ["/bin/echo", "a b"]);
        assert!(argv(&CommandInfo::default()).is_err());
    }
}
