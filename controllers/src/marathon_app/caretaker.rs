//! Looks after what no app asks for: schedulers of clusters whose apps are all gone, and tasks without an app.
//!
//! Decisions are in [`strays`](super::strays); this carries them out.

use super::clusters::{ClusterFacts, ClusterKey};
use super::context::Context;
use super::strays::{Answer, Suspicions};
use crate::outcome::chain;
use crate::report::Event;
use crate::scheduler::{AppKey, Link, Scheduler, Strays};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::{Api, Resource};
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::{MarathonApp, MesosCluster};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Time limit for an answer of the API server.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is remembered of a cluster between two looks.
#[derive(Default)]
struct Memory {
    suspicions: Suspicions,
    /// Tasks without our labels that were already reported.
    told: BTreeSet<String>,
}

/// Runs until dropped, at the end of the term.
pub(super) async fn run(cx: Arc<Context>) {
    let mut memory: BTreeMap<ClusterKey, Memory> = BTreeMap::new();
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let clusters = cx.frameworks.with_framework();
        memory.retain(|key, _| clusters.iter().any(|(facts, _)| facts.key == *key));
        for (facts, framework) in clusters {
            // Started even when no app is left to start it: tasks of the last app may come back.
            match cx.frameworks.scheduler(&facts, framework, &cx.identity) {
                Ok(scheduler) => {
                    let memory = memory.entry(facts.key.clone()).or_default();
                    look(&cx, &facts, &scheduler, memory).await;
                }
                Err(error) => tracing::warn!(error = chain(&error), "failed to start the scheduler"),
            }
        }
    }
}

async fn look(cx: &Context, cluster: &ClusterFacts, scheduler: &Scheduler, memory: &mut Memory) {
    let (link, strays) = scheduler.strays();
    match link {
        // Only the leader looks, so the framework is ours to take back.
        Link::TakenOver => return scheduler.resume(),
        Link::Subscribed => {}
        Link::Connecting | Link::Failing(_) | Link::Recovering | Link::Removed => return,
    }
    for (owner, key) in memory.suspicions.due(strays.by_owner.keys(), Timestamp::now()) {
        let answer = ask(cx, &key).await;
        if memory.suspicions.hear(&owner, answer, Timestamp::now()) {
            let note = stopped(&key, &strays, &owner);
            tracing::warn!(cluster = cluster.key.name, "{note}");
            scheduler.condemn(owner);
            let app = reference::<MarathonApp>(&key);
            publish(cx, cluster, Some(app), Reason::StrayTasksStopped, &note).await;
        }
    }
    if !strays.foreign.is_subset(&memory.told) {
        let note = foreign(&strays.foreign);
        tracing::warn!(cluster = cluster.key.name, "{note}");
        publish(cx, cluster, None, Reason::UnknownTasks, &note).await;
    }
    memory.told = strays.foreign.clone();
}

/// Whether the app exists. Only the API server's own word for exactly this object counts as "no".
async fn ask(cx: &Context, key: &AppKey) -> Answer {
    let api: Api<MarathonApp> = Api::namespaced(cx.client.clone(), &key.namespace);
    let asked = tokio::time::timeout(PATIENCE, api.get_metadata(&key.name)).await;
    let Ok(answer) = asked else {
        return Answer::Silent;
    };
    match answer {
        Ok(_) => Answer::There,
        Err(kube::Error::Api(status))
            if status.is_not_found() && status.details.as_ref().is_some_and(|d| d.name == key.name) =>
        {
            Answer::Gone
        }
        Err(error) => {
            tracing::debug!(
                error = chain(&error),
                app = key.name,
                "failed to ask for the app of a task"
            );
            Answer::Silent
        }
    }
}

fn stopped(key: &AppKey, strays: &Strays, owner: &str) -> String {
    let tasks = strays.by_owner.get(owner).map(Vec::as_slice).unwrap_or_default();
    let hosts: BTreeSet<&str> = tasks.iter().map(|task| task.host.as_str()).collect();
    let hosts: Vec<&str> = hosts.into_iter().filter(|host| !host.is_empty()).collect();
    let tasks = match tasks.len() {
        1 => "1 task".to_owned(),
        count => format!("{count} tasks"),
    };
    let place = if hosts.is_empty() {
        String::new()
    } else {
        format!(" on {}", hosts.join(", "))
    };
    format!(
        "Stopping {tasks}{place} of MarathonApp {}/{}, which does not exist any more",
        key.namespace, key.name
    )
}

fn foreign(tasks: &BTreeSet<String>) -> String {
    let some: Vec<&str> = tasks.iter().take(5).map(String::as_str).collect();
    let more = match tasks.len() - some.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "Framework marathon has tasks that no MarathonApp started, which are left alone: {}{more}",
        some.join(", ")
    )
}

async fn publish(
    cx: &Context,
    cluster: &ClusterFacts,
    related: Option<ObjectReference>,
    reason: Reason,
    note: &str,
) {
    let about = ObjectReference {
        uid: Some(cluster.uid.clone()),
        ..reference::<MesosCluster>(&cluster.key)
    };
    let event = Event {
        related,
        reason,
        action: "Scheduling",
        note,
    };
    cx.reporter.publish(&about, event).await;
}

fn reference<K: Resource<DynamicType = ()>>(key: &AppKey) -> ObjectReference {
    ObjectReference {
        api_version: Some(K::api_version(&()).into_owned()),
        kind: Some(K::kind(&()).into_owned()),
        namespace: Some(key.namespace.clone()),
        name: Some(key.name.clone()),
        ..ObjectReference::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::view::StrayTask;

    #[test]
    fn people_are_told_what_is_stopped_and_what_is_not() {
        let task = |host: &str| StrayTask {
            task: "t".to_owned(),
            host: host.to_owned(),
        };
        let strays = Strays {
            by_owner: [(
                "ns/a".to_owned(),
                vec![task("w2"), task("w1"), task("w2"), task("")],
            )]
            .into(),
            foreign: (0..7).map(|n| format!("t{n}")).collect(),
        };
        let key = AppKey {
            namespace: "ns".into(),
            name: "a".into(),
        };
        assert_eq!(
            stopped(&key, &strays, "ns/a"),
            "Stopping 4 tasks on w1, w2 of MarathonApp ns/a, which does not exist any more"
        );
        assert_eq!(
            foreign(&strays.foreign),
            "Framework marathon has tasks that no MarathonApp started, which are left alone: t0, t1, t2, t3, t4 and 2 more"
        );
    }
}
