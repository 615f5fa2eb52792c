//! Who leads, and who may: what this master makes of its place in the election and of its permission. Pure.

use std::sync::Arc;

use mesolith_zk::{Candidacy, MasterInfo};

use crate::permission::Verdict;

/// Who leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Leadership {
    /// This master.
    Ours,
    /// This master, which must not act until it knows that it still leads.
    Suspended(String),
    /// Another one.
    Other(Arc<MasterInfo>),
    /// No leader is known, and this master may not lead; the text says why.
    Pinned(String),
    /// No leader is known; the text says why.
    Unknown(String),
    /// This master led and does not any more.
    Lost(String),
}

impl Leadership {
    /// Why nobody leads as far as this master knows; none if somebody does.
    pub(crate) fn nobody(&self) -> Option<&str> {
        match self {
            Self::Ours | Self::Other(_) => None,
            Self::Suspended(why) | Self::Pinned(why) | Self::Unknown(why) | Self::Lost(why) => Some(why),
        }
    }
}

/// Whether it has led. Such a process never says that it may not lead: it ends.
pub(crate) fn has_led(candidacy: &Candidacy) -> bool {
    match candidacy {
        Candidacy::Leading { .. } | Candidacy::Suspended { .. } | Candidacy::Lost { .. } => true,
        Candidacy::Connecting { .. } | Candidacy::Standby { .. } | Candidacy::First { .. } => false,
    }
}

/// Candidacy and permission decide whether we lead; the detector only says where others should go. `Ours` for a candidate
/// that is first means that it has to claim that now.
pub(crate) fn judge(
    candidacy: &Candidacy,
    permission: &Verdict,
    detected: Option<Arc<MasterInfo>>,
    own_id: &str,
    problem: Option<String>,
) -> Leadership {
    let denied = (!permission.may_lead).then(|| permission.why.clone().unwrap_or_default());
    let other = detected.filter(|other| other.id != own_id);
    match (candidacy, denied) {
        (Candidacy::Lost { reason }, _) => Leadership::Lost(reason.clone()),
        (Candidacy::Leading { .. } | Candidacy::Suspended { .. }, Some(why)) => Leadership::Lost(why),
        (Candidacy::Suspended { reason }, None) => Leadership::Suspended(reason.clone()),
        (Candidacy::Leading { .. } | Candidacy::First { .. }, None) => Leadership::Ours,
        (Candidacy::First { .. }, Some(why)) => {
            Leadership::Pinned(format!("this master is the first candidate, but {why}"))
        }
        (Candidacy::Connecting { .. } | Candidacy::Standby { .. }, denied) => match (other, candidacy) {
            (Some(other), _) => Leadership::Other(other),
            (None, Candidacy::Connecting { problem: Some(why) }) => Leadership::Unknown(why.clone()),
            (None, Candidacy::Connecting { problem: None }) => {
                Leadership::Unknown(problem.unwrap_or_else(|| "connecting to ZooKeeper".into()))
            }
            (None, _) => match (problem, denied) {
                (Some(problem), _) => Leadership::Unknown(problem),
                (None, Some(why)) => {
                    Leadership::Pinned(format!("no master that may lead takes part: of this one, {why}"))
                }
                (None, None) => Leadership::Unknown("the election has no result yet".into()),
            },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidacy(name: &str) -> Candidacy {
        let why = || "zk".to_owned();
        match name {
            "connecting" => Candidacy::Connecting { problem: None },
            "cut off" => Candidacy::Connecting { problem: Some(why()) },
            "standby" => Candidacy::Standby { node: "n".into() },
            "first" => Candidacy::First { node: "n".into() },
            "leading" => Candidacy::Leading { node: "n".into() },
            "suspended" => Candidacy::Suspended { reason: why() },
            _ => Candidacy::Lost { reason: why() },
        }
    }

    fn name(leadership: &Leadership) -> &'static str {
        match leadership {
            Leadership::Ours => "ours",
            Leadership::Suspended(_) => "suspended",
            Leadership::Other(_) => "other",
            Leadership::Pinned(_) => "pinned",
            Leadership::Unknown(_) => "unknown",
            Leadership::Lost(_) => "lost",
        }
    }

    /// Place x permission, each with another leader detected, itself detected, and nobody.
    #[test]
    fn every_place_with_and_without_permission() {
        let other = Arc::new(MasterInfo::new("b", [127, 0, 0, 1].into(), 5050, "h", "1"));
        let own = Arc::new(MasterInfo {
            id: "a".into(),
            ..(*other).clone()
        });
        let detected = [Some(other), Some(own), None];
        let denied = Verdict {
            may_lead: false,
            generation: Some(2),
            why: Some("it may not".into()),
        };
        for (place, allowed, forbidden) in [
            (
                "connecting",
                ["other", "unknown", "unknown"],
                ["other", "unknown", "unknown"],
            ),
            (
                "cut off",
                ["other", "unknown", "unknown"],
                ["other", "unknown", "unknown"],
            ),
            (
                "standby",
                ["other", "unknown", "unknown"],
                ["other", "pinned", "pinned"],
            ),
            ("first", ["ours"; 3], ["pinned"; 3]),
            ("leading", ["ours"; 3], ["lost"; 3]),
            ("suspended", ["suspended"; 3], ["lost"; 3]),
            ("lost", ["lost"; 3], ["lost"; 3]),
        ] {
            for (index, detected) in detected.iter().enumerate() {
                let judged = |permission: &Verdict| {
                    name(&judge(&candidacy(place), permission, detected.clone(), "a", None))
                };
                let unlimited = Verdict::unlimited();
                assert_eq!(judged(&unlimited), allowed[index], "{place} {index}");
                assert_eq!(judged(&denied), forbidden[index], "{place} {index}, not allowed");
            }
            // Whoever may not lead never acts, and whoever has led never says that it may not.
            assert_eq!(
                has_led(&candidacy(place)),
                matches!(place, "leading" | "suspended" | "lost")
            );
        }
    }

    #[test]
    fn a_silent_zookeeper_is_named_before_a_missing_permission() {
        let denied = Verdict {
            may_lead: false,
            generation: None,
            why: Some("it may not".into()),
        };
        let judged = judge(&candidacy("standby"), &denied, None, "a", Some("silent".into()));
        assert_eq!(judged, Leadership::Unknown("silent".into()));
    }
}
