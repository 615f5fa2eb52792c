//! Mesos's MasterInfo as JSON, which is the content of a candidate's node.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

/// The address of a master.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MasterAddress {
    /// Host name for people and redirects.
    pub hostname: String,
    /// IP address as text.
    pub ip: String,
    /// Port.
    pub port: u16,
}

/// The master behind a candidate's node. Unknown fields of other versions are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MasterInfo {
    /// Random id of this master process.
    pub id: String,
    /// IPv4 address, its network bytes read as a little-endian integer.
    #[serde(default)]
    pub ip: u32,
    /// Port.
    pub port: u16,
    /// `master@ip:port`; what drivers connect to.
    #[serde(default)]
    pub pid: String,
    /// Host name.
    #[serde(default)]
    pub hostname: String,
    /// Mesos version whose API the master has.
    #[serde(default)]
    pub version: String,
    /// The same address in the form that newer clients read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<MasterAddress>,
    /// Capability names, `[{"type": "AGENT_UPDATE"}]`.
    #[serde(default)]
    pub capabilities: Vec<serde_json::Value>,
}

impl MasterInfo {
    /// Describes a master listening on an address.
    pub fn new(id: &str, ip: Ipv4Addr, port: u16, hostname: &str, version: &str) -> Self {
        Self {
            id: id.to_owned(),
            ip: u32::from_le_bytes(ip.octets()),
            port,
            pid: format!("master@{ip}:{port}"),
            hostname: hostname.to_owned(),
            version: version.to_owned(),
            address: Some(MasterAddress {
                hostname: hostname.to_owned(),
                ip: ip.to_string(),
                port,
            }),
            capabilities: vec![
                serde_json::json!({"type": "AGENT_UPDATE"}),
                serde_json::json!({"type": "AGENT_DRAINING"}),
            ],
        }
    }

    /// `ip:port` to dial.
    pub fn endpoint(&self) -> String {
        match &self.address {
            Some(address) => format!("{}:{}", address.ip, address.port),
            None => format!("{}:{}", Ipv4Addr::from(self.ip.to_le_bytes()), self.port),
        }
    }

    /// `hostname:port`, for redirects and people.
    pub fn host_port(&self) -> String {
        let hostname = if self.hostname.is_empty() {
            None
        } else {
            Some(&self.hostname)
        };
        hostname.map_or_else(|| self.endpoint(), |name| format!("{name}:{}", self.port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ip_is_the_little_endian_form_of_network_bytes() {
        let info = MasterInfo::new("m", Ipv4Addr::LOCALHOST, 5050, "localhost", "1.11.0");
        assert_eq!(info.ip, 16_777_343);
        assert_eq!(info.pid, "master@127.0.0.1:5050");
        assert_eq!(info.endpoint(), "127.0.0.1:5050");
    }

    #[test]
    fn reads_what_an_older_master_wrote() {
        let text = r#"{"id":"x","ip":16777343,"port":5050,"pid":"master@127.0.0.1:5050","novelty":{"a":1}}"#;
        let info: MasterInfo = serde_json::from_str(text).unwrap();
        assert_eq!(
            (info.endpoint().as_str(), info.host_port().as_str()),
            ("127.0.0.1:5050", "127.0.0.1:5050")
        );
    }
}
