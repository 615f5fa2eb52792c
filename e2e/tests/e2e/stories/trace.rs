//! One trace from a reconcile through the calls to the running task, and one to the node agent.

use std::collections::BTreeSet;

use anyhow::{Context as _, ensure};
use mesolith_testkit::wait_until;

use crate::context::{Context, LIMIT};
use mesolith_e2e::trace_collector::Span;

pub(super) fn one_trace(cx: &Context) -> anyhow::Result<()> {
    // The trace of the cluster's start, or of its latest change.
    let applied = find(cx, &BTreeSet::new(), |s| {
        s.service == "mesolith-agent" && s.name == "/mesolith.node.v1.Node/Apply"
    })?;
    let reconcile = &applied[1];
    is_reconcile_of(reconcile, "mesoscluster")?;

    let before: BTreeSet<Vec<u8>> = cx.collector.spans().into_iter().map(|s| s.id).collect();
    cx.kubectl().run(&["scale", "mapp", "hello", "--replicas", "2"])?;
    let instances = cx.wait_instances("hello", 2)?;
    let launched = find(cx, &before, |s| s.service == "mesos-agent" && s.name == "launch")?;
    let [launch, accept, reconcile] = &launched[..] else {
        anyhow::bail!("not a reconcile, a call and a launch: {launched:#?}");
    };
    let started = |i: &serde_json::Value| launch.has("task", i["taskId"].as_str().unwrap_or_default());
    ensure!(
        instances.iter().any(started),
        "{launch:?} is about none of {instances:?}"
    );
    ensure!(
        accept.service == "mesos-master" && accept.has("call", "ACCEPT"),
        "the launch follows from {accept:?}"
    );
    is_reconcile_of(reconcile, "marathonapp")?;
    cx.kubectl().run(&["scale", "mapp", "hello", "--replicas", "1"])?;
    cx.wait_instances("hello", 1).map(drop)
}

fn is_reconcile_of(span: &Span, controller: &str) -> anyhow::Result<()> {
    ensure!(
        span.service == "mesolith-operator" && span.name == "reconcile" && span.has("controller", controller),
        "it begins at {span:?}"
    );
    Ok(())
}

/// A span that is not one of `old`, with the spans it follows from up to the root, once all of them were sent.
fn find(cx: &Context, old: &BTreeSet<Vec<u8>>, wanted: impl Fn(&Span) -> bool) -> anyhow::Result<Vec<Span>> {
    wait_until("a whole trace", LIMIT, || {
        let all = cx.collector.spans();
        let new = || all.iter().filter(|s| !old.contains(&s.id));
        let found = new().filter(|s| wanted(s)).find_map(|s| lineage(&all, s));
        found.with_context(|| {
            let seen: BTreeSet<_> = new().map(|s| format!("{}/{}", s.service, s.name)).collect();
            format!("no such trace among {seen:?}")
        })
    })
}

/// A span and those it follows from; none when it has no parent, or one is missing.
fn lineage(all: &[Span], span: &Span) -> Option<Vec<Span>> {
    let mut line = vec![span.clone()];
    loop {
        let last = line.last()?;
        if last.parent.is_empty() {
            return (line.len() > 1).then_some(line);
        }
        let parent = all
            .iter()
            .find(|s| s.id == last.parent && s.trace == span.trace)?;
        line.push(parent.clone());
    }
}
