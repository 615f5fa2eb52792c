//! The stories, in the order they are told: each leaves the cluster ready and `hello` with one instance.

mod agents_move;
mod api_down;
mod bad_input;
mod comes_up;
mod crowd;
mod deletion;
mod drain;
mod frameworks;
mod idle;
mod kill;
mod leader;
mod migration;
mod native;
mod renewal;
mod scale;
mod stray;
mod trace;
mod web_app;

use crate::runner::Story;

pub(crate) fn all() -> Vec<Story> {
    vec![
        ("cluster_and_app_come_up_from_yaml", comes_up::cluster_and_app),
        ("kubectl_shows_explains_and_waits", comes_up::kubectl),
        ("an_idle_minute_writes_nothing", idle::nothing_is_written),
        ("scale_1_3_1", scale::one_three_one),
        ("web_app_of_the_requirements_runs", web_app::runs),
        ("a_killed_task_is_restarted", kill::task),
        ("tasks_outlive_a_killed_mesos_agent", kill::mesos_agent),
        ("components_outlive_a_killed_node_agent", kill::node_agent),
        ("tasks_outlive_a_killed_zookeeper_server", kill::zookeeper),
        ("tasks_outlive_the_leading_master", leader::killed),
        ("tasks_outlive_a_killed_operator", kill::operator),
        ("a_native_task_outlives_its_agent", native::outlives_its_agent),
        ("the_api_server_is_away_for_a_minute", api_down::for_a_minute),
        ("tasks_move_before_their_agent_leaves", drain::tasks_move),
        ("tasks_of_an_agent_that_is_forced_out_end", drain::forced),
        ("stray_tasks_of_deleted_apps_are_stopped", stray::is_stopped),
        ("one_trace_from_reconcile_to_task", trace::one_trace),
        (
            "masters_move_and_come_back",
            migration::masters_move_and_come_back,
        ),
        (
            "agents_move_and_come_back",
            agents_move::agents_move_and_come_back,
        ),
        ("a_pymesos_framework_runs_tasks", frameworks::pymesos),
        ("bad_apps_say_why", bad_input::apps),
        ("bad_clusters_say_why", bad_input::clusters),
        ("a_certificate_is_renewed_under_a_running_node", renewal::in_place),
        ("invalid_yaml_is_refused_with_a_remedy", bad_input::yaml),
        ("deletion_leaves_nothing_behind", deletion::leaves_nothing),
    ]
}
