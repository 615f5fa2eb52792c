//! Why a task is being killed, as it is checkpointed.

/// Why a task is being killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum KillCause {
    /// It is not.
    None = 0,
    /// Its framework or the operator asked.
    Asked = 1,
    /// Its health check failed too often.
    Unhealthy = 2,
    /// It ran longer than it may.
    TooLong = 3,
    /// Its agent is drained, and used again later.
    Drained = 4,
    /// Its agent is drained, and gone after that.
    DrainedForGood = 5,
}
