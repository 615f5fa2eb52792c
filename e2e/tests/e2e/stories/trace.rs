//! One trace from a reconcile through the calls to the running task.

use std::collections::BTreeSet;

use anyhow::{Context as _, ensure};
use mesolith_testkit::wait_until;

use crate::context::{Context, LIMIT};
use crate::trace_collector::Span;

pub(super) fn one_trace(cx: &Context) -> anyhow::Result<()> {
    let before: BTreeSet<Vec<u8>> = cx.collector.spans().into_iter().map(|s| s.id).collect();
    cx.kubectl().run(&["scale", "mapp", "hello", "--replicas", "2"])?;
    cx.wait_instances("hello", 2)?;
    let spans = wait_until("a trace from the operator to a Mesos agent", LIMIT, || {
        let all: Vec<Span> = cx
            .collector
            .spans()
            .into_iter()
            .filter(|s| !before.contains(&s.id))
            .collect();
        let at_agent = all.iter().filter(|s| s.service.contains("agent"));
        for span in at_agent {
            let trace: Vec<Span> = all.iter().filter(|s| s.trace == span.trace).cloned().collect();
            let services: BTreeSet<&str> = trace.iter().map(|s| s.service.as_str()).collect();
            if services.iter().any(|s| s.contains("operator")) {
                return Ok(trace);
            }
        }
        let seen: BTreeSet<_> = all.iter().map(|s| format!("{}/{}", s.service, s.name)).collect();
        anyhow::bail!("no such trace among {seen:?}")
    })?;
    print_tree(&spans);
    let root = spans
        .iter()
        .find(|s| !spans.iter().any(|p| p.id == s.parent))
        .context("no root span")?;
    ensure!(
        root.service.contains("operator"),
        "the trace begins at {}",
        root.service
    );
    cx.kubectl().run(&["scale", "mapp", "hello", "--replicas", "1"])?;
    cx.wait_instances("hello", 1).map(drop)
}

fn print_tree(spans: &[Span]) {
    fn below(spans: &[Span], parent: &[u8], depth: usize) {
        for span in spans.iter().filter(|s| s.parent == parent) {
            let about: Vec<&str> = span
                .attributes
                .iter()
                .filter(|a| a.contains("task"))
                .map(String::as_str)
                .collect();
            println!(
                "    {}{} {} {}",
                "  ".repeat(depth),
                span.service,
                span.name,
                about.join(" ")
            );
            below(spans, &span.id, depth + 1);
        }
    }
    for root in spans.iter().filter(|s| !spans.iter().any(|p| p.id == s.parent)) {
        println!("    {} {}", root.service, root.name);
        below(spans, &root.id, 1);
    }
}
