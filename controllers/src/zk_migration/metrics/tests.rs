//! What a scrape gets, and that every rule of the chart asks for something that is exported.

mod rules;

use super::*;

/// A migration in the middle, with a value in every field.
pub(super) fn figures() -> Figures {
    let side = |tasks, agents, cpus| ClusterFigures {
        tasks: Some(tasks),
        agents: Some(agents),
        zookeeper_quorum: Some(true),
        utilization: BTreeMap::from([("cpus".to_owned(), cpus), ("mem".to_owned(), 0.5)]),
    };
    Figures {
        phase: 5,
        phase_durations: BTreeMap::from([(1, Duration::from_secs(1800)), (2, Duration::from_millis(1500))]),
        stalled: false,
        rolling_back: true,
        sync_engine: true,
        a: side(1200, 40, 0.75),
        b: side(913, 60, 0.25),
        mesos_leader: Some(true),
        unexpected_leader_changes: 1,
        masters_expected: Some(3),
        masters_up: Some(2),
        tasks_failed: Some(4),
        agents_expected: Some(101),
        agents_missing: Some(1),
        agents_lost: 2,
        frameworks_disconnected: Some(0),
    }
}

/// What a scrape gets.
pub(super) fn scrape(registry: &mesolith_telemetry::Registry) -> String {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry.lock().unwrap()).unwrap();
    text
}

#[test]
fn the_names_are_those_of_the_dashboards() {
    let registry = mesolith_telemetry::Registry::default();
    let metrics = MigrationMetrics::register(&registry);
    metrics.set("default", "prod", figures());
    let text = scrape(&registry);
    for line in [
        r#"migration_phase_current{migration_id="default/prod"} 5.0"#,
        r#"migration_phase_duration_seconds{migration_id="default/prod",phase="1"} 1800.0"#,
        r#"migration_phase_duration_seconds{migration_id="default/prod",phase="2"} 1.5"#,
        r#"migration_tasks_cluster_a{migration_id="default/prod"} 1200.0"#,
        r#"migration_tasks_cluster_b{migration_id="default/prod"} 913.0"#,
        r#"migration_agents_cluster_a{migration_id="default/prod"} 40.0"#,
        r#"migration_agents_cluster_b{migration_id="default/prod"} 60.0"#,
        r#"migration_zookeeper_quorum{migration_id="default/prod",cluster="B"} 1.0"#,
        r#"migration_utilization_ratio{migration_id="default/prod",cluster="A",resource="cpus"} 0.75"#,
        r#"migration_tasks_failed_total{migration_id="default/prod"} 4.0"#,
        r#"migration_stalled{migration_id="default/prod"} 0.0"#,
    ] {
        assert!(text.lines().any(|found| found == line), "no {line} in\n{text}");
    }
    for family in &FAMILIES {
        let line = format!("# HELP migration_{} {}\n", family.name, family.help);
        assert!(text.contains(&line), "no {line} in\n{text}");
    }
}

#[test]
fn what_is_not_known_has_no_sample_and_what_is_gone_none_any_more() {
    let registry = mesolith_telemetry::Registry::default();
    let metrics = MigrationMetrics::register(&registry);
    metrics.set("default", "new", Figures::default());
    let text = scrape(&registry);
    for name in [
        "tasks_cluster_a",
        "mesos_leader",
        "zookeeper_quorum",
        "agents_missing",
        "tasks_failed",
    ] {
        assert!(!text.contains(name), "{name} is a guess in\n{text}");
    }
    assert!(text.contains(r#"migration_phase_current{migration_id="default/new"} 0.0"#));
    metrics.set("default", "prod", figures());
    metrics.forget("default", "new");
    assert!(!scrape(&registry).contains("default/new"));
    metrics.clear();
    assert_eq!(scrape(&registry), "# EOF\n");
}
