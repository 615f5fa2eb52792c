//! Which containerizer runs a task.

use mesolith_proto::mesos::v1::{ContainerInfo, TaskInfo, container_info};

/// Containerizers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A process in its own cgroup.
    Process,
    /// A Docker container.
    Docker,
}

/// Whether Docker runs it.
pub(crate) fn is_docker(task: &TaskInfo) -> bool {
    task.executor.is_none() && kind_of(task.container.as_ref()) == Kind::Docker
}

pub(super) fn kind_of(container: Option<&ContainerInfo>) -> Kind {
    match container {
        Some(c) if c.r#type == container_info::Type::Docker as i32 => Kind::Docker,
        _ => Kind::Process,
    }
}
