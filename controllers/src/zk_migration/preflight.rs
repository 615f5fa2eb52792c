//! From what was seen to the preflight checks. Pure.

mod nodes;

use super::observe::{Facts, LeaderMetrics, NodeAnswers};
use super::problem::{Problem, Problems};
use super::resolve::Sides;
use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::zk_migration::{
    PreMigrationCheck, PreflightCheck, PreflightState, ZkMigrationSpec,
};
use mesolith_zk::four_letter::{Mode, ServerStatus};

/// Longest message of a check that the API server takes.
const MESSAGE_LIMIT: usize = 1024;

type Answers<T> = [(String, Result<T, Problem>)];

/// One check with its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Check {
    name: &'static str,
    state: PreflightState,
    /// Why it did not pass.
    reason: Option<Reason>,
    /// One short sentence.
    headline: String,
    /// Causes and remedies.
    details: String,
}

impl Check {
    fn new(name: &'static str, state: PreflightState, headline: impl Into<String>) -> Self {
        Self {
            name,
            state,
            reason: None,
            headline: headline.into(),
            details: String::new(),
        }
    }

    /// With the sentences of what is wrong.
    fn because(self, reason: Option<Reason>, details: String) -> Self {
        Self {
            reason,
            details,
            ..self
        }
    }

    /// Name and short sentence; the whole is in the status.
    pub(super) fn line(&self) -> String {
        format!("{}: {}", self.name, self.headline)
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn reason(&self) -> Reason {
        self.reason.unwrap_or(Reason::PreflightFailed)
    }

    pub(super) fn failed(&self) -> bool {
        self.state == PreflightState::Failed
    }

    pub(super) fn skipped(&self) -> bool {
        self.state == PreflightState::Skipped
    }

    /// As the status shows it.
    pub(super) fn shown(&self) -> PreflightCheck {
        let mut message = match self.details.as_str() {
            "" => self.headline.clone(),
            details => format!("{}. {details}", self.headline),
        };
        message.truncate(message.floor_char_boundary(MESSAGE_LIMIT));
        PreflightCheck {
            name: self.name.to_owned(),
            status: self.state,
            reason: self.reason.map(|reason| reason.to_string()),
            message: Some(message),
        }
    }
}

/// Every check with its result, always in the same order.
pub(super) fn checks(spec: &ZkMigrationSpec, sides: &Sides, facts: &Facts) -> Vec<Check> {
    let mut checks = vec![
        Check::new(
            "DifferentEnsembles",
            PreflightState::Passed,
            format!(
                "{} servers to {} others",
                sides.source.zookeeper.len(),
                sides.target.zookeeper.len()
            ),
        ),
        ensemble("SourceQuorum", &facts.source_servers),
        synced("SourceSynced", &facts.source_leader),
        masters(&facts.source_masters),
    ];
    if sides.target.external {
        checks.push(ensemble("TargetQuorum", &facts.target_servers));
        checks.push(synced("TargetSynced", &facts.target_leader));
    }
    checks.push(target_nodes(&facts.target_nodes, data_size(&facts.source_leader)));
    let asked = spec
        .validation
        .as_ref()
        .map(|validation| validation.pre_migration.as_slice())
        .unwrap_or_default();
    for (wanted, name, why) in [
        (
            PreMigrationCheck::ResourceCapacity,
            "ResourceCapacity",
            "This version does not ask nodes for their free resources: compare the agents of both sides yourself",
        ),
        (
            PreMigrationCheck::BackupExists,
            "BackupExists",
            "This version makes and finds no backups: back up the source ensemble before a migration",
        ),
    ] {
        if asked.is_empty() || asked.contains(&wanted) {
            checks.push(Check::new(name, PreflightState::Skipped, why));
        }
    }
    checks
}

/// A majority answers and one of them leads.
fn ensemble(name: &'static str, servers: &Answers<ServerStatus>) -> Check {
    let up: Vec<(&String, &ServerStatus)> = servers
        .iter()
        .filter_map(|(server, answer)| answer.as_ref().ok().map(|status| (server, status)))
        .collect();
    let serving = up.iter().filter(|(_, status)| status.mode.is_some()).count();
    let leader = up
        .iter()
        .find(|(_, status)| matches!(status.mode, Some(Mode::Leader | Mode::Standalone)));
    let total = servers.len();
    let counted = format!("{serving} of {total} servers serve");
    let mut problems = problems(servers);
    for (server, _) in up.iter().filter(|(_, status)| status.mode.is_none()) {
        let remedy = "Start the other servers of its ensemble";
        problems.add(
            server,
            Problem::new(Reason::NoQuorum, "runs without a quorum", remedy),
        );
    }
    let details = problems.sentences("servers");
    let Some((address, status)) = leader.filter(|_| serving > total / 2) else {
        let headline = if leader.is_none() && serving > 0 {
            format!("No quorum: {counted}, and none of them leads")
        } else {
            format!("No quorum: {counted}")
        };
        return Check::new(name, PreflightState::Failed, headline)
            .because(problems.reason().or(Some(Reason::NoLeader)), details);
    };
    let state = if problems.is_empty() {
        PreflightState::Passed
    } else {
        PreflightState::Warning
    };
    let headline = format!("{counted}, leader {address}, version {}", status.version);
    Check::new(name, state, headline).because(problems.reason(), details)
}

/// Followers that lag could lose what a snapshot of them lacks.
fn synced(name: &'static str, leader: &LeaderMetrics) -> Check {
    let skipped = |why: &str| Check::new(name, PreflightState::Skipped, why);
    let metrics = match leader {
        None => return skipped("No server leads"),
        Some(Err(why)) => {
            return skipped(&format!(
                "The leader does not tell its metrics: {why}. Add mntr to 4lw.commands.whitelist"
            ));
        }
        Some(Ok(metrics)) => metrics,
    };
    let number = |key: &str| metrics.get(key).and_then(|value| value.parse::<f64>().ok());
    // Older servers write zk_followers; a standalone one has neither.
    let followers = number("zk_learners")
        .or_else(|| number("zk_followers"))
        .unwrap_or(0.0);
    let behind = followers - number("zk_synced_followers").unwrap_or(followers);
    if behind > 0.0 {
        let message = format!("{behind} of {followers} followers are not in sync with the leader");
        Check::new(name, PreflightState::Warning, message)
            .because(Some(Reason::FollowersBehind), String::new())
    } else if followers == 0.0 {
        Check::new(name, PreflightState::Passed, "A server without followers")
    } else {
        Check::new(
            name,
            PreflightState::Passed,
            "All followers are in sync with the leader",
        )
    }
}

/// Bytes in the source's tree; 0 when its leader does not say.
fn data_size(leader: &LeaderMetrics) -> u64 {
    let metrics = leader.as_ref().and_then(|answer| answer.as_ref().ok());
    let size = metrics.and_then(|metrics| metrics.get("zk_approximate_data_size")?.parse().ok());
    size.unwrap_or(0)
}

fn masters(answers: &Answers<()>) -> Check {
    let good = answers.iter().filter(|(_, answer)| answer.is_ok()).count();
    let headline = format!("{good} of {} masters are healthy", answers.len());
    judged("SourceMasters", headline, &problems(answers), "masters")
}

/// Every node agent of the target answers, and its machine can take what is to run there.
fn target_nodes(answers: &Result<NodeAnswers, Problem>, data: u64) -> Check {
    const NAME: &str = "TargetNodes";
    let answers = match answers {
        Ok(answers) => answers,
        Err(problem) => {
            let details = [problem.what.as_str(), problem.remedy.as_str()].join(". ");
            return Check::new(NAME, PreflightState::Failed, "No node was asked")
                .because(Some(problem.reason), details);
        }
    };
    let mut all = Problems::default();
    let mut ready = 0;
    for (node, answer) in answers {
        let name = format!("{} at {}", node.name, node.address);
        let found = match answer {
            Ok(facts) => nodes::problems(node, facts, data),
            Err(problem) => vec![problem.clone()],
        };
        ready += usize::from(found.is_empty());
        for problem in found {
            all.add(&name, problem);
        }
    }
    let headline = format!("{ready} of {} nodes are ready", answers.len());
    judged(NAME, headline, &all, "nodes")
}

fn judged(name: &'static str, headline: String, problems: &Problems, many: &str) -> Check {
    let state = if problems.is_empty() {
        PreflightState::Passed
    } else {
        PreflightState::Failed
    };
    Check::new(name, state, headline).because(problems.reason(), problems.sentences(many))
}

fn problems<T>(answers: &Answers<T>) -> Problems {
    let mut problems = Problems::default();
    for (name, answer) in answers {
        if let Err(problem) = answer {
            problems.add(name, problem.clone());
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::super::target::TargetNode;
    use super::*;
    use mesolith_proto::node::v1::Facts as NodeFacts;
    use rstest::rstest;

    fn refused() -> Problem {
        Problem::new(Reason::ServerUnreachable, "connection refused", "Start it")
    }

    fn server(mode: &str) -> Result<ServerStatus, Problem> {
        let mode = match mode {
            "leader" => Some(Mode::Leader),
            "follower" => Some(Mode::Follower),
            "alone" => Some(Mode::Standalone),
            "lost" => None,
            _ => return Err(refused()),
        };
        Ok(ServerStatus {
            mode,
            zxid: 1,
            znodes: 7,
            version: "3.8.0".into(),
        })
    }

    #[rstest]
    #[case("leader follower follower", PreflightState::Passed)]
    #[case("alone", PreflightState::Passed)]
    #[case("leader follower down", PreflightState::Warning)]
    #[case("leader follower lost", PreflightState::Warning)]
    #[case("lost lost down", PreflightState::Failed)]
    #[case("leader down down", PreflightState::Failed)]
    #[case("follower follower down", PreflightState::Failed)]
    fn quorum(#[case] modes: &str, #[case] expect: PreflightState) {
        let servers: Vec<_> = modes
            .split(' ')
            .enumerate()
            .map(|(n, mode)| (format!("zk{n}:2181"), server(mode)))
            .collect();
        let check = ensemble("SourceQuorum", &servers);
        assert_eq!(check.state, expect, "{check:?}");
    }

    #[rstest]
    #[case::no_leader(None, PreflightState::Skipped)]
    #[case::not_whitelisted(Some(Err("mntr is not executed".to_owned())), PreflightState::Skipped)]
    #[case::alone(Some(Ok(&[("zk_znode_count", "5")][..])), PreflightState::Passed)]
    #[case::in_sync(Some(Ok(&[("zk_learners", "2.0"), ("zk_synced_followers", "2")][..])), PreflightState::Passed)]
    #[case::behind(Some(Ok(&[("zk_followers", "2"), ("zk_synced_followers", "1")][..])), PreflightState::Warning)]
    fn followers_of_the_leader(
        #[case] metrics: Option<Result<&[(&str, &str)], String>>,
        #[case] expect: PreflightState,
    ) {
        let owned = metrics.map(|answer| {
            answer.map(|list| {
                list.iter()
                    .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                    .collect()
            })
        });
        let check = synced("SourceSynced", &owned);
        assert_eq!(check.state, expect, "{check:?}");
        assert!(!check.headline.is_empty());
    }

    #[test]
    fn a_quorum_check_has_no_moving_figures() {
        let quiet = [("zk0:2181".to_owned(), server("alone"))];
        let mut busy = quiet.clone();
        if let Ok(status) = &mut busy[0].1 {
            (status.znodes, status.zxid) = (8, 99);
        }
        assert_eq!(ensemble("SourceQuorum", &quiet), ensemble("SourceQuorum", &busy));
    }

    #[test]
    fn what_three_servers_have_in_common_is_said_once() {
        let servers: Vec<_> = (0..3).map(|n| (format!("zk{n}:2181"), server("down"))).collect();
        let shown = ensemble("SourceQuorum", &servers).shown();
        assert_eq!(
            shown.message.unwrap(),
            "No quorum: 0 of 3 servers serve. 3 servers: connection refused (zk0:2181, zk1:2181, zk2:2181). Start it"
        );
        assert_eq!(shown.reason.unwrap(), "ServerUnreachable");
    }

    #[test]
    fn nodes_are_ready_when_they_answer_and_have_what_is_needed() {
        let node = |n: usize| TargetNode {
            name: format!("b{n}"),
            address: format!("192.0.2.{n}:7070"),
            host: format!("192.0.2.{n}"),
            zookeeper: false,
            docker: false,
            ports: Vec::new(),
        };
        let facts = NodeFacts {
            version: env!("CARGO_PKG_VERSION").into(),
            disk_free_bytes: 20 << 30,
            ..NodeFacts::default()
        };
        let full = NodeFacts {
            disk_free_bytes: 0,
            ..facts.clone()
        };
        let check = target_nodes(&Ok(vec![(node(1), Ok(facts.clone()))]), 0);
        assert_eq!(
            (check.state, check.headline.as_str(), check.reason),
            (PreflightState::Passed, "1 of 1 nodes are ready", None)
        );
        let mixed = vec![
            (node(1), Ok(facts)),
            (node(2), Ok(full)),
            (node(3), Err(refused())),
        ];
        let check = target_nodes(&Ok(mixed), 0);
        assert_eq!(
            (check.state, check.reason),
            (PreflightState::Failed, Some(Reason::NoSpace))
        );
        assert_eq!(
            check.shown().message.unwrap(),
            "1 of 3 nodes are ready. b2 at 192.0.2.2:7070: less than 1024 MiB left for the node agent's \
             --state-dir (0 MiB). Free some space on its disk. b3 at 192.0.2.3:7070: connection refused. Start it"
        );
        let none = target_nodes(
            &Err(Problem::new(
                Reason::CertificateAuthorityNotFound,
                "There is no CA",
                "Make one",
            )),
            0,
        );
        assert_eq!(
            none.shown().message.unwrap(),
            "No node was asked. There is no CA. Make one"
        );
    }
}
