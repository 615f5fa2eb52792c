//! Liveness and readiness, as data that the HTTP layer shows.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Named readiness checks: the process is ready when every one of them is.
#[derive(Clone, Default)]
pub struct Health {
    checks: Arc<Mutex<BTreeMap<&'static str, Result<(), String>>>>,
}

impl Health {
    /// Records a check; `Err` carries the sentence that `/readyz` shows.
    pub fn set(&self, check: &'static str, state: Result<(), String>) {
        self.checks
            .lock()
            .unwrap_or_else(|e| e.into_inner())
            .insert(check, state);
    }

    /// Every check that is not ready, with its sentence.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let checks = self.checks.lock().unwrap_or_else(|e| e.into_inner());
        checks
            .iter()
            .filter_map(|(name, state)| state.as_ref().err().map(|e| (*name, e.clone())))
            .collect()
    }
}
