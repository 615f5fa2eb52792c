//! Addresses as named nodes: `10.1.1.10:2181,10.1.1.11:2181` are the nodes `zk[1-2]` at `10.1.1.[10-11]:7070`.

use super::DocumentError;
use mesolith_crds::ranges;
use mesolith_crds::v1alpha1::mesos_cluster::NodeSet;
use std::collections::BTreeMap;

/// Names that were given to hosts so far.
#[derive(Default)]
pub(super) struct Names {
    /// Name of each host.
    by_host: BTreeMap<String, String>,
    /// Hosts that got a name of that kind, in order.
    named: Vec<(&'static str, Vec<String>)>,
}

/// Hosts of one kind, which listen on one port.
pub(super) struct Hosts {
    /// In the order of the document.
    pub(super) hosts: Vec<String>,
    /// Their port.
    pub(super) port: u16,
}

/// Reads `host:port` each; ranges stand for many.
pub(super) fn read(field: &str, addresses: &[String]) -> Result<Hosts, DocumentError> {
    let wrong = |value: &str, problem: String| DocumentError::Wrong {
        field: field.to_owned(),
        value: value.to_owned(),
        problem,
    };
    let mut all: Vec<(String, u16)> = Vec::new();
    for written in addresses {
        let expanded =
            ranges::expand(written).map_err(|error| wrong(written, format!("is no address: {error}")))?;
        for address in expanded {
            let split = address.rsplit_once(':').filter(|(host, _)| !host.is_empty());
            let split = split.and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?)));
            all.push(split.ok_or_else(|| wrong(&address, "is not host:port".to_owned()))?);
        }
    }
    let Some(port) = all.first().map(|(_, port)| *port) else {
        return Err(wrong("", "names no host".to_owned()));
    };
    if let Some((host, other)) = all.iter().find(|(_, other)| *other != port) {
        return Err(wrong(
            &format!("{host}:{other}"),
            format!("has another port than {port}: all of one kind listen on one port in cluster B"),
        ));
    }
    Ok(Hosts {
        hosts: all.into_iter().map(|(host, _)| host).collect(),
        port,
    })
}

impl Names {
    /// Gives each host that has none a name, `<kind><number>`; returns the names of all of them as a range expression.
    pub(super) fn give(&mut self, kind: &'static str, hosts: &Hosts) -> String {
        let mut new = Vec::new();
        let mut names = Vec::new();
        for host in &hosts.hosts {
            if let Some(name) = self.by_host.get(host) {
                names.push(name.clone());
                continue;
            }
            let name = format!("{kind}{}", new.len() + 1);
            self.by_host.insert(host.clone(), name.clone());
            new.push(host.clone());
            names.push(name);
        }
        self.named.push((kind, new));
        let ranges: Vec<String> = runs(&names).into_iter().map(|run| run.text).collect();
        ranges.join(",")
    }

    /// All of them as nodes, whose agents listen on `port`.
    pub(super) fn nodes(&self, port: u16) -> Vec<NodeSet> {
        let mut sets = Vec::new();
        for (kind, hosts) in &self.named {
            let mut next = 1;
            for run in runs(hosts) {
                let last = next + run.count - 1;
                sets.push(NodeSet {
                    name: match run.count {
                        1 => format!("{kind}{next}"),
                        _ => format!("{kind}[{next}-{last}]"),
                    },
                    address: format!("{}:{port}", run.text),
                    ..NodeSet::default()
                });
                next = last + 1;
            }
        }
        sets
    }
}

/// Neighbours in a list that one range stands for.
struct Run {
    text: String,
    count: usize,
}

/// `a1, a2, a3, b` as `a[1-3]` and `b`.
fn runs(texts: &[String]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut rest = texts;
    while let Some(first) = rest.first() {
        // The number that most neighbours differ in; of equals the last one.
        let candidates = numbers(first).into_iter().map(|number| number.run(rest));
        let run = candidates.max_by_key(|run| run.count).filter(|run| run.count > 1);
        let run = run.unwrap_or_else(|| Run {
            text: first.clone(),
            count: 1,
        });
        rest = rest.get(run.count..).unwrap_or_default();
        runs.push(run);
    }
    runs
}

/// A number in a text, with what is around it.
struct Numbered<'a> {
    before: &'a str,
    digits: &'a str,
    after: &'a str,
}

impl Numbered<'_> {
    /// The neighbours that count up from here.
    fn run(&self, texts: &[String]) -> Run {
        let (before, digits, after) = (self.before, self.digits, self.after);
        let width = digits.len();
        let start: u64 = digits.parse().unwrap_or_default();
        let mut last = start;
        let mut count = 0;
        for (number, text) in (start..).zip(texts) {
            if *text != format!("{before}{number:0width$}{after}") {
                break;
            }
            last = number;
            count += 1;
        }
        Run {
            text: format!("{before}[{digits}-{last:0width$}]{after}"),
            count,
        }
    }
}

/// The numbers in a text, in order. An IPv6 address has none.
fn numbers(text: &str) -> Vec<Numbered<'_>> {
    let mut found = Vec::new();
    if text.contains(['[', ':']) {
        return found;
    }
    let mut at = 0;
    while let Some(start) = text
        .get(at..)
        .and_then(|rest| rest.find(|c: char| c.is_ascii_digit()))
    {
        let start = at + start;
        let rest = text.get(start..).unwrap_or_default();
        let length = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        at = start + length;
        // Longer ones do not fit into a number.
        if length <= 9 {
            found.push(Numbered {
                before: text.get(..start).unwrap_or_default(),
                digits: rest.get(..length).unwrap_or_default(),
                after: rest.get(length..).unwrap_or_default(),
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("a1 a2 a3", "a[1-3]")]
    #[case("10.1.1.9 10.1.1.10 10.1.1.11 10.1.2.1", "10.1.1.[9-11] 10.1.2.1")]
    #[case("w008.dc1 w009.dc1 w010.dc1 w012.dc1", "w[008-010].dc1 w012.dc1")]
    #[case("host other", "host other")]
    #[case("a3 a2 a1", "a3 a2 a1")]
    #[case("[fd00::1] [fd00::2]", "[fd00::1] [fd00::2]")]
    fn neighbours_are_one_range(#[case] texts: &str, #[case] expected: &str) {
        let texts: Vec<String> = texts.split(' ').map(str::to_owned).collect();
        let found: Vec<String> = runs(&texts).into_iter().map(|run| run.text).collect();
        assert_eq!(found.join(" "), expected);
        let back: Vec<String> = found
            .iter()
            .flat_map(|range| ranges::expand(range).unwrap())
            .collect();
        assert_eq!(back, texts, "a range stands for what it was made of");
    }

    #[test]
    fn a_host_has_one_name_whatever_runs_on_it() {
        let mut names = Names::default();
        let hosts = |text: &str| read("f", &[text.to_owned()]).unwrap();
        assert_eq!(names.give("zk", &hosts("10.0.0.[1-3]:2181")), "zk[1-3]");
        assert_eq!(
            names.give("master", &hosts("10.0.0.[2-4]:5050")),
            "zk[2-3],master1"
        );
        let nodes: Vec<(String, String)> = names
            .nodes(7070)
            .into_iter()
            .map(|set| (set.name, set.address))
            .collect();
        let expected = [("zk[1-3]", "10.0.0.[1-3]:7070"), ("master1", "10.0.0.4:7070")];
        assert_eq!(
            nodes,
            expected.map(|(name, address)| (name.to_owned(), address.to_owned()))
        );
    }

    #[rstest]
    #[case(&["a:1", "b:2"], "\"b:2\" has another port than 1")]
    #[case(&["a"], "\"a\" is not host:port")]
    #[case(&["a:x"], "\"a:x\" is not host:port")]
    #[case(&["a[1-:5"], "is no address")]
    #[case(&[], "names no host")]
    fn slips_are_named(#[case] addresses: &[&str], #[case] expected: &str) {
        let addresses: Vec<String> = addresses.iter().map(|a| (*a).to_owned()).collect();
        let error = read("target.mesos_masters", &addresses)
            .err()
            .unwrap()
            .to_string();
        assert!(error.starts_with("target.mesos_masters: "), "{error}");
        assert!(error.contains(expected), "{error}");
    }
}
