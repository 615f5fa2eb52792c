//! Generates the Rust messages from `proto/` with protox: no protoc needed. Mesos' messages also get Mesos' JSON
//! mapping.

#[path = "build/json.rs"]
mod json;

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
        "mesolith/registry.proto",
        "mesolith/session.proto",
        "mesolith/zksync.proto",
    ];
    println!("cargo::rerun-if-changed=proto");
    println!("cargo::rerun-if-changed=build");
    let descriptors = protox::compile(files, ["proto"])?;
    let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    std::fs::write(out.join("mesos_json.rs"), json::generate(&descriptors)?)?;
    let mut config = prost_build::Config::new();
    config
        .bytes(["."])
        .btree_map([".mesos"])
        .compile_well_known_types();
    tonic_prost_build::configure().compile_fds_with_config(descriptors, config)?;
    Ok(())
}
