//! The address of a running engine.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// One of the three ways to reach an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A socket on this machine.
    Unix(PathBuf),
    /// Plain text over TCP, for development.
    Http(String),
    /// TCP with mutual TLS.
    Https(String),
}

/// The text is not an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("--endpoint: '{0}' is no endpoint; write unix:PATH, a path, http://host:port or https://host:port")]
pub struct Error(String);

impl FromStr for Endpoint {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error(text.to_owned());
        let address = |rest: &str| {
            let address = rest.trim_end_matches('/');
            let port = address.rsplit_once(':').and_then(|(host, port)| {
                let port = port.parse::<u16>().ok()?;
                (!host.is_empty() && !address.contains('/')).then_some(port)
            });
            port.map(|_| address.to_owned()).ok_or_else(wrong)
        };
        if let Some(rest) = text.strip_prefix("http://") {
            return address(rest).map(Self::Http);
        }
        if let Some(rest) = text.strip_prefix("https://") {
            return address(rest).map(Self::Https);
        }
        let path = match text.strip_prefix("unix:") {
            // Also in the form of a URL: unix:///run/x.sock.
            Some(path) => path.strip_prefix("//").unwrap_or(path),
            None if text.contains("://") || !text.contains('/') => return Err(wrong()),
            None => text,
        };
        if path.is_empty() {
            return Err(wrong());
        }
        Ok(Self::Unix(path.into()))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Http(address) => write!(f, "http://{address}"),
            Self::Https(address) => write!(f, "https://{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_in_every_form() {
        for (text, wanted) in [
            ("unix:/run/x.sock", "unix:/run/x.sock"),
            ("unix:///run/x.sock", "unix:/run/x.sock"),
            ("/run/x.sock", "unix:/run/x.sock"),
            ("./x.sock", "unix:./x.sock"),
            ("http://[::1]:7075/", "http://[::1]:7075"),
            ("https://cp1:7075", "https://cp1:7075"),
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), wanted);
        }
        for text in [
            "",
            "unix:",
            "cp1:7075",
            "tcp://cp1:7075",
            "http://cp1",
            "https://:7075",
            "http://a/b:1",
        ] {
            let error = text.parse::<Endpoint>().unwrap_err().to_string();
            assert!(
                error.contains("is no endpoint; write unix:PATH"),
                "{text}: {error}"
            );
        }
    }
}
