//! The shim as a program of its own, for tests of this crate: a test harness cannot be started as the shim.
fn main() {
    mesolith_process::run_shim_if_asked();
    eprintln!("mesolith-shim is started by Mesolith's agents only");
    std::process::exit(64);
}
