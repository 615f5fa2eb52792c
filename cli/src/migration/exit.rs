//! Exit codes, the same for every verb.

use mesolith_migration::State;

/// Done; it goes on by itself, or has ended well.
pub(super) const OK: u8 = 0;
/// The API server cannot be asked, or does not permit it.
pub(super) const FAILED: u8 = 1;
/// Wrong usage, or a file that cannot be followed.
pub(super) const USAGE: u8 = 2;
/// A person is waited for.
pub(super) const WAITS: u8 = 3;
/// It does not get on, or a check failed.
pub(super) const STUCK: u8 = 4;
/// There is no such migration.
pub(super) const NOT_FOUND: u8 = 5;
/// What was asked makes no sense now.
pub(super) const REFUSED: u8 = 6;
/// Ctrl-C.
pub(super) const INTERRUPTED: u8 = 130;

/// Help text below every verb.
pub(super) const HELP: &str = "Exit codes: 0 done, it goes on by itself or has ended; 1 the API server cannot be asked \
    or does not permit it; 2 wrong usage or an unusable file; 3 a person is waited for (approval, or a command); 4 it is \
    stuck, or a check failed; 5 there is no such migration; 6 refused, since it makes no sense now.";

/// The code that says where a migration is.
pub(super) fn of(state: State) -> u8 {
    match state {
        State::WaitingForApproval | State::WaitingForPerson => WAITS,
        State::Stuck => STUCK,
        State::New
        | State::Running
        | State::GoingBack
        | State::Paused
        | State::Succeeded
        | State::RolledBack => OK,
    }
}
