//! Settings, comparisons, conflicts and metrics as text.

use super::number::count;
use crate::handle::{ConflictRecord, DiffReport};
use crate::settings::Settings;
use crate::status::{Lag, Status};

/// One setting a line, under the name of its flag.
pub(crate) fn settings(settings: &Settings) -> String {
    let or_none = |text: String| if text.is_empty() { "none".to_owned() } else { text };
    let rate = settings
        .rate_limit
        .map_or_else(String::new, |limit| limit.to_string());
    [
        ("generation", settings.generation.to_string()),
        ("mode", settings.mode.to_string()),
        ("paths", settings.paths()),
        ("exclude", or_none(settings.exclude.join(","))),
        ("conflict-resolution", settings.conflict_resolution.to_string()),
        ("batch-size", settings.batch_size.to_string()),
        ("workers", settings.workers.to_string()),
        ("rate-limit", or_none(rate)),
        (
            "lag-threshold",
            format!("{}ms", settings.lag_threshold.as_millis()),
        ),
        ("conflict-threshold", settings.conflict_threshold.to_string()),
    ]
    .map(|(name, value)| format!("{name:<20} {value}"))
    .join("\n")
}

/// Every difference, then a line with the totals.
pub(crate) fn differences(report: &DiffReport) -> String {
    let mut lines: Vec<String> = report
        .differences
        .iter()
        .map(|found| format!("{}  {}  A: {}  B: {}", found.path, found.field, found.a, found.b))
        .collect();
    let shown = report.differences.len() as u64;
    if shown < report.different {
        lines.push(format!(
            "... {} more; name more with --limit",
            count(report.different - shown)
        ));
    }
    let found = match report.different {
        0 => "equal".to_owned(),
        1 => "1 difference".to_owned(),
        many => format!("{} differences", count(many)),
    };
    lines.push(format!(
        "{found}: {} znodes compared at zxid {}",
        count(report.compared),
        report.zxid
    ));
    lines.join("\n")
}

/// One conflict a line.
pub(crate) fn conflicts(records: &[ConflictRecord]) -> String {
    if records.is_empty() {
        return "no conflicts".to_owned();
    }
    let line = |record: &ConflictRecord| {
        let winner = record
            .winner
            .map_or_else(|| "frozen".to_owned(), |winner| format!("{winner} won"));
        format!("{}  {}  {winner}  {}", record.time, record.path, record.message)
    };
    records.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The lag in comments that `grep lag_ms` finds, then what Prometheus scrapes.
pub(crate) fn metrics(status: &Status) -> String {
    let line = |name: &str, lag: &Lag| {
        format!(
            "# {name} p50 {} p95 {} p99 {} max {} threshold {}\n",
            lag.p50,
            lag.p95,
            lag.p99,
            lag.max,
            status.settings.lag_threshold.as_millis()
        )
    };
    let mut text = line("lag_ms", &status.lag_ms);
    if let Some(lag) = &status.reverse_lag_ms {
        text.push_str(&line("reverse_lag_ms", lag));
    }
    text.push_str(crate::metrics::text(status).trim_end());
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use crate::handle::Difference;
    use crate::settings::Side;

    #[test]
    fn settings_are_shown_under_the_names_of_their_flags() {
        assert_eq!(
            settings(&fixtures::status().settings),
            "generation           4\n\
             mode                 run\n\
             paths                /=a-to-b\n\
             exclude              /tmp\n\
             conflict-resolution  source-wins\n\
             batch-size           200\n\
             workers              2\n\
             rate-limit           5000\n\
             lag-threshold        100ms\n\
             conflict-threshold   10"
        );
    }

    #[test]
    fn a_comparison_names_what_differs_and_counts_the_rest() {
        let mut report = DiffReport {
            compared: 125_000,
            different: 0,
            differences: Vec::new(),
            zxid: "0x2b".into(),
        };
        assert_eq!(
            differences(&report),
            "equal: 125,000 znodes compared at zxid 0x2b"
        );
        report.different = 3;
        report.differences.push(Difference {
            path: "/a".into(),
            field: "version".into(),
            a: "3".into(),
            b: "2".into(),
        });
        assert_eq!(
            differences(&report),
            "/a  version  A: 3  B: 2\n... 2 more; name more with --limit\n3 differences: 125,000 znodes compared at zxid 0x2b"
        );
    }

    #[test]
    fn conflicts_say_who_won() {
        assert_eq!(conflicts(&[]), "no conflicts");
        let record = |winner| ConflictRecord {
            time: "2026-01-02T03:04:05Z".into(),
            path: "/jobs/7".into(),
            message: "written on both sides".into(),
            a: None,
            b: Some("eA==".into()),
            winner,
            session: "0x1".into(),
            zxid: "0x2".into(),
        };
        assert_eq!(
            conflicts(&[record(Some(Side::A)), record(None)]),
            "2026-01-02T03:04:05Z  /jobs/7  A won  written on both sides\n\
             2026-01-02T03:04:05Z  /jobs/7  frozen  written on both sides"
        );
    }

    #[test]
    fn the_lag_can_be_found_with_grep() {
        let text = metrics(&fixtures::status());
        let found: Vec<_> = text.lines().filter(|line| line.contains("lag_ms")).collect();
        assert_eq!(
            found,
            [
                "# lag_ms p50 0.4 p95 1.1 p99 2.3 max 4 threshold 100",
                "# reverse_lag_ms p50 0.6 p95 1.5 p99 3.5 max 5 threshold 100",
            ]
        );
        assert!(text.contains("\nzk_sync_operations_pending 3.0\n"));
    }
}
