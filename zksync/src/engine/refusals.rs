//! Changes that a side refuses, told to people: which nodes, why, and what to do.

use super::driver::Driver;
use super::end::both;
use crate::duplex::NotTaken;
use crate::plan::{Part, Why};
use crate::routes::{is_below, root};
use crate::settings::{Route, Settings, Side};
use crate::status::{RefusedChange, first_refused};

/// Most refused changes that the status lists.
const MOST_LISTED: usize = 100;

impl Driver {
    /// Takes over the longest packet of each side's servers, and asks about longer ones where a refused change has one.
    pub(super) fn learn_largest(&mut self) {
        for side in [Side::A, Side::B] {
            let Some(largest) = self.end_mut(side).largest.news() else {
                continue;
            };
            if largest != self.duplex.away_from(side.other()).largest() {
                tracing::info!(%side, bytes = largest, "the longest packet that the servers take");
            }
            self.end_mut(side).link.set_largest(largest);
            self.duplex.set_largest(side, largest, both(&self.a, &self.b));
        }
        for side in [Side::A, Side::B] {
            let refused = self.duplex.away_from(side.other()).refused();
            let bytes = refused.iter().map(|(.., refusal)| refusal.bytes).max();
            if let Some(bytes) = bytes {
                self.end(side).largest.want(bytes);
            }
        }
    }

    /// Whether a refused change may still go through: the servers are being asked, or it is on its way again.
    pub(super) fn is_asking(&self) -> bool {
        self.a.largest.is_asking()
            || self.b.largest.is_asking()
            || self.duplex.is_trying(both(&self.a, &self.b))
    }

    /// The changes that either side refuses, as both trees are now.
    pub(super) fn refused(&mut self) -> Vec<NotTaken> {
        self.duplex.refused(both(&self.a, &self.b))
    }

    /// The refused changes below, or of nodes above, the roots whose direction changes with the `wanted` settings.
    pub(super) fn refused_below(&mut self, wanted: &Settings) -> Vec<NotTaken> {
        let mut refused = self.refused();
        let turns = |route: &&Route| {
            let mut after = wanted.routes.iter().filter(|after| after.root == route.root);
            after.any(|after| after.direction != route.direction)
        };
        let turned: Vec<_> = self.settings.routes.iter().filter(turns).collect();
        refused.retain(|one| turned.iter().any(|route| concerns(one, route)));
        refused
    }
}

/// Whether a route lacks something because of a refused change.
fn concerns(one: &NotTaken, route: &Route) -> bool {
    is_below(&one.path, &route.root) || is_below(root(route, one.by), &one.path)
}

/// Refused changes as the status lists them.
pub(super) fn listed(refused: &[NotTaken]) -> Vec<RefusedChange> {
    let one = |one: &NotTaken| RefusedChange {
        path: one.path.clone(),
        side: one.by,
        what: word(one.part).to_owned(),
        reason: reason(one.refusal.why).to_owned(),
        message: why(one),
        bytes: one.refusal.bytes as u64,
    };
    refused.iter().take(MOST_LISTED).map(one).collect()
}

/// Refused changes in one sentence; `None` if there are none.
pub(super) fn sentence(refused: &[NotTaken]) -> Option<String> {
    if refused.is_empty() {
        return None;
    }
    let mut text = first_refused(refused.iter().map(why), refused.len() as u64);
    if refused.iter().any(|one| one.part == Part::Node) {
        text += "; what is below a node that is not there waits for it";
    }
    Some(text)
}

fn why(one: &NotTaken) -> String {
    let NotTaken {
        path,
        by,
        part,
        refusal,
    } = one;
    let what = match part {
        Part::Node => "the node",
        Part::Data => "its data",
        Part::List => "its access control list",
        Part::Counter => "its counter of creates",
        Part::Delete => "its deletion",
    };
    let bytes = refusal.bytes;
    match refusal.why {
        Why::TooLarge { most } => format!(
            "{by} does not take {path}: {what} needs a request of {bytes} bytes, its servers take {most}; raise \
             jute.maxbuffer of {by}'s servers, make the node smaller, or leave it out with --exclude"
        ),
        Why::Code(code) => format!(
            "{by} does not take {path}: {what} was refused ({}, a request of {bytes} bytes); it is tried again every minute",
            meaning(code)
        ),
    }
}

fn word(part: Part) -> &'static str {
    match part {
        Part::Node => "node",
        Part::Data => "data",
        Part::List => "acl",
        Part::Counter => "cversion",
        Part::Delete => "delete",
    }
}

fn reason(why: Why) -> &'static str {
    match why {
        Why::TooLarge { .. } => "TooLarge",
        Why::Code(-102) => "NoAuth",
        Why::Code(-114) => "InvalidAcl",
        Why::Code(-125) => "QuotaExceeded",
        Why::Code(_) => "Refused",
    }
}

/// The meaning of a server's error code.
fn meaning(code: i32) -> String {
    let what = match code {
        -6 => "unimplemented",
        -8 => "bad arguments",
        -101 => "no such node",
        -102 => "no rights",
        -103 => "another version is there",
        -110 => "it exists",
        -111 => "it has children",
        -114 => "invalid access control list",
        -125 => "its quota is exceeded",
        _ => return format!("code {code}"),
    };
    format!("{what}, code {code}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_names_path_and_size_and_what_to_do() {
        assert_eq!(sentence(&[]), None);
        let too_large = |path: &str| NotTaken {
            path: path.to_owned(),
            by: Side::B,
            part: Part::Data,
            refusal: crate::plan::Refusal::new(Why::TooLarge { most: 1_048_575 }, 2_000_060),
        };
        assert_eq!(
            sentence(&[too_large("/g")]).as_deref(),
            Some(
                "B does not take /g: its data needs a request of 2000060 bytes, its servers take 1048575; raise jute.maxbuffer \
                 of B's servers, make the node smaller, or leave it out with --exclude"
            )
        );
        let denied = NotTaken {
            part: Part::Node,
            refusal: crate::plan::Refusal::new(Why::Code(-102), 90),
            ..too_large("/d")
        };
        let many: Vec<_> = std::iter::repeat_n(denied, 5).collect();
        let said = sentence(&many).unwrap();
        assert!(
            said.contains("the node was refused (no rights, code -102, a request of 90 bytes)"),
            "{said}"
        );
        assert!(said.ends_with("; and 2 more, see sync status --output json; what is below a node that is not there waits for it"), "{said}");
    }
}
