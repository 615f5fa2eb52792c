//! Why a node agent does not answer the operator, and what to do about it.

use super::dial::sentence;
use mesolith_crds::Reason;

/// A call that did not succeed, without the name of the node: many nodes may refuse in the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// `NodeUntrusted` or `NodeUnreachable`.
    pub(crate) reason: Reason,
    /// What happened.
    pub(crate) cause: String,
    /// What to do; empty when the cause says it.
    pub(crate) remedy: &'static str,
}

impl Refusal {
    /// The node at this address answered with a status, or not at all.
    pub(super) fn new(address: &str, status: &tonic::Status) -> Self {
        // Sentences about TLS begin with the address, which is said already.
        let bare = |text: String| match text.strip_prefix(&format!("{address}: ")) {
            Some(rest) => rest.to_owned(),
            None => text,
        };
        if let Some(trust) = mesolith_pki::trust_problem(status) {
            return Self {
                reason: Reason::NodeUntrusted,
                cause: bare(trust),
                remedy: "",
            };
        }
        match status.code() {
            tonic::Code::Unauthenticated | tonic::Code::PermissionDenied => Self {
                reason: Reason::NodeUntrusted,
                cause: format!("the node refuses the operator: {}", sentence(status)),
                remedy: "Is its ca.crt the CA of this cluster? mesolith pki issue makes a new set",
            },
            _ => Self {
                reason: Reason::NodeUnreachable,
                cause: bare(sentence(status)),
                remedy: "Is the node agent running? systemctl status mesolith-agent",
            },
        }
    }

    /// Nothing was sent: the address or our own certificate makes no sense.
    pub(super) fn undialled(cause: String) -> Self {
        Self {
            reason: Reason::NodeUnreachable,
            cause,
            remedy: "",
        }
    }

    /// Both parts.
    pub(crate) fn sentence(&self) -> String {
        match self.remedy {
            "" => self.cause.clone(),
            remedy => format!("{}. {remedy}", self.cause),
        }
    }
}
