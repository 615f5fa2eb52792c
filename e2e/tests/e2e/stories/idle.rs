//! Nothing changes, so nothing is written: judged by the API server's own audit log.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use mesolith_testkit::wait_until;
use serde_json::Value;

use crate::context::Context;

const OPERATOR: &str = "system:serviceaccount:mesolith-system:mesolith-operator";

/// Writes of the operator since byte `from` of the audit log, without leases, which have to be renewed.
fn writes(cx: &Context, from: usize) -> anyhow::Result<(usize, Vec<String>)> {
    let api = cx
        .world
        .api()
        .context("the stories need the API server's audit log")?;
    let log = std::fs::read(api.audit_log())?;
    let text = String::from_utf8_lossy(&log[from.min(log.len())..]).into_owned();
    let events = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let own = events.filter(|e| e["user"]["username"] == OPERATOR && e["objectRef"]["resource"] != "leases");
    let show = |e: Value| {
        format!(
            "{} {} {}",
            e["verb"], e["objectRef"]["resource"], e["objectRef"]["name"]
        )
    };
    Ok((log.len(), own.map(show).collect()))
}

pub(super) fn nothing_is_written(cx: &Context) -> anyhow::Result<()> {
    cx.wait_ready("mesoscluster", "local")?;
    cx.wait_instances("hello", 1)?;
    // The last writes of coming up may be on their way: begin once five seconds were quiet.
    let mut position = writes(cx, 0)?.0;
    wait_until("five quiet seconds", Duration::from_secs(60), || {
        std::thread::sleep(Duration::from_secs(5));
        let (end, seen) = writes(cx, position)?;
        position = end;
        ensure!(seen.is_empty(), "{seen:?}");
        Ok(())
    })?;
    std::thread::sleep(Duration::from_secs(60));
    let (_, seen) = writes(cx, position)?;
    ensure!(
        seen.is_empty(),
        "{} writes in an idle minute: {seen:?}",
        seen.len()
    );
    Ok(())
}
