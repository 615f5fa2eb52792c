//! ZooKeeper: sessions, leader election and detection in Mesos's layout, four-letter words; its replicated state.
//!
//! - [`Address`]: a `zk://[user:password@]host:port,host:port/path` string.
//! - [`Contender`]: registers this process as a master in the election and reports whether it leads ([`Candidacy`]), and
//!   until when ([`Lease`]).
//! - [`Detector`]: follows who leads; what agents, frameworks and standby masters use.
//! - [`Records`]: what a leader keeps in the ensemble for the leaders after it.
//! - [`four_letter`]: asks one server for its mode, zxid and znode count without a session.
//! - [`max_buffer`]: the longest packet that a server takes, `jute.maxbuffer`.
//! - [`members`]: who belongs to an ensemble and where each server listens, asked for by client addresses only.
//! - [`security`]: TLS, SASL and credentials for both ports.
//! - [`jute`], [`record`]: the serialisation, and every record that is stored or replicated with it.
//! - [`tree`]: the data tree kept by applying transactions, with exact stats and the servers' digest.
//! - [`snapshot`], [`txn_log`]: the files of a server.
//! - [`learner`]: an observer that follows a live ensemble, and [`request`]s through it.
//!
//! Two properties of the client library shape this crate. Calls made while disconnected wait instead of failing, so
//! each has a time limit. Persistent watches do not survive a reconnect, so only one-shot watches are used.

mod address;
mod candidacy;
mod contender;
mod detector;
mod election;
mod error;
pub mod four_letter;
#[cfg(test)]
mod fuzz;
mod group;
pub mod jute;
pub mod learner;
mod lease;
mod master_info;
pub mod max_buffer;
pub mod members;
pub mod record;
mod records;
pub mod request;
pub mod security;
mod session;
pub mod snapshot;
mod survey;
pub mod tree;
pub mod txn_log;

pub use address::{Address, Credentials};
pub use candidacy::Candidacy;
pub use contender::{Contender, Entry};
pub use detector::Detector;
pub use election::{LABEL, Position, STANDBY, leader_of, position_of, sequence_of};
pub use error::Error;
pub use group::candidates;
pub use lease::Lease;
pub use master_info::{MasterAddress, MasterInfo};
pub use records::Records;
pub use survey::{Survey, survey};

/// Mesos's default for `--zk_session_timeout`.
pub const DEFAULT_SESSION_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);
