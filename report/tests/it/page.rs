//! Whatever a report says, it is one page whose tables hold together.

use mesolith_report::{
    Approval, Check, CheckResult, Direction, Issue, Measure, Outcome, Phase, PhaseState, Report, Side,
};
use proptest::prelude::*;

/// Lines of a page in a small print.
const PAGE: usize = 80;

fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,40}",
        "[|\\\\\n\r<>`*_#\\[\\] a-z-]{0,40}",
        Just("x".repeat(5000))
    ]
}

/// A report in which every text is any text, and every list any length.
fn report() -> impl Strategy<Value = Report> {
    let texts = prop::collection::vec(words(), 8);
    let numbers = prop::collection::vec(prop::option::of(any::<f64>()), 2);
    (texts, numbers, 0..40usize, 0..40usize, 0..40usize).prop_map(
        |(texts, numbers, phases, measures, issues)| {
            let text = |n: usize| texts[n].clone();
            let at = "2026-03-01T08:00:00Z".parse().unwrap();
            let side = Side {
                zookeeper: text(0),
                masters: None,
                agents: Some(u64::MAX),
            };
            let phase = Phase {
                number: 6,
                name: text(1),
                direction: Direction::Back,
                state: PhaseState::Done,
                started_at: at,
                ended_at: None,
                approval: Some(Approval {
                    by: text(2),
                    at,
                    evidence_hash: text(3),
                }),
                evidence: Some(text(4)),
            };
            let measure = Measure {
                name: text(5),
                unit: text(6),
                before: numbers[0],
                after: numbers[1],
            };
            let check = Check {
                name: text(1),
                result: CheckResult::Failed,
                figure: Some(text(2)),
            };
            let issue = Issue {
                at,
                reason: text(3),
                message: text(4),
            };
            Report {
                version: text(7),
                migration: text(5),
                uid: text(6),
                description: Some(text(7)),
                outcome: Outcome::Paused,
                made_at: at,
                started_at: Some(at),
                ended_at: None,
                source: side.clone(),
                target: side,
                phases: vec![phase; phases],
                lag: None,
                sync: None,
                tasks: None,
                utilization: vec![measure.clone(); measures],
                metrics: vec![measure; measures],
                checks: vec![check; issues],
                issues: vec![issue; issues],
                audit_head: Some(text(0)),
            }
        },
    )
}

/// Bars that separate cells: those without a backslash before them.
fn bars(line: &str) -> usize {
    let mut escaped = false;
    let mut bars = 0;
    for c in line.chars() {
        bars += usize::from(c == '|' && !escaped);
        escaped = c == '\\' && !escaped;
    }
    bars
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn it_is_one_page_and_its_tables_hold(report in report()) {
        let page = report.markdown();
        let lines: Vec<&str> = page.lines().collect();
        prop_assert!(lines.len() <= PAGE, "{} lines", lines.len());
        for pair in lines.windows(2) {
            if pair.iter().all(|line| line.starts_with('|')) {
                prop_assert_eq!(bars(pair[0]), bars(pair[1]), "{}\n{}", pair[0], pair[1]);
            }
        }
        prop_assert!(page.chars().all(|c| c == '\n' || !c.is_control()));
    }
}
