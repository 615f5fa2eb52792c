//! A cluster for tests that becomes what its form says, one small step after another, in any order: what the cluster's
//! controller, its nodes and the sync engine do.

use super::world::{Counts, Drained, Goal, Leader, Probe, SeenSides, SyncSeen, World, wait};
use super::{Effect, Record};
use jiff::{SignedDuration, Timestamp};
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::mesos_cluster::{
    ClusterForm, ClusterSide, FormRoot, FormSync, MastersSpec, MemberCounts, Parts, SideCounts,
    TargetCluster, ZooKeeperSpec,
};
use mesolith_crds::v1alpha1::zk_migration::{AgentStrategy, Direction, Phase, Stage};
use rand::Rng;
use rand::rngs::StdRng;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Members of each kind on each side.
const MEMBERS: i32 = 3;

/// A cluster that becomes what its form says, one small step after another, in any order.
pub(super) struct Cluster {
    pub(super) goal: Goal,
    pub(super) form: Option<ClusterForm>,
    /// ZooKeeper servers, masters and agents of A and B.
    zookeeper: [i32; 2],
    /// Servers of A whose data is there.
    kept: i32,
    masters: [i32; 2],
    agents: [BTreeSet<String>; 2],
    /// Masters that may not lead.
    pinned: [bool; 2],
    leader: Option<ClusterSide>,
    engines: i32,
    roots: Vec<FormRoot>,
    in_sync: bool,
    probe: Probe,
    tasks: BTreeMap<String, usize>,
    /// Nodes of agents that the master was told about.
    announced: BTreeSet<String>,
    /// Connections to A that are not ours.
    clients: usize,
    /// Subtrees of A besides the election's.
    subtrees: Vec<String>,
    kept_since: Option<Timestamp>,
    /// Whether a person has put the new spec into Git.
    adopted: bool,
    now: Timestamp,
}

impl Cluster {
    pub(super) fn new(strategy: AgentStrategy) -> Self {
        let names = |prefix: &str| -> Vec<String> { (1..=MEMBERS).map(|n| format!("{prefix}{n}")).collect() };
        let target = TargetCluster {
            zookeeper: ZooKeeperSpec {
                nodes: Some("b[1-3]".to_owned()),
                ..ZooKeeperSpec::default()
            },
            masters: MastersSpec {
                nodes: "b[1-3]".to_owned(),
                ..MastersSpec::default()
            },
            ..TargetCluster::default()
        };
        Self {
            goal: Goal {
                migration: "default/move".to_owned(),
                uid: "u".to_owned(),
                target,
                source_agents: names("a"),
                strategy,
                election: "/mesos".to_owned(),
                sync: FormSync {
                    nodes: vec!["b1".to_owned(), "b2".to_owned()],
                    ..FormSync::default()
                },
                lag_threshold: Duration::from_millis(100),
                retention: Duration::from_secs(60),
                ..Goal::default()
            },
            form: None,
            zookeeper: [MEMBERS, 0],
            kept: MEMBERS,
            masters: [MEMBERS, 0],
            agents: [names("a").into_iter().collect(), BTreeSet::new()],
            pinned: [false, true],
            leader: Some(ClusterSide::Source),
            engines: 0,
            roots: Vec::new(),
            in_sync: false,
            probe: Probe::Absent,
            tasks: names("a").into_iter().map(|node| (node, 2)).collect(),
            announced: BTreeSet::new(),
            clients: 2,
            subtrees: vec!["/marathon".to_owned()],
            kept_since: None,
            adopted: false,
            now: Timestamp::UNIX_EPOCH,
        }
    }

    /// What the status of the migration remembers of its moves.
    pub(super) fn note(&mut self, from: &Record, to: &Record) {
        if (to.phase, to.direction) != (Phase::RemoveZk, Direction::Forward) {
            return;
        }
        match (from.stage, to.stage) {
            (Stage::Preflight, Stage::Acting) => self.kept_since = None,
            (_, Stage::Done) => self.kept_since = self.kept_since.or(Some(self.now)),
            _ => {}
        }
    }

    /// The status of the migration is lost.
    pub(super) fn forget(&mut self) {
        self.kept_since = None;
    }

    /// Another program makes a top-level node on A.
    pub(super) fn somebody_writes(&mut self, path: &str) {
        if self.zookeeper[0] > 0 && !self.subtrees.iter().any(|known| known == path) {
            self.subtrees.push(path.to_owned());
        }
    }

    fn is_parked(&self) -> bool {
        self.form.as_ref().is_some_and(|form| form.source_parked)
    }

    /// Whether the deletion of A was ordered, or is history.
    pub(super) fn is_deleted(&self) -> bool {
        self.kept < MEMBERS
            || self
                .form
                .as_ref()
                .is_some_and(|form| !form.source_parts.zookeeper)
    }

    fn parts(&self) -> [Parts; 2] {
        match &self.form {
            Some(form) => [form.source_parts, form.target_parts],
            // The spec is that of cluster B now.
            None if self.adopted => {
                let repointed = self.goal.strategy == AgentStrategy::Repoint;
                let parts = |agents| Parts { agents, ..Parts::ALL };
                let agents_only = Parts {
                    agents: repointed,
                    ..Parts::default()
                };
                [agents_only, parts(!repointed)]
            }
            None => [Parts::ALL, Parts::default()],
        }
    }

    fn wanted_agents(&self, side: usize) -> BTreeSet<String> {
        let retired = self
            .form
            .as_ref()
            .map(|form| form.retired_agents.clone())
            .unwrap_or_default();
        let prefix = ["a", "b"][side];
        if !self.parts()[side].agents {
            return BTreeSet::new();
        }
        (1..=MEMBERS)
            .map(|n| format!("{prefix}{n}"))
            .filter(|node| !retired.contains(node))
            .collect()
    }

    /// One of the things that the cluster's controller and the nodes do.
    pub(super) fn tick(&mut self, rng: &mut StdRng) {
        self.now += SignedDuration::from_secs(1);
        let parts = self.parts();
        let side = rng.random_range(0..2);
        let toward = |now: &mut i32, wanted: bool| {
            *now += (if wanted { MEMBERS } else { 0 } - *now).signum();
        };
        match rng.random_range(0..10) {
            0 => {
                let serves = parts[side].zookeeper && (side == 1 || !self.is_parked());
                toward(&mut self.zookeeper[side], serves);
                if side == 0 && !parts[0].zookeeper && self.zookeeper[0] == 0 {
                    self.kept = (self.kept - 1).max(0);
                }
            }
            1 => {
                let may_lead = self.may_lead(side);
                let last = self.masters[side] == 1 && !parts[side].masters && !may_lead.is_empty();
                if !last || self.masters[1 - side] == MEMBERS {
                    toward(&mut self.masters[side], parts[side].masters);
                }
            }
            2 => self.agents(side),
            3 => self.pins(),
            4 => self.engine(),
            5 => {
                self.probe = match std::mem::take(&mut self.probe) {
                    Probe::Waits(_) if !self.agents[1].is_empty() => Probe::Runs,
                    Probe::Ends => Probe::Absent,
                    other => other,
                };
            }
            6 => self.tell(),
            8 => self.clients = self.clients.saturating_sub(1),
            7 => self.adopted |= self.form.as_ref().is_some_and(ClusterForm::is_final),
            _ => self.move_a_task(),
        }
        self.elect();
    }

    fn may_lead(&self, side: usize) -> Vec<ClusterSide> {
        let sides = [ClusterSide::Source, ClusterSide::Target];
        if self.pinned[side] {
            Vec::new()
        } else {
            vec![sides[side]]
        }
    }

    /// A side is let lead when the other one is pinned or gone.
    fn pins(&mut self) {
        let leads = self.form.as_ref().map_or(
            match self.adopted {
                true => ClusterSide::Target,
                false => ClusterSide::Source,
            },
            |form| form.leads,
        );
        let (to, from) = match leads {
            ClusterSide::Source => (0, 1),
            ClusterSide::Target => (1, 0),
        };
        if !self.pinned[from] {
            // The last member must not go before the others are there.
            if self.masters[to] == MEMBERS {
                self.pinned[from] = true;
            }
        } else {
            self.pinned[to] = false;
        }
    }

    fn elect(&mut self) {
        let able = |side: usize| self.masters[side] > 0 && !self.pinned[side];
        assert!(!(able(0) && able(1)), "two sides may lead");
        self.leader = match (able(0), able(1)) {
            (true, _) => Some(ClusterSide::Source),
            (_, true) => Some(ClusterSide::Target),
            _ => None,
        };
    }

    fn agents(&mut self, side: usize) {
        let wanted = self.wanted_agents(side);
        if let Some(node) = wanted.difference(&self.agents[side]).next() {
            self.agents[side].insert(node.clone());
        } else if let Some(node) = self.agents[side].difference(&wanted).next().cloned() {
            // An agent leaves when the master knows of it, and its tasks have moved.
            if self.announced.contains(&node) && self.tasks.get(&node).copied().unwrap_or(0) == 0 {
                self.agents[side].remove(&node);
            }
        }
    }

    fn leaves(&self, node: &str) -> bool {
        let side = usize::from(node.starts_with('b'));
        self.agents[side].contains(node) && !self.wanted_agents(side).contains(node)
    }

    /// The master is told of an agent that leaves, or stays after all.
    fn tell(&mut self) {
        let is_new = |node: &&String| self.leaves(node) && !self.announced.contains(*node);
        let new = self.agents.iter().flatten().find(is_new).cloned();
        let over = self.announced.iter().find(|node| !self.leaves(node)).cloned();
        if let Some(node) = new {
            self.announced.insert(node);
        } else if let Some(node) = over {
            self.announced.remove(&node);
        }
    }

    fn engine(&mut self) {
        let wanted = self.form.as_ref().and_then(|form| form.sync.clone());
        match wanted {
            Some(sync) if self.zookeeper[1] == MEMBERS && self.zookeeper[0] == MEMBERS => {
                if self.engines < 2 {
                    self.engines += 1;
                    self.in_sync = false;
                } else if !self.in_sync {
                    self.in_sync = true;
                } else {
                    self.roots = sync.roots;
                }
            }
            Some(_) => {}
            None => {
                if self.engines > 0 {
                    self.engines -= 1;
                }
                self.in_sync = false;
                self.roots.clear();
            }
        }
    }

    fn move_a_task(&mut self) {
        let leaving = |cluster: &Self, node: &String| {
            let side = usize::from(node.starts_with('b'));
            !cluster.wanted_agents(side).contains(node)
        };
        let from = self.tasks.iter().find(|(node, n)| **n > 0 && leaving(self, node));
        let from = from.map(|(node, _)| node.clone());
        let to = self
            .agents
            .iter()
            .flatten()
            .find(|node| !leaving(self, node))
            .cloned();
        if let (Some(from), Some(to)) = (from, to) {
            *self.tasks.entry(from).or_default() -= 1;
            *self.tasks.entry(to).or_default() += 1;
        }
    }

    pub(super) fn world(&self) -> World {
        let counts = |ready: i32, wanted: bool| MemberCounts::new(ready, if wanted { MEMBERS } else { 0 });
        let parts = self.parts();
        let side = |n: usize, side: ClusterSide| SideCounts {
            side,
            zookeeper: counts(
                self.zookeeper[n],
                parts[n].zookeeper && (n == 1 || !self.is_parked()),
            ),
            masters: counts(self.masters[n], parts[n].masters),
            pinned: if self.pinned[n] { self.masters[n] } else { 0 },
            masters_left: self.masters[n],
            agents: MemberCounts::new(
                i32::try_from(self.agents[n].intersection(&self.wanted_agents(n)).count()).unwrap(),
                i32::try_from(self.wanted_agents(n).len()).unwrap(),
            ),
            agents_left: i32::try_from(self.agents[n].len()).unwrap(),
            zookeeper_left: if n == 0 { self.kept } else { self.zookeeper[n] },
            parked: if n == 0 && self.is_parked() {
                MEMBERS - self.zookeeper[0]
            } else {
                0
            },
            copies: Vec::new(),
            engines: MemberCounts::new(self.engines, self.engines),
            engines_left: self.engines,
            zookeeper_url: None,
        };
        let tasks_of = |prefix: char| {
            let of_side = self.tasks.iter().filter(|(node, _)| node.starts_with(prefix));
            of_side.map(|(_, n)| n).sum()
        };
        let all = usize::try_from(self.masters[0] + self.masters[1]).unwrap();
        World {
            now: self.now,
            form: self.form.clone(),
            sides: Some(SeenSides {
                source: side(0, ClusterSide::Source),
                target: side(1, ClusterSide::Target),
            }),
            leader: self.leader.map(|side| Leader {
                side,
                address: format!("{side:?}"),
                since: Timestamp::UNIX_EPOCH,
            }),
            sync: (self.engines > 0).then(|| SyncSeen {
                in_sync: self.in_sync,
                doing: "seeding".to_owned(),
                roots: self.roots.clone(),
                ..SyncSeen::default()
            }),
            contenders: Some([all, all]),
            counts: Some(Counts {
                frameworks: 2,
                frameworks_connected: 2,
                agents: self.agents.iter().map(BTreeSet::len).sum(),
                tasks: [tasks_of('a'), tasks_of('b')],
                failed: Some(0),
                failures: None,
            }),
            probe: self.probe.clone(),
            probe_on: self.agents[1].iter().cloned().collect(),
            drained: self
                .agents
                .iter()
                .flatten()
                .filter(|node| self.leaves(node))
                .map(|node| {
                    let drained = Drained {
                        tasks: self.tasks.get(node).copied(),
                        frameworks: vec!["marathon".to_owned()],
                    };
                    (node.clone(), drained)
                })
                .collect(),
            retracting: self.announced.iter().filter(|node| !self.leaves(node)).count(),
            next_batch: Some(self.wanted_agents(0).into_iter().take(1).collect()),
            clients: (self.zookeeper[0] > 0)
                .then(|| Ok((0..self.clients).map(|n| format!("192.0.2.9:{n}")).collect())),
            subtrees: (self.zookeeper[0] > 0).then(|| self.subtrees.clone()),
            kept_since: self.kept_since,
            adopted: self.adopted,
            ..World::default()
        }
    }

    pub(super) fn act(&mut self, effect: Effect) {
        match effect {
            Effect::Shape(form) => {
                let before = self.form.as_ref().map_or(0, |form| form.generation);
                assert!(form.generation > before, "a form has a generation of its own");
                if form.source_parked && !self.is_parked() {
                    assert_eq!(
                        (self.engines, self.clients),
                        (0, 0),
                        "A is not stopped under an engine or a client"
                    );
                    let left_out: Vec<_> = self
                        .subtrees
                        .iter()
                        .filter(|path| !form.paths.contains(path))
                        .collect();
                    assert!(left_out.is_empty(), "{left_out:?} of A were never kept equal");
                }
                if !form.source_parts.zookeeper {
                    assert_eq!(self.zookeeper[0], 0, "A is stopped before it is deleted");
                    assert!(self.kept_since.is_some_and(|since| {
                        self.now.duration_since(since)
                            >= SignedDuration::try_from(self.goal.retention).unwrap()
                    }));
                }
                if !form.source_parts.masters {
                    assert!(form.target_parts.masters, "somebody has to lead");
                }
                self.form = Some(*form);
            }
            Effect::Unshape => {
                assert!(
                    !self.is_deleted() || self.adopted,
                    "a spec that is behind would bring A back"
                );
                self.form = None;
            }
            Effect::StartProbe(_) if self.probe == Probe::Absent => {
                self.probe = Probe::Waits(wait(Reason::WaitingForProbe, ""));
            }
            Effect::EndProbe if self.probe != Probe::Absent => self.probe = Probe::Ends,
            Effect::StartProbe(_) | Effect::EndProbe => {}
        }
    }

    /// As before the migration: nothing of B, all of A.
    pub(super) fn assert_untouched(&self) {
        assert_eq!(self.form, None);
        assert_eq!((self.zookeeper, self.masters), ([MEMBERS, 0], [MEMBERS, 0]));
        assert_eq!(self.kept, MEMBERS);
        assert_eq!((self.agents[0].len(), self.agents[1].len()), (3, 0));
        assert_eq!((self.engines, &self.probe), (0, &Probe::Absent));
        assert_eq!(self.leader, Some(ClusterSide::Source));
        assert!(self.announced.is_empty());
        assert_eq!(self.tasks.values().sum::<usize>(), 6, "no task is lost");
    }

    /// Cluster A is gone, and nothing speaks of it any more.
    pub(super) fn assert_released(&self) {
        assert_eq!((self.form.as_ref(), self.kept, self.adopted), (None, 0, true));
        assert_eq!((self.zookeeper, self.masters), ([0, MEMBERS], [0, MEMBERS]));
    }

    pub(super) fn assert_moved(&self) {
        let kept = usize::from(self.goal.strategy == AgentStrategy::Repoint) * 3;
        assert_eq!((self.zookeeper, self.masters), ([0, MEMBERS], [0, MEMBERS]));
        assert_eq!(self.kept, MEMBERS, "A can come back");
        assert_eq!((self.agents[0].len(), self.agents[1].len()), (kept, 3 - kept));
        assert_eq!((self.engines, &self.probe), (0, &Probe::Absent));
        assert_eq!(self.leader, Some(ClusterSide::Target));
        assert_eq!(self.tasks.values().sum::<usize>(), 6, "no task is lost");
    }
}
