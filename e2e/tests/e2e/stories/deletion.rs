//! `kubectl delete` of everything: nothing of it is left on any node.

use anyhow::ensure;
use mesolith_testkit::{cgroups_of, wait_until};

use crate::context::{Context, LIMIT};
use crate::machine;

pub(super) fn leaves_nothing(cx: &Context) -> anyhow::Result<()> {
    let kubectl = cx.kubectl();
    kubectl.run(&["delete", "mapp", "--all", "--timeout=90s"])?;
    wait_until("the containers to go", LIMIT, || {
        let left = machine::containers(cx.docker())?;
        ensure!(left.is_empty(), "{left:?}");
        Ok(())
    })?;
    let uid = cx.get("mesoscluster", "local")?["metadata"]["uid"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    kubectl.run(&["delete", "mc", "--all", "--timeout=120s"])?;
    for n in 1..=3 {
        let ip = format!("--ip={}", cx.ip(n));
        let left = [
            machine::pids(&["master", &ip]),
            machine::pids(&["mesos-agent", &ip]),
        ]
        .concat();
        ensure!(left.is_empty(), "node{n} still runs {left:?}");
        let node = cx.node_dir(n);
        ensure!(
            machine::pids(&["zoo.cfg", &node]).is_empty(),
            "node{n} still runs ZooKeeper"
        );
        let archives = cx.node_at(&cx.ip(n))?.dir().join("state/archive");
        let kept = std::fs::read_dir(&archives).map_or(0, Iterator::count);
        ensure!(kept >= 3, "{kept} archives in {}", archives.display());
    }
    let groups = cgroups_of(&format!("mesolith/{uid}"));
    ensure!(groups.is_empty(), "{groups:?} are left");
    let table = kubectl.run(&["get", "mc,mapp,zkm", "-A"])?;
    ensure!(table.trim().is_empty(), "{table}");
    Ok(())
}
