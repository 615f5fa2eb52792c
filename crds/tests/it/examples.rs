//! The examples are accepted, mean what they say in our types, and applying them again changes nothing.

use mesolith_crds::v1alpha1::{MarathonApp, MesosCluster, ZkMigration};
use mesolith_testkit::{ApiServer, root};

#[test]
fn examples_apply_and_apply_again() {
    let server = ApiServer::start().unwrap();
    let kubectl = server.kubectl().unwrap();
    let examples = root().join("manifests/examples");
    let folder = examples.display().to_string();
    kubectl
        .run(&["apply", "--server-side", "--validate=strict", "-f", &folder])
        .unwrap();
    let generations = |kubectl: &mesolith_testkit::Kubectl| {
        kubectl
            .run(&[
                "get",
                "mesolith",
                "-A",
                "-o",
                "jsonpath={range .items[*]}{.metadata.name}@{.metadata.resourceVersion} {end}",
            ])
            .unwrap()
    };
    let before = generations(&kubectl);
    kubectl.run(&["apply", "--server-side", "-f", &folder]).unwrap();
    // As tools without server-side apply do it.
    kubectl.run(&["diff", "--server-side", "-f", &folder]).unwrap();
    assert_eq!(generations(&kubectl), before);
    assert!(
        before.contains("hello@") && before.contains("web-app@") && before.contains("local@"),
        "{before}"
    );
}

/// Whoever applies an example unchanged must not knock on a stranger's machines: addresses are this machine's own, or
/// reserved for documentation (RFC 5737).
#[test]
fn examples_name_nobodys_machines() {
    for entry in std::fs::read_dir(root().join("manifests/examples")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let words = text.split(|c: char| !(c.is_ascii_digit() || c == '.' || c == '[' || c == '-'));
        for word in words.filter(|word| word.matches('.').count() == 3) {
            let nobodys = ["127.", "192.0.2.", "198.51.100.", "203.0.113."];
            assert!(
                nobodys.iter().any(|prefix| word.starts_with(prefix)),
                "{}: {word}",
                path.display()
            );
        }
    }
}

#[test]
fn examples_resolve() {
    let read = |name: &str| std::fs::read_to_string(root().join("manifests/examples").join(name)).unwrap();
    let cluster: MesosCluster = serde_saphyr::from_str(&read("cluster.yaml")).unwrap();
    let table = cluster.spec.node_table().unwrap();
    assert_eq!(table.len(), 3);
    for group in &cluster.spec.agents {
        assert_eq!(
            table.select("spec.agents[].nodes", &group.nodes).unwrap().len(),
            1
        );
    }
    let app: MarathonApp = serde_saphyr::from_str(&read("web-app.yaml")).unwrap();
    assert_eq!(app.app_id(), "/production/web-app");
    let app: MarathonApp = serde_saphyr::from_str(&read("hello.yaml")).unwrap();
    assert_eq!(app.app_id(), "/hello");
    let migration: ZkMigration = serde_saphyr::from_str(&read("migration.yaml")).unwrap();
    let target =
        mesolith_crds::v1alpha1::mesos_cluster::NodeTable::new(&migration.spec.target.nodes).unwrap();
    let agents = migration.spec.target.agents.unwrap();
    assert_eq!(
        target
            .select("spec.target.agents.nodes", &agents.nodes)
            .unwrap()
            .len(),
        90
    );
}
