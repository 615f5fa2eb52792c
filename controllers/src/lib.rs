//! Operator: reconcilers of the three resources and the Marathon scheduler.
//!
//! ```text
//! run ─► leader (Lease) ─► per term: Runtime ─► mesos_cluster, marathon_app, zk_migration
//!                                                 each: controller::drive ─► reconcile ─► Outcome
//! ```
//!
//! A replica without the lease stands by: it serves its HTTP endpoints, is ready, and writes nothing.

mod api_client;
mod args;
mod backoff;
mod controller;
mod finalizers;
mod fleet;
mod http;
mod key;
mod leader;
mod marathon_app;
mod mesos_cluster;
mod metrics;
mod nodes;
mod outcome;
mod problem;
mod report;
mod rest;
mod scheduler;
pub mod sync_engine;
mod zk_migration;

pub use args::Args;

use controller::Runtime;
use leader::{Election, Term};
use mesolith_telemetry::{Health, Shutdown};
use metrics::Metrics;
use report::Reporter;
use std::time::Duration;

/// Runs the role until shutdown.
///
/// # Errors
/// When the role cannot start or must stop; the message says what to do.
pub async fn run(args: Args, shutdown: Shutdown) -> anyhow::Result<()> {
    let registry = mesolith_telemetry::Registry::default();
    let metrics = Metrics::register(&registry);
    let migrations = zk_migration::MigrationMetrics::register(&registry);
    let health = Health::default();
    health.set("kubernetes", Err("no contact with the Kubernetes API yet".into()));

    let listener = mesolith_telemetry::listen(args.http).await?;
    let api = match args.api {
        Some(address) => {
            let options = rest::Options {
                address,
                tls_dir: args.api_tls_dir.clone(),
                namespace: args.api_namespace.clone(),
            };
            Some((rest::listen(&options).await?, options))
        }
        None => None,
    };
    let router = mesolith_telemetry::router(registry, health.clone());
    let server = tokio::spawn(mesolith_telemetry::serve_on(listener, router, shutdown.clone()));
    let config = api_client::config(args.kubeconfig.as_deref()).await?;
    let api = match api {
        Some((listener, options)) => {
            // Every replica serves: reads need no lease, and writes are the caller's own.
            let client = api_client::client(config.clone(), metrics.clone(), None)?;
            let serve = rest::serve(listener, options, config.clone(), client, shutdown.clone());
            Some(tokio::spawn(serve))
        }
        None => None,
    };
    let elector = api_client::client(config.clone(), metrics.clone(), None)?;
    let election = Election {
        leases: kube::Api::namespaced(elector, &args.namespace),
        name: args.lease_name.clone(),
        identity: args.identity.clone().unwrap_or_else(identity),
        duration: Duration::from_secs(args.lease_seconds.into()),
    };
    let identity = election.identity.clone();
    let observe = {
        let (health, metrics, migrations) = (health.clone(), metrics.clone(), migrations.clone());
        move |seen: Result<bool, String>| {
            let leads = *seen.as_ref().unwrap_or(&false);
            metrics.leads(leads);
            if !leads {
                migrations.clear();
            }
            health.set("kubernetes", seen.map(|_| ()));
        }
    };
    // Schedulers go on when the term ends: with the API server down there is no leader, and the apps must not notice.
    let frameworks = marathon_app::Frameworks::default();
    // But two sets of schedulers with different ideas of the apps must not take the framework from each other.
    let ousted = || frameworks.end();
    leader::lead(election, shutdown, observe, ousted, |term| {
        work(
            config.clone(),
            metrics.clone(),
            identity.clone(),
            frameworks.clone(),
            (args.namespace.clone(), migrations.clone()),
            term,
        )
    })
    .await;
    server.await??;
    if let Some(api) = api {
        api.await??;
    }
    Ok(())
}

/// One term as leader: the three controllers, until the caller drops them.
async fn work(
    config: kube::Config,
    metrics: Metrics,
    identity: String,
    frameworks: marathon_app::Frameworks,
    (namespace, migrations): (String, zk_migration::MigrationMetrics),
    term: Term,
) {
    let client = match api_client::client(config, metrics.clone(), Some(term.clone())) {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(error = outcome::chain(&error), "failed to start the controllers");
            return;
        }
    };
    let runtime = Runtime {
        reporter: Reporter::new(client.clone(), identity.clone()),
        client,
        metrics,
    };
    tokio::join!(
        mesos_cluster::run(runtime.clone(), term.clone()),
        marathon_app::run(runtime.clone(), term, frameworks, identity),
        zk_migration::run(runtime, namespace, migrations)
    );
}

/// A name that no other replica has, not even one that ran on this host before.
fn identity() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let unique = uuid::Uuid::new_v4().simple().to_string();
    format!(
        "{}_{}",
        if host.trim().is_empty() {
            "operator"
        } else {
            host.trim()
        },
        &unique[..8]
    )
}
