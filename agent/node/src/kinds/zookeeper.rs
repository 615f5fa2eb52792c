//! A ZooKeeper server: Debian's jars, any Java, our configuration.

use std::fmt::Write as _;

use super::{Machine, Need, Recipe};
use crate::component::ZooKeeper;
use crate::layout::Home;

/// Debian's `zookeeper` package; its manifest names the other jars. slf4j-simple logs to standard error.
pub(crate) const DEBIAN_CLASSPATH: &str = "/usr/share/java/zookeeper.jar:/usr/share/java/slf4j-simple.jar";

/// Keys of zoo.cfg that are ours alone.
pub(crate) const OWNED_KEYS: [&str; 5] = [
    "dataDir",
    "clientPort",
    "clientPortAddress",
    "admin.enableServer",
    "dynamicConfigFile",
];

const DEFAULT_HEAP_MEGABYTES: u32 = 512;
const DEFAULT_TICK_MS: u32 = 2000;
/// Commands that health checks and people need; none of them changes anything.
const FOUR_LETTER_WORDS: &str = "ruok,srvr,mntr,conf,stat,cons,wchs";

pub(super) fn needs(server: &ZooKeeper) -> Vec<Need> {
    let mut needs = vec![Need::Java, Need::ZooKeeper, Need::MyId(server.my_id)];
    needs.push(Need::Port {
        address: server.bind_address.clone(),
        port: server.client_port,
        what: "ZooKeeper's clients",
    });
    if let (true, Some(me)) = (
        server.peers.len() > 1,
        server.peers.iter().find(|p| p.id == server.my_id),
    ) {
        needs.push(Need::Port {
            address: me.host.clone(),
            port: me.quorum_port,
            what: "ZooKeeper's quorum",
        });
        needs.push(Need::Port {
            address: me.host.clone(),
            port: me.election_port,
            what: "ZooKeeper's election",
        });
    }
    needs
}

pub(super) fn recipe(server: &ZooKeeper, limit: Option<u64>, home: &Home, machine: &Machine) -> Recipe {
    let configuration = home.conf().join("zoo.cfg");
    let heap = heap_megabytes(server.heap_megabytes, limit);
    let argv = [
        machine.java.display().to_string(),
        format!("-Xms{heap}m"),
        format!("-Xmx{heap}m"),
        "-XX:+ExitOnOutOfMemoryError".into(),
        // The JMX beans of ZooKeeper's logging want log4j 1, which Debian does not ship.
        "-Dzookeeper.jmx.log4j.disable=true".into(),
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=info".into(),
        "-Dorg.slf4j.simpleLogger.showDateTime=true".into(),
        "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX".into(),
        "-cp".into(),
        machine.zookeeper_classpath.clone(),
        "org.apache.zookeeper.server.quorum.QuorumPeerMain".into(),
        configuration.display().to_string(),
    ];
    let files = vec![
        (configuration, zoo_cfg(server, home)),
        (home.data().join("myid"), format!("{}\n", server.my_id)),
    ];
    Recipe {
        argv: argv.to_vec(),
        env: machine.env.clone(),
        directories: vec![home.conf(), home.data(), home.logs()],
        files,
    }
}

/// As asked for; else the default, but at most half of the memory limit: a JVM needs more than its heap.
fn heap_megabytes(wanted: u32, limit: Option<u64>) -> u64 {
    let fits = limit.map_or(u64::MAX, |bytes| (bytes >> 20) / 2).max(16);
    if wanted > 0 {
        wanted.into()
    } else {
        u64::from(DEFAULT_HEAP_MEGABYTES).min(fits)
    }
}

fn zoo_cfg(server: &ZooKeeper, home: &Home) -> String {
    let tick = if server.tick_time_ms == 0 {
        DEFAULT_TICK_MS
    } else {
        server.tick_time_ms
    };
    let mut settings: Vec<(String, String)> = [
        ("tickTime", tick.to_string()),
        ("initLimit", "10".into()),
        ("syncLimit", "5".into()),
        ("maxClientCnxns", "0".into()),
        ("autopurge.snapRetainCount", "5".into()),
        ("autopurge.purgeInterval", "1".into()),
        ("4lw.commands.whitelist", FOUR_LETTER_WORDS.into()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .to_vec();
    settings.retain(|(key, _)| !server.config.contains_key(key));
    settings.extend(server.config.clone());
    settings.extend([
        ("dataDir".to_owned(), home.data().display().to_string()),
        ("clientPort".to_owned(), server.client_port.to_string()),
        ("clientPortAddress".to_owned(), server.bind_address.clone()),
        // The admin server would listen on port 8080 of every address.
        ("admin.enableServer".to_owned(), "false".to_owned()),
    ]);
    let mut text = String::from("# Written by the Mesolith node agent at every start; changes are lost.\n");
    for (key, value) in settings {
        let _ = writeln!(text, "{key}={value}");
    }
    if server.peers.len() > 1 {
        for peer in &server.peers {
            let host = if peer.host.contains(':') {
                format!("[{}]", peer.host)
            } else {
                peer.host.clone()
            };
            let _ = writeln!(
                text,
                "server.{}={host}:{}:{}",
                peer.id, peer.quorum_port, peer.election_port
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::{Kind, Peer, fixtures};
    use crate::kinds::fixtures::{home, machine};

    fn server() -> ZooKeeper {
        match fixtures::zookeeper().kind {
            Kind::ZooKeeper(server) => server,
            _ => unreachable!(),
        }
    }

    #[test]
    fn standalone() {
        let recipe = recipe(&server(), None, &home("zookeeper"), &machine());
        assert_eq!(recipe.argv.first().unwrap(), "/usr/bin/java");
        assert_eq!(recipe.argv.last().unwrap(), "/state/u-1/zookeeper/conf/zoo.cfg");
        assert_eq!(
            recipe.files[1],
            ("/state/u-1/zookeeper/data/myid".into(), "1\n".into())
        );
        assert_eq!(
            recipe.files[0].1,
            "# Written by the Mesolith node agent at every start; changes are lost.\n\
             tickTime=2000\ninitLimit=10\nsyncLimit=5\nmaxClientCnxns=0\nautopurge.snapRetainCount=5\n\
             autopurge.purgeInterval=1\n4lw.commands.whitelist=ruok,srvr,mntr,conf,stat,cons,wchs\n\
             dataDir=/state/u-1/zookeeper/data\nclientPort=2181\nclientPortAddress=127.0.0.11\n\
             admin.enableServer=false\n"
        );
    }

    #[test]
    fn the_heap_stays_within_the_memory_limit() {
        assert_eq!(heap_megabytes(0, None), 512);
        assert_eq!(heap_megabytes(0, Some(4 << 30)), 512);
        assert_eq!(heap_megabytes(0, Some(256 << 20)), 128);
        assert_eq!(heap_megabytes(700, Some(256 << 20)), 700, "said so");
    }

    #[test]
    fn an_ensemble_lists_its_servers_and_needs_three_ports() {
        let peer = |id: u32| Peer {
            id,
            host: format!("127.0.0.1{id}"),
            quorum_port: 2888,
            election_port: 3888,
        };
        let config = [("initLimit".to_owned(), "30".to_owned())].into();
        let server = ZooKeeper {
            peers: vec![peer(1), peer(2), peer(3)],
            config,
            ..server()
        };
        let text = zoo_cfg(&server, &home("zookeeper"));
        assert!(text.ends_with(
            "server.1=127.0.0.11:2888:3888\nserver.2=127.0.0.12:2888:3888\nserver.3=127.0.0.13:2888:3888\n"
        ));
        assert_eq!(text.matches("initLimit").count(), 1);
        let ports = needs(&server)
            .iter()
            .filter(|n| matches!(n, Need::Port { .. }))
            .count();
        assert_eq!(ports, 3);
    }
}
