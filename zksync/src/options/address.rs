//! Servers as a user writes them: `host:port[:quorum-port]`, separated by commas.

use super::Error;

/// The usual client port of a ZooKeeper server.
const CLIENT_PORT: u16 = 2181;

/// One server of an ensemble.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerAddress {
    /// Host name or address, without brackets, in lower case.
    pub host: String,
    /// Port for clients.
    pub client_port: u16,
    /// Quorum port, if the user gave it; otherwise the server is asked for it.
    pub quorum_port: Option<u16>,
}

impl ServerAddress {
    /// `host:port` for clients.
    #[must_use]
    pub fn client(&self) -> String {
        join(&self.host, self.client_port)
    }

    /// `host:port` for observers, if the user gave the quorum port.
    #[must_use]
    pub fn quorum(&self) -> Option<String> {
        self.quorum_port.map(|port| join(&self.host, port))
    }
}

impl std::fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.client())?;
        self.quorum_port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

fn join(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// Parses a list of servers. `flag` is named in errors.
///
/// # Errors
/// When a part is not a server, a server appears twice, or the list is empty.
pub fn parse_servers(flag: &str, text: &str) -> Result<Vec<ServerAddress>, Error> {
    let mut servers: Vec<ServerAddress> = Vec::new();
    let refuse = |problem: String| Error::Servers {
        flag: flag.to_owned(),
        problem,
    };
    if text.contains("://") {
        return Err(refuse(format!(
            "'{text}' is a URL; write the servers only, such as zk1:2181,zk2:2181,zk3:2181"
        )));
    }
    if let Some((_, chroot)) = text.split_once('/') {
        return Err(refuse(format!(
            "'/{chroot}' is a path and no part of a server; say which paths with --paths"
        )));
    }
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let server = parse_server(part).map_err(|problem| Error::Server {
            flag: flag.to_owned(),
            value: part.to_owned(),
            problem,
        })?;
        if servers.iter().any(|known| known.client() == server.client()) {
            return Err(refuse(format!("names {} twice", server.client())));
        }
        servers.push(server);
    }
    if servers.is_empty() {
        return Err(refuse(
            "names no server; write host:port,host:port,...".to_owned(),
        ));
    }
    Ok(servers)
}

fn parse_server(text: &str) -> Result<ServerAddress, String> {
    let (host, ports) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, ports) = rest.split_once(']').ok_or("the ']' is missing")?;
            host.parse::<std::net::Ipv6Addr>()
                .map_err(|_| format!("'{host}' is no IPv6 address"))?;
            (host, ports.strip_prefix(':').unwrap_or(ports))
        }
        None => text.split_once(':').unwrap_or((text, "")),
    };
    let named = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if host.is_empty() {
        return Err("the host is missing".to_owned());
    }
    if !text.starts_with('[') && !host.chars().all(named) {
        return Err(format!("'{host}' is no host name"));
    }
    let mut ports = ports.split(':');
    let client = ports.next().unwrap_or_default();
    let client_port = if client.is_empty() {
        CLIENT_PORT
    } else {
        port(client)?
    };
    let quorum_port = ports.next().map(port).transpose()?;
    if ports.next().is_some() {
        return Err(
            "there are more than two ports; an IPv6 address needs brackets, such as [::1]:2181".to_owned(),
        );
    }
    Ok(ServerAddress {
        host: host.to_ascii_lowercase(),
        client_port,
        quorum_port,
    })
}

fn port(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err(format!("'{text}' is no port")),
        Ok(port) => Ok(port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read_in_every_form() {
        for (text, wanted) in [
            ("zk1:2181", vec!["zk1:2181"]),
            ("zk1", vec!["zk1:2181"]),
            (
                "ZK1:2181:2888, zk2:2182:3888",
                vec!["zk1:2181:2888", "zk2:2182:3888"],
            ),
            ("192.0.2.1:2181,", vec!["192.0.2.1:2181"]),
            ("[::1]:2181:2888", vec!["[::1]:2181:2888"]),
            ("[fe80::1]", vec!["[fe80::1]:2181"]),
        ] {
            let found = parse_servers("--source", text).unwrap();
            let found: Vec<_> = found.iter().map(ToString::to_string).collect();
            assert_eq!(found, wanted, "{text}");
        }
    }

    #[test]
    fn what_is_no_server_is_named_with_the_flag() {
        for (text, wanted) in [
            ("", "--target: names no server"),
            (
                "zk1:port",
                "--target: 'zk1:port' is no server: 'port' is no port; write host:port",
            ),
            ("zk1:0", "--target: 'zk1:0' is no server: '0' is no port"),
            (
                "zk1:99999",
                "--target: 'zk1:99999' is no server: '99999' is no port",
            ),
            (
                "zk1:1:2:3",
                "--target: 'zk1:1:2:3' is no server: there are more than two ports",
            ),
            ("::1", "--target: '::1' is no server: the host is missing"),
            ("a b:1", "--target: 'a b:1' is no server: 'a b' is no host name"),
            (
                "[zz]:1",
                "--target: '[zz]:1' is no server: 'zz' is no IPv6 address",
            ),
            ("zk://zk1:2181/mesos", "--target: 'zk://zk1:2181/mesos' is a URL"),
            (
                "zk1:2181/mesos",
                "--target: '/mesos' is a path and no part of a server; say which paths with --paths",
            ),
            ("zk1:2181,zk1", "--target: names zk1:2181 twice"),
        ] {
            let found = parse_servers("--target", text).unwrap_err().to_string();
            assert!(found.starts_with(wanted), "{text}: {found}");
        }
    }
}
