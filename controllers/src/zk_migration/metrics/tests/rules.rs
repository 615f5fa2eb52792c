//! The Prometheus rules of the chart, as it renders them (`cargo xtask codegen` compares that): each asks only for
//! metrics and labels that some program of ours exports, and the thresholds are those that were promised.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{figures, scrape};
use crate::metrics::Metrics;
use crate::zk_migration::metrics::MigrationMetrics;

/// Operators that are words.
const OPERATORS: [&str; 3] = ["and", "or", "unless"];
/// Words before a list of labels in brackets.
const LISTS: [&str; 4] = ["by", "without", "on", "ignoring"];
/// What Prometheus adds to every sample of a target that it found in Kubernetes.
const TARGET_LABELS: [&str; 1] = ["namespace"];

struct Rule {
    alert: String,
    expression: String,
    severity: String,
    lasts: String,
}

fn rules() -> Vec<Rule> {
    let file = mesolith_testkit::root().join("manifests/monitoring/prometheusrule.yaml");
    let text = std::fs::read_to_string(file).unwrap();
    let rendered: Value = serde_saphyr::from_str(&text).unwrap();
    let groups = rendered["spec"]["groups"].as_array().unwrap();
    let rules = groups.iter().flat_map(|group| group["rules"].as_array().unwrap());
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    rules
        .map(|rule| {
            for annotation in ["summary", "description"] {
                assert!(
                    rule["annotations"][annotation].is_string(),
                    "{rule}: no {annotation}"
                );
            }
            Rule {
                alert: word(&rule["alert"]),
                expression: word(&rule["expr"]),
                severity: word(&rule["labels"]["severity"]),
                lasts: word(&rule["for"]),
            }
        })
        .collect()
}

/// Labels of every metric that the operator and the sync engine export, by the metric's name.
fn exported() -> BTreeMap<String, BTreeSet<String>> {
    let registry = mesolith_telemetry::Registry::default();
    let metrics = Metrics::register(&registry);
    metrics.leads(true);
    metrics.wrote("leases".to_owned(), "patch");
    metrics.reconciled("zkmigration", "error", "ReadCluster", std::time::Duration::ZERO);
    MigrationMetrics::register(&registry).set("default", "prod", figures());
    let engine = mesolith_zksync::status::Status {
        alerts: vec![mesolith_zksync::status::Alert {
            reason: "LagAboveThreshold".to_owned(),
            message: String::new(),
            seconds: 0.0,
        }],
        ..Default::default()
    };
    let text = scrape(&registry) + &mesolith_zksync::metrics::text(&engine);
    let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for sample in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, rest) = sample.split_at(sample.find(['{', ' ']).unwrap());
        let labels = rest
            .split(['{', ',', '}'])
            .filter_map(|part| part.split_once("=\""));
        let labels = labels.map(|(label, _)| label.to_owned());
        names.entry(name.to_owned()).or_default().extend(labels);
    }
    names
}

/// Metrics of an expression, each with the labels that it is selected by.
fn asked(expression: &str) -> Vec<(String, Vec<String>)> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let mut rest = expression;
    while let Some(at) = rest.find(is_word) {
        let (before, tail) = rest.split_at(at);
        let (word, after) = tail.split_at(tail.find(|c| !is_word(c)).unwrap_or(tail.len()));
        rest = after;
        let opened = before.trim_end().chars().next_back();
        if opened == Some('[') || word.starts_with(|c: char| c.is_ascii_digit()) {
            continue; // a range or a number
        }
        if LISTS.contains(&word) {
            rest = after.split_once(')').unwrap().1;
            continue;
        }
        // What is in the brackets of a function is looked at next.
        let next = after.trim_start();
        let function = next.starts_with('(') || LISTS.iter().any(|list| next.starts_with(list));
        if OPERATORS.contains(&word) || function {
            continue;
        }
        let mut labels = Vec::new();
        if let Some(selector) = after.strip_prefix('{') {
            let (selector, tail) = selector.split_once('}').unwrap();
            let matches = selector.split(',').map(|part| part.trim());
            labels.extend(matches.map(|part| part[..part.find(|c| !is_word(c)).unwrap()].to_owned()));
            rest = tail;
        }
        found.push((word.to_owned(), labels));
    }
    found
}

#[test]
fn an_expression_is_taken_apart() {
    let asked = asked(
        r#"sum by (controller, reason) (increase(a_total{namespace="b",outcome!="c d"}[15m])) > 5.5 * e unless on () f"#,
    );
    let named = |name: &str, labels: &[&str]| {
        (
            name.to_owned(),
            labels.iter().map(|l| l.to_string()).collect::<Vec<_>>(),
        )
    };
    assert_eq!(
        asked,
        [
            named("a_total", &["namespace", "outcome"]),
            named("e", &[]),
            named("f", &[])
        ]
    );
}

#[test]
fn every_rule_asks_for_what_is_exported() {
    let exported = exported();
    let rules = rules();
    let mut asked_for = BTreeSet::new();
    for Rule {
        alert, expression, ..
    } in &rules
    {
        let asked = asked(expression);
        assert!(!asked.is_empty(), "{alert}: {expression}");
        for (name, labels) in asked {
            let Some(known) = exported.get(&name) else {
                panic!("{alert} asks for {name}, which nobody exports");
            };
            for label in labels {
                assert!(
                    known.contains(&label) || TARGET_LABELS.contains(&label.as_str()),
                    "{alert} asks for {name} by {label}; it has {known:?}"
                );
            }
            asked_for.insert(name);
        }
    }
    let names: BTreeSet<&String> = rules.iter().map(|rule| &rule.alert).collect();
    assert_eq!(names.len(), rules.len(), "an alert has one rule");
    assert!(asked_for.len() > 10, "{asked_for:?}");
}

#[test]
fn the_thresholds_are_those_that_were_promised() {
    let rules = rules();
    for (alert, severity, lasts, part) in [
        (
            "MigrationNoLeadingMaster",
            "critical",
            "1m",
            "migration_mesos_leader{namespace=\"mesolith-system\"} == 0",
        ),
        (
            "MigrationMastersQuorumLost",
            "critical",
            "1m",
            "2 * migration_masters_up",
        ),
        (
            "MigrationZookeeperQuorumLost",
            "critical",
            "1m",
            "migration_zookeeper_quorum{namespace=\"mesolith-system\"} == 0",
        ),
        ("MigrationManyTasksFail", "critical", "", "[5m]) > 0.05 * "),
        ("MigrationAgentsMissing", "critical", "1m", "> 0.2 * "),
        ("MigrationFrameworksDisconnected", "critical", "1m", "} > 3"),
        (
            "MigrationSyncLagHigh",
            "critical",
            "5m",
            "{quantile=\"0.95\"}) > 500",
        ),
        (
            "MigrationSyncFailed",
            "critical",
            "1m",
            "zk_sync_state{state=\"failed\"} == 1",
        ),
        (
            "MigrationStalled",
            "critical",
            "",
            "migration_stalled{namespace=\"mesolith-system\"} == 1",
        ),
        ("MigrationUtilizationHigh", "warning", "5m", "} > 0.9"),
        ("MigrationTasksFail", "warning", "", "[5m]) > 0.01 * "),
        ("MigrationAgentsFail", "warning", "", "[1h]) > 5"),
        (
            "MigrationSyncConflicts",
            "warning",
            "",
            "increase(zk_sync_conflicts_total[1h])) > 10",
        ),
        ("MigrationLeaderChanged", "warning", "", "[15m]) > 0"),
    ] {
        let rule = rules.iter().find(|rule| rule.alert == alert);
        let rule = rule.unwrap_or_else(|| panic!("no rule {alert}"));
        assert!(rule.expression.contains(part), "{alert}: {}", rule.expression);
        assert_eq!(
            (rule.severity.as_str(), rule.lasts.as_str()),
            (severity, lasts),
            "{alert}"
        );
    }
}
