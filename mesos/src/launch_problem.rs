//! Why a task could not be started, as data. Mesos has a single reason for all causes, REASON_CONTAINER_LAUNCH_FAILED.

/// Why a launch failed, for programs; the message of the same status is for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaunchProblem {
    /// The image is not on the agent's machine and could not be had.
    ImageNotFound,
    /// The agent has no Docker engine that answers.
    DockerUnavailable,
}

impl LaunchProblem {
    /// Key of the label that carries it in a task's status.
    pub const LABEL: &str = "mesolith.io/reason";

    /// As the label says it: CamelCase, fit for a condition's reason.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ImageNotFound => "ImageNotFound",
            Self::DockerUnavailable => "DockerUnavailable",
        }
    }

    /// Reads a label's value; `None` for one that this version does not know.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::ImageNotFound, Self::DockerUnavailable]
            .into_iter()
            .find(|problem| problem.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::LaunchProblem;

    #[test]
    fn a_label_is_read_as_it_is_written() {
        for problem in [LaunchProblem::ImageNotFound, LaunchProblem::DockerUnavailable] {
            assert_eq!(LaunchProblem::parse(problem.as_str()), Some(problem));
        }
        assert_eq!(LaunchProblem::parse("image not found"), None);
    }
}
