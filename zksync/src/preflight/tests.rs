//! Every bad input has its reason, and a message that names what is wrong and what to do.

use mesolith_zk::Error;
use mesolith_zk::four_letter::{Mode, ServerStatus};
use mesolith_zk::record::{NodeStat, Zxid};

use super::servers::classify;
use super::*;
use crate::checkpoint::Checkpoint;
use crate::settings::{Direction, Route, Settings};

fn serving(address: &str, mode: Mode, version: &str) -> Server {
    Server {
        address: address.into(),
        probe: Probe::Serving(ServerStatus {
            mode: Some(mode),
            zxid: 1,
            znodes: 5,
            version: version.into(),
        }),
    }
}

fn failing(address: &str, cause: &str) -> Server {
    Server {
        address: address.into(),
        probe: classify(Err(Error::FourLetter {
            server: address.into(),
            word: "srvr",
            cause: cause.into(),
        })),
    }
}

fn tree(paths: &[&str]) -> Tree {
    let mut tree = Tree::new();
    for path in paths {
        let owner = match path.rsplit_once('-') {
            Some((_, "box")) => NodeStat::CONTAINER,
            Some((_, "theirs")) => 77,
            _ => 0,
        };
        let stat = NodeStat {
            czxid: Zxid(5),
            ephemeral_owner: owner,
            ..NodeStat::default()
        };
        tree.insert(path, Some(b"x"), None, stat).unwrap();
    }
    tree
}

fn routes(roots: &[&str], direction: Direction) -> Routes {
    let route = |root: &&str| Route {
        root: (*root).to_owned(),
        target_root: (*root).to_owned(),
        direction,
    };
    Routes::new(&Settings {
        routes: roots.iter().map(route).collect(),
        ..Settings::default()
    })
    .unwrap()
}

/// A case: what is wrong, the reason, and what the message must contain.
struct Case<'a>(&'a str, Facts<'a>, &'a [(&'a str, &'a str)]);

#[test]
fn every_bad_input_is_refused_with_its_reason() {
    let all = routes(&["/"], Direction::AToB);
    let mesos = routes(&["/mesos", "/marathn"], Direction::AToB);
    let mesos_only = routes(&["/mesos"], Direction::AToB);
    let back = routes(&["/"], Direction::BToA);
    let both = routes(&["/"], Direction::Both);
    let good_a = [
        serving("a1:2181", Mode::Follower, "3.4.14"),
        serving("a2:2181", Mode::Leader, "3.4.14"),
    ];
    let good_b = [
        serving("b1:2181", Mode::Leader, "3.9.3"),
        failing("b2:2181", "Connection refused"),
    ];
    let a = tree(&["/mesos", "/mesos/x", "/marathon", "/q-box"]);
    let (empty, used) = (tree(&[]), tree(&["/mesos", "/old", "/old/1", "/old/2", "/old/3"]));
    let mut changed = tree(&["/mesos"]);
    changed
        .insert("/mesos", Some(b"mine"), None, NodeStat::default())
        .unwrap();
    let registered = tree(&["/m-theirs"]);
    let mut known = tree(&["/old", "/mesolith", "/mesolith/zksync"]);
    let stored = Checkpoint::default().bytes();
    known
        .insert("/mesolith/zksync/main", Some(&stored), None, NodeStat::default())
        .unwrap();
    let base = || Facts {
        source: &good_a,
        target: &good_b,
        a: Some(&a),
        b: Some(&empty),
        ..Facts::new("main", &all)
    };
    let refused = [failing("a1:2182", "Connection refused (os error 111)")];
    let web = [failing("a1:80", "it says: HTTP/1.1 400 Bad Request")];
    let closing = [failing("a1:2888", "it says: an empty answer")];
    let binary = [failing(
        "a1:443",
        "this client port wants TLS; give the file of the CA",
    )];
    let hidden = [failing(
        "a1:2181",
        "it says: srvr is not executed because it is not in the whitelist.",
    )];
    let alone = [serving("a1:2181", Mode::Standalone, "3.8.0")];
    let ancient = [serving("a1:2181", Mode::Leader, "3.3.6")];
    let followers = [serving("a1:2181", Mode::Follower, "3.4.14")];
    let newer = [serving("a1:2181", Mode::Follower, "3.8.0")];
    let no_quorum = [Server {
        address: "a1:2181".into(),
        probe: Probe::NoQuorum,
    }];
    let memory = crate::estimate::check(
        crate::estimate::Size::from_nodes(9_000_000),
        &crate::estimate::Available {
            bytes: 1 << 30,
            limit: "cgroup",
        },
    )
    .err();
    let cases = [
        Case("all is well", base(), &[]),
        Case(
            "wrong port",
            Facts {
                source: &refused,
                ..base()
            },
            &[("Unreachable", "a1:2182: Connection refused")],
        ),
        Case(
            "a web server",
            Facts {
                source: &web,
                ..base()
            },
            &[("NotZooKeeper", "it says: HTTP/1.1 400")],
        ),
        Case(
            "a quorum port",
            Facts {
                source: &closing,
                ..base()
            },
            &[("NotZooKeeper", "a1:2888")],
        ),
        Case(
            "a TLS port",
            Facts {
                target: &binary,
                ..base()
            },
            &[(
                "NotZooKeeper",
                "--target: a1:443 does not answer as ZooKeeper does; this client port wants TLS",
            )],
        ),
        Case(
            "srvr is not allowed",
            Facts {
                source: &hidden,
                ..base()
            },
            &[("WordNotWhitelisted", "a1:2181")],
        ),
        Case(
            "standalone",
            Facts {
                source: &alone,
                ..base()
            },
            &[("Standalone", "a1:2181")],
        ),
        Case(
            "too old",
            Facts {
                source: &ancient,
                ..base()
            },
            &[("VersionTooOld", "3.3.6")],
        ),
        Case(
            "the leader is not named",
            Facts {
                source: &followers,
                ..base()
            },
            &[("NoLeader", "all that were named follow")],
        ),
        Case(
            "the leader is not named, and the others know it",
            Facts {
                source: &newer,
                ..base()
            },
            &[],
        ),
        Case(
            "standalone, through its client port",
            Facts {
                source: &alone,
                client_ports_will_do: true,
                ..base()
            },
            &[],
        ),
        Case(
            "no quorum",
            Facts {
                source: &no_quorum,
                ..base()
            },
            &[("NoLeader", "a1:2181 has no quorum")],
        ),
        Case(
            "A is B, by its sessions",
            Facts {
                same_ensemble: true,
                ..base()
            },
            &[("SameEnsemble", "session")],
        ),
        Case(
            "a path that A does not have",
            Facts {
                routes: &mesos,
                ..base()
            },
            &[(
                "PathNotFound",
                "/marathn does not exist on --source; / has marathon, mesos, q-box.",
            )],
        ),
        Case(
            "B is not empty",
            Facts {
                b: Some(&used),
                ..base()
            },
            &[(
                "TargetNotEmpty",
                "it holds 4 znodes in --paths that --source does not have, or has with other data (",
            )],
        ),
        Case(
            "B is not empty, elsewhere",
            Facts {
                b: Some(&used),
                routes: &mesos_only,
                ..base()
            },
            &[],
        ),
        Case(
            "B has other data",
            Facts {
                b: Some(&changed),
                ..base()
            },
            &[("TargetNotEmpty", "1 znode in --paths")],
        ),
        Case(
            "B is not empty, and may be lost",
            Facts {
                b: Some(&used),
                overwrite: true,
                ..base()
            },
            &[],
        ),
        Case(
            "B's own clients",
            Facts {
                b: Some(&registered),
                ..base()
            },
            &[],
        ),
        Case(
            "B has a checkpoint",
            Facts {
                b: Some(&known),
                ..base()
            },
            &[],
        ),
        Case(
            "B has another engine's",
            Facts {
                b: Some(&known),
                engine: "other",
                ..base()
            },
            &[(
                "TargetNotEmpty",
                "1 znode in --paths that --source does not have, or has with other data (/old), and other has never",
            )],
        ),
        Case(
            "B does not run yet",
            Facts {
                target: &refused,
                seeded_by_file: true,
                b: None,
                ..base()
            },
            &[],
        ),
        Case(
            "another source",
            Facts {
                identity: Some(Verdict::Different("so it seems".into())),
                ..base()
            },
            &[("SourceChanged", "so it seems")],
        ),
        Case(
            "too large",
            Facts { memory, ..base() },
            &[("NotEnoughMemory", "9000000 znodes")],
        ),
        Case(
            "A is to follow, and is not empty",
            Facts {
                routes: &back,
                ..base()
            },
            &[("TargetNotEmpty", "--source: it holds 4 znodes")],
        ),
        Case(
            "both write",
            Facts {
                routes: &both,
                b: Some(&used),
                ..base()
            },
            &[],
        ),
        Case(
            "two things",
            Facts {
                source: &refused,
                b: Some(&used),
                ..base()
            },
            &[("Unreachable", "--source"), ("TargetNotEmpty", "--target")],
        ),
    ];
    for Case(name, facts, expected) in cases {
        let problems = check(&facts);
        let reasons: Vec<_> = problems.iter().map(|problem| &*problem.reason).collect();
        let wanted: Vec<_> = expected.iter().map(|(reason, _)| *reason).collect();
        assert_eq!(reasons, wanted, "{name}: {problems:#?}");
        for (problem, (_, part)) in problems.iter().zip(expected) {
            assert!(problem.message.contains(part), "{name}: {problem}");
            assert!(
                problem.remedy.ends_with('.') && problem.message.ends_with('.'),
                "{name}: {problem}"
            );
        }
    }
}

#[test]
fn a_remedy_that_three_servers_share_is_said_once() {
    let all = routes(&["/"], Direction::AToB);
    let web = ["a1:80", "a2:80", "a3:80"].map(|address| failing(address, "it says: HTTP/1.1 400"));
    let problems = check(&Facts {
        source: &web,
        ..Facts::new("main", &all)
    });
    let said = sentences(&problems);
    assert_eq!(problems.len(), 3, "{said}");
    assert_eq!(said.matches("Give its client port").count(), 1, "{said}");
    assert!(said.ends_with(&problems[2].remedy), "{said}");
    for address in ["a1:80", "a2:80", "a3:80"] {
        assert!(said.contains(address), "{said}");
    }
}
