//! Parts of every plan: changes a node, creates it as the source has it, or deletes it.

use std::borrow::Cow;

use bytes::Bytes;
use mesolith_zk::record::Acl;
use mesolith_zk::request::{CreateMode, Write};

use super::{Step, View, create_like, packet_like, parent};

/// Most times that a node's data is set only to raise its version, and most bytes that this may take.
const MOST_RAISES: i32 = 10_000;
const MOST_RAISED_BYTES: usize = 16 << 20;

/// Gives a node its data and its list, and raises its `(version, aversion)` to at least these.
pub(super) fn fit(
    path: &str,
    (data, acl): (Option<&[u8]>, Option<&[Acl]>),
    (version, aversion): (i32, i32),
    view: &mut View<'_>,
    steps: &mut Vec<Step>,
) {
    let Some(before) = view.get(path) else { return };
    let (now, common) = (view.target.get(path), view.common);
    let same_data = before.planned.data || now.is_some_and(|now| common.same_data(now.data(), data));
    let sets = raises(version, before.version, data.map_or(0, <[u8]>::len)).max(i32::from(!same_data));
    set_data(path, data.map(Bytes::copy_from_slice), sets, view, steps);
    let same_list = before.planned.acl || now.is_some_and(|now| common.same_list(now.acl(), acl));
    let lists = raises(aversion, before.aversion, 0).max(i32::from(!same_list));
    set_acl(path, acl, lists, view, steps);
}

/// Number of sets that raise a version to another one. `None` if that would be too many.
pub(super) fn raises(wanted: i32, found: i32, bytes: usize) -> i32 {
    let by = wanted.saturating_sub(found).max(0);
    let fits = usize::try_from(by).is_ok_and(|n| n.saturating_mul(bytes) <= MOST_RAISED_BYTES);
    if by <= MOST_RAISES && fits { by } else { 0 }
}

/// Whether a version is behind and can be raised.
pub fn can_raise(wanted: i32, found: i32, bytes: usize) -> bool {
    raises(wanted, found, bytes) > 0
}

/// Sets a node's data so many times, unless the target refuses it.
pub(super) fn set_data(
    path: &str,
    data: Option<Bytes>,
    times: i32,
    view: &mut View<'_>,
    steps: &mut Vec<Step>,
) {
    for _ in 0..times {
        let Some(before) = view.get(path) else { return };
        let write = Write::SetData {
            path: path.into(),
            data: data.clone(),
            version: before.version,
        };
        if !view.admits(&write) {
            return;
        }
        view.set(path, before);
        steps.push(Step::write(write));
    }
}

/// The same for its list.
pub(super) fn set_acl(
    path: &str,
    acl: Option<&[Acl]>,
    times: i32,
    view: &mut View<'_>,
    steps: &mut Vec<Step>,
) {
    for _ in 0..times {
        let Some(before) = view.get(path) else { return };
        let write = Write::SetAcl {
            path: path.into(),
            acl: view.common.list(acl).map(Cow::into_owned),
            version: before.aversion,
        };
        if !view.admits(&write) {
            return;
        }
        view.set_acl(path, before);
        steps.push(Step::write(write));
    }
}

/// Deletes a node with everything that the target has below it, as far as the target allows it.
pub(super) fn delete(path: &str, view: &mut View<'_>, steps: &mut Vec<Step>) {
    let Some(before) = view.get(path) else {
        return;
    };
    for child in view.children(path) {
        delete(&child, view, steps);
        if view.get(&child).is_some() {
            return;
        }
    }
    let write = Write::Delete {
        path: path.into(),
        version: before.version,
    };
    if view.admits(&write) {
        view.deleted(path);
        steps.push(Step::write(write));
    }
}

/// Creates a missing node as the source has it now. If the source has no such node any more, nothing is created.
pub(super) fn again(path: &str, view: &mut View<'_>, steps: &mut Vec<Step>) {
    if view.held.covers(path) {
        return;
    }
    let Some(node) = view.source.get(path) else {
        above_a_root(path, view, steps);
        return;
    };
    let mut create = create_like(path, node, view.common);
    let stat = node.stored();
    let data = node.data().map(Bytes::copy_from_slice);
    let mut sets = raises(stat.version, 0, data.as_ref().map_or(0, Bytes::len));
    if let Step::Write { write, .. } = &mut create
        && write.packet() > view.largest
        && packet_like(path, node, view.common) <= view.largest
    {
        // It is set afterwards.
        empty(write);
        sets = sets.max(1);
    }
    if !parents(path, view, steps) || !admitted(&create, view) {
        return;
    }
    let owner = node.owner();
    if let Some(session) = owner {
        let Some(timeout) = view.source.tree.sessions().get(&session).copied() else {
            return;
        };
        if !view.has_session(session) {
            view.session_opened(session);
            steps.push(Step::Open { session, timeout });
        }
    }
    view.created(path, owner);
    steps.push(create);
    set_data(path, data, sets, view, steps);
    set_acl(path, node.acl(), raises(stat.aversion, 0, 0), view, steps);
    view.written_as_now(path);
}

/// Leaves the data of a create out.
fn empty(write: &mut Write) {
    if let Write::Create { data, .. } = write {
        *data = None;
    }
}

fn admitted(step: &Step, view: &mut View<'_>) -> bool {
    matches!(step, Step::Write { write, .. } if view.admits(write))
}

/// Creates nodes above a root. They are copies of the source's where both have the same name and the target
/// takes their data, otherwise they are empty.
fn above_a_root(path: &str, view: &mut View<'_>, steps: &mut Vec<Step>) {
    let source = view.source;
    let is_above = source.routes.under(source.side.other(), path).next().is_some();
    if !is_above || !parents(path, view, steps) {
        return;
    }
    let like = source.ancestor(path);
    let blank = Step::write(Write::Create {
        path: path.into(),
        data: Some(Bytes::new()),
        acl: None,
        mode: CreateMode::Persistent,
    });
    let mut create = like.map_or(blank, |node| create_like(path, node, view.common));
    if let Step::Write { write, .. } = &mut create
        && write.packet() > view.largest
    {
        empty(write);
    }
    if admitted(&create, view) {
        view.created(path, None);
        steps.push(create);
    }
}

/// Creates the parents that the target lacks. False if that is not possible.
pub(super) fn parents(path: &str, view: &mut View<'_>, steps: &mut Vec<Step>) -> bool {
    let Some(above) = parent(path) else { return true };
    if view.get(above).is_none() {
        again(above, view, steps);
    }
    view.get(above).is_some()
}
