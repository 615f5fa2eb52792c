//! `make down`: first as a user would remove things, then whatever is left.

use mesolith_testkit::{
    ApiServer, Kubectl, Options, Process, Progress, World, cgroups_of, mounts_of, processes_of,
};

/// Deletes the objects while the operator can still tell the nodes, then stops and removes everything.
pub(super) fn run(options: &Options, progress: &Progress) -> anyhow::Result<()> {
    progress.step("delete objects", || Ok(((), delete_objects(options))))?;
    progress.step("stop and remove", || {
        World::down(options)?;
        Ok(((), options.dir.display().to_string()))
    })?;
    std::fs::remove_dir_all(super::local_dir())?;
    progress.step("look for leftovers", || {
        let mut left: Vec<String> = Vec::new();
        left.extend(
            processes_of(&options.dir)
                .into_iter()
                .map(|(pid, line)| format!("process {pid} {line}")),
        );
        left.extend(
            mounts_of(&options.dir)
                .iter()
                .map(|path| format!("mount {}", path.display())),
        );
        let cgroups = ["mesolith", "mesos"].iter().flat_map(|name| cgroups_of(name));
        left.extend(cgroups.map(|path| format!("cgroup {} (another world may use it)", path.display())));
        let note = if left.is_empty() {
            "none".to_owned()
        } else {
            left.join("; ")
        };
        Ok(((), note))
    })
}

/// Deletes the objects in Kubernetes, so that the operator clears the nodes. Returns what happened. A failure does no
/// harm, since everything local is stopped by force afterwards.
fn delete_objects(options: &Options) -> String {
    let own = ApiServer::find(&options.dir.join("kube")).map(|api| api.kubeconfig());
    let Some(kubeconfig) = options.kubeconfig.clone().or(own) else {
        return "no API server runs; stopping by force".into();
    };
    if Process::find(&options.dir, "operator").is_none() {
        return "the operator does not run; stopping by force".into();
    }
    let Ok(kubectl) = Kubectl::new(&kubeconfig) else {
        return "kubectl is gone; stopping by force".into();
    };
    // On somebody's own cluster only the examples are ours.
    let scope: &[&[&str]] = if options.kubeconfig.is_some() {
        &[
            &["marathonapp", "hello", "-n", "default"],
            &["mesoscluster", "local", "-n", "default"],
        ]
    } else {
        &[
            &["zkmigrations", "--all", "-A"],
            &["marathonapps", "--all", "-A"],
            &["mesosclusters", "--all", "-A"],
        ]
    };
    for what in scope {
        let flags = ["--ignore-not-found", "--wait", "--timeout=90s"];
        let arguments: Vec<&str> = ["delete"].iter().chain(*what).chain(&flags).copied().collect();
        if let Err(error) = kubectl.run(&arguments) {
            return format!("{error:#}; stopping by force");
        }
    }
    if options.kubeconfig.is_some() {
        return "done; CRDs and rights stay in your cluster: kubectl delete -f manifests/crds".into();
    }
    "done".into()
}
