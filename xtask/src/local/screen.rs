//! What a person reads at the end of `make up`.

use std::time::Duration;

use mesolith_testkit::World;

use super::examples::get;

/// Prints the commands to look around.
pub(super) fn show(world: &World, elapsed: Duration, applied: bool) {
    let cluster = get(world.kubectl(), "mesoscluster", "local").unwrap_or_default();
    let leader = cluster["status"]["leader"]
        .as_str()
        .unwrap_or("127.0.0.11:5050")
        .to_owned();
    let app = get(world.kubectl(), "marathonapp", "hello").unwrap_or_default();
    let instance = &app["status"]["instanceList"][0];
    let host = instance["host"].as_str().unwrap_or("127.0.0.11");
    let url = match instance["ports"][0].as_i64() {
        Some(port) => format!("http://{host}:{port}/"),
        None => "(kubectl get mapp hello -o yaml shows its address)".to_owned(),
    };
    let what = if applied {
        "ready"
    } else {
        "ready, nothing changed,"
    };
    println!("world {what} in {:.0} s", elapsed.as_secs_f64());
    for (command, meaning) in [
        ("source .local/env", ""),
        ("kubectl get mesosclusters,marathonapps", "the objects"),
        (&*format!("curl http://{leader}/state"), "Mesos' own view"),
        (&*format!("curl {url}"), "the example app"),
        ("kubectl scale mapp hello --replicas 3", "try it"),
        ("make down", "leaves nothing behind"),
    ] {
        println!("{}", format!("  {command:<45} {meaning}").trim_end());
    }
}
