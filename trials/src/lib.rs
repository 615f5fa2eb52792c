//! Tests and measures the sync engine on real parts.
//!
//! A trial has two real ensembles, the real program in processes of its own, clients that write, and faults. At the
//! end, clients that know nothing of the engine compare both sides. Everything random comes from a seed.
//!
//! - [`world`]: the processes of a trial. [`faults`]: what happens to them. [`writers`]: the clients that write.
//!   [`checker`]: what must be true afterwards.
//! - [`chaos`]: runs trials. [`bench`](mod@bench): measures.

pub mod bench;
pub mod chaos;
pub mod checker;
pub mod client;
pub mod election;
pub mod faults;
pub mod interrupt;
pub mod kazoo;
pub mod soak;
pub mod table;
pub mod version;
pub mod world;
pub mod writers;
