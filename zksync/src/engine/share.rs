//! Lets both trees share the memory of equal nodes. Otherwise every node's data would be in memory twice.

use mesolith_zk::record::{Op, Txn};

use super::driver::Driver;
use crate::pipeline::ops::parts;
use crate::settings::Side;

impl Driver {
    /// An engine of this name has written on a side. So the other side has the same content, or had it.
    pub(super) fn share_written(&mut self, side: Side, txn: &Txn) {
        if !self.duplex.away_from(side.other()).is_own(txn.header.cxid) {
            return;
        }
        let (here, other) = match side {
            Side::A => (&mut self.a.link, &self.b.link),
            Side::B => (&mut self.b.link, &self.a.link),
        };
        for op in parts(&txn.op) {
            let path = match op {
                Op::Create(new) => &new.path,
                Op::SetData(new) => &new.path,
                _ => continue,
            };
            if let Some(there) = self.duplex.routes().locate(side, path).map(|place| place.there)
                && let Some(node) = here.tree().get(path)
                && let Some(model) = other.tree().get(&there)
            {
                here.share(node.place(), model);
            }
        }
    }

    /// Shares what a comparison has found to be equal.
    pub(super) fn share_alike(&mut self) {
        for (on_a, on_b) in self.duplex.take_alike() {
            if let Some(model) = self.a.link.tree().node_at(on_a) {
                self.b.link.share(on_b, model);
            }
        }
    }
}
