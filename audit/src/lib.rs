//! The audit log: who did what when, as JSON lines of which each has the hash of the one before.
//!
//! ```text
//! Head (where the log ends), Entry ─► append ─► Line { text, head }
//! lines, Head that the log must contain ─► verify ─► Summary, or Broken { line, why }
//! ```
//!
//! A chain shows every change by someone who does not write the hashes again. Whoever can write the log can do that too:
//! then only a [`Head`] that was kept elsewhere shows it. Pure but for the reader that [`verify`] is given.

mod entry;
mod head;
mod verify;

pub use entry::{Entry, Line, append};
pub use head::{Head, HeadError};
pub use verify::{Broken, Error, Summary, Verifier, Why, end_of, verify};
