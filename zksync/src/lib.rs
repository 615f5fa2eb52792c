//! The sync engine: keeps a second ZooKeeper ensemble equal to a first one, while both serve.
//!
//! Any ensemble will do; nothing here knows of Mesos or Kubernetes.
//!
//! - [`Side`]: the ensemble that is replicated, and the one that it is replicated to.

mod side;

pub use side::Side;
