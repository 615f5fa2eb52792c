//! Leader election: a Lease names the replica that works; the others stand by.
//!
//! A [`Term`] is the right to write. It ends with the lease, and every write checks it, so that a replica that was
//! frozen for longer than its lease wakes up without that right.

mod lease;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Api, ObjectMeta, PostParams};
use lease::{Step, Stored};
use mesolith_telemetry::Shutdown;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How often a standby looks: a released lease is taken within this time.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The right to write, from winning the lease to losing it.
#[derive(Clone)]
pub(crate) struct Term {
    over: CancellationToken,
    valid_until: Arc<Mutex<Instant>>,
}

impl Term {
    fn new(valid_until: Instant) -> Self {
        Self {
            over: CancellationToken::new(),
            valid_until: Arc::new(Mutex::new(valid_until)),
        }
    }

    /// Whether a write that starts now comes from the leader.
    pub(crate) fn may_write(&self) -> bool {
        let valid_until = *self.valid_until.lock().unwrap_or_else(|e| e.into_inner());
        !self.over.is_cancelled() && Instant::now() < valid_until
    }

    /// Spawns a task that is dropped at the end of the term.
    pub(crate) fn spawn(
        &self,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> tokio::task::JoinHandle<()> {
        let over = self.over.clone();
        tokio::spawn(async move {
            tokio::select! { () = task => {}, () = over.cancelled() => {} }
        })
    }

    fn extend(&self, valid_until: Instant) {
        *self.valid_until.lock().unwrap_or_else(|e| e.into_inner()) = valid_until;
    }
}

/// The result of a look at the lease.
enum Look {
    /// This replica holds it. Carries the count of transitions as it was found and as it was written.
    Won { term: Term, before: i32, now: i32 },
    /// Another replica leads.
    Other,
}

/// A replica's part in the election.
pub(crate) struct Election {
    /// Leases of the operator's namespace; a client without a write gate.
    pub(crate) leases: Api<Lease>,
    /// Name of the lease.
    pub(crate) name: String,
    /// Name of this replica.
    pub(crate) identity: String,
    /// How long a silent leader stays leader.
    pub(crate) duration: Duration,
}

/// Runs `work` during every term until shutdown, and then releases the lease. `ousted` is called when another replica
/// leads, or has led since the last term: everything that outlives a term must end then.
pub(crate) async fn lead<F, Fut>(
    election: Election,
    shutdown: Shutdown,
    observe: impl Fn(Result<bool, String>),
    ousted: impl Fn(),
    mut work: F,
) where
    F: FnMut(Term) -> Fut,
    Fut: Future<Output = ()>,
{
    let mut last = None;
    while !shutdown.is_triggered() {
        let term = tokio::select! {
            term = election.win(&observe, &ousted, &mut last) => term,
            () = shutdown.wait() => return,
        };
        tracing::info!(
            identity = election.identity,
            lease = election.name,
            "this replica leads now"
        );
        observe(Ok(true));
        tokio::select! {
            () = work(term.clone()) => {}
            () = election.keep(&term) => tracing::warn!(lease = election.name, "the lease is lost: standing by"),
            () = shutdown.wait() => {}
        }
        term.over.cancel();
        observe(Ok(false));
        // The work was dropped with the select, so this replica writes nothing any more when the next one starts.
        election.release().await;
    }
}

impl Election {
    /// Waits until this replica holds the lease.
    async fn win(
        &self,
        observe: &impl Fn(Result<bool, String>),
        ousted: &impl Fn(),
        last: &mut Option<i32>,
    ) -> Term {
        let mut seen: (Option<Lease>, Instant) = (None, Instant::now());
        loop {
            match self.look(&mut seen).await {
                Ok(Look::Won { term, before, now }) => {
                    if last.replace(now).is_some_and(|last| last != before) {
                        ousted();
                    }
                    return term;
                }
                Ok(Look::Other) => {
                    ousted();
                    observe(Ok(false));
                }
                Err(error) => {
                    let message = crate::outcome::chain(&error);
                    tracing::warn!(error = message, lease = self.name, "failed to look at the lease");
                    observe(Err(format!("the Kubernetes API does not answer: {message}")));
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn look(&self, seen: &mut (Option<Lease>, Instant)) -> Result<Look, kube::Error> {
        let current = self.leases.get_opt(&self.name).await?;
        if current.as_ref().map(|l| &l.spec) != seen.0.as_ref().map(|l| &l.spec) {
            *seen = (current.clone(), Instant::now());
        }
        let started = Instant::now();
        let stored = current.as_ref().map(facts);
        let written = match lease::step(stored.as_ref(), &self.identity, seen.1.elapsed()) {
            Step::Wait => return Ok(Look::Other),
            Step::Create => {
                let lease = Lease {
                    metadata: ObjectMeta {
                        name: Some(self.name.clone()),
                        ..ObjectMeta::default()
                    },
                    spec: Some(self.spec(0, MicroTime(jiff::Timestamp::now()))),
                };
                self.leases.create(&PostParams::default(), &lease).await
            }
            Step::Take { transitions } => {
                let mut lease = current.unwrap_or_default();
                lease.spec = Some(self.spec(transitions, MicroTime(jiff::Timestamp::now())));
                self.leases
                    .replace(&self.name, &PostParams::default(), &lease)
                    .await
            }
        };
        match written {
            Ok(lease) => Ok(Look::Won {
                term: Term::new(started + self.duration),
                before: stored.map_or(0, |stored| stored.transitions),
                now: facts(&lease).transitions,
            }),
            // Another replica was faster.
            Err(error) if crate::outcome::is_conflict(&error) => Ok(Look::Other),
            Err(error) => Err(error),
        }
    }

    /// Renews the lease until it is lost: another replica has taken it, or it was not renewed for so long that
    /// another may take it.
    async fn keep(&self, term: &Term) {
        loop {
            tokio::time::sleep(self.duration / 3).await;
            let started = Instant::now();
            match tokio::time::timeout(self.duration / 3, self.renew()).await {
                Ok(Ok(true)) => term.extend(started + self.duration),
                Ok(Ok(false)) => return,
                Ok(Err(error)) => {
                    tracing::warn!(error = crate::outcome::chain(&error), "failed to renew the lease");
                }
                Err(_) => tracing::warn!("failed to renew the lease in time"),
            }
            if !term.may_write() {
                return;
            }
        }
    }

    /// Whether the lease is still ours afterwards.
    async fn renew(&self) -> Result<bool, kube::Error> {
        let Some(mut lease) = self.leases.get_opt(&self.name).await? else {
            return Ok(false);
        };
        let stored = facts(&lease);
        if stored.holder != self.identity {
            return Ok(false);
        }
        if let Some(spec) = lease.spec.as_mut() {
            spec.renew_time = Some(MicroTime(jiff::Timestamp::now()));
        }
        // A conflict extends nothing: another replica may have taken the lease, which the next renewal will show.
        self.leases
            .replace(&self.name, &PostParams::default(), &lease)
            .await?;
        Ok(true)
    }

    /// Releases the lease, so that another replica takes over at once. If this fails, the lease just ends later.
    async fn release(&self) {
        let give_up = async {
            let Some(mut lease) = self.leases.get_opt(&self.name).await? else {
                return Ok(());
            };
            if facts(&lease).holder == self.identity
                && let Some(spec) = lease.spec.as_mut()
            {
                spec.holder_identity = Some(String::new());
                spec.lease_duration_seconds = Some(1);
                self.leases
                    .replace(&self.name, &PostParams::default(), &lease)
                    .await?;
                tracing::info!(lease = self.name, "lease released");
            }
            Ok::<(), kube::Error>(())
        };
        match tokio::time::timeout(Duration::from_secs(5), give_up).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(
                    error = crate::outcome::chain(&error),
                    "failed to release the lease"
                )
            }
            Err(_) => tracing::warn!("failed to release the lease in time"),
        }
    }

    fn spec(&self, transitions: i32, now: MicroTime) -> LeaseSpec {
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(self.duration.as_secs()).ok(),
            acquire_time: Some(now.clone()),
            renew_time: Some(now),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        }
    }
}

fn facts(lease: &Lease) -> Stored {
    let Some(spec) = &lease.spec else {
        return Stored::default();
    };
    Stored {
        holder: spec.holder_identity.clone().unwrap_or_default(),
        duration: Duration::from_secs(
            spec.lease_duration_seconds
                .and_then(|s| u64::try_from(s).ok())
                .unwrap_or(0),
        ),
        transitions: spec.lease_transitions.unwrap_or(0),
    }
}
