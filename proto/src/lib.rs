//! Wire messages and services, generated from `proto/` at build time.
//!
//! - [`mesos::v1`]: Apache Mesos' own v1 messages, with Mesos' JSON mapping (`golden/` in this crate's tests).
//! - [`node::v1`]: controllers -> node agent.
//! - [`registry::v1`]: a leading master -> the leaders after it, in ZooKeeper.
//! - [`session::v1`]: Mesos agent -> leading master.
//! - [`zksync::v1`]: controllers and CLI -> sync engine.
//! - [`departure`]: Mesos agent -> node agent, while it leaves.
//! - [`live`]: node agent -> component, settings that take effect while it runs, and a master's answer.
#![allow(missing_docs, clippy::large_enum_variant, clippy::doc_overindented_list_items)]

pub mod departure;
pub mod json;
pub mod live;
pub mod recordio;
pub mod vocabulary;

/// Well-known types, generated here so that they can carry Mesos' JSON mapping.
pub mod google {
    pub mod protobuf {
        tonic::include_proto!("google.protobuf");
    }
}

/// Apache Mesos.
pub mod mesos {
    /// The v1 API.
    pub mod v1 {
        tonic::include_proto!("mesos.v1");
        pub mod agent {
            tonic::include_proto!("mesos.v1.agent");
        }
        pub mod allocator {
            tonic::include_proto!("mesos.v1.allocator");
        }
        pub mod executor {
            tonic::include_proto!("mesos.v1.executor");
        }
        pub mod maintenance {
            tonic::include_proto!("mesos.v1.maintenance");
        }
        pub mod master {
            tonic::include_proto!("mesos.v1.master");
        }
        pub mod quota {
            tonic::include_proto!("mesos.v1.quota");
        }
        pub mod scheduler {
            tonic::include_proto!("mesos.v1.scheduler");
        }
    }
}

/// Our own services.
pub mod mesolith {
    /// Controllers -> node agent.
    pub mod node {
        pub mod v1 {
            tonic::include_proto!("mesolith.node.v1");
        }
    }
    /// A leading master -> the leaders after it.
    pub mod registry {
        pub mod v1 {
            tonic::include_proto!("mesolith.registry.v1");
        }
    }
    /// Mesos agent -> leading master.
    pub mod session {
        pub mod v1 {
            tonic::include_proto!("mesolith.session.v1");
        }
    }
    /// Controllers and CLI -> sync engine.
    pub mod zksync {
        pub mod v1 {
            tonic::include_proto!("mesolith.zksync.v1");
        }
    }
}

pub use mesolith::{node, registry, session, zksync};
