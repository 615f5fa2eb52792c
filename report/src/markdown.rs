//! The page.

use crate::cell::{UNKNOWN, between, measure, number, text, time};
use crate::data::{CheckResult, Direction, Measure, Outcome, Phase, PhaseState, Report, Side};

/// Times in a phase that are listed; more are counted.
const PHASES: usize = 12;
/// Figures that are listed of utilisation, and of metrics.
const MEASURES: usize = 6;
/// Issues that are listed, the last ones.
const ISSUES: usize = 8;
/// A metric that moved by more than this many percent is marked.
const TOLERANCE: f64 = 10.0;

impl Report {
    /// One page of Markdown that can be signed. Long lists are cut, and say by how much; the JSON form has everything.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut page = Page::default();
        page.head(self);
        page.phases(self);
        page.figures(self);
        page.checks(self);
        page.issues(self);
        page.signatures(self);
        page.0
    }
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn row(&mut self, cells: &[String]) {
        self.line(&format!("| {} |", cells.join(" | ")));
    }

    fn table(&mut self, heads: &[&str]) {
        self.line("");
        self.line(&format!("| {} |", heads.join(" | ")));
        self.line(&format!("|{}", "---|".repeat(heads.len())));
    }

    fn head(&mut self, report: &Report) {
        self.line(&format!("# Migration {}", text(&report.migration)));
        self.line("");
        if let Some(description) = &report.description {
            self.line(&format!("{}  ", text(description)));
        }
        let outcome = match report.outcome {
            Outcome::InProgress => "in progress",
            Outcome::Paused => "paused",
            Outcome::Completed => "completed",
            Outcome::RolledBack => "rolled back",
        };
        let took = match (report.started_at, report.ended_at) {
            (None, _) => "not started".to_owned(),
            (Some(start), None) => {
                format!(
                    "since {} ({} so far)",
                    time(start),
                    between(start, report.made_at)
                )
            }
            (Some(start), Some(end)) => {
                format!("{} to {} ({})", time(start), time(end), between(start, end))
            }
        };
        self.line(&format!("**{outcome}**, {took}. Times are UTC.  "));
        self.line(&format!("From {}  ", side(&report.source)));
        self.line(&format!("to {}", side(&report.target)));
    }

    fn phases(&mut self, report: &Report) {
        self.table(&["Phase", "Result", "Began", "Took", "Approved by", "Evidence"]);
        let hidden = report.phases.len().saturating_sub(PHASES);
        for phase in report.phases.iter().skip(hidden) {
            self.row(&phase_cells(phase, report));
        }
        if report.phases.is_empty() {
            self.row(&std::array::from_fn::<_, 6, _>(|_| UNKNOWN.to_owned()));
        }
        if hidden > 0 {
            self.line("");
            self.line(&format!("{hidden} earlier ones are in the JSON form."));
        }
    }

    fn figures(&mut self, report: &Report) {
        self.table(&["Figure", "Value"]);
        let lag = report.lag.map_or(UNKNOWN.to_owned(), |lag| {
            format!(
                "{} / {} / {} / {} ms",
                number(lag.p50_ms),
                number(lag.p95_ms),
                number(lag.p99_ms),
                number(lag.max_ms)
            )
        });
        self.row(&["Lag P50 / P95 / P99 / longest".to_owned(), lag]);
        let sync = report.sync.map_or(UNKNOWN.to_owned(), |sync| {
            format!(
                "{} / {} / {} / {}",
                sync.znodes,
                count(sync.changes),
                sync.conflicts,
                sync.errors
            )
        });
        self.row(&["Znodes / changes / conflicts / errors".to_owned(), sync]);
        let (counts, fates) = report
            .tasks
            .map_or((UNKNOWN.to_owned(), UNKNOWN.to_owned()), |tasks| {
                (
                    format!("{} / {}", tasks.before, tasks.after),
                    format!(
                        "{} / {} / {}",
                        count(tasks.moved),
                        count(tasks.restarted),
                        tasks.failed
                    ),
                )
            });
        self.row(&["Tasks before / after".to_owned(), counts]);
        self.row(&["Tasks moved / restarted / failed".to_owned(), fates]);
        if report.utilization.is_empty() && report.metrics.is_empty() {
            self.line("");
            self.line("**Before and after**: not measured.");
            return;
        }
        self.table(&["Before and after", "Before", "After", "Change"]);
        for measure in report.utilization.iter().take(MEASURES) {
            self.row(&measure_cells(&format!("{} used", measure.name), measure, false));
        }
        for measure in report.metrics.iter().take(MEASURES) {
            self.row(&measure_cells(&measure.name, measure, true));
        }
        let hidden =
            report.utilization.len().saturating_sub(MEASURES) + report.metrics.len().saturating_sub(MEASURES);
        if hidden > 0 {
            self.line("");
            self.line(&format!("{hidden} more are in the JSON form."));
        }
    }

    /// One line: those that passed are counted, the others are named.
    fn checks(&mut self, report: &Report) {
        self.line("");
        if report.checks.is_empty() {
            self.line("**Checks**: none made.");
            return;
        }
        let count = |wanted| {
            report
                .checks
                .iter()
                .filter(|check| check.result == wanted)
                .count()
        };
        let mut line = format!(
            "**Checks**: {} of {} passed",
            count(CheckResult::Passed),
            report.checks.len()
        );
        for (word, result) in [
            ("failed", CheckResult::Failed),
            ("with a warning", CheckResult::Warning),
            ("skipped", CheckResult::Skipped),
        ] {
            let names = report.checks.iter().filter(|check| check.result == result);
            let names: Vec<String> = names
                .map(|check| match &check.figure {
                    Some(figure) => format!("{} ({})", text(&check.name), text(figure)),
                    None => text(&check.name),
                })
                .take(MEASURES)
                .collect();
            if !names.is_empty() {
                line += &format!("; {} {word}: {}", count(result), names.join(", "));
            }
        }
        self.line(&format!("{line}."));
    }

    fn issues(&mut self, report: &Report) {
        self.line("");
        if report.issues.is_empty() {
            self.line("**Issues**: none.");
            return;
        }
        self.line(&format!("**Issues**: {}.", report.issues.len()));
        self.line("");
        let hidden = report.issues.len().saturating_sub(ISSUES);
        for issue in report.issues.iter().skip(hidden) {
            self.line(&format!(
                "- {} {}: {}",
                time(issue.at),
                text(&issue.reason),
                text(&issue.message)
            ));
        }
        if hidden > 0 {
            self.line(&format!("- {hidden} earlier ones are in the JSON form."));
        }
    }

    fn signatures(&mut self, report: &Report) {
        self.table(&["", "Name", "Signature", "Date"]);
        for role in ["Carried out by", "Checked by", "Accepted by"] {
            self.row(&[
                role.to_owned(),
                "\u{2003}".repeat(10),
                "\u{2003}".repeat(14),
                "\u{2003}".repeat(6),
            ]);
        }
        let head = report.audit_head.as_deref().map_or(UNKNOWN.to_owned(), text);
        self.line("");
        self.line(&format!(
            "Made {}. ZkMigration UID {}. End of the audit log: {head}",
            time(report.made_at),
            text(&report.uid)
        ));
    }
}

fn count(number: Option<u64>) -> String {
    number.map_or(UNKNOWN.to_owned(), |number| number.to_string())
}

fn side(side: &Side) -> String {
    format!(
        "{}, masters: {}, agents: {}",
        text(&side.zookeeper),
        count(side.masters),
        count(side.agents)
    )
}

fn phase_cells(phase: &Phase, report: &Report) -> [String; 6] {
    let result = match (phase.direction, phase.state) {
        (Direction::Forward, PhaseState::Done) => "done",
        (Direction::Back, PhaseState::Done) => "undone",
        (Direction::Forward, PhaseState::InProgress) => "in progress",
        (Direction::Back, PhaseState::InProgress) => "going back",
        (_, PhaseState::AwaitingApproval) => "awaits approval",
        (_, PhaseState::Abandoned) => "left for the way back",
    };
    let approval = phase.approval.as_ref().map_or(UNKNOWN.to_owned(), |approval| {
        format!(
            "{}, {} ({})",
            text(&approval.by),
            time(approval.at),
            text(&approval.evidence_hash)
        )
    });
    [
        format!("{} {}", phase.number, text(&phase.name)),
        result.to_owned(),
        time(phase.started_at),
        between(phase.started_at, phase.ended_at.unwrap_or(report.made_at)),
        approval,
        phase.evidence.as_deref().map_or(UNKNOWN.to_owned(), text),
    ]
}

fn measure_cells(name: &str, of: &Measure, judged: bool) -> [String; 4] {
    [
        text(name),
        measure(of.before, &of.unit),
        measure(of.after, &of.unit),
        change(of, judged).unwrap_or_else(|| UNKNOWN.to_owned()),
    ]
}

/// How far a figure moved: percentages in points, others in parts of what they were.
fn change(of: &Measure, judged: bool) -> Option<String> {
    let (before, after) = (of.before?, of.after?);
    let (moved, unit) = if of.unit == "%" {
        (after - before, "points")
    } else {
        ((after - before) / before.abs() * 100.0, "%")
    };
    if !moved.is_finite() {
        return None;
    }
    let sign = if moved > 0.0 { "+" } else { "" };
    let mark = if judged && moved.abs() > TOLERANCE {
        format!(", more than {TOLERANCE} {unit}")
    } else {
        String::new()
    };
    Some(format!("{sign}{} {unit}{mark}", number(moved)))
}
