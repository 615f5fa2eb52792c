//! From what was seen to the preflight checks. Pure.

use super::observe::{Facts, LeaderMetrics};
use super::resolve::Sides;
use mesolith_crds::v1alpha1::zk_migration::{
    PreMigrationCheck, PreflightCheck, PreflightState, ZkMigrationSpec,
};
use mesolith_zk::four_letter::{Mode, ServerStatus};

/// Problems named in one message; more are counted.
const MOST_NAMED: usize = 3;

type Answers<T> = [(String, Result<T, String>)];

/// Every check with its result, always in the same order.
pub(super) fn checks(spec: &ZkMigrationSpec, sides: &Sides, facts: &Facts) -> Vec<PreflightCheck> {
    let mut checks = vec![
        check(
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
        reachable(
            "SourceMasters",
            "masters healthy",
            &facts.source_masters,
            "Start them, or correct spec.source",
        ),
    ];
    if sides.target.external {
        checks.push(ensemble("TargetQuorum", &facts.target_servers));
        checks.push(synced("TargetSynced", &facts.target_leader));
    }
    checks.push(reachable(
        "TargetNodes",
        "node agents reachable",
        &facts.target_nodes,
        "Is the node agent running? systemctl status mesolith-agent",
    ));
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
            checks.push(check(name, PreflightState::Skipped, why.to_owned()));
        }
    }
    checks
}

fn check(name: &str, status: PreflightState, message: String) -> PreflightCheck {
    PreflightCheck {
        name: name.to_owned(),
        status,
        message: Some(message),
    }
}

/// A majority answers and one of them leads.
fn ensemble(name: &str, servers: &Answers<ServerStatus>) -> PreflightCheck {
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
    let Some((address, status)) = leader.filter(|_| serving > total / 2) else {
        let why = problems(servers).unwrap_or_else(|| "none of them leads".to_owned());
        return check(
            name,
            PreflightState::Failed,
            format!("No quorum: {counted}; {why}"),
        );
    };
    let described = format!("{counted}, leader {address}, version {}", status.version);
    match problems(servers) {
        None if serving == total => check(name, PreflightState::Passed, described),
        why => {
            let why = why.unwrap_or_else(|| "the others do not serve".to_owned());
            check(name, PreflightState::Warning, format!("{described}; {why}"))
        }
    }
}

/// Followers that lag could lose what a snapshot of them lacks.
fn synced(name: &str, leader: &LeaderMetrics) -> PreflightCheck {
    let skipped = |why: &str| check(name, PreflightState::Skipped, why.to_owned());
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
        check(name, PreflightState::Warning, message)
    } else if followers == 0.0 {
        check(
            name,
            PreflightState::Passed,
            "A server without followers".to_owned(),
        )
    } else {
        check(
            name,
            PreflightState::Passed,
            "All followers are in sync with the leader".to_owned(),
        )
    }
}

fn reachable(name: &str, what: &str, answers: &Answers<()>, remedy: &str) -> PreflightCheck {
    let good = answers.iter().filter(|(_, answer)| answer.is_ok()).count();
    let counted = format!("{good} of {} {what}", answers.len());
    match problems(answers) {
        None => check(name, PreflightState::Passed, counted),
        Some(why) => check(
            name,
            PreflightState::Failed,
            format!("{counted}; {why}. {remedy}"),
        ),
    }
}

fn problems<T>(answers: &Answers<T>) -> Option<String> {
    let bad: Vec<String> = answers
        .iter()
        .filter_map(|(address, answer)| answer.as_ref().err().map(|why| (address, why)))
        .map(|(address, why)| {
            if why.contains(address.as_str()) {
                why.clone()
            } else {
                format!("{address}: {why}")
            }
        })
        .collect();
    let more = bad.len().saturating_sub(MOST_NAMED);
    let named = bad
        .iter()
        .take(MOST_NAMED)
        .cloned()
        .collect::<Vec<_>>()
        .join("; ");
    match (bad.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(named),
        (false, more) => Some(format!("{named}; and {more} more")),
    }
}

/// The same text but for its numbers: not worth a write, such as one more znode.
pub(super) fn is_same_but_numbers(a: &str, b: &str) -> bool {
    let words = |text: &str| {
        let mut words = text.to_owned();
        words.retain(|c| !c.is_ascii_digit());
        words
    };
    words(a) == words(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn server(mode: &str) -> Result<ServerStatus, String> {
        let mode = match mode {
            "leader" => Some(Mode::Leader),
            "follower" => Some(Mode::Follower),
            "alone" => Some(Mode::Standalone),
            "lost" => None,
            _ => return Err("connection refused".to_owned()),
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
        assert_eq!(check.status, expect, "{:?}", check.message);
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
        assert_eq!(check.status, expect, "{:?}", check.message);
        assert!(check.message.is_some_and(|why| !why.is_empty()));
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
    fn many_problems_are_counted() {
        let answers: Vec<_> = (0..5)
            .map(|n| (format!("m{n}:5050"), Err("refused".to_owned())))
            .collect();
        let check = reachable("SourceMasters", "masters healthy", &answers, "Start them");
        assert_eq!(
            check.message.unwrap(),
            "0 of 5 masters healthy; m0:5050: refused; m1:5050: refused; m2:5050: refused; and 2 more. Start them"
        );
    }

    #[test]
    fn a_znode_more_is_no_news() {
        assert!(is_same_but_numbers("3 of 3, 125 znodes", "3 of 3, 99 znodes"));
        assert!(!is_same_but_numbers("leader a", "leader b"));
    }
}
