//! Health checks that Marathon carries out itself: HTTP, HTTPS and TCP from here to the agent's host.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use mesolith_marathon::{
    TaskId,
    app::HealthCheck,
    health::{self, Probe},
    instance::State,
};
use tokio::{net::TcpStream, sync::Semaphore, sync::mpsc, task::JoinHandle, time};

use super::model::Model;

/// Marathon's `--max_concurrent_marathon_health_checks`.
const CONCURRENCY: usize = 256;
/// Longest delay of the first check, whatever the interval.
const FIRST_WITHIN: Duration = Duration::from_secs(5);

/// A result: task, place of the check in the definition, alive.
#[derive(Debug)]
pub(super) struct ProbeResult {
    pub(super) task: TaskId,
    pub(super) check: usize,
    pub(super) alive: bool,
}

/// The probes under way, one task for each check of each running instance.
pub(super) struct Probes {
    client: reqwest::Client,
    running: BTreeMap<(TaskId, usize), (Probe, JoinHandle<()>)>,
    limit: Arc<Semaphore>,
    results: mpsc::UnboundedSender<ProbeResult>,
}

impl Probes {
    pub(super) fn new(results: mpsc::UnboundedSender<ProbeResult>) -> Result<Self, reqwest::Error> {
        // A check asks whether the app answers, so its certificate does not matter, and a redirect is an answer.
        let client = reqwest::Client::builder()
            .danger_accept_invalid_certs(true)
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(0)
            .no_proxy()
            .build()?;
        Ok(Self {
            client,
            running: BTreeMap::new(),
            limit: Arc::new(Semaphore::new(CONCURRENCY)),
            results,
        })
    }

    /// Starts and stops probes so that they fit the model.
    pub(super) fn follow(&mut self, model: &Model) {
        let mut wanted: BTreeMap<(TaskId, usize), (Probe, HealthCheck)> = BTreeMap::new();
        for state in model.apps.values() {
            for instance in state.instances.values() {
                if instance.state != State::Running || instance.is_stopping() {
                    continue;
                }
                for (index, check) in health::probed(&instance.checks) {
                    if let Some(probe) = health::probe(check, &instance.agent.hostname, &instance.host_ports)
                    {
                        wanted.insert((instance.task.clone(), index), (probe, check.clone()));
                    }
                }
            }
        }
        self.running.retain(|key, (probe, handle)| {
            let keep = wanted.get(key).is_some_and(|(want, _)| want == probe);
            if !keep {
                handle.abort();
            }
            keep
        });
        for (key, (probe, check)) in wanted {
            if !self.running.contains_key(&key) {
                let handle = tokio::spawn(run(
                    self.client.clone(),
                    self.limit.clone(),
                    self.results.clone(),
                    key.clone(),
                    probe.clone(),
                    check,
                ));
                self.running.insert(key, (probe, handle));
            }
        }
    }
}

impl Drop for Probes {
    fn drop(&mut self) {
        for (_, handle) in self.running.values() {
            handle.abort();
        }
    }
}

async fn run(
    client: reqwest::Client,
    limit: Arc<Semaphore>,
    results: mpsc::UnboundedSender<ProbeResult>,
    (task, check_index): (TaskId, usize),
    probe: Probe,
    check: HealthCheck,
) {
    let interval = Duration::from_secs(check.interval_seconds.max(1).into());
    let patience = Duration::from_secs(check.timeout_seconds.max(1).into());
    time::sleep(interval.min(FIRST_WITHIN)).await;
    loop {
        let alive = {
            let Ok(_permit) = limit.acquire().await else {
                return;
            };
            time::timeout(patience, ask(&client, &probe))
                .await
                .unwrap_or(false)
        };
        if results
            .send(ProbeResult {
                task: task.clone(),
                check: check_index,
                alive,
            })
            .is_err()
        {
            return;
        }
        time::sleep(interval).await;
    }
}

async fn ask(client: &reqwest::Client, probe: &Probe) -> bool {
    match probe {
        Probe::Http(url) => {
            let answer = client.get(url).send().await;
            answer.is_ok_and(|response| (200..400).contains(&response.status().as_u16()))
        }
        Probe::Tcp(host, port) => TcpStream::connect((host.as_str(), *port)).await.is_ok(),
    }
}
