//! Three masters, and the leading one is killed.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use mesolith_testkit::wait_until;

use crate::context::{Context, LIMIT};
use crate::http;
use crate::machine;
use crate::stories::kill::same_task;

pub(super) fn killed(cx: &Context) -> anyhow::Result<()> {
    let instance = cx.wait_instances("hello", 1)?[0].clone();
    let containers = machine::containers(cx.docker())?;
    let old = cx.leader()?;
    let ip = old.split(':').next().context("the leader's address")?.to_owned();
    let master = ["master", &*format!("--ip={ip}"), "--quorum"];
    let pid = machine::pid(&master)?;
    let begun = Instant::now();
    machine::kill_9(pid)?;
    let new = wait_until("another leader", LIMIT, || {
        let leader = cx.leader()?;
        // The killed one is restarted within a second, and may not claim anything it has not won again.
        ensure!(
            leader != old || machine::pid(&master).is_ok_and(|now| now != pid),
            "still {old}"
        );
        Ok(leader)
    })?;
    let changed = begun.elapsed();
    wait_until("every agent at the new leader", LIMIT, || {
        let slaves = http::json(&format!("http://{}/slaves", cx.leader()?))?;
        let active = slaves["slaves"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|s| s["active"] == true)
            .count();
        ensure!(active == 3, "{active} of 3 agents are back");
        Ok(())
    })?;
    println!(
        "    leader change {old} -> {new}: {:.1} s, all agents back after {:.1} s",
        changed.as_secs_f64(),
        begun.elapsed().as_secs_f64()
    );
    ensure!(
        changed < Duration::from_secs(10),
        "the leader change took {:.1} s",
        changed.as_secs_f64()
    );
    cx.wait_ready("mesoscluster", "local")?;
    same_task(cx, &instance, &containers)
}
