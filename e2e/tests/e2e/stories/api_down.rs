//! The Kubernetes API is away for a minute: it is not in the data path.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use mesolith_testkit::wait_until;

use crate::context::{Context, LIMIT};
use crate::machine;

pub(super) fn for_a_minute(cx: &Context) -> anyhow::Result<()> {
    let api = cx
        .world
        .api()
        .context("the stories need an API server of their own")?;
    cx.kubectl().run(&["scale", "mapp", "hello", "--replicas", "2"])?;
    let two = cx.wait_instances("hello", 2)?;
    let id = |i: usize| two[i]["taskId"].as_str().unwrap_or_default().to_owned();
    let (kept, victim) = (
        machine::container_of(cx.docker(), &id(0))?,
        machine::container_of(cx.docker(), &id(1))?,
    );
    let kept_pid = machine::containers(cx.docker())?[&kept].clone();
    let victim_pid = machine::containers(cx.docker())?[&victim].clone();

    let begun = Instant::now();
    api.stop_api()?;
    // Long enough that a lease of the operator runs out while nobody can renew it.
    std::thread::sleep(Duration::from_secs(20));
    machine::kill_9(victim_pid.parse()?)?;
    let killed = Instant::now();
    wait_until(
        "the killed task to be restarted without the API",
        Duration::from_secs(40),
        || {
            let now = machine::containers(cx.docker())?;
            ensure!(
                now.len() == 2 && !now.contains_key(&victim),
                "containers: {now:?}"
            );
            Ok(())
        },
    )?;
    println!(
        "    restarted {:.1} s after the kill, API still away",
        killed.elapsed().as_secs_f64()
    );
    std::thread::sleep(Duration::from_secs(60).saturating_sub(begun.elapsed()));
    let now = machine::containers(cx.docker())?;
    ensure!(
        now.get(&kept) == Some(&kept_pid),
        "the other task did not live: {now:?}"
    );

    api.start_api()?;
    let after = cx.wait_instances("hello", 2)?;
    ensure!(after.iter().any(|i| i["taskId"] == id(0).as_str()), "{after:?}");
    ensure!(after.iter().all(|i| i["taskId"] != id(1).as_str()), "{after:?}");
    cx.kubectl().run(&["scale", "mapp", "hello", "--replicas", "1"])?;
    cx.wait_instances("hello", 1)?;
    wait_until("one container", LIMIT, || {
        let now = machine::containers(cx.docker())?;
        ensure!(now.len() == 1, "{now:?}");
        Ok(())
    })?;
    cx.wait_ready("mesoscluster", "local").map(drop)
}
