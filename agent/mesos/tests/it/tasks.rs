//! Task descriptions for tests.

use mesolith_proto::mesos::v1::{
    AgentId, CommandInfo, ContainerInfo, DurationInfo, KillPolicy, Resource, TaskInfo, container_info, value,
};

use crate::master::task_id;

pub(crate) fn scalar(name: &str, value: f64) -> Resource {
    Resource {
        name: name.into(),
        r#type: value::Type::Scalar as i32,
        scalar: Some(value::Scalar { value }),
        ..Default::default()
    }
}

/// A shell script.
pub(crate) fn shell(id: &str, script: &str) -> TaskInfo {
    TaskInfo {
        name: id.into(),
        task_id: task_id(id),
        agent_id: AgentId { value: "M-S0".into() },
        resources: vec![scalar("cpus", 0.1), scalar("mem", 32.0)],
        command: Some(CommandInfo {
            value: Some(script.into()),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// The same in a Docker container.
pub(crate) fn docker(id: &str, image: &str, script: &str) -> TaskInfo {
    let docker = container_info::DockerInfo {
        image: image.into(),
        network: Some(container_info::docker_info::Network::Host as i32),
        ..Default::default()
    };
    TaskInfo {
        container: Some(ContainerInfo {
            r#type: container_info::Type::Docker as i32,
            docker: Some(docker),
            ..Default::default()
        }),
        ..shell(id, script)
    }
}

pub(crate) fn grace(milliseconds: i64) -> KillPolicy {
    KillPolicy {
        grace_period: Some(DurationInfo {
            nanoseconds: milliseconds * 1_000_000,
        }),
    }
}
