//! A real Kubernetes API: etcd, kube-apiserver and controller-manager on free ports of 127.0.0.1.
//!
//! The controller-manager is part of it because without one nothing collects owned objects, finishes the deletion
//! of a namespace, or makes the default ServiceAccount.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};

use crate::{Kubectl, Process, free_port, kube_dev, listening, root, wait_until};

/// The token of `system:masters` on these servers; they listen on loopback and live as long as a test.
pub const ADMIN_TOKEN: &str = "local-admin";

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Ports chosen once and kept, so that a restarted server is found where it was.
#[derive(Debug, Clone, Copy)]
struct Ports {
    etcd: u16,
    etcd_peer: u16,
    api: u16,
    controller_manager: u16,
}

/// One running Kubernetes API; stopped when dropped, unless it was started in a directory of the caller.
#[derive(Debug)]
pub struct ApiServer {
    dir: PathBuf,
    ports: Ports,
    temporary: Option<tempfile::TempDir>,
}

impl ApiServer {
    /// A fresh one in a temporary directory, with the project's CRDs applied.
    ///
    /// # Errors
    /// When `kube-dev` is not built or a server does not come up; the message names its log.
    pub fn start() -> anyhow::Result<Self> {
        let temporary = tempfile::Builder::new().prefix("mesolith-api-").tempdir()?;
        let mut this = Self::start_in(temporary.path())?;
        this.temporary = Some(temporary);
        this.apply_crds()?;
        Ok(this)
    }

    /// Starts what does not run yet in a directory that may be from an earlier run; left running when dropped.
    ///
    /// # Errors
    /// As [`ApiServer::start`].
    pub fn start_in(dir: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))?;
        let this = Self {
            dir: dir.to_owned(),
            ports: Ports::kept_in(dir)?,
            temporary: None,
        };
        this.write_files()?;
        this.start_etcd()?;
        this.start_api()?;
        this.start_controller_manager()?;
        Ok(this)
    }

    /// One that an earlier run started in this directory, if its API server runs.
    pub fn find(dir: &Path) -> Option<Self> {
        Process::find(dir, "apiserver")?;
        Some(Self {
            dir: dir.to_owned(),
            ports: Ports::kept_in(dir).ok()?,
            temporary: None,
        })
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        self.dir.join("kubeconfig")
    }

    /// `https://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.ports.api)
    }

    /// kubectl as administrator.
    ///
    /// # Errors
    /// When `kube-dev` is gone.
    pub fn kubectl(&self) -> anyhow::Result<Kubectl> {
        Kubectl::new(&self.kubeconfig())
    }

    /// A client as administrator.
    ///
    /// # Errors
    /// When the kubeconfig cannot be read.
    pub async fn client(&self) -> anyhow::Result<kube::Client> {
        client_of(&self.kubeconfig()).await
    }

    /// Every write since the start, one JSON object a line (Kubernetes audit events, level Metadata).
    pub fn audit_log(&self) -> PathBuf {
        self.dir.join("audit.log")
    }

    /// Applies `manifests/crds/` and waits until the server serves them.
    ///
    /// # Errors
    /// When the server refuses them.
    pub fn apply_crds(&self) -> anyhow::Result<()> {
        apply_crds(&self.kubectl()?)
    }

    /// Waits until the admission policies of `manifests/crds/` are in force, which takes some seconds.
    ///
    /// # Errors
    /// When an app with a wrong value is still accepted.
    pub fn wait_for_policies(&self) -> anyhow::Result<()> {
        let kubectl = self.kubectl()?;
        let probe = self.dir.join("probe.json");
        std::fs::write(
            &probe,
            r#"{"apiVersion": "mesolith.io/v1alpha1", "kind": "MarathonApp",
                "metadata": {"name": "probe", "namespace": "default"}, "spec": {"cmd": "true", "tty": "true"}}"#,
        )?;
        let probe = probe.display().to_string();
        wait_until(
            "the admission policies",
            Duration::from_secs(60),
            || match kubectl.run(&["create", "--dry-run=server", "-f", &probe]) {
                Err(error) if format!("{error:#}").contains("spec.tty") => Ok(()),
                answer => bail!("an app with a wrong value: {answer:?}"),
            },
        )
    }

    /// Writes a kubeconfig for a ServiceAccount, with a token from the token API.
    ///
    /// # Errors
    /// When the ServiceAccount does not exist.
    pub fn service_account(&self, namespace: &str, name: &str, file: &Path) -> anyhow::Result<()> {
        let kubectl = self.kubectl()?;
        let token = kubectl.run(&["create", "token", name, "-n", namespace, "--duration", "24h"])?;
        self.write_kubeconfig(file, token.trim())
    }

    /// Starts the API server alone (again) and waits until it is ready.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start_api(&self) -> anyhow::Result<()> {
        if Process::find(&self.dir, "apiserver").is_none() {
            let file = |name: &str| self.dir.join(name).display().to_string();
            let mut command = self.role("apiserver")?;
            command.args([
                format!("--etcd-servers=http://127.0.0.1:{}", self.ports.etcd),
                format!("--cert-dir={}", file("certs")),
                "--bind-address=127.0.0.1".into(),
                format!("--secure-port={}", self.ports.api),
                "--service-cluster-ip-range=10.96.0.0/16".into(),
                "--authorization-mode=RBAC".into(),
                format!("--token-auth-file={}", file("tokens.csv")),
                "--allow-privileged=true".into(),
                "--service-account-issuer=https://kubernetes.default.svc".into(),
                format!("--service-account-key-file={}", file("sa.key")),
                format!("--service-account-signing-key-file={}", file("sa.key")),
                format!("--audit-policy-file={}", file("audit-policy.yaml")),
                format!("--audit-log-path={}", file("audit.log")),
            ]);
            Process::start(&self.dir, "apiserver", command)?;
        }
        let process = Process::find(&self.dir, "apiserver").context("kube-apiserver did not stay up")?;
        wait_until("kube-apiserver to listen", Duration::from_secs(60), || {
            process.check()?;
            let certificate = self.dir.join("certs/apiserver.crt");
            if certificate.is_file() && listening((LOOPBACK, self.ports.api).into()) {
                return Ok(());
            }
            bail!(
                "nothing on {}; its log is {}",
                self.url(),
                process.log().display()
            )
        })?;
        self.write_kubeconfig(&self.kubeconfig(), ADMIN_TOKEN)?;
        let kubectl = self.kubectl()?;
        wait_until("kube-apiserver to be ready", Duration::from_secs(60), || {
            process.check()?;
            kubectl.run(&["get", "--raw", "/readyz"])?;
            kubectl.run(&["get", "namespace", "default", "-o", "name"])
        })?;
        Ok(())
    }

    /// Stops the API server alone; etcd keeps the objects.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop_api(&self) -> anyhow::Result<()> {
        stop(&self.dir, "apiserver")
    }

    /// Stops everything that was started in this directory; stopped already is fine.
    ///
    /// # Errors
    /// When a server does not end.
    pub fn stop_in(dir: &Path) -> anyhow::Result<()> {
        ["controller-manager", "apiserver", "etcd"]
            .iter()
            .try_for_each(|name| stop(dir, name))
    }

    fn start_etcd(&self) -> anyhow::Result<()> {
        if Process::find(&self.dir, "etcd").is_some() {
            return Ok(());
        }
        let client = format!("http://127.0.0.1:{}", self.ports.etcd);
        let peer = format!("http://127.0.0.1:{}", self.ports.etcd_peer);
        let mut command = self.role("etcd")?;
        command.arg("--data-dir").arg(self.dir.join("etcd"));
        command.args([
            "--listen-client-urls",
            &client,
            "--advertise-client-urls",
            &client,
        ]);
        command.args([
            "--listen-peer-urls",
            &peer,
            "--initial-advertise-peer-urls",
            &peer,
        ]);
        command.args(["--initial-cluster", &format!("default={peer}")]);
        // Objects of a test world need not survive a power cut, and fsync is most of what etcd waits for.
        command.arg("--unsafe-no-fsync");
        let etcd = Process::start(&self.dir, "etcd", command)?;
        wait_until("etcd to listen", Duration::from_secs(60), || {
            etcd.check()?;
            let address = SocketAddr::from((LOOPBACK, self.ports.etcd));
            if listening(address) {
                Ok(())
            } else {
                bail!("nothing on {address}")
            }
        })
    }

    fn start_controller_manager(&self) -> anyhow::Result<()> {
        if Process::find(&self.dir, "controller-manager").is_some() {
            return Ok(());
        }
        let mut command = self.role("controller-manager")?;
        command.arg("--kubeconfig").arg(self.kubeconfig());
        command
            .arg("--service-account-private-key-file")
            .arg(self.dir.join("sa.key"));
        command
            .arg("--root-ca-file")
            .arg(self.dir.join("certs/apiserver.crt"));
        command.arg("--use-service-account-credentials");
        command.args([
            "--bind-address=127.0.0.1",
            &format!("--secure-port={}", self.ports.controller_manager),
        ]);
        command.arg("--leader-elect=false");
        Process::start(&self.dir, "controller-manager", command)?;
        Ok(())
    }

    fn role(&self, role: &str) -> anyhow::Result<Command> {
        let mut command = Command::new(kube_dev()?);
        command.arg(role).current_dir(&self.dir).env_remove("KUBECONFIG");
        Ok(command)
    }

    fn write_files(&self) -> anyhow::Result<()> {
        let tokens = format!("{ADMIN_TOKEN},admin,admin,system:masters\n");
        std::fs::write(self.dir.join("tokens.csv"), tokens)?;
        let policy = "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules:\n\
                      - {level: Metadata, verbs: [create, update, patch, delete, deletecollection]}\n\
                      - {level: None}\n";
        std::fs::write(self.dir.join("audit-policy.yaml"), policy)?;
        let key = self.dir.join("sa.key");
        if !key.exists() {
            let made = Command::new("openssl")
                .args(["genrsa", "-out"])
                .arg(&key)
                .arg("2048")
                .output();
            let made = made.context("run openssl (Debian package openssl)")?;
            if !made.status.success() {
                bail!("openssl genrsa: {}", String::from_utf8_lossy(&made.stderr));
            }
        }
        Ok(())
    }

    fn write_kubeconfig(&self, file: &Path, token: &str) -> anyhow::Result<()> {
        let certificate = self.dir.join("certs/apiserver.crt");
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: local\n\
             clusters: [{{name: local, cluster: {{server: \"{}\", certificate-authority: \"{}\"}}}}]\n\
             users: [{{name: local, user: {{token: \"{token}\"}}}}]\n\
             contexts: [{{name: local, context: {{cluster: local, user: local}}}}]\n",
            self.url(),
            certificate.display(),
        );
        std::fs::write(file, text).with_context(|| format!("write {}", file.display()))
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        let Some(dir) = self.temporary.take() else { return };
        if let Err(error) = Self::stop_in(dir.path()) {
            eprintln!("{error:#}");
        }
        if std::thread::panicking() {
            eprintln!("logs of the API server are kept in {}", dir.keep().display());
        }
    }
}

impl Ports {
    fn kept_in(dir: &Path) -> anyhow::Result<Self> {
        let file = dir.join("ports");
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        let numbers: Vec<u16> = kept.split_whitespace().filter_map(|n| n.parse().ok()).collect();
        if let [etcd, etcd_peer, api, controller_manager] = numbers[..] {
            return Ok(Self {
                etcd,
                etcd_peer,
                api,
                controller_manager,
            });
        }
        let free = || free_port(LOOPBACK);
        let ports = Self {
            etcd: free()?,
            etcd_peer: free()?,
            api: free()?,
            controller_manager: free()?,
        };
        let Self {
            etcd,
            etcd_peer,
            api,
            controller_manager,
        } = ports;
        std::fs::write(&file, format!("{etcd} {etcd_peer} {api} {controller_manager}\n"))?;
        Ok(ports)
    }
}

/// Applies `manifests/crds/` and waits until they are served.
///
/// # Errors
/// When the server refuses them.
pub(crate) fn apply_crds(kubectl: &Kubectl) -> anyhow::Result<()> {
    let crds = root().join("manifests/crds");
    if !crds.is_dir() {
        return Ok(());
    }
    let crds = crds.display().to_string();
    kubectl.run(&["apply", "--server-side", "--force-conflicts", "-f", &crds])?;
    let established = ["wait", "--for=condition=Established", "--timeout=30s", "crd"];
    let names = ["marathonapps", "mesosclusters", "zkmigrations"].map(|name| format!("{name}.mesolith.io"));
    let names = names.iter().map(String::as_str);
    kubectl.run(&established.into_iter().chain(names).collect::<Vec<_>>())?;
    Ok(())
}

/// A client for a kubeconfig file.
pub(crate) async fn client_of(kubeconfig: &Path) -> anyhow::Result<kube::Client> {
    let kubeconfig = kube::config::Kubeconfig::read_from(kubeconfig)?;
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await?;
    Ok(kube::Client::try_from(config)?)
}

fn stop(dir: &Path, name: &str) -> anyhow::Result<()> {
    Process::find(dir, name).map_or(Ok(()), |process| process.stop(Duration::from_secs(15)))
}
