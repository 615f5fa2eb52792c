//! Generates the Rust messages from `proto/` with protox: no protoc needed.
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = [
        "mesos/v1/mesos.proto",
        "mesos/v1/scheduler/scheduler.proto",
        "mesos/v1/executor/executor.proto",
        "mesos/v1/master/master.proto",
        "mesos/v1/agent/agent.proto",
        "mesos/v1/maintenance/maintenance.proto",
        "mesos/v1/quota/quota.proto",
        "mesos/v1/allocator/allocator.proto",
        "mesolith/node.proto",
        "mesolith/session.proto",
    ];
    println!("cargo::rerun-if-changed=proto");
    let descriptors = protox::compile(files, ["proto"])?;
    let mut config = prost_build::Config::new();
    config.bytes(["."]).compile_well_known_types();
    tonic_prost_build::configure().compile_fds_with_config(descriptors, config)?;
    Ok(())
}
