//! Proves the sync engine on real parts, and measures it.
//!
//! Two real ensembles, the real program as processes of its own, clients that write, faults, and a comparison by a client
//! that knows nothing of the engine. Everything random comes from a seed.
//!
//! - [`world`]: what runs. [`faults`]: what happens to it. [`writers`]: who writes. [`checker`]: what must be true after.
//! - [`chaos`]: trials of all that. [`bench`](mod@bench): figures.

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
