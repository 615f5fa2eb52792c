//! Whether this master may lead: a file says so that somebody else keeps (`--live_settings`).
//!
//! The file is the only memory: it is read again and again, and what cannot be read is no permission.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use mesolith_proto::live::Followed;

/// An answer of the file counts for so long. A process that was stopped for longer looks again when it wakes.
const FRESH: Duration = Duration::from_millis(10);

/// What the file said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) may_lead: bool,
    /// Of the settings in the file; none without a file that can be read.
    pub(crate) generation: Option<u64>,
    /// Why it may not lead.
    pub(crate) why: Option<String>,
}

impl Verdict {
    /// Of a master that follows no file.
    pub(crate) fn unlimited() -> Self {
        Self {
            may_lead: true,
            generation: None,
            why: None,
        }
    }

    fn denied(generation: Option<u64>, why: String) -> Self {
        Self {
            may_lead: false,
            generation,
            why: Some(why),
        }
    }
}

/// Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Permission {
    file: Option<PathBuf>,
    seen: Arc<ArcSwapOption<(Instant, bool)>>,
}

impl Permission {
    /// Without a file everything is allowed.
    pub(crate) fn new(file: Option<PathBuf>) -> Self {
        Self {
            file,
            seen: Arc::default(),
        }
    }

    /// Whether a file has to be looked at.
    pub(crate) fn may_change(&self) -> bool {
        self.file.is_some()
    }

    /// What the file says now.
    pub(crate) fn read(&self) -> Verdict {
        let Some(file) = &self.file else {
            return Verdict::unlimited();
        };
        match Followed::read(file) {
            Ok(Followed {
                generation,
                may_lead: true,
            }) => Verdict {
                generation: Some(generation),
                ..Verdict::unlimited()
            },
            Ok(Followed {
                generation,
                may_lead: false,
            }) => {
                let why = "its live settings say that it may not lead";
                Verdict::denied(Some(generation), why.to_owned())
            }
            Err(unreadable) => {
                let why = format!("{unreadable}; without them it may not lead");
                Verdict::denied(None, why)
            }
        }
    }

    /// Whether it may lead at this moment; cheap enough to be asked before everything that a leader does.
    pub(crate) fn allows(&self) -> bool {
        if self.file.is_none() {
            return true;
        }
        if let Some(seen) = &*self.seen.load()
            && seen.0.elapsed() < FRESH
        {
            return seen.1;
        }
        // The time before the look: a process that is stopped during it must look again.
        let looked = Instant::now();
        let may_lead = self.read().may_lead;
        self.seen.store(Some(Arc::new((looked, may_lead))));
        may_lead
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_no_permission() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("live.json");
        let read = || Permission::new(Some(file.clone())).read();
        assert!(!read().may_lead);
        assert!(read().why.unwrap().contains("without them it may not lead"));
        for (text, may_lead, generation) in [
            (r#"{"generation":3,"mayLead":true}"#, true, Some(3)),
            (r#"{"generation":4,"mayLead":false}"#, false, Some(4)),
            (r#"{"generation":5,"mayLe"#, false, None),
            ("", false, None),
        ] {
            std::fs::write(&file, text).unwrap();
            let verdict = read();
            assert_eq!(
                (verdict.may_lead, verdict.generation),
                (may_lead, generation),
                "{text}"
            );
            assert_eq!(verdict.why.is_none(), may_lead);
        }
        assert_eq!(Permission::new(None).read(), Verdict::unlimited());
    }

    #[test]
    fn an_old_answer_is_asked_for_again() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("live.json");
        std::fs::write(&file, r#"{"generation":1,"mayLead":true}"#).unwrap();
        let permission = Permission::new(Some(file.clone()));
        assert!(permission.allows());
        std::fs::remove_file(&file).unwrap();
        let long_ago = Instant::now().checked_sub(FRESH).unwrap();
        permission.seen.store(Some(Arc::new((long_ago, true))));
        assert!(!permission.allows());
    }
}
