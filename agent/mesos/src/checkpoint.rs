//! Checkpoints on disk: each file is replaced as a whole, so a crash leaves the old or the new one.
//!
//! A launch, a kill or a status update goes out only after the checkpoint that it relies on.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use mesolith_process::durable;
use mesolith_proto::mesos::v1::{AgentInfo, FrameworkInfo};
use prost::Message;

use crate::paths::Paths;
use crate::state::{Agent, Checkpoint, Effect, Executor, ExecutorFile, ExecutorKey, Task, TaskFile, TaskKey};

const AGENT: &str = "agent.info";
const FRAMEWORK: &str = "framework.info";
const TASK: &str = "task";
const EXECUTOR: &str = "executor";

/// Why a checkpoint could not be written or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A checkpoint could not be written or removed.
    #[error(
        "failed to write checkpoint {path}: {source}; free the disk or repair it, then start the agent again"
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// A directory or file could not be read.
    #[error("failed to read checkpoint {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// A file cannot be decoded.
    #[error(
        "checkpoint {path} is damaged: move it away to start without what it describes, or start with another --work_dir"
    )]
    Decode {
        /// The file.
        path: PathBuf,
    },
}

/// Where an agent's checkpoints are.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    paths: Paths,
}

impl Store {
    /// A store below the work directory.
    pub(crate) fn new(paths: Paths) -> Self {
        Self { paths }
    }

    /// Carries out the effects that concern the disk and ignores the others.
    ///
    /// # Errors
    /// When the disk refuses: the agent must not go on then.
    pub(crate) fn apply(&self, agent: &Agent, effect: &Effect) -> Result<(), Error> {
        match effect {
            Effect::SaveAgent => self.save_agent(&agent.info),
            Effect::SaveFramework(id) => match agent.frameworks.get(id) {
                Some(framework) => write(
                    &self.paths.meta_framework(agent.id(), id).join(FRAMEWORK),
                    framework,
                ),
                None => Ok(()),
            },
            Effect::SaveTask(key) => match (agent.tasks.get(key), agent.task_file(key)) {
                (Some(task), Some(file)) => write(&self.task_path(agent.id(), key, task), &file),
                _ => Ok(()), // The same step has forgotten it already.
            },
            Effect::SaveExecutor(key) => match (agent.executors.get(key), agent.executor_file(key)) {
                (Some(executor), Some(file)) => write(&self.executor_path(agent.id(), key, executor), &file),
                _ => Ok(()),
            },
            Effect::ForgetTask(key, task) => self.forget(agent.id(), &self.task_path(agent.id(), key, task)),
            Effect::ForgetExecutor(key, executor) => {
                self.forget(agent.id(), &self.executor_path(agent.id(), key, executor))
            }
            Effect::ForgetFramework(id) => {
                let path = self.paths.meta_framework(agent.id(), id);
                remove(&path.join(FRAMEWORK))?;
                remove_empty_up_to(&path, &self.paths.meta(agent.id()));
                Ok(())
            }
            Effect::Send(_)
            | Effect::Launch(_)
            | Effect::Kill { .. }
            | Effect::Cleanup(_)
            | Effect::Tell(..)
            | Effect::Resize(_)
            | Effect::Stop(_)
            | Effect::Held(_) => Ok(()),
            // As in Mesos: the next agent in this directory is a new one.
            Effect::Left => remove(&self.latest()),
        }
    }

    /// Reads everything that an earlier run left.
    ///
    /// # Errors
    /// When something is there and cannot be read.
    pub(crate) fn load(&self) -> Result<Checkpoint, Error> {
        let mut found = Checkpoint::default();
        let Ok(target) = fs::read_link(self.latest()) else {
            return Ok(found);
        };
        let id = target
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let meta = self.paths.meta(&id);
        if !meta.join(AGENT).exists() {
            return Ok(found);
        }
        found.agent = Some(read(&meta.join(AGENT))?);
        for framework in children(&meta.join("frameworks"))? {
            let info = framework.join(FRAMEWORK);
            if info.exists() {
                found.frameworks.push(read::<FrameworkInfo>(&info)?);
            }
            for executor in children(&framework.join("executors"))? {
                for run in children(&executor.join("runs"))? {
                    if run.join(EXECUTOR).exists() {
                        found.executors.push(read::<ExecutorFile>(&run.join(EXECUTOR))?);
                    }
                    for task in children(&run.join("tasks"))? {
                        if task.join(TASK).exists() {
                            found.tasks.push(read::<TaskFile>(&task.join(TASK))?);
                        }
                    }
                }
            }
        }
        Ok(found)
    }

    fn save_agent(&self, info: &AgentInfo) -> Result<(), Error> {
        let Some(id) = info.id.as_ref() else { return Ok(()) };
        write(&self.paths.meta(&id.value).join(AGENT), info)?;
        link(&self.latest(), &id.value)
    }

    fn latest(&self) -> PathBuf {
        self.paths.meta_slaves().join("latest")
    }

    fn task_path(&self, agent: &str, key: &TaskKey, task: &Task) -> PathBuf {
        let run = self
            .paths
            .meta_run(agent, &key.framework, task.executor_id(), &task.container);
        run.join("tasks").join(&key.task).join(TASK)
    }

    fn executor_path(&self, agent: &str, key: &ExecutorKey, executor: &Executor) -> PathBuf {
        self.paths
            .meta_run(agent, &key.framework, &key.executor, &executor.container)
            .join(EXECUTOR)
    }

    fn forget(&self, agent: &str, path: &Path) -> Result<(), Error> {
        remove(path)?;
        if let Some(parent) = path.parent() {
            remove_empty_up_to(parent, &self.paths.meta(agent));
        }
        Ok(())
    }
}

fn remove(path: &Path) -> Result<(), Error> {
    durable::remove(path).map_err(|source| Error::Write {
        path: path.to_owned(),
        source,
    })
}

/// Points a symlink somewhere else in one step.
///
/// # Errors
/// When the link cannot be made.
pub(crate) fn link(at: &Path, target: &str) -> Result<(), Error> {
    let error = |source| Error::Write {
        path: at.to_owned(),
        source,
    };
    if fs::read_link(at).is_ok_and(|now| now.as_os_str() == target) {
        return Ok(());
    }
    let temporary = at.with_extension("new");
    let _ = fs::remove_file(&temporary);
    std::os::unix::fs::symlink(target, &temporary).map_err(error)?;
    fs::rename(&temporary, at).map_err(error)
}

/// Removes directories that became empty, from the inside out; ends at one that is not empty.
pub(crate) fn remove_empty_up_to(from: &Path, stop: &Path) {
    let mut at = Some(from);
    while let Some(path) = at.filter(|p| *p != stop && p.starts_with(stop)) {
        if fs::remove_dir(path).is_err() {
            return;
        }
        at = path.parent();
    }
}

fn children(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let error = |source| Error::Read {
        path: directory.to_owned(),
        source,
    };
    let entries = match fs::read_dir(directory) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(error)?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        let entry = entry.map_err(error)?;
        if entry.file_type().map_err(error)?.is_dir() {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

fn write(path: &Path, message: &impl Message) -> Result<(), Error> {
    let error = |source| Error::Write {
        path: path.to_owned(),
        source,
    };
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(error)?;
    }
    durable::write(path, &message.encode_to_vec()).map_err(error)
}

fn read<T: Message + Default>(path: &Path) -> Result<T, Error> {
    let content = fs::read(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })?;
    // What the decoder says is about bytes; the file and the remedy are all that helps.
    T::decode(content.as_slice()).map_err(|_| Error::Decode {
        path: path.to_owned(),
    })
}
