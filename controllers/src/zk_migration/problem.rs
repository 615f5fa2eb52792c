//! What is wrong with servers, masters and nodes, said once for all that have the same problem. Pure.

use mesolith_crds::Reason;
use std::fmt::Write as _;

/// Names in one sentence; more are counted.
const MOST_NAMED: usize = 3;
/// Sentences in one message; the status has room for so many bytes of text.
const MOST_SENTENCES: usize = 4;

/// What is wrong with one of them, without its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// Its kind.
    pub(super) reason: Reason,
    /// What was found.
    pub(super) what: String,
    /// What to do.
    pub(super) remedy: String,
    /// What is particular to this one, such as who has its port; not part of what makes problems equal.
    pub(super) detail: String,
}

impl Problem {
    pub(super) fn new(reason: Reason, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            reason,
            what: what.into(),
            remedy: remedy.into(),
            detail: String::new(),
        }
    }

    /// The same with a detail; an empty one is none.
    pub(super) fn with(self, detail: impl Into<String>) -> Self {
        Self {
            detail: detail.into(),
            ..self
        }
    }
}

/// Those that have the same problem.
struct Group<'a> {
    problem: &'a Problem,
    /// Name and detail of each.
    members: Vec<(&'a str, &'a str)>,
}

/// Everything that is wrong with a number of servers, masters or nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Problems(Vec<(String, Problem)>);

impl Problems {
    pub(super) fn add(&mut self, name: &str, problem: Problem) {
        self.0.push((name.to_owned(), problem));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reason of the problem that most of them have.
    pub(super) fn reason(&self) -> Option<Reason> {
        self.groups().first().map(|group| group.problem.reason)
    }

    /// A sentence for each kind of problem, those that most have first; `many` is what they are, such as `servers`.
    /// A remedy follows the last sentence it is for.
    pub(super) fn sentences(&self, many: &str) -> String {
        let groups = self.groups();
        let said = &groups[..groups.len().min(MOST_SENTENCES)];
        let mut text = String::new();
        for (at, group) in said.iter().enumerate() {
            let what = &group.problem.what;
            let sentence = match group.members.as_slice() {
                [(one, "")] => format!("{one}: {what}"),
                [(one, detail)] => format!("{one}: {what} ({detail})"),
                members => format!("{} {many}: {what} ({})", members.len(), list(members)),
            };
            push(&mut text, &sentence);
            let remedy = &group.problem.remedy;
            if said[at + 1..].iter().all(|later| later.problem.remedy != *remedy) {
                push(&mut text, remedy);
            }
        }
        match groups.len() - said.len() {
            0 => {}
            1 => push(&mut text, "1 more problem is not listed"),
            more => push(&mut text, &format!("{more} more problems are not listed")),
        }
        text
    }

    fn groups(&self) -> Vec<Group<'_>> {
        let mut groups: Vec<Group<'_>> = Vec::new();
        for (name, problem) in &self.0 {
            let member = (name.as_str(), problem.detail.as_str());
            let same = |group: &&mut Group<'_>| {
                (group.problem.reason, &group.problem.what, &group.problem.remedy)
                    == (problem.reason, &problem.what, &problem.remedy)
            };
            match groups.iter_mut().find(same) {
                Some(group) => group.members.push(member),
                None => groups.push(Group {
                    problem,
                    members: vec![member],
                }),
            }
        }
        // Stable: among equals the order of the spec stays.
        groups.sort_by_key(|group| std::cmp::Reverse(group.members.len()));
        groups
    }
}

/// `a, b, c: detail`, `a, b, c and 7 more`.
fn list(members: &[(&str, &str)]) -> String {
    let name = |(name, detail): &(&str, &str)| match *detail {
        "" => (*name).to_owned(),
        detail => format!("{name}: {detail}"),
    };
    let named: Vec<String> = members.iter().take(MOST_NAMED).map(name).collect();
    match members.len() - named.len() {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// Sentences are parted by a full stop; the last one has none, as it may end with a command.
fn push(text: &mut String, sentence: &str) {
    if !sentence.is_empty() {
        let between = match text.chars().last() {
            None => "",
            Some('?') => " ",
            Some(_) => ". ",
        };
        // Writing to a String does not fail.
        let _ = write!(text, "{between}{sentence}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn problems(list: &[(&str, Reason, &str, &str, &str)]) -> Problems {
        let mut problems = Problems::default();
        for (name, reason, what, remedy, detail) in list {
            problems.add(name, Problem::new(*reason, *what, *remedy).with(*detail));
        }
        problems
    }

    #[rstest]
    #[case::none(&[], "")]
    #[case::one(&[("a", Reason::ServerUnreachable, "refused", "Start it", "")], "a: refused. Start it")]
    #[case::equal_ones_once(
        &[("a", Reason::ServerUnreachable, "refused", "Start it", ""), ("b", Reason::ServerUnreachable, "refused", "Start it", "")],
        "2 servers: refused (a, b). Start it"
    )]
    #[case::more_are_counted(
        &[("a", Reason::ServerUnreachable, "refused", "Start it", ""), ("b", Reason::ServerUnreachable, "refused", "Start it", ""),
          ("c", Reason::ServerUnreachable, "refused", "Start it", ""), ("d", Reason::ServerUnreachable, "refused", "Start it", ""),
          ("e", Reason::ServerUnreachable, "refused", "Start it", "")],
        "5 servers: refused (a, b, c and 2 more). Start it"
    )]
    #[case::one_remedy_for_two_kinds(
        &[("a", Reason::ServerUnreachable, "refused", "Start it", ""), ("b", Reason::ServerUnreachable, "silent", "Start it", "")],
        "a: refused. b: silent. Start it"
    )]
    #[case::the_most_common_first(
        &[("a", Reason::ServerUnreachable, "refused", "Start it", ""), ("b", Reason::JavaNotFound, "no java", "Install it", ""),
          ("c", Reason::JavaNotFound, "no java", "Install it", "")],
        "2 servers: no java (b, c). Install it. a: refused. Start it"
    )]
    #[case::details_stay_with_their_names(
        &[("a", Reason::PortInUse, "port 1 is taken", "Free it", "java (pid 7)"), ("b", Reason::PortInUse, "port 1 is taken", "Free it", "")],
        "2 servers: port 1 is taken (a: java (pid 7), b). Free it"
    )]
    #[case::the_detail_of_one_follows(
        &[("a", Reason::PortInUse, "port 1 is taken", "Free it", "java (pid 7)")],
        "a: port 1 is taken (java (pid 7)). Free it"
    )]
    fn equal_problems_are_said_once(#[case] given: &[(&str, Reason, &str, &str, &str)], #[case] text: &str) {
        assert_eq!(problems(given).sentences("servers"), text);
    }

    #[test]
    fn ninety_servers_with_a_problem_each_fit_into_the_status() {
        let mut problems = Problems::default();
        for n in 0..90 {
            problems.add(
                &format!("s{n}"),
                Problem::new(Reason::ServerUnreachable, format!("problem {n}"), "Mend it"),
            );
        }
        let text = problems.sentences("servers");
        assert!(
            text.ends_with("Mend it. 86 more problems are not listed"),
            "{text}"
        );
        assert!(text.len() < 200, "{text}");
    }
}
