//! The states of a master in the election, and what leads from one to the next. Pure.
//!
//! ```text
//! Connecting ──joined──► Standby ──lowest──► First ──claim──► Leading ◄──reconnected, still lowest──┐
//!     ▲                     │ ▲                │               │ └──────disconnected──► Suspended ─┘
//!     └── cut off, ended ───┘ └──a lower one───┘               └──── node gone, session ended ────► Lost (final)
//! ```
//! `Suspended` is the point: ZooKeeper may give the leadership away as soon as our session times out there, and we
//! would learn of it late. So a leader must not act from the moment it is disconnected until it has read its node again,
//! nor beyond its [`crate::Lease`].

/// The state of a candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Candidacy {
    /// Its place is not known: no session yet, cut off, or the last session ended.
    Connecting {
        /// The last problem, if there was one.
        problem: Option<String>,
    },
    /// Registered; another candidate is before it, or it is none.
    Standby {
        /// Name of our node.
        node: String,
    },
    /// No candidate is before it. It does not lead before it has [claimed](crate::Contender::claim) that.
    First {
        /// Name of our node.
        node: String,
    },
    /// Leading.
    Leading {
        /// Name of our node.
        node: String,
    },
    /// Was leading and is cut off from ZooKeeper, so it must not act.
    Suspended {
        /// What has cut it off.
        reason: String,
    },
    /// Was leading and no longer is. This is final: the process should end, as Mesos' does.
    Lost {
        /// Why it no longer leads.
        reason: String,
    },
}

/// What a look at the election has shown.
#[derive(Debug)]
pub(crate) enum Seen {
    /// Our node, and no candidate before it.
    First { node: String },
    /// Our node, which does not lead.
    Behind { node: String, leader: Option<String> },
    /// Nothing: ZooKeeper is silent.
    Silence { reason: String },
    /// Our node is gone, or its session.
    Gone { reason: String },
}

impl Candidacy {
    /// Whether it leads; to act it needs its [`crate::Lease`] as well.
    pub fn is_leading(&self) -> bool {
        matches!(self, Self::Leading { .. })
    }

    /// The state after a look. Who has led and is not first any more never leads again.
    pub(crate) fn after(&self, seen: Seen) -> Self {
        match (self, seen) {
            (Self::Lost { .. }, _) => self.clone(),
            (Self::Leading { .. } | Self::Suspended { .. }, seen) => match seen {
                Seen::First { node } => Self::Leading { node },
                Seen::Silence { reason } => Self::Suspended { reason },
                Seen::Gone { reason } => Self::Lost { reason },
                Seen::Behind { node, leader } => {
                    let leader = leader.unwrap_or_else(|| "nobody".into());
                    let reason = format!("{leader} leads, and {node} is behind it");
                    Self::Lost { reason }
                }
            },
            (Self::Connecting { .. } | Self::Standby { .. } | Self::First { .. }, seen) => match seen {
                Seen::First { node } => Self::First { node },
                Seen::Behind { node, .. } => Self::Standby { node },
                Seen::Silence { reason } | Seen::Gone { reason } => Self::Connecting {
                    problem: Some(reason),
                },
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy)]
    enum Look {
        First,
        Behind,
        Silence,
        Gone,
    }

    fn state(name: &str) -> Candidacy {
        let text = || "why".to_owned();
        match name {
            "connecting" => Candidacy::Connecting {
                problem: Some(text()),
            },
            "standby" => Candidacy::Standby { node: "n".into() },
            "first" => Candidacy::First { node: "n".into() },
            "leading" => Candidacy::Leading { node: "n".into() },
            "suspended" => Candidacy::Suspended { reason: text() },
            _ => Candidacy::Lost { reason: text() },
        }
    }

    fn name(state: &Candidacy) -> &'static str {
        match state {
            Candidacy::Connecting { .. } => "connecting",
            Candidacy::Standby { .. } => "standby",
            Candidacy::First { .. } => "first",
            Candidacy::Leading { .. } => "leading",
            Candidacy::Suspended { .. } => "suspended",
            Candidacy::Lost { .. } => "lost",
        }
    }

    #[test]
    fn every_state_after_every_look() {
        for (look, after) in [
            (
                Look::First,
                ["first", "first", "first", "leading", "leading", "lost"],
            ),
            (
                Look::Behind,
                ["standby", "standby", "standby", "lost", "lost", "lost"],
            ),
            (
                Look::Silence,
                [
                    "connecting",
                    "connecting",
                    "connecting",
                    "suspended",
                    "suspended",
                    "lost",
                ],
            ),
            (
                Look::Gone,
                ["connecting", "connecting", "connecting", "lost", "lost", "lost"],
            ),
        ] {
            states_after(look, after);
        }
    }

    fn states_after(look: Look, after: [&str; 6]) {
        let before = ["connecting", "standby", "first", "leading", "suspended", "lost"];
        for (before, after) in before.into_iter().zip(after) {
            let (node, reason) = ("n".to_owned(), "why".to_owned());
            let seen = match look {
                Look::First => Seen::First { node },
                Look::Behind => Seen::Behind { node, leader: None },
                Look::Silence => Seen::Silence { reason },
                Look::Gone => Seen::Gone { reason },
            };
            assert_eq!(name(&state(before).after(seen)), after, "{before}");
        }
    }
}
