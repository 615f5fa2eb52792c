//! The component that makes a node run an engine. Pure and deterministic: equal plans give equal digests.

use super::plan::{Access, Plan, TlsFiles};
use super::settings::millis;
use mesolith_proto::node::v1 as pb;
use prost::Message;
use sha2::{Digest, Sha256};

/// The component's id on its node.
pub const ID: &str = "sync";

/// The component for a node that listens on this IP address.
#[must_use]
pub fn component(plan: &Plan, bind_address: &str) -> pb::Component {
    let seconds = |time: std::time::Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
    let engine = pb::SyncEngine {
        name: plan.name.clone(),
        a: Some(access(&plan.a)),
        b: Some(access(&plan.b)),
        bind_address: bind_address.to_owned(),
        port: plan.port.into(),
        metrics_port: plan.metrics_port.unwrap_or_default().into(),
        settings: Some((&plan.settings).into()),
        // Zero means the default, so the shortest grace is a second.
        session_grace_seconds: plan.session_grace.map_or(0, |grace| seconds(grace).max(1)),
        lease_timeout_ms: plan
            .lease_timeout
            .map_or(0, |lease| u32::try_from(millis(lease)).unwrap_or(u32::MAX)),
        overwrite: plan.overwrite,
    };
    let limits = pb::Limits {
        cpus: plan.cpus.unwrap_or_default(),
        memory_bytes: plan.memory_bytes.unwrap_or_default(),
    };
    let mut component = pb::Component {
        id: ID.to_owned(),
        kind: Some(pb::component::Kind::Sync(engine)),
        limits: (plan.cpus.is_some() || plan.memory_bytes.is_some()).then_some(limits),
        ..pb::Component::default()
    };
    // It has no maps, so its encoding is always the same.
    let digest = Sha256::digest(component.encode_to_vec());
    component.spec_digest = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    component
}

fn access(access: &Access) -> pb::SyncEnsemble {
    let file = |path: &Option<String>| path.clone().unwrap_or_default();
    pb::SyncEnsemble {
        servers: access.servers.clone(),
        auth_files: access.auth_files.clone(),
        sasl_file: file(&access.sasl_file),
        quorum_sasl_file: file(&access.quorum_sasl_file),
        tls: access.tls.as_ref().map(tls),
        quorum_tls: access.quorum_tls.as_ref().map(tls),
    }
}

fn tls(files: &TlsFiles) -> pb::SyncTls {
    let (certificate, key) = files.identity.clone().unwrap_or_default();
    pb::SyncTls {
        ca: files.ca.clone(),
        certificate,
        key,
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings::{Root, Settings, Writer};
    use super::*;
    use std::time::Duration;

    fn plan() -> Plan {
        let servers = |servers: &str| Access {
            servers: servers.into(),
            ..Access::default()
        };
        Plan {
            name: "default-move".into(),
            a: servers("192.0.2.1:2181,192.0.2.2:2181"),
            b: servers("192.0.2.11:2181:2889"),
            port: 7075,
            settings: Settings {
                generation: 1,
                roots: vec![Root {
                    path: "/mesos".into(),
                    on_b: None,
                    writer: Writer::Both,
                }],
                ..Settings::default()
            },
            ..Plan::default()
        }
    }

    #[test]
    fn a_plan_becomes_the_component_of_a_node() {
        let with = Plan {
            session_grace: Some(Duration::from_secs(60)),
            lease_timeout: Some(Duration::from_millis(2500)),
            memory_bytes: Some(1 << 30),
            b: Access {
                auth_files: vec!["/etc/mesolith/zk-auth".into()],
                tls: Some(TlsFiles {
                    ca: "/ca".into(),
                    identity: Some(("/crt".into(), "/key".into())),
                }),
                ..plan().b
            },
            ..plan()
        };
        let component = component(&with, "192.0.2.21");
        assert_eq!(component.id, "sync");
        assert_eq!(component.limits.unwrap().memory_bytes, 1 << 30);
        let Some(pb::component::Kind::Sync(engine)) = component.kind else {
            panic!()
        };
        assert_eq!(
            (engine.bind_address.as_str(), engine.port, engine.metrics_port),
            ("192.0.2.21", 7075, 0)
        );
        assert_eq!(
            (engine.session_grace_seconds, engine.lease_timeout_ms),
            (60, 2500)
        );
        let b = engine.b.unwrap();
        assert_eq!(b.auth_files, ["/etc/mesolith/zk-auth"]);
        assert_eq!(b.tls.unwrap().key, "/key");
        assert_eq!(engine.settings.unwrap().routes[0].root, "/mesos");
    }

    #[test]
    fn equal_plans_give_equal_digests_and_each_change_another() {
        let digest = |plan: &Plan, address: &str| component(plan, address).spec_digest;
        let first = digest(&plan(), "192.0.2.21");
        assert_eq!(first.len(), 16);
        assert_eq!(digest(&plan(), "192.0.2.21"), first);
        assert_ne!(digest(&plan(), "192.0.2.22"), first);
        let mut next = plan();
        next.settings.generation = 2;
        assert_ne!(digest(&next, "192.0.2.21"), first);
    }
}
