//! What a verb can fail with, and the exit code for it.

use super::exit;
use crate::output::Format;
use mesolith_migration::{DocumentError, Refused};
use std::path::PathBuf;

/// A verb could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// No API server.
    #[error("no Kubernetes API to ask: {0}. Give --kubeconfig FILE or --context NAME, or set KUBECONFIG")]
    Connect(String),
    /// A name.
    #[error(
        "there is no ZkMigration {name} in namespace {namespace}: mesos-migrate status -n {namespace} lists them"
    )]
    NotFound {
        /// The name.
        name: String,
        /// Where it was looked for.
        namespace: String,
    },
    /// It makes no sense now.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The API server, or an admission policy, says no.
    #[error("{what}: {says}")]
    Denied {
        /// What was tried.
        what: String,
        /// Its words.
        says: String,
        /// One CamelCase word.
        reason: String,
    },
    /// The API server cannot be asked, or does not permit it.
    #[error("failed to {what}: {says}")]
    Ask {
        /// What was tried.
        what: String,
        /// What happened.
        says: String,
        /// One CamelCase word.
        reason: String,
    },
    /// A file.
    #[error("cannot read {}: {problem}", path.display())]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// What the file says.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A value of a flag.
    #[error("{0}")]
    Usage(String),
    /// The answer.
    #[error("cannot print the answer: {0}")]
    Print(String),
}

impl Error {
    /// A failed request, told apart by who says no.
    pub(super) fn of(what: impl Into<String>, error: &kube::Error) -> Self {
        let what = what.into();
        match error {
            // Invalid objects, conflicts, and policies, which answer 422 and 403 with their own sentence.
            kube::Error::Api(status)
                if matches!(status.code, 409 | 422) || status.message.contains("denied request") =>
            {
                Self::Denied {
                    what: format!("refused to {what}"),
                    says: status.message.clone(),
                    reason: status.reason.clone(),
                }
            }
            kube::Error::Api(status) => Self::Ask {
                what,
                says: status.message.clone(),
                reason: status.reason.clone(),
            },
            error => Self::Ask {
                what,
                says: chain(error),
                reason: "ApiServerUnreachable".to_owned(),
            },
        }
    }

    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Connect(_) | Self::Ask { .. } | Self::Print(_) => exit::FAILED,
            Self::ReadFile { .. } | Self::Document(_) | Self::Usage(_) => exit::USAGE,
            Self::NotFound { .. } => exit::NOT_FOUND,
            Self::Refused(_) | Self::Denied { .. } => exit::REFUSED,
        }
    }

    fn reason(&self) -> &str {
        match self {
            Self::Connect(_) => "NoKubernetesApi",
            Self::NotFound { .. } => "NotFound",
            Self::Refused(refused) => refused.reason(),
            Self::Denied { reason, .. } | Self::Ask { reason, .. } => reason,
            Self::ReadFile { .. } => "UnreadableFile",
            Self::Document(_) => "InvalidDocument",
            Self::Usage(_) => "WrongUsage",
            Self::Print(_) => "CannotPrint",
        }
    }

    /// A sentence on stderr; where JSON is wanted, an object on stdout as well.
    pub(super) fn print(&self, output: Format) {
        eprintln!("mesos-migrate: {self}");
        if output == Format::Json && !matches!(self, Self::Print(_)) {
            let error = serde_json::json!({"error": {"reason": self.reason(), "message": self.to_string()}});
            println!("{error}");
        }
    }
}

/// An error with its causes, each once.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        next = cause.source();
    }
    text
}
