//! kubectl as a person uses it, from `kube-dev`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

/// Runs kubectl against one cluster.
#[derive(Debug, Clone)]
pub struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
}

impl Kubectl {
    /// kubectl with this kubeconfig.
    ///
    /// # Errors
    /// When `kube-dev` is not built.
    pub fn new(kubeconfig: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            program: crate::kube_dev()?,
            kubeconfig: kubeconfig.to_owned(),
        })
    }

    /// The kubeconfig it uses.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// A command to which arguments can be added.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("kubectl").arg("--kubeconfig").arg(&self.kubeconfig);
        command
    }

    /// Runs it and returns its output.
    ///
    /// # Errors
    /// When it fails; the message is kubectl's own.
    pub fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        self.run_with_input(arguments, "")
    }

    /// Messages of the events of one reason about an object in the namespace `default`.
    ///
    /// # Errors
    /// When it fails; the message is kubectl's own.
    pub fn events(&self, name: &str, reason: &str) -> anyhow::Result<String> {
        let selector = format!("involvedObject.name={name},reason={reason}");
        let messages = "jsonpath={range .items[*]}{.message}{'\\n'}{end}";
        self.run(&[
            "get",
            "events",
            "-n",
            "default",
            "--field-selector",
            &selector,
            "-o",
            messages,
        ])
    }

    /// Runs it with text on standard input, for `apply -f -`.
    ///
    /// # Errors
    /// When it fails; the message is kubectl's own.
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> anyhow::Result<String> {
        let mut child = self
            .command()
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("start kubectl")?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes()).ok();
        }
        let output = child.wait_with_output()?;
        if !output.status.success() {
            bail!(
                "kubectl {}: {}",
                arguments.join(" "),
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Server-side apply of YAML text, as this project documents it.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub fn apply(&self, yaml: &str) -> anyhow::Result<String> {
        self.run_with_input(&["apply", "--server-side", "--force-conflicts", "-f", "-"], yaml)
    }
}
