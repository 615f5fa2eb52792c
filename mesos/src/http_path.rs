//! Which endpoint a request's path means, as libprocess finds it.
//!
//! ```text
//! /<process>/<endpoint>[/<anything>]      the process is percent-decoded, the endpoint is not
//! /<endpoint>[/<anything>]                of the process that answers for all others
//! ```
//!
//! Slashes around an endpoint do not count; the longest endpoint that begins a path is meant. Observed on Mesos 1.11.0.

/// The endpoints of one server.
#[derive(Debug, Clone, Copy)]
pub struct HttpPaths {
    delegate: &'static str,
    endpoints: &'static [&'static str],
}

impl HttpPaths {
    /// A server whose endpoints are these, each as `process/endpoint`, or `process` alone where a process has only one.
    /// A path that names no process belongs to `delegate`.
    pub const fn new(delegate: &'static str, endpoints: &'static [&'static str]) -> Self {
        Self { delegate, endpoints }
    }

    /// The endpoint that a path means, as it was given, with a slash before it. None where Mesos answers 404.
    pub fn endpoint(&self, path: &str) -> Option<String> {
        if path.contains("/..") {
            return None;
        }
        let first = path.split('/').find(|part| !part.is_empty())?;
        let (process, rest) = match self.process(first) {
            // As in libprocess, a path names a process only where it begins with it: `//master/state` names none.
            Some(process) => {
                let rest = path.strip_prefix('/').and_then(|path| path.strip_prefix(first));
                (process, rest.unwrap_or(path))
            }
            None => (self.delegate, path),
        };
        let mut name = rest.trim_matches('/');
        loop {
            let found = self
                .endpoints
                .iter()
                .find(|endpoint| split(endpoint) == (process, name));
            if let Some(endpoint) = found {
                return Some(format!("/{endpoint}"));
            }
            name = name.rsplit_once('/')?.0.trim_end_matches('/');
        }
    }

    fn process(&self, part: &str) -> Option<&'static str> {
        let asked = percent_decoded(part)?;
        let mut processes = self.endpoints.iter().map(|endpoint| split(endpoint).0);
        processes.find(|process| asked == process.as_bytes())
    }
}

fn split(endpoint: &'static str) -> (&'static str, &'static str) {
    endpoint.split_once('/').unwrap_or((endpoint, ""))
}

/// None where a `%` is not followed by two hexadecimal digits.
fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let mut parts = text.split('%');
    let mut decoded = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let digits = part.get(..2)?;
        decoded.push(u8::from_str_radix(digits, 16).ok()?);
        decoded.extend_from_slice(&part.as_bytes()[2..]);
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::HttpPaths;

    const PATHS: HttpPaths = HttpPaths::new(
        "master",
        &[
            "master/state",
            "master/slaves",
            "master/api/v1",
            "master/api/v1/scheduler",
            "slave(1)/state",
            "files/browse",
            "metrics/snapshot",
            "version",
        ],
    );

    /// Every line was asked of a Mesos 1.11.0 that has these endpoints and others.
    #[rstest]
    #[case::delegate("/state", "/master/state")]
    #[case::trailing_slash("/state/", "/master/state")]
    #[case::trailing_slashes("/state//", "/master/state")]
    #[case::leading_slashes("///state", "/master/state")]
    #[case::longer("/slaves/foo", "/master/slaves")]
    #[case::longer_still("/state//x//y", "/master/state")]
    #[case::named("/master/state", "/master/state")]
    #[case::named_with_slashes("/master///state//", "/master/state")]
    #[case::encoded("/slave%281%29/state", "/slave(1)/state")]
    #[case::encoded_letter("/m%61ster/state", "/master/state")]
    #[case::plain_parentheses("/slave(1)//state", "/slave(1)/state")]
    #[case::longest("//api/v1/scheduler/", "/master/api/v1/scheduler")]
    #[case::shorter("/api/v1/foo", "/master/api/v1")]
    #[case::other_process("/files//browse", "/files/browse")]
    #[case::other_process_longer("/metrics/snapshot/", "/metrics/snapshot")]
    #[case::only_endpoint("/version/", "/version")]
    #[case::dots_in_a_name("/state/x..y", "/master/state")]
    #[case::encoded_dots("/state/%2e%2e", "/master/state")]
    fn found(#[case] path: &str, #[case] endpoint: &str) {
        assert_eq!(PATHS.endpoint(path).as_deref(), Some(endpoint));
    }

    #[rstest]
    #[case::root("/")]
    #[case::slashes("//")]
    #[case::empty("")]
    #[case::unknown("/nope/state")]
    #[case::unknown_process("/slave(2)/state")]
    #[case::process_alone("/master/")]
    #[case::process_twice("/master/master/state")]
    #[case::slashes_before_a_process("//master/state")]
    #[case::longer_than_a_process("/version/x")]
    #[case::endpoint_is_not_decoded("/sta%74e")]
    #[case::not_decoded_after_a_process("/slave(1)/sta%74e")]
    #[case::encoded_slash("/state%2Fx")]
    #[case::slash_inside("/api//v1")]
    #[case::half_an_endpoint("/api")]
    #[case::dots("/state/../slaves")]
    #[case::dots_at_the_end("/state/..x")]
    #[case::case_matters("/STATE")]
    #[case::bad_encoding("/%zzstate")]
    #[case::end_in_encoding("/state%")]
    #[case::split_character("/%c3ä/state")]
    fn not_found(#[case] path: &str) {
        assert_eq!(PATHS.endpoint(path), None);
    }
}
