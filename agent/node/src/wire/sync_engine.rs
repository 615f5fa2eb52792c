//! A sync engine on the wire, and its settings in both directions.

use std::collections::BTreeSet;
use std::net::IpAddr;

use mesolith_proto::node::v1 as pb;
use mesolith_proto::zksync::v1 as engine;

use super::{Invalid, invalid, port, present};
use crate::component::sync_engine::{Direction, Ensemble, Mode, Route, Settings, Strategy, SyncEngine, Tls};

/// Client port of a server that does not name one.
const CLIENT_PORT: &str = "2181";
/// Longest name of an engine.
const NAME: usize = 64;

type Field<'a> = &'a dyn Fn(&str) -> String;

/// `at` names a field of this component.
pub(super) fn sync_engine(given: pb::SyncEngine, at: Field<'_>) -> Result<SyncEngine, Invalid> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let name = given.name;
    if name.is_empty() || name.len() > NAME || name.starts_with('.') || !name.chars().all(plain) {
        let problem = format!(
            "{name:?} must be at most {NAME} letters, digits, '-', '_' and '.', and not begin with '.'"
        );
        return Err(invalid(at("name"), problem));
    }
    let bind_address = given.bind_address;
    if bind_address.parse::<IpAddr>().is_err() {
        return Err(invalid(
            at("bindAddress"),
            format!("{bind_address:?} is no IP address"),
        ));
    }
    let (a, b) = (ensemble(given.a, at, "a")?, ensemble(given.b, at, "b")?);
    if let Some(both) = servers(&a.servers).intersection(&servers(&b.servers)).next() {
        let problem = format!("{both} is a server of a as well; they must be two ensembles");
        return Err(invalid(at("b.servers"), problem));
    }
    let metrics_port = match given.metrics_port {
        0 => None,
        given => Some(port(given, at("metricsPort"))?),
    };
    Ok(SyncEngine {
        port: port(given.port, at("port"))?,
        settings: settings(given.settings, at)?,
        session_grace_seconds: (given.session_grace_seconds > 0).then_some(given.session_grace_seconds),
        lease_timeout_ms: (given.lease_timeout_ms > 0).then_some(given.lease_timeout_ms),
        overwrite: given.overwrite,
        name,
        a,
        b,
        bind_address,
        metrics_port,
    })
}

fn ensemble(given: Option<pb::SyncEnsemble>, at: Field<'_>, side: &str) -> Result<Ensemble, Invalid> {
    let field = |name: &str| at(&format!("{side}.{name}"));
    let given = given.ok_or_else(|| invalid(at(side), "is missing"))?;
    let names = present(given.servers, field("servers"))?;
    check_servers(&names).map_err(|problem| invalid(field("servers"), problem))?;
    let auth_files = given.auth_files.into_iter();
    let optional = |path: String, name: &str| match path.is_empty() {
        true => Ok(None),
        false => file(path, field(name)).map(Some),
    };
    let tls = |given: Option<pb::SyncTls>, name: &str| {
        let Some(tls) = given else { return Ok(None) };
        let part = |part: &str| field(&format!("{name}.{part}"));
        let identity = match (tls.certificate.is_empty(), tls.key.is_empty()) {
            (true, true) => None,
            (false, false) => Some((
                file(tls.certificate, part("certificate"))?,
                file(tls.key, part("key"))?,
            )),
            (true, false) => return Err(invalid(part("certificate"), "is missing; the key needs it")),
            (false, true) => return Err(invalid(part("key"), "is missing; the certificate needs it")),
        };
        let ca = file(tls.ca, part("ca"))?;
        Ok(Some(Tls { ca, identity }))
    };
    Ok(Ensemble {
        auth_files: auth_files
            .map(|path| file(path, field("authFiles[]")))
            .collect::<Result<_, _>>()?,
        sasl_file: optional(given.sasl_file, "saslFile")?,
        quorum_sasl_file: optional(given.quorum_sasl_file, "quorumSaslFile")?,
        tls: tls(given.tls, "tls")?,
        quorum_tls: tls(given.quorum_tls, "quorumTls")?,
        servers: names,
    })
}

/// The name of a file on this node. The value is not repeated: it may be a secret that was put into the wrong place.
fn file(path: String, field: String) -> Result<String, Invalid> {
    let path = present(path, field.clone())?;
    match path.starts_with('/') {
        true => Ok(path),
        false => Err(invalid(field, "must be the absolute path of a file on the node")),
    }
}

fn check_servers(text: &str) -> Result<(), String> {
    if text.contains('/') {
        return Err(format!(
            "{text:?} must be host:port[:quorum-port],... without zk:// and without a path"
        ));
    }
    let wrong = |part: &str| format!("{part:?} is no server; write host:port or host:port:quorum-port");
    for part in text.split(',') {
        let (host, ports) = match part.strip_prefix('[') {
            Some(rest) => rest.split_once(']').ok_or_else(|| wrong(part))?,
            None => part
                .split_once(':')
                .map_or((part, ""), |(host, _)| (host, &part[host.len()..])),
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
        let are_ports = ports
            .split(':')
            .skip(1)
            .all(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
        let ends_well = ports.is_empty() || ports.starts_with(':');
        if host.is_empty() || host.starts_with('-') || !host.chars().all(plain) || !ends_well {
            return Err(wrong(part));
        }
        if !are_ports || ports.matches(':').count() > 2 {
            return Err(wrong(part));
        }
    }
    Ok(())
}

/// `host:port` of each server.
fn servers(text: &str) -> BTreeSet<String> {
    let client = |part: &str| {
        let (host, ports) = match part.find(']') {
            Some(end) => part.split_at(end + 1),
            None => part.split_at(part.find(':').unwrap_or(part.len())),
        };
        let port = ports.split(':').nth(1).unwrap_or(CLIENT_PORT);
        format!("{}:{port}", host.to_ascii_lowercase())
    };
    text.split(',').map(client).collect()
}

fn settings(given: Option<engine::Settings>, at: Field<'_>) -> Result<Settings, Invalid> {
    let field = |name: &str| at(&format!("settings.{name}"));
    let given = given.ok_or_else(|| invalid(at("settings"), "is missing"))?;
    if given.generation == 0 {
        return Err(invalid(field("generation"), "begins with 1"));
    }
    if given.routes.is_empty() {
        return Err(invalid(field("routes"), "names no path; \"/\" is everything"));
    }
    let path = |path: &str, name: &str| {
        let good = path == "/" || (path.starts_with('/') && !path.ends_with('/') && !path.contains('\n'));
        let problem = format!("{path:?} is no path of a znode, such as /mesos");
        good.then_some(()).ok_or_else(|| invalid(field(name), problem))
    };
    for route in &given.routes {
        path(&route.root, "routes[].root")?;
        if !route.target_root.is_empty() {
            path(&route.target_root, "routes[].targetRoot")?;
        }
    }
    given
        .exclude
        .iter()
        .try_for_each(|excluded| path(excluded, "exclude[]"))?;
    let mode = match given.mode() {
        engine::Mode::Unspecified | engine::Mode::Run => Mode::Run,
        engine::Mode::Pause => Mode::Pause,
        engine::Mode::Stop => {
            return Err(invalid(
                field("mode"),
                "cannot be STOP: remove the component instead",
            ));
        }
    };
    Ok(Settings {
        mode,
        conflict_resolution: match given.conflict_resolution() {
            engine::Strategy::Unspecified | engine::Strategy::SourceWins => Strategy::SourceWins,
            engine::Strategy::LastWriteWins => Strategy::LastWriteWins,
            engine::Strategy::Manual => Strategy::Manual,
        },
        generation: given.generation,
        routes: given.routes.into_iter().map(route).collect(),
        exclude: given.exclude,
        batch_size: (given.batch_size > 0).then_some(given.batch_size),
        workers: (given.workers > 0).then_some(given.workers),
        rate_limit: (given.rate_limit > 0).then_some(given.rate_limit),
        lag_threshold_ms: (given.lag_threshold_ms > 0).then_some(given.lag_threshold_ms),
        conflict_threshold: (given.conflict_threshold > 0).then_some(given.conflict_threshold),
    })
}

fn route(given: engine::Route) -> Route {
    Route {
        direction: match given.direction() {
            engine::Direction::Unspecified | engine::Direction::AToB => Direction::AToB,
            engine::Direction::BToA => Direction::BToA,
            engine::Direction::Both => Direction::Both,
        },
        target_root: match given.target_root.is_empty() {
            true => given.root.clone(),
            false => given.target_root,
        },
        root: given.root,
    }
}

/// As the engine takes them.
pub(crate) fn settings_to_wire(settings: &Settings) -> engine::Settings {
    let route = |route: &Route| engine::Route {
        root: route.root.clone(),
        target_root: route.target_root.clone(),
        direction: match route.direction {
            Direction::AToB => engine::Direction::AToB,
            Direction::BToA => engine::Direction::BToA,
            Direction::Both => engine::Direction::Both,
        }
        .into(),
    };
    engine::Settings {
        generation: settings.generation,
        mode: match settings.mode {
            Mode::Run => engine::Mode::Run,
            Mode::Pause => engine::Mode::Pause,
        }
        .into(),
        routes: settings.routes.iter().map(route).collect(),
        exclude: settings.exclude.clone(),
        conflict_resolution: match settings.conflict_resolution {
            Strategy::SourceWins => engine::Strategy::SourceWins,
            Strategy::LastWriteWins => engine::Strategy::LastWriteWins,
            Strategy::Manual => engine::Strategy::Manual,
        }
        .into(),
        batch_size: settings.batch_size.unwrap_or(0),
        workers: settings.workers.unwrap_or(0),
        rate_limit: settings.rate_limit.unwrap_or(0),
        lag_threshold_ms: settings.lag_threshold_ms.unwrap_or(0),
        conflict_threshold: settings.conflict_threshold.unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    type Given = pb::SyncEngine;

    fn given() -> pb::SyncEngine {
        let ensemble = |servers: &str| {
            Some(pb::SyncEnsemble {
                servers: servers.into(),
                ..Default::default()
            })
        };
        pb::SyncEngine {
            name: "default-move".into(),
            a: ensemble("a1:2181:2888,[::1]:2181"),
            b: ensemble("b1"),
            bind_address: "127.0.0.11".into(),
            port: 7075,
            settings: Some(engine::Settings {
                generation: 2,
                routes: vec![engine::Route {
                    root: "/mesos".into(),
                    direction: engine::Direction::Both.into(),
                    ..Default::default()
                }],
                workers: 4,
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    fn refused(change: impl FnOnce(&mut pb::SyncEngine)) -> String {
        let mut given = given();
        change(&mut given);
        let at = |field: &str| format!("components[sync].{field}");
        sync_engine(given, &at).map_or_else(|invalid| invalid.to_string(), |_| "taken".into())
    }

    fn a(given: &mut pb::SyncEngine) -> &mut pb::SyncEnsemble {
        given.a.as_mut().unwrap()
    }

    fn settings_of(given: &mut pb::SyncEngine) -> &mut engine::Settings {
        given.settings.as_mut().unwrap()
    }

    #[rstest]
    #[case(|_: &mut Given| {}, "taken")]
    #[case(|g: &mut Given| g.name = "a/b".into(), "name: \"a/b\" must be at most 64 letters")]
    #[case(|g: &mut Given| g.name = ".".into(), "name: \".\" must be")]
    #[case(|g: &mut Given| g.bind_address = "cp1".into(), "bindAddress: \"cp1\" is no IP address")]
    #[case(|g: &mut Given| g.port = 0, "port: 0 is not a port")]
    #[case(|g: &mut Given| g.metrics_port = 70_000, "metricsPort: 70000 is not a port")]
    #[case(|g: &mut Given| g.a = None, "a: is missing")]
    #[case(|g: &mut Given| a(g).servers = String::new(), "a.servers: is missing")]
    #[case(|g: &mut Given| a(g).servers = "zk://a1/mesos".into(), "a.servers: \"zk://a1/mesos\" must be host:port[:quorum-port],...")]
    #[case(|g: &mut Given| a(g).servers = "a1:x".into(), "a.servers: \"a1:x\" is no server; write host:port")]
    #[case(|g: &mut Given| a(g).servers = "a1:1:2:3".into(), "a.servers: \"a1:1:2:3\" is no server")]
    #[case(|g: &mut Given| a(g).servers = "a1,,a2".into(), "a.servers: \"\" is no server")]
    #[case(|g: &mut Given| a(g).servers = "--overwrite".into(), "a.servers: \"--overwrite\" is no server")]
    #[case(|g: &mut Given| a(g).servers = "a1 --overwrite".into(), "a.servers: \"a1 --overwrite\" is no server")]
    #[case(|g: &mut Given| a(g).servers = "a1,B1:2181:3888".into(), "b.servers: b1:2181 is a server of a as well; they must be two ensembles")]
    #[case(|g: &mut Given| a(g).auth_files = vec!["digest:joe:s3cret".into()],
           "a.authFiles[]: must be the absolute path of a file on the node")]
    #[case(|g: &mut Given| a(g).sasl_file = "secret".into(), "a.saslFile: must be the absolute path of a file on the node")]
    #[case(|g: &mut Given| a(g).tls = Some(pb::SyncTls { ca: "/ca".into(), key: "/key".into(), ..Default::default() }),
           "a.tls.certificate: is missing; the key needs it")]
    #[case(|g: &mut Given| a(g).quorum_tls = Some(pb::SyncTls::default()), "a.quorumTls.ca: is missing")]
    #[case(|g: &mut Given| g.settings = None, "settings: is missing")]
    #[case(|g: &mut Given| settings_of(g).generation = 0, "settings.generation: begins with 1")]
    #[case(|g: &mut Given| settings_of(g).routes.clear(), "settings.routes: names no path")]
    #[case(|g: &mut Given| settings_of(g).routes[0].root = "mesos".into(), "settings.routes[].root: \"mesos\" is no path of a znode")]
    #[case(|g: &mut Given| settings_of(g).routes[0].target_root = "/x/".into(), "settings.routes[].targetRoot: \"/x/\" is no path")]
    #[case(|g: &mut Given| settings_of(g).exclude = vec!["x".into()], "settings.exclude[]: \"x\" is no path")]
    #[case(|g: &mut Given| settings_of(g).mode = engine::Mode::Stop.into(), "settings.mode: cannot be STOP")]
    fn nonsense_is_refused_with_its_field(#[case] change: fn(&mut Given), #[case] expected: &str) {
        let found = refused(change);
        let found = found.strip_prefix("components[sync].").unwrap_or(&found);
        assert!(found.starts_with(expected), "{found}");
        assert!(!found.contains("s3cret"), "{found}");
    }

    #[test]
    fn settings_reach_the_engine_as_they_were_sent() {
        let at = |field: &str| field.to_owned();
        let wanted = given().settings.unwrap();
        let taken = settings_to_wire(&sync_engine(given(), &at).unwrap().settings);
        let explicit = engine::Settings {
            mode: engine::Mode::Run.into(),
            conflict_resolution: engine::Strategy::SourceWins.into(),
            routes: vec![engine::Route {
                target_root: "/mesos".into(),
                ..wanted.routes[0].clone()
            }],
            ..wanted
        };
        assert_eq!(taken, explicit);
    }
}
