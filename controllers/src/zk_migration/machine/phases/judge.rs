//! Judgements that several phases make of what is seen.

use super::super::evidence::Evidence;
use super::super::world::{Goal, World, wait};
use super::form::{letter, no_engine};
use jiff::SignedDuration;
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::mesos_cluster::{ClusterSide, MemberCounts};
use mesolith_crds::v1alpha1::zk_migration::Waiting;

/// Collects what is signed and what is not so yet.
#[derive(Debug, Default)]
pub(super) struct Judge {
    evidence: Evidence,
    waits: Vec<Waiting>,
}

impl Judge {
    /// Evidence, or everything that is not so yet.
    pub(super) fn verdict(self) -> Result<Evidence, Vec<Waiting>> {
        if self.waits.is_empty() {
            Ok(self.evidence)
        } else {
            Err(self.waits)
        }
    }

    /// Only what is not so yet.
    pub(super) fn waits(self) -> Vec<Waiting> {
        self.waits
    }

    /// A fact, if it is so.
    pub(super) fn fact(
        mut self,
        so: bool,
        name: &'static str,
        value: impl ToString,
        otherwise: impl FnOnce() -> Waiting,
    ) -> Self {
        if so {
            self.evidence = self.evidence.with(name, value);
        } else {
            self.waits.push(otherwise());
        }
        self
    }

    /// A figure that is signed whatever it is.
    pub(super) fn signed(mut self, name: &'static str, value: impl ToString) -> Self {
        self.evidence = self.evidence.with(name, value);
        self
    }

    /// Every server of ensemble B serves.
    pub(super) fn quorum(self, servers: &MemberCounts) -> Self {
        let all = servers.ready == servers.desired;
        self.fact(all, "quorum", &servers.summary, || {
            let message = format!("{} servers of B serve", servers.summary);
            wait(Reason::WaitingForQuorum, message)
        })
    }

    /// A wait.
    pub(super) fn not_yet(mut self, waiting: Waiting) -> Self {
        self.waits.push(waiting);
        self
    }

    /// The two ensembles are equal but for a small lag.
    pub(super) fn in_sync(mut self, goal: &Goal, world: &World) -> Self {
        let Some(sync) = &world.sync else {
            return self.not_yet(no_engine());
        };
        if !sync.in_sync {
            return self.not_yet(wait(Reason::WaitingForSync, sync.doing.clone()));
        }
        let limit = goal.lag_threshold;
        self = self
            .fact(
                sync.lag_p95 <= limit,
                "lag",
                format!("below {} ms", limit.as_millis()),
                || {
                    wait(
                        Reason::LagAboveThreshold,
                        format!(
                            "the lag P95 is {:.1} ms, spec.sync.lagThreshold is {} ms",
                            sync.lag_p95.as_secs_f64() * 1e3,
                            limit.as_millis()
                        ),
                    )
                },
            )
            .fact(sync.refused == 0, "refused", 0, || {
                wait(
                    Reason::ChangesRefused,
                    format!(
                        "{} changes are not taken: see mesos-migrate sync status",
                        sync.refused
                    ),
                )
            })
            .fact(
                sync.digests_agree != Some(false),
                "digests",
                match sync.digests_agree {
                    Some(_) => "agree",
                    None => "not computed by these servers",
                },
                || {
                    wait(
                        Reason::DigestsDiffer,
                        "the servers' digest of an ensemble is not that of the engine's picture of it: see mesos-migrate sync diff",
                    )
                },
            )
            .signed("conflicts", sync.conflicts);
        self.evidence = self
            .evidence
            .showing(format!("lag P95 {:.1} ms", sync.lag_p95.as_secs_f64() * 1e3));
        self
    }

    /// A master of that side leads, and has for a while.
    pub(super) fn led_by(self, side: ClusterSide, goal: &Goal, world: &World) -> Self {
        let Some(leader) = &world.leader else {
            return self.not_yet(wait(Reason::WaitingForLeader, "no master leads"));
        };
        let steady = SignedDuration::try_from(goal.steady).unwrap_or(SignedDuration::MAX);
        if leader.side != side {
            return self.not_yet(wait(
                Reason::WaitingForLeader,
                format!(
                    "{} of cluster {} leads; a master of cluster {} is to lead",
                    leader.address,
                    letter(leader.side),
                    letter(side)
                ),
            ));
        }
        self.fact(
            world.now.duration_since(leader.since) >= steady,
            "leader",
            &leader.address,
            || {
                wait(
                    Reason::LeaderNotSteady,
                    format!(
                        "{} leads for less than {} s",
                        leader.address,
                        goal.steady.as_secs()
                    ),
                )
            },
        )
    }

    /// Every framework is connected to the leader.
    pub(super) fn frameworks(self, world: &World) -> Self {
        let Some(counts) = &world.counts else {
            return self.not_yet(wait(
                Reason::WaitingForLeader,
                "the leading master does not tell its counts",
            ));
        };
        self.fact(
            counts.frameworks_connected == counts.frameworks,
            "frameworks",
            format!("{0}/{0} connected", counts.frameworks),
            || {
                wait(
                    Reason::FrameworksDisconnected,
                    format!(
                        "{} of {} frameworks are connected to the leader",
                        counts.frameworks_connected, counts.frameworks
                    ),
                )
            },
        )
    }

    /// Every agent that was asked for is registered.
    pub(super) fn agents(self, world: &World) -> Self {
        let (Some(counts), Ok(sides)) = (&world.counts, world.sides()) else {
            return self.not_yet(wait(Reason::WaitingForAgents, "agents are not counted yet"));
        };
        let wanted = sides.source.agents.desired + sides.target.agents.desired;
        self.fact(
            i32::try_from(counts.agents).is_ok_and(|agents| agents >= wanted),
            "agents",
            format!("{wanted} registered"),
            || {
                wait(
                    Reason::WaitingForAgents,
                    format!(
                        "{} of {wanted} agents have registered with the leader",
                        counts.agents
                    ),
                )
            },
        )
    }

    /// How many tasks have failed since the migration began.
    pub(super) fn no_task_failed(self, world: &World) -> Self {
        match world.counts.as_ref().and_then(|counts| counts.failed) {
            Some(failed) => self.signed("failed tasks", failed),
            None => self,
        }
    }
}
