//! Points at which a test may let this process die as by `kill -9`; nothing in release builds.

/// Dies here if `MESOLITH_CRASH_AT` names this point.
pub(crate) fn point(name: &str) {
    if cfg!(debug_assertions) && std::env::var("MESOLITH_CRASH_AT").is_ok_and(|at| at == name) {
        let _ = nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL);
    }
}
