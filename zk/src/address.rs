//! The `zk://` address that Mesos's `--zk` and `--master` flags take.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// Digest credentials of a `zk://user:password@...` address. `Debug` hides the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// User name.
    pub user: String,
    /// Password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:***", self.user)
    }
}

/// Servers and base path of an ensemble. `Display` hides the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// `host:port` of each server, at least one.
    pub servers: Vec<String>,
    /// Absolute path without a trailing slash, `/` for the root.
    pub path: String,
    /// Digest credentials, if any.
    pub credentials: Option<Credentials>,
}

impl Address {
    /// `host:port,host:port`, as ZooKeeper clients want it.
    pub fn connect_string(&self) -> String {
        self.servers.join(",")
    }

    /// A child of the base path.
    pub fn child(&self, name: &str) -> String {
        if self.path == "/" {
            format!("/{name}")
        } else {
            format!("{}/{name}", self.path)
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self
            .credentials
            .as_ref()
            .map(|c| format!("{}:***@", c.user))
            .unwrap_or_default();
        write!(f, "zk://{user}{}{}", self.connect_string(), self.path)
    }
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let shown = match (text.find("//"), text.rfind('@')) {
            (Some(start), Some(at)) if at > start => format!("{}***{}", &text[..start + 2], &text[at..]),
            _ => text.to_owned(),
        };
        let fail = |problem| Error::ParseAddress {
            address: shown.clone(),
            problem,
        };
        let rest = text
            .strip_prefix("zk://")
            .ok_or_else(|| fail("it does not start with zk://"))?;
        let (authority, path) = match rest.rsplit_once('@') {
            // A password may hold slashes, a server list cannot.
            Some((user, rest)) => (Some(user), rest),
            None => (None, rest),
        };
        let credentials = authority
            .map(|a| {
                a.split_once(':')
                    .filter(|(user, _)| !user.is_empty())
                    .map(|(user, password)| Credentials {
                        user: user.to_owned(),
                        password: password.to_owned(),
                    })
                    .ok_or_else(|| fail("credentials must be user:password"))
            })
            .transpose()?;
        let (servers, path) = match path.find('/') {
            Some(at) => path.split_at(at),
            None => (path, "/"),
        };
        let servers = servers
            .split(',')
            .map(|s| server(s).ok_or_else(|| fail("a server is not host:port")))
            .collect::<Result<Vec<_>, _>>()?;
        let path = path.trim_end_matches('/');
        if path.contains("//") {
            return Err(fail("the path has an empty component"));
        }
        let path = if path.is_empty() { "/" } else { path }.to_owned();
        Ok(Self {
            servers,
            path,
            credentials,
        })
    }
}

/// `host:port`; the port may be left out as in ZooKeeper's own clients.
fn server(text: &str) -> Option<String> {
    let text = text.trim();
    match text.rsplit_once(':') {
        Some((host, port)) => {
            (!host.is_empty() && port.parse::<u16>().is_ok_and(|p| p > 0)).then(|| text.to_owned())
        }
        None => (!text.is_empty()).then(|| format!("{text}:2181")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_servers_path_and_credentials() {
        let address: Address = "zk://me:pa/ss@zk1:2181,zk2/mesos/".parse().unwrap();
        assert_eq!(address.connect_string(), "zk1:2181,zk2:2181");
        assert_eq!(address.path, "/mesos");
        assert_eq!(address.credentials.as_ref().unwrap().password, "pa/ss");
        assert_eq!(address.to_string(), "zk://me:***@zk1:2181,zk2:2181/mesos");
        assert_eq!(address.child("json.info_"), "/mesos/json.info_");
    }

    #[test]
    fn root_path_is_kept_absolute() {
        let address: Address = "zk://h:1".parse().unwrap();
        assert_eq!((address.path.as_str(), address.child("x").as_str()), ("/", "/x"));
    }

    #[test]
    fn refuses_with_the_value_and_without_the_password() {
        for text in [
            "h:1/mesos",
            "zk://",
            "zk://h:0/x",
            "zk://h:1,/x",
            "zk://a@h:1/x",
            "zk://h:1/a//b",
        ] {
            let error = text.parse::<Address>().unwrap_err();
            assert_eq!(error.reason(), "InvalidZooKeeperAddress", "{text}");
        }
        let error = "zk://u:secret@h:99999/x"
            .parse::<Address>()
            .unwrap_err()
            .to_string();
        assert!(!error.contains("secret"), "{error}");
    }
}
