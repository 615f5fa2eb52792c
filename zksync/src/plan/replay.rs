//! Repeats a change of the source on the target, under the versions that the target's nodes have.
//!
//! Versions and counters stay equal by themselves, since each transaction adds one on either side. The target may
//! differ from the source, because somebody else wrote there or because a part was written already. Then the change
//! is adapted so that the node ends as the source's did.

use std::borrow::Cow;

use bytes::Bytes;
use mesolith_zk::record::{Create, CreateKind, Op, Txn};
use mesolith_zk::request::{CreateMode, Write};

use super::count::uncarried;
use super::fit::{again, delete, fit, parents, raises, set_acl, set_data};
use super::{Step, View};

/// Steps for a committed transaction. There are none if it has failed, is not carried, or is to be skipped (by the
/// target's names).
pub fn replay(txn: &Txn, skip: &[Box<str>], view: &mut View<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    let session = txn.header.session;
    match &txn.op {
        Op::Multi(ops) if !txn.op.is_failed_multi() => {
            view.in_multi = true;
            for op in ops {
                single(op, session, skip, view, &mut steps);
            }
        }
        op => single(op, session, skip, view, &mut steps),
    }
    steps
}

/// The target's name of a node whose changes are carried there.
fn carried<'p>(path: &'p str, skip: &[Box<str>], view: &View<'_>) -> Option<Cow<'p, str>> {
    let source = view.source;
    let path = source.routes.carried(source.side, path)?;
    (is_due(&path, skip, view) && !view.held.covers(&path)).then_some(path)
}

/// Whether a change is neither lost to a conflict nor written with a later one.
fn is_due(path: &str, skip: &[Box<str>], view: &View<'_>) -> bool {
    !skip.iter().any(|skipped| **skipped == *path) && !view.is_current(path)
}

fn single(op: &Op, session: i64, skip: &[Box<str>], view: &mut View<'_>, steps: &mut Vec<Step>) {
    match op {
        Op::Create(new) => {
            let source = view.source;
            match source.routes.carried(source.side, &new.path) {
                Some(path) if !view.held.covers(&path) => {
                    if is_due(&path, skip, view) {
                        create(&path, new, session, view, steps);
                    }
                }
                _ => uncarried(&new.path, view, steps),
            }
        }
        Op::SetData(new) => {
            let Some(path) = carried(&new.path, skip, view) else {
                return;
            };
            let Some(before) = view.get(&path) else {
                return again(&path, view, steps);
            };
            // Changes before it may have been refused, by another engine even, and count as well.
            let length = new.data.as_ref().map_or(0, Bytes::len);
            let missed = raises(new.version, before.version, length);
            set_data(&path, new.data.clone(), missed.max(1), view, steps);
        }
        Op::SetAcl { path, acl, version } => {
            let Some(path) = carried(path, skip, view) else {
                return;
            };
            let Some(before) = view.get(&path) else {
                return again(&path, view, steps);
            };
            // It comes without a checkpoint, so a plan that is made again may find it done already.
            let common = view.common;
            let has_it = |node: mesolith_zk::tree::Node<'_>| common.same_list(node.acl(), acl.as_deref());
            let has_later = view.is_late() && before.aversion > *version;
            let done = has_later || before.aversion >= *version && view.target.get(&path).is_some_and(has_it);
            if !done {
                // The one before may have been refused, without anybody seeing that.
                let times = raises(*version, before.aversion, 0).max(1);
                set_acl(&path, acl.as_deref(), times, view, steps);
            }
        }
        Op::Delete { path } | Op::DeleteContainer { path } => {
            if let Some(path) = carried(path, skip, view) {
                delete(&path, view, steps);
            }
        }
        Op::CreateSession { timeout } => open(session, *timeout, view, steps),
        Op::CloseSession { .. } => close(session, view, steps),
        Op::Reconfig(_) | Op::Check { .. } | Op::Error { .. } | Op::Multi(_) => {}
    }
}

fn open(session: i64, timeout: i32, view: &mut View<'_>, steps: &mut Vec<Step>) {
    // When it is planned again later, the session may be over.
    if !view.has_session(session) && view.source.tree.sessions().contains_key(&session) {
        view.session_opened(session);
        steps.push(Step::Open { session, timeout });
    }
}

/// Deletes the session's nodes in its own name, which is refused if its client is on the target by now. The session
/// is closed after that.
fn close(session: i64, view: &mut View<'_>, steps: &mut Vec<Step>) {
    if !view.has_session(session) {
        return;
    }
    for path in view.owned(session) {
        let Some(before) = view.get(&path) else { continue };
        let write = Write::Delete {
            path,
            version: before.version,
        };
        // What cannot be deleted goes with the session.
        if view.admits(&write) {
            view.deleted(write.path());
            let session = Some(session);
            steps.push(Step::Write { session, write });
        }
    }
    steps.push(Step::Close { session });
}

fn create(path: &str, new: &Create, session: i64, view: &mut View<'_>, steps: &mut Vec<Step>) {
    let ephemeral = matches!(
        new.kind,
        CreateKind::Plain { ephemeral: true } | CreateKind::Plain2 { ephemeral: true }
    );
    let timeout = view.source.tree.sessions().get(&session).copied();
    // Planned again later: the session is over by now, perhaps on the target too. Only the parent's counter still has
    // to be raised.
    let passing = ephemeral && timeout.is_none() && view.source.get(path).is_none();
    let mode = match new.kind {
        CreateKind::Container => CreateMode::Container,
        CreateKind::Ttl { ttl } => CreateMode::Ttl(ttl),
        _ if ephemeral && !passing => CreateMode::Ephemeral,
        _ => CreateMode::Persistent,
    };
    let common = view.common;
    let mode = common.mode(mode);
    let same_kind = |now: &mesolith_zk::tree::Node<'_>| match mode {
        CreateMode::Persistent => !ephemeral && common.kind(*now).0 == mode,
        CreateMode::Ephemeral => common.kind(*now) == (mode, Some(session)),
        CreateMode::Container | CreateMode::Ttl(_) => false,
    };
    if view.untouched(path).is_some_and(|now| same_kind(&now)) {
        // Somebody has created it on the target, perhaps with children of the source below it by now.
        let wanted = (new.data.as_deref(), new.acl.as_deref());
        return fit(path, wanted, (0, 0), view, steps);
    }
    let write = Write::Create {
        path: path.into(),
        data: new.data.clone(),
        acl: common.list(new.acl.as_deref()).map(Cow::into_owned),
        mode,
    };
    delete(path, view, steps);
    if view.get(path).is_some() || !parents(path, view, steps) {
        return;
    }
    if !view.admits(&write) {
        return uncarried(&new.path, view, steps);
    }
    let owner = (mode == CreateMode::Ephemeral).then_some(session);
    if let (Some(session), Some(timeout)) = (owner, timeout) {
        // The target may have given the session up.
        open(session, timeout, view, steps);
    }
    view.created(path, owner);
    steps.push(Step::Write {
        session: owner,
        write,
    });
    if passing {
        delete(path, view, steps);
    }
}
