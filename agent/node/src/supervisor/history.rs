//! What must be known of a component beyond its process, kept on disk: its deaths, and how it was wanted last.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mesolith_process::{Exit, durable};
use serde::{Deserialize, Serialize};

use crate::backoff::BackOff;
use crate::component::Component;
use crate::kinds;
use crate::logs;
use crate::problem::Problem;

/// Lines of the log in a message: enough for the head of a stack trace, few enough for a condition.
const LINES: usize = 5;
/// Grace of a component that never ran under this version: the longest default.
const DEFAULT_GRACE: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct History {
    /// Digest of the configuration that the deaths belong to.
    digest: String,
    pub(super) back_off: BackOff,
    pub(super) last_exit_code: i32,
    last_death: Option<Death>,
    /// The component as it was wanted last; it is not in the ledger any more when it has to go.
    #[serde(default)]
    pub(super) wanted: Option<Component>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Death {
    out_of_memory: bool,
    /// What it called the reason itself.
    #[serde(default)]
    reason: Option<String>,
    message: String,
}

/// Unix seconds.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

impl History {
    /// A damaged file counts as empty: it costs the deaths and how the component was wanted last.
    pub(super) fn load(path: &Path) -> Self {
        std::fs::read(path)
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok())
            .unwrap_or_default()
    }

    fn save(&self, path: &Path) {
        let text = serde_json::to_vec(self).unwrap_or_default();
        if path.parent().is_some_and(Path::exists)
            && let Err(error) = durable::write(path, &text)
        {
            tracing::warn!(%error, path = %path.display(), "failed to write the history");
        }
    }

    /// Time between SIGTERM and SIGKILL for a component that is not wanted any more.
    pub(super) fn stop_grace(&self) -> Duration {
        self.wanted.as_ref().map_or(DEFAULT_GRACE, kinds::stop_grace)
    }

    pub(super) fn remember(&mut self, wanted: &Component, path: &Path) {
        if self.wanted.as_ref() != Some(wanted) {
            self.wanted = Some(wanted.clone());
            self.save(path);
        }
    }

    /// Notes the configuration: a new one is started without a pause.
    pub(super) fn configured(&mut self, digest: &str, path: &Path) {
        if self.digest != digest {
            let first = self.digest.is_empty() && self.last_death.is_none();
            self.digest = digest.to_owned();
            self.back_off = self.back_off.reconfigured();
            self.last_death = None;
            if !first {
                self.save(path);
            }
        }
    }

    /// Notes a death; `said` is what it said itself of why it ended.
    pub(super) fn died(
        &mut self,
        exit: &Exit,
        ran: Duration,
        said: Option<Problem>,
        log: &Path,
        path: &Path,
    ) {
        let tail = logs::last_lines(log, LINES);
        let message = match (&said, tail.is_empty()) {
            (Some(said), _) => said.message.clone(),
            (None, true) => format!("it ended with {exit}; its log is empty"),
            (None, false) => format!("it ended with {exit}; last lines of its log:\n{tail}"),
        };
        self.last_exit_code = exit.shell_code();
        let death = Death {
            out_of_memory: exit.oom_killed,
            reason: said.map(|said| said.reason.into_owned()),
            message,
        };
        self.note(death, ran, path);
    }

    /// A start that did not work counts as a death.
    pub(super) fn failed(&mut self, message: String, path: &Path) {
        let death = Death {
            out_of_memory: false,
            reason: None,
            message,
        };
        self.note(death, Duration::ZERO, path);
    }

    fn note(&mut self, death: Death, ran: Duration, path: &Path) {
        self.back_off = self.back_off.died(now(), ran);
        self.last_death = Some(death);
        self.save(path);
    }

    pub(super) fn problem(&self) -> Option<Problem> {
        let death = self.last_death.as_ref()?;
        let deaths = self.back_off.deaths;
        let times = if deaths > 1 {
            format!(" ({deaths} times in a row)")
        } else {
            String::new()
        };
        let message = format!("starts again after a pause{times}: {}", death.message);
        Some(match (&death.reason, death.out_of_memory) {
            (Some(reason), _) => Problem::new(reason.clone(), message),
            (None, true) => Problem::new("OutOfMemory", message),
            (None, false) => Problem::new("CrashLoop", message),
        })
    }
}
