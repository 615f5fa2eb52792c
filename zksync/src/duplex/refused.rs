//! Changes that a side refuses, in both directions.

use mesolith_zk::tree::Node;

use super::{Both, Duplex};
use crate::plan::{Part, Refusal, Why, packet_like};
use crate::settings::Side;

/// A change that a side refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotTaken {
    /// The node, by A's name; one above a root, by the name on the side that refuses it.
    pub path: String,
    /// The side that refuses it.
    pub by: Side,
    /// The part of the node.
    pub part: Part,
    /// Why, and the length of its request.
    pub refusal: Refusal,
}

impl Duplex {
    /// The changes that either side refuses, as both trees are now.
    pub fn refused(&mut self, both: Both<'_>) -> Vec<NotTaken> {
        let mut all = Vec::new();
        for from in [Side::A, Side::B] {
            let pipe = self.away_from_mut(from);
            pipe.settle_refused(both.from(from));
            let by = from.other();
            let one = |(path, part, refusal): (&str, Part, &Refusal)| NotTaken {
                path: self.routes.on_a(by, path).into_owned(),
                by,
                part,
                refusal: *refusal,
            };
            all.extend(self.away_from(from).refused().iter().map(one));
        }
        all
    }

    /// Whether a change is tried again that was too long until the servers took more, or that nothing stands against any
    /// more.
    pub fn is_trying(&self, both: Both<'_>) -> bool {
        [Side::A, Side::B].into_iter().any(|from| {
            let pipe = self.away_from(from);
            let fits = |refusal: &Refusal| {
                matches!(refusal.why, Why::TooLarge { .. }) && refusal.bytes <= pipe.largest()
            };
            // A frozen node waits for a person, however much the servers take.
            let mut refused = pipe.refused().iter();
            refused.any(|(path, part, refusal)| {
                let goes = fits(refusal) || pipe.is_unblocked(path, part, refusal, both.from(from));
                goes && !pipe.held().covers(path)
            })
        })
    }

    /// Tries all refused changes again, since there is a reason to.
    pub fn try_refused(&mut self, both: Both<'_>) {
        for from in [Side::A, Side::B] {
            self.away_from_mut(from).try_refused(both.from(from));
        }
    }

    /// Sets the longest packet that a side's servers take from clients, in bytes.
    pub fn set_largest(&mut self, side: Side, largest: usize, both: Both<'_>) {
        let from = side.other();
        self.away_from_mut(from).set_largest(largest, both.from(from));
    }

    /// The side whose node the other side refuses: the node that the other side may have is older. The size shows this
    /// even before a refusal. `None` where the nodes are equal, or where neither or both are refused.
    pub(super) fn kept_by(
        &self,
        side: Side,
        node: Node<'_>,
        other: Option<Node<'_>>,
        (path, there): (&str, &str),
        both: Both<'_>,
    ) -> Option<Side> {
        let Some(other) = other else {
            return self.waits(side, path, both).then_some(side);
        };
        let common = self.common();
        let content = match common.same_data(node.data(), other.data()) {
            true if common.same_list(node.acl(), other.acl()) => return None,
            true => Part::List,
            false => Part::Data,
        };
        match (
            self.not_taken(side, there, node, content),
            self.not_taken(side.other(), path, other, content),
        ) {
            (true, false) => Some(side),
            (false, true) => Some(side.other()),
            _ => None,
        }
    }

    /// Whether the other side refuses a node that only this side has, or one above it.
    fn waits(&self, side: Side, path: &str, both: Both<'_>) -> bool {
        let mut above = Some(path).filter(|path| !path.is_empty());
        while let Some(path) = above
            && let Some(place) = self.routes.locate(side, path)
            && both.of(side.other()).get(&place.there).is_none()
            && let Some(node) = both.of(side).get(path)
        {
            if self.not_taken(side, &place.there, node, Part::Data) {
                return true;
            }
            above = path.rsplit_once('/').map(|(above, _)| above);
        }
        false
    }

    /// Whether the other side refuses the node, or this content of it.
    fn not_taken(&self, from: Side, there: &str, node: Node<'_>, content: Part) -> bool {
        let pipe = self.away_from(from);
        pipe.refused().names(there, &[Part::Node, content])
            || packet_like(there, node, self.common()) > pipe.largest()
    }
}
