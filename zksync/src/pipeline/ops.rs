//! The nodes that a transaction changes.

use mesolith_zk::record::Op;

/// The parts of a multi, or the single operation. A failed transaction has none.
pub(crate) fn parts(op: &Op) -> &[Op] {
    match op {
        Op::Multi(_) if op.is_failed_multi() => &[],
        Op::Multi(parts) => parts,
        one => std::slice::from_ref(one),
    }
}

/// The node that an operation changes, and whether it deletes the node.
pub(crate) fn node_of(op: &Op) -> Option<(&str, bool)> {
    match op {
        Op::Create(new) => Some((&new.path, false)),
        Op::SetData(new) => Some((&new.path, false)),
        Op::SetAcl { path, .. } => Some((path, false)),
        Op::Delete { path } | Op::DeleteContainer { path } => Some((path, true)),
        Op::Reconfig(_)
        | Op::Check { .. }
        | Op::CreateSession { .. }
        | Op::CloseSession { .. }
        | Op::Error { .. }
        | Op::Multi(_) => None,
    }
}
