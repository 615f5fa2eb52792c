//! What the machine is told of the world: the cluster's status, its engines, both ensembles and the leading master.

use super::machine::{self, Approved, Counts, Goal, Leader, Probe, SeenSides, SyncSeen, World};
use super::measure::Measured;
use super::preflight::Check;
use super::{agents, ensemble, failures, probe, progress};
use crate::fleet::Fleet;
use crate::nodes::Dial;
use crate::report::status_of;
use crate::sync_engine::{ENGINE_PORT, State, SyncEngine, SyncFacts, Writer};
use jiff::{SignedDuration, Timestamp};
use kube::{Client, ResourceExt};
use mesolith_crds::APPROVE_ANNOTATION;
use mesolith_crds::APPROVED_BY_ANNOTATION;
use mesolith_crds::Reason;
use mesolith_crds::condition;
use mesolith_crds::v1alpha1::mesos_cluster::{
    ClusterSide, FormRoot, MesosClusterStatus, NodeTable, SideCounts, Writes,
};
use mesolith_crds::v1alpha1::zk_migration::{Phase, Waiting};
use mesolith_crds::v1alpha1::{MesosCluster, ZkMigration};
use mesolith_zk::Address;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The leader answers from memory.
const PATIENCE: Duration = Duration::from_secs(3);
/// Agents that are alive have registered with a new leader after this long.
const AGENTS_RETURN: SignedDuration = SignedDuration::from_secs(120);

/// Looks at everything that the machine wants to know.
pub(super) async fn look(
    object: &ZkMigration,
    cluster: &MesosCluster,
    goal: &Goal,
    dial: Option<&Dial>,
    checks: &[Check],
    client: &Client,
    http: &reqwest::Client,
) -> World {
    let status = cluster.status.clone().unwrap_or_default();
    let now = Timestamp::now();
    let leader = leader(object, cluster, &status, now);
    let of_migration = status_of(object);
    let at = progress::record(&of_migration);
    let last = of_migration
        .phases
        .iter()
        .find(|phase| phase.name == Phase::RemoveZk);
    let (sync, contenders, metrics, fleet, ensemble) = tokio::join!(
        engine(cluster, goal, dial, &status),
        contenders(&status),
        metrics(leader.as_ref(), http),
        fleet(leader.as_ref(), &status, http),
        ensemble::look(cluster, goal, &at, &status),
    );
    let (metrics, measured) = metrics.unzip();
    let counts = leader
        .as_ref()
        .zip(metrics.as_ref())
        .and_then(|(leader, metrics)| counts(object, leader, metrics));
    let settled = leader
        .as_ref()
        .is_some_and(|leader| now.duration_since(leader.since) >= AGENTS_RETURN);
    let agents = agents::agents(cluster, goal, fleet.as_ref(), settled);
    let probe = match concerns_agents(&status) {
        true => probe::look(client, object, &agents.target).await,
        false => Some(Probe::Absent),
    };
    // Before there are agents of B, all tasks are on A.
    let counts = counts.map(|counts| Counts {
        tasks: match concerns_agents(&status) {
            true => agents.tasks,
            false => counts.tasks,
        },
        ..counts
    });
    World {
        now,
        began: began(object),
        preflight: checks.iter().filter(|check| check.failed()).map(wait).collect(),
        approval: approval(object),
        sides: sides(&status),
        adopted: adopted(cluster, &status),
        kept_since: last.and_then(|phase| Some(phase.completed_at.as_ref()?.0)),
        subtrees: ensemble.subtrees,
        clients: ensemble.clients,
        form: status.form,
        leader,
        sync,
        contenders,
        counts,
        measured,
        probe: probe.unwrap_or_else(|| Probe::Waits(unseen())),
        probe_on: agents.target,
        drained: agents.drained,
        retracting: agents.retracting,
        next_batch: agents.next_batch,
    }
}

/// Whether agents of cluster B exist, or agents of A have been retired: otherwise nobody looks at single agents.
fn concerns_agents(status: &MesosClusterStatus) -> bool {
    let form = status.form.as_ref();
    form.is_some_and(|form| form.target_parts.agents || form.agent_drain.is_some())
}

async fn fleet(
    leader: Option<&Leader>,
    status: &MesosClusterStatus,
    http: &reqwest::Client,
) -> Option<Fleet> {
    if !concerns_agents(status) {
        return None;
    }
    crate::fleet::ask(http, &leader?.address).await
}

fn unseen() -> Waiting {
    machine::wait(
        Reason::WaitingForProbe,
        "the API server does not say how the probe task is",
    )
}

/// When the phase on record began.
fn began(object: &ZkMigration) -> Option<Timestamp> {
    let status = object.status.as_ref()?;
    let phase = status
        .phases
        .iter()
        .find(|phase| Some(phase.name) == status.phase)?;
    Some(phase.started_at.as_ref()?.0)
}

fn wait(check: &Check) -> Waiting {
    Waiting {
        reason: check.reason().to_string(),
        message: check.line(),
        command: None,
    }
}

/// The annotation `<phase>@<hash>`; one that cannot be read is none.
fn approval(object: &ZkMigration) -> Option<Approved> {
    let annotations = object.annotations();
    let (phase, hash) = annotations.get(APPROVE_ANNOTATION)?.split_once('@')?;
    Some(Approved {
        phase: phase.trim().parse().ok()?,
        hash: hash.trim().to_owned(),
        by: annotations.get(APPROVED_BY_ANNOTATION).cloned(),
    })
}

/// Both sides, if they are about the form that is on record.
fn sides(status: &MesosClusterStatus) -> Option<SeenSides> {
    let form = status.form.as_ref()?;
    if status.observed_form != Some(form.generation) {
        return None;
    }
    let side = |side: ClusterSide| -> Option<SideCounts> {
        status.sides.iter().find(|counts| counts.side == side).cloned()
    };
    Some(SeenSides {
        source: side(ClusterSide::Source)?,
        target: side(ClusterSide::Target)?,
    })
}

/// The leader, with its side by its address and since when this migration has seen it.
fn leader(
    object: &ZkMigration,
    cluster: &MesosCluster,
    status: &MesosClusterStatus,
    now: Timestamp,
) -> Option<Leader> {
    let address = status.leader.clone()?;
    let known = object.status.as_ref().and_then(|status| status.leader.as_ref());
    let since = known
        .filter(|known| known.address == address)
        .and_then(|known| known.since.as_ref())
        .map_or(now, |since| since.0);
    let of_target = status.form.as_ref().is_some_and(|form| {
        let nodes = form.target.with_nodes_of(&cluster.spec.nodes);
        let hosts = NodeTable::new(&nodes).and_then(|table| {
            let masters = table.select("masters", &form.target.masters.nodes)?;
            let address = |node: &mesolith_crds::v1alpha1::mesos_cluster::Node| {
                crate::http::host_port(node.host(), form.target.masters.port())
            };
            Ok(masters.into_iter().map(address).collect::<Vec<_>>())
        });
        hosts.is_ok_and(|hosts| hosts.contains(&address))
    });
    Some(Leader {
        side: if of_target {
            ClusterSide::Target
        } else {
            ClusterSide::Source
        },
        address,
        since,
    })
}

async fn engine(
    cluster: &MesosCluster,
    goal: &Goal,
    dial: Option<&Dial>,
    status: &MesosClusterStatus,
) -> Option<SyncSeen> {
    let form = status.form.as_ref()?;
    form.sync.as_ref()?;
    let nodes = form.target.with_nodes_of(&cluster.spec.nodes);
    let table = NodeTable::new(&nodes).ok()?;
    let named = |name: &String| {
        let found = table.iter().find(|node| node.name == *name)?;
        Some((name.clone(), crate::http::host_port(found.host(), ENGINE_PORT)))
    };
    let addresses: BTreeMap<String, String> = goal.sync.nodes.iter().filter_map(named).collect();
    let engine = SyncEngine::dial(dial?, &addresses);
    engine.active().await.ok().map(|facts| seen(&facts))
}

fn seen(facts: &SyncFacts) -> SyncSeen {
    let roots = facts.settings.iter().flat_map(|settings| &settings.roots);
    let root = |root: &crate::sync_engine::Root| FormRoot {
        path: root.path.clone(),
        writes: match root.writer {
            Writer::A => Writes::Source,
            Writer::B => Writes::Target,
            Writer::Both => Writes::Both,
        },
    };
    let verified = [&facts.a, &facts.b].map(|side| side.as_ref().and_then(|side| side.digest_verified));
    SyncSeen {
        in_sync: facts.in_sync(),
        doing: facts.doing(),
        roots: roots.map(root).collect(),
        lag_p95: facts.lag.map_or(Duration::ZERO, |lag| lag.p95),
        znodes: facts.a.as_ref().and_then(|a| a.znodes),
        digests_agree: match verified {
            [Some(a), Some(b)] => Some(a && b),
            [one, other] => one.or(other),
        },
        conflicts: facts.conflicts,
        refused: facts.refused,
        errors: facts.errors,
        lag: facts.lag,
        failed: (facts.state == State::Failed).then(|| facts.doing()),
    }
}

/// How many take part in the election, as each ensemble shows it.
async fn contenders(status: &MesosClusterStatus) -> Option<[usize; 2]> {
    let url = |side: ClusterSide| -> Option<Address> {
        let counts = status.sides.iter().find(|counts| counts.side == side)?;
        counts.zookeeper_url.as_ref()?.parse().ok()
    };
    let form = status.form.as_ref()?;
    // Once one side is alone there is nothing to compare, and ensemble A is to lose its clients.
    if !form.target_parts.masters || !form.source_parts.masters {
        return None;
    }
    let (a, b) = (url(ClusterSide::Source)?, url(ClusterSide::Target)?);
    let (a, b) = tokio::join!(mesolith_zk::candidates(&a), mesolith_zk::candidates(&b));
    Some([a.ok()?.len(), b.ok()?.len()])
}

/// Whether the cluster's controller says, of this spec and this form, that the spec is not behind any more.
fn adopted(cluster: &MesosCluster, status: &MesosClusterStatus) -> bool {
    let of_form = status.form.as_ref().map(|form| form.generation) == status.observed_form;
    let found = condition::find(&status.conditions, condition::SPEC_BEHIND);
    let says = found.is_some_and(|found| {
        found.status == "False" && found.observed_generation == cluster.metadata.generation
    });
    of_form && says
}

/// The leader's metrics, and how long it took for them.
async fn metrics(leader: Option<&Leader>, http: &reqwest::Client) -> Option<(Value, Measured)> {
    let address = &leader?.address;
    let asked = Instant::now();
    let url = format!("http://{address}/metrics/snapshot");
    let answer = http.get(url).timeout(PATIENCE).send().await.ok()?;
    let metrics: Value = answer.error_for_status().ok()?.json().await.ok()?;
    let measured = Measured::read(address, &metrics, asked.elapsed());
    Some((metrics, measured))
}

fn counts(object: &ZkMigration, leader: &Leader, metrics: &Value) -> Option<Counts> {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // counts
    let number = |name: &str| Some(metrics.get(format!("master/{name}"))?.as_f64()? as usize);
    let ended: usize = failures::STATES
        .into_iter()
        .filter_map(|state| number(&format!("tasks_{state}")))
        .sum();
    let status = status_of(object);
    // Before the start nothing counts.
    let begun = !progress::record(&status).is_clean();
    let failures = begun.then(|| {
        let ended = i64::try_from(ended).unwrap_or(i64::MAX);
        failures::count(status.tasks.as_ref(), &leader.address, ended)
    });
    let alive = ["staging", "starting", "running", "killing", "unreachable"]
        .into_iter()
        .filter_map(|state| number(&format!("tasks_{state}")));
    Some(Counts {
        tasks: [alive.sum(), 0],
        failed: failures
            .as_ref()
            .and_then(|failures| usize::try_from(failures.total).ok()),
        failures,
        frameworks: number("frameworks_active")? + number("frameworks_disconnected").unwrap_or(0),
        frameworks_connected: number("frameworks_connected")?,
        agents: number("slaves_active")?,
    })
}
