//! MesosCluster: ZooKeeper, masters and agents on bare-metal nodes.
//!
//! ```text
//! validate ─► build ─► observe ─► decide ─► report ─► act
//!  (spec)     (sets)   (nodes)    (pure)    (status)  (node calls)
//! ```
//!
//! The report comes before the act: server ids, the nodes that will hold something and the plan are on record before
//! anything is sent. What the act brings about comes back through the nodes' watches and triggers the next round.

mod act;
mod adopt;
mod apps;
mod assemble;
mod build;
mod context;
mod decide;
mod delete;
mod departures;
mod drain;
mod engines;
mod error;
#[cfg(test)]
mod fixtures;
mod ids;
mod leader;
mod maintenance;
mod managed;
mod model;
mod observe;
mod report;
mod sides;
mod tell;
mod validate;

use crate::controller::{Runtime, drive};
use crate::finalizers;
use crate::key::ObjectKey;
use crate::leader::Term;
use crate::nodes::{Dials, Ids, Nodes, Owner};
use crate::outcome::Outcome;
use crate::report::status_of;
use context::Context;
use decide::Rules;
use error::Error;
use futures::StreamExt;
use kube::ResourceExt;
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::MesosCluster;
use mesolith_crds::v1alpha1::mesos_cluster::{AgentDrain, RemovalMode};
use sides::Sides;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;

/// Runs the controller until it is dropped.
pub(crate) async fn run(runtime: Runtime, term: Term) {
    let (changed, triggers) = mpsc::unbounded_channel();
    let cx = Arc::new(Context {
        client: runtime.client.clone(),
        reporter: runtime.reporter.clone(),
        nodes: Nodes::new(changed, term),
        dials: Dials::new(runtime.client.clone()),
        http: crate::http::client(),
    });
    let triggers = UnboundedReceiverStream::new(triggers).boxed();
    let reconcile = move |cluster| reconcile(cluster, cx.clone());
    drive::<MesosCluster, _, _, _>(runtime, "mesoscluster", triggers, reconcile).await;
}

async fn reconcile(cluster: Arc<MesosCluster>, cx: Arc<Context>) -> Result<Outcome, Error> {
    let owner = Owner {
        uid: cluster.uid().unwrap_or_default(),
        object: ObjectKey::of(&*cluster),
        ids: ids_of(&cluster),
    };
    if cluster.metadata.deletion_timestamp.is_some() {
        return delete::reconcile(&cluster, &cx, &owner).await;
    }
    let added = finalizers::add(&cx.client, &*cluster, delete::FINALIZER).await;
    if added.map_err(Error::WriteFinalizer)? {
        return Ok(Outcome::Waiting {
            reason: Reason::Starting,
            again: None,
        }); // the write comes back as a trigger
    }
    let before = status_of(&*cluster);
    let sides = match Sides::of(&owner.object.name, &cluster.spec, &before) {
        Ok(sides) => sides,
        Err(error) => return report::invalid(&cluster, &cx.reporter, &error.to_string()).await,
    };
    let form = before.form.as_ref();
    let desired = assemble::desired(&sides, form, &owner.ids);
    let dial = match cx.dials.dial(&cluster, sides.source().valid.mtls).await {
        Ok(dial) => dial,
        Err(error) => return report::no_credentials(&cluster, &cx.reporter, error).await,
    };
    let world = observe::observe(&cx, &owner, &sides, &before, &desired, &dial).await;
    let now = jiff::Timestamp::now();
    let policy = form.and_then(|form| form.agent_drain.as_ref());
    let rules = Rules {
        paused: cluster.spec.paused,
        force_removal: cluster.spec.agent_removal.mode == RemovalMode::Force,
        generation: cluster
            .metadata
            .generation
            .and_then(|g| u64::try_from(g).ok())
            .unwrap_or(0),
        forced: drain::forced(&before.draining_agents, policy, now),
        leads: form.map(|form| form.leads),
        ids: owner.ids.clone(),
    };
    let decision = decide::decide(&desired, &world, &rules);
    let around = drain::Around {
        desired: &desired,
        world: &world,
        ids: &owner.ids,
        announce: policy.is_some(),
        sides: Some(&sides),
    };
    let draining = if rules.paused {
        // Nothing is moved either; what the master was told stays as it is.
        let announced = before.draining_agents.iter().filter(|entry| entry.announced);
        announced.cloned().collect()
    } else {
        drain::record(&before.draining_agents, around, now)
    };
    let limit = policy.map_or_else(|| cluster.spec.agent_removal.timeout(), AgentDrain::timeout);
    let overdue = drain::overdue(&draining, &decision.waits, limit, now);
    let facts = leader::ask(&cx.http, &sides, &world).await;
    let adoption = adopt::adoption(&cluster, &before);
    let seen = report::Seen {
        adoption: adoption.as_ref(),
        sides: &sides,
        desired: &desired,
        world: &world,
        decision: &decision,
        leader: &facts,
        ids: &owner.ids,
        draining: &draining,
        overdue: overdue.as_ref(),
        paused: rules.paused,
    };
    let outcome = report::report(&cluster, &cx.reporter, &before, seen).await?;
    act::act(&cx.nodes, &owner, decision.effects).await?;
    if let Some(told) = world.told.as_ref().filter(|_| !rules.paused) {
        let host = |node: &str| sides.node(node).map(|node| node.host().to_owned());
        let apps = before.marathon.as_ref();
        let apps = apps.and_then(|marathon| marathon.framework_id.as_deref());
        let calls = drain::calls(&draining, told, policy, host, apps, now);
        tell::tell(&cx.http, &told.master, calls).await?;
    }
    Ok(outcome)
}

/// The ids that the components of this cluster have on its nodes.
fn ids_of(cluster: &MesosCluster) -> Ids {
    let second = cluster
        .status
        .as_ref()
        .map(|status| status.second_components.as_slice());
    Ids::of(second.unwrap_or_default())
}
