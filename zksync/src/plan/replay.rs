//! The same change again, under the versions that the target's nodes have.
//!
//! Versions and counters stay in step by themselves: each transaction adds one on either side. Where the target is not
//! what the source was (somebody else wrote there, or part of it was written already), the change is made to fit, so that
//! the node ends as the source's did.

use bytes::Bytes;
use mesolith_zk::record::{Acl, Create, CreateKind, Op, Txn};
use mesolith_zk::request::{CreateMode, Write};
use mesolith_zk::tree::{Node, Tree};

use super::{Step, View, create_like, kind, parent};
use crate::Scope;

/// Steps for a committed transaction; none for what failed there or is out of scope.
pub fn replay(txn: &Txn, source: &Tree, view: &mut View<'_>, scope: &Scope) -> Vec<Step> {
    let mut steps = Vec::new();
    let session = txn.header.session;
    match &txn.op {
        Op::Multi(ops) if !txn.op.is_failed_multi() => {
            for op in ops {
                single(op, session, source, view, scope, &mut steps);
            }
        }
        op => single(op, session, source, view, scope, &mut steps),
    }
    steps
}

fn single(op: &Op, session: i64, source: &Tree, view: &mut View<'_>, scope: &Scope, steps: &mut Vec<Step>) {
    match op {
        Op::Create(new) if scope.contains(&new.path) => create(new, session, source, view, steps),
        Op::SetData(new) if scope.contains(&new.path) => match view.get(&new.path) {
            Some(before) => steps.push(Step::write(Write::SetData {
                path: new.path.clone(),
                data: new.data.clone(),
                version: view.set(&new.path, before),
            })),
            None => again(&new.path, source, view, steps),
        },
        Op::SetAcl { path, acl, version } if scope.contains(path) => match view.get(path) {
            Some(before) => {
                // No checkpoint goes with it, so a plan made again may find it done.
                let done = view.untouched(path).is_some_and(|node| {
                    node.stored().aversion >= *version && same_acl(node.acl(), acl.as_deref())
                });
                if !done {
                    steps.push(Step::write(Write::SetAcl {
                        path: path.clone(),
                        acl: acl.clone(),
                        version: view.set_acl(path, before),
                    }));
                }
            }
            None => again(path, source, view, steps),
        },
        Op::Delete { path } | Op::DeleteContainer { path } if scope.contains(path) => {
            delete(path, view, steps)
        }
        Op::CreateSession { timeout } => steps.push(Step::Open {
            session,
            timeout: *timeout,
        }),
        Op::CloseSession { paths } => {
            let here: Vec<_> = view.target.ephemerals(session).map(|node| node.path()).collect();
            here.iter().for_each(|path| view.deleted(path));
            paths.iter().flatten().for_each(|path| view.deleted(path));
            steps.push(Step::Close { session });
        }
        _ => {}
    }
}

fn create(new: &Create, session: i64, source: &Tree, view: &mut View<'_>, steps: &mut Vec<Step>) {
    let path = &*new.path;
    let ephemeral = matches!(
        new.kind,
        CreateKind::Plain { ephemeral: true } | CreateKind::Plain2 { ephemeral: true }
    );
    // Planned again later: its session is over by now, perhaps on the target too. Only the parent's counter is left of it.
    let passing = ephemeral && !source.sessions().contains_key(&session) && source.get(path).is_none();
    let mode = match new.kind {
        CreateKind::Container => CreateMode::Container,
        CreateKind::Ttl { ttl } => CreateMode::Ttl(ttl),
        _ if ephemeral && !passing => CreateMode::Ephemeral,
        _ => CreateMode::Persistent,
    };
    if let Some(now) = view.untouched(path)
        && !ephemeral
        && mode == CreateMode::Persistent
        && kind(now).0 == mode
    {
        // Somebody made it on the target, perhaps with children of the source's below it by now.
        return fit(path, now, (new.data.as_deref(), new.acl.as_deref()), view, steps);
    }
    delete(path, view, steps);
    parents(path, source, view, steps);
    view.created(path);
    steps.push(Step::Write {
        session: (mode == CreateMode::Ephemeral).then_some(session),
        write: Write::Create {
            path: path.into(),
            data: new.data.clone(),
            acl: new.acl.clone(),
            mode,
        },
    });
    if passing {
        delete(path, view, steps);
    }
}

/// A node that is there already gets the data and the list that it should have.
pub(super) fn fit(
    path: &str,
    now: Node<'_>,
    (data, acl): (Option<&[u8]>, Option<&[Acl]>),
    view: &mut View<'_>,
    steps: &mut Vec<Step>,
) {
    if now.data() != data
        && let Some(before) = view.get(path)
    {
        steps.push(Step::write(Write::SetData {
            path: path.into(),
            data: data.map(Bytes::copy_from_slice),
            version: view.set(path, before),
        }));
    }
    if !same_acl(now.acl(), acl)
        && let Some(before) = view.get(path)
    {
        steps.push(Step::write(Write::SetAcl {
            path: path.into(),
            acl: acl.map(<[Acl]>::to_vec),
            version: view.set_acl(path, before),
        }));
    }
}

/// Away with a node and what the target has below it.
pub(super) fn delete(path: &str, view: &mut View<'_>, steps: &mut Vec<Step>) {
    let Some(before) = view.get(path) else {
        return;
    };
    if let Some(node) = view.target.get(path) {
        let below: Vec<_> = node.children().map(|child| child.path()).collect();
        for child in below {
            delete(&child, view, steps);
        }
    }
    view.deleted(path);
    steps.push(Step::write(Write::Delete {
        path: path.into(),
        version: before.version,
    }));
}

/// A node that should be there and is not: as the source has it by now, or not at all if it is gone there too.
pub(super) fn again(path: &str, source: &Tree, view: &mut View<'_>, steps: &mut Vec<Step>) {
    let Some(node) = source.get(path) else {
        return;
    };
    parents(path, source, view, steps);
    view.created(path);
    steps.push(create_like(path, node));
}

/// Parents that the target lacks.
pub(super) fn parents(path: &str, source: &Tree, view: &mut View<'_>, steps: &mut Vec<Step>) {
    if let Some(above) = parent(path)
        && view.get(above).is_none()
    {
        again(above, source, view, steps);
    }
}

pub(super) fn same_acl(a: Option<&[Acl]>, b: Option<&[Acl]>) -> bool {
    let open = |list: Option<&[Acl]>| list.is_none_or(Acl::is_open);
    a == b || (open(a) && open(b))
}
