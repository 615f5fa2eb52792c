//! What the fields of a cluster mean when they are left out.

use std::collections::BTreeMap;

use super::{AgentGroup, ComponentLimits, Containerizer, MastersSpec, Node, ZooKeeperSpec};

impl ZooKeeperSpec {
    /// Port for clients.
    #[must_use]
    pub fn client_port(&self) -> u16 {
        self.client_port.unwrap_or(2181)
    }

    /// Port on which followers connect to the leader.
    #[must_use]
    pub fn quorum_port(&self) -> u16 {
        self.quorum_port.unwrap_or(2888)
    }

    /// Port for elections.
    #[must_use]
    pub fn election_port(&self) -> u16 {
        self.election_port.unwrap_or(3888)
    }

    /// Path below which the masters elect their leader.
    #[must_use]
    pub fn path(&self) -> &str {
        self.path.as_deref().unwrap_or("/mesos")
    }

    /// Java heap in MiB.
    #[must_use]
    pub fn heap_megabytes(&self) -> u32 {
        let bytes = self.heap.as_deref().and_then(memory_bytes).unwrap_or(512 << 20);
        u32::try_from(bytes >> 20).unwrap_or(u32::MAX)
    }
}

impl MastersSpec {
    /// Port of the Mesos API.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(5050)
    }
}

impl AgentGroup {
    /// Port of the agent's API.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(5051)
    }

    /// Containerizers, docker first as Mesos orders them.
    #[must_use]
    pub fn containerizers(&self) -> Vec<Containerizer> {
        if self.containerizers.is_empty() {
            vec![Containerizer::Docker, Containerizer::Mesos]
        } else {
            self.containerizers.clone()
        }
    }

    /// Attributes of this group's agent on that node: the group's win.
    #[must_use]
    pub fn attributes_on(&self, node: &Node) -> BTreeMap<String, String> {
        let mut attributes = node.attributes.clone();
        attributes.extend(self.attributes.clone());
        attributes
    }
}

impl ComponentLimits {
    /// Memory in bytes; nothing means no limit.
    #[must_use]
    pub fn memory_bytes(&self) -> Option<u64> {
        self.memory.as_deref().and_then(memory_bytes)
    }
}

/// Bytes of a Kubernetes quantity such as `512Mi`.
fn memory_bytes(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len()));
    let scale = match unit {
        "" => 1.0,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "Ki" => 1024.0,
        "Mi" => 1_048_576.0,
        "Gi" => 1_073_741_824.0,
        "Ti" => 1_099_511_627_776.0,
        _ => return None,
    };
    let bytes = number.parse::<f64>().ok()? * scale;
    // Bounded by the field's pattern and length, so the cast cannot lose anything that matters.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities() {
        assert_eq!(memory_bytes("512Mi"), Some(512 << 20));
        assert_eq!(memory_bytes("1.5Gi"), Some(3 << 29));
        assert_eq!(memory_bytes("1G"), Some(1_000_000_000));
        assert_eq!(memory_bytes("1X"), None);
    }
}
