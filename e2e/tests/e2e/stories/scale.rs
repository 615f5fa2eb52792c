//! `kubectl scale`, up and down again.

use std::collections::BTreeSet;

use anyhow::ensure;

use crate::context::Context;
use crate::machine;

pub(super) fn one_three_one(cx: &Context) -> anyhow::Result<()> {
    let first = cx.wait_instances("hello", 1)?[0]["taskId"].clone();
    let scale = |n: &str| cx.kubectl().run(&["scale", "mapp", "hello", "--replicas", n]);
    scale("3")?;
    let three = cx.wait_instances("hello", 3)?;
    ensure!(
        three.iter().any(|i| i["taskId"] == first),
        "the first instance was replaced: {three:?}"
    );
    for instance in &three {
        ensure!(
            cx.page(instance, "/")?.contains("Hello"),
            "the page of {instance}"
        );
    }
    let ids: BTreeSet<String> = cx.running_tasks()?.into_iter().collect();
    ensure!(ids.len() == 3, "/state shows {ids:?}");

    scale("1")?;
    cx.wait_instances("hello", 1)?;
    mesolith_testkit::wait_until("one container", crate::context::LIMIT, || {
        let containers = machine::containers(cx.docker())?;
        ensure!(containers.len() == 1, "{containers:?}");
        Ok(())
    })
}
