//! A status as a line, or a few.

use super::number::{bytes, count, lag, rate, span};
use crate::settings::Side;
use crate::status::{Progress, SideStatus, State, Status, first_refused};

const BAR_WIDTH: usize = 38;
const SPARKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The status as one line. `history` holds earlier values of the 95th percentile, oldest first.
pub(crate) fn status_line(status: &Status, history: &[f64]) -> String {
    let mut parts = vec![format!("state {}", status.state.as_str())];
    match status.state {
        State::Connecting | State::Standby | State::Failed | State::Stopped => {
            parts.extend(
                status
                    .active_run
                    .as_ref()
                    .filter(|run| **run != status.run)
                    .map(|run| format!("active {run}")),
            );
            parts.extend(
                status
                    .waiting_for
                    .as_ref()
                    .map(|w| format!("{}: {}", w.reason, w.message)),
            );
            return parts.join("   ");
        }
        State::Seeding => {
            parts.extend(status.progress.as_ref().map(progress));
            parts.extend(status.waiting_for.as_ref().map(|w| w.message.clone()));
            return parts.join("   ");
        }
        State::CatchingUp | State::InSync | State::Incomplete | State::Paused => {}
    }
    let figures = &status.lag_ms;
    parts.push(format!(
        "lag p50 {}  p95 {}  p99 {}",
        lag(figures.p50),
        lag(figures.p95),
        lag(figures.p99)
    ));
    if let Some(last) = parts.last_mut().filter(|_| !history.is_empty()) {
        *last = format!("{last}  {}", sparkline(history));
    }
    parts.extend(
        status
            .reverse_lag_ms
            .as_ref()
            .map(|back| format!("back p95 {}", lag(back.p95))),
    );
    parts.push(format!("{} updates/s", rate(status.updates_per_second)));
    parts.push(format!("pending {}", count(status.pending)));
    parts.push(format!("conflicts {}", count(status.conflicts)));
    if status.refused_count > 0 {
        parts.push(format!("refused {}", count(status.refused_count)));
    }
    if status.errors > 0 {
        parts.push(format!("errors {}", count(status.errors)));
    }
    parts.push(digest(status));
    parts.join("   ")
}

/// The one-line status, followed by everything a person should look at.
pub(crate) fn status(status: &Status, history: &[f64]) -> String {
    let mut lines = vec![status_line(status, history)];
    let said = matches!(
        status.state,
        State::Connecting | State::Standby | State::Failed | State::Stopped | State::Seeding
    );
    if let (Some(waiting), false) = (&status.waiting_for, said) {
        lines.push(format!("waiting   {}: {}", waiting.reason, waiting.message));
    }
    for alert in &status.alerts {
        lines.push(format!(
            "alert     {} for {}: {}",
            alert.reason,
            span(alert.seconds),
            alert.message
        ));
    }
    if !status.frozen.is_empty() {
        lines.push(format!(
            "frozen    {}; decide with: mesos-migrate sync resolve PATH --keep a|b",
            status.frozen.join(", ")
        ));
    }
    lines.join("\n")
}

fn digest(status: &Status) -> String {
    let seen = |side| {
        status
            .sides
            .get(&side)
            .filter(|s: &&SideStatus| s.digest_verified.is_some())
    };
    let sides: Vec<_> = [Side::A, Side::B]
        .into_iter()
        .filter_map(|side| Some((side, seen(side)?)))
        .collect();
    if let Some((side, _)) = sides.iter().find(|(_, seen)| seen.digest_verified == Some(false)) {
        return format!("digest DIFFERS on {side}");
    }
    let ages = sides.iter().filter_map(|(_, seen)| seen.digest_age_seconds);
    match ages.fold(None, |oldest: Option<f64>, age| {
        Some(oldest.map_or(age, |o| o.max(age)))
    }) {
        Some(age) => format!("digest verified {} ago", span(age)),
        None => "digest not checked".to_owned(),
    }
}

/// The progress bar with its figures. The time left is shown only once it can be computed.
pub(crate) fn progress(progress: &Progress) -> String {
    let share = match progress.total {
        0 => 0.0,
        total => (progress.done as f64 / total as f64).min(1.0),
    };
    let filled = (share * BAR_WIDTH as f64).floor() as usize;
    let mut text = format!(
        "[{}{}] {:.0} %  {} / {} znodes   {}   {}/s",
        "█".repeat(filled),
        "░".repeat(BAR_WIDTH - filled),
        (share * 100.0).floor(),
        count(progress.done),
        count(progress.total),
        bytes(progress.bytes),
        rate(progress.per_second),
    );
    if let Some(left) = progress.seconds_left {
        text.push_str(&format!("   {} left", span(left)));
    }
    text
}

/// One ensemble, as `start` shows it once it is connected.
pub(crate) fn side(side: Side, seen: &SideStatus) -> String {
    let label = match side {
        Side::A => "source",
        Side::B => "target",
    };
    let servers = seen.servers.split(',').filter(|s| !s.is_empty()).count();
    let plural = if servers == 1 { "" } else { "s" };
    let mut facts = vec![format!("{servers} server{plural}")];
    facts.extend(seen.version.clone());
    facts.extend(seen.leader.as_ref().map(|leader| format!("leader {leader}")));
    facts.push(match seen.znodes {
        0 => "empty".to_owned(),
        znodes => format!("{} znodes", count(znodes)),
    });
    let mut text = format!("{label}  {}  {}", seen.servers, facts.join(", "));
    if !seen.capture.is_empty() {
        text.push_str(&format!("   capture: {}", seen.capture));
        if !seen.capture_reason.is_empty() {
            text.push_str(&format!(" ({})", seen.capture_reason));
        }
    }
    text
}

/// The last line of `start`.
pub(crate) fn in_sync(status: &Status) -> String {
    let amount = match status.bytes {
        0 => String::new(),
        written => format!(" ({} znodes, {} written)", count(status.znodes), bytes(written)),
    };
    format!(
        "in sync at zxid {}{amount}; the engine runs as pid {}; mesos-migrate sync status --watch",
        status.applied_zxid, status.pid
    )
}

/// The same when the target does not take everything.
pub(crate) fn incomplete(status: &Status) -> String {
    let messages = status.refused.iter().map(|one| one.message.clone());
    format!(
        "not in sync: {}; the engine goes on as pid {}; mesos-migrate sync status",
        first_refused(messages, status.refused_count),
        status.pid
    )
}

/// Scaled to its own largest value, so that a change shows at any level.
fn sparkline(values: &[f64]) -> String {
    let most = values.iter().copied().fold(0.0, f64::max);
    let spark = |value: &f64| {
        let share = if most > 0.0 {
            (value / most).clamp(0.0, 1.0)
        } else {
            0.0
        };
        SPARKS[(share * 7.0).round() as usize]
    };
    values.iter().map(spark).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use crate::status::Waiting;

    fn plain() -> Status {
        Status {
            waiting_for: None,
            reverse_lag_ms: None,
            frozen: Vec::new(),
            refused: Vec::new(),
            refused_count: 0,
            alerts: Vec::new(),
            errors: 0,
            pending: 0,
            conflicts: 0,
            ..fixtures::status()
        }
    }

    #[test]
    fn in_sync_is_one_line() {
        assert_eq!(
            status(&plain(), &[1.0, 1.0, 2.0, 1.0, 8.0]),
            "state in-sync   lag p50 0.4 ms  p95 1.1 ms  p99 2.3 ms  ▂▂▃▂█   1,204 updates/s   pending 0   \
             conflicts 0   digest verified 2 s ago"
        );
        assert!(status(&plain(), &[]).contains("p99 2.3 ms   1,204 updates/s"));
    }

    #[test]
    fn what_a_person_should_look_at_is_below() {
        assert_eq!(
            status(&fixtures::status(), &[]).lines().collect::<Vec<_>>(),
            [
                "state in-sync   lag p50 0.4 ms  p95 1.1 ms  p99 2.3 ms   back p95 1.5 ms   1,204 updates/s   \
                 pending 3   conflicts 2   refused 1   errors 1   digest verified 2 s ago",
                "waiting   WaitingForDecision: /jobs/7 is frozen; decide with: mesos-migrate sync resolve /jobs/7 --keep a|b",
                "alert     LagAboveThreshold for 12 s: 95 % of changes took up to 120 ms, above 100 ms",
                "frozen    /jobs/7; decide with: mesos-migrate sync resolve PATH --keep a|b",
            ]
        );
    }

    #[test]
    fn digests_are_said_honestly() {
        let with = |a: Option<bool>, b: Option<bool>| {
            let mut status = plain();
            for (side, verified) in [(Side::A, a), (Side::B, b)] {
                let seen = status.sides.get_mut(&side).unwrap();
                seen.digest_verified = verified;
                seen.digest_age_seconds = verified.map(|_| 3.0);
            }
            digest(&status)
        };
        assert_eq!(with(None, None), "digest not checked");
        assert_eq!(with(None, Some(true)), "digest verified 3 s ago");
        assert_eq!(with(Some(true), Some(false)), "digest DIFFERS on B");
    }

    #[test]
    fn seeding_is_a_bar_and_waiting_a_sentence() {
        let seeding = Status {
            state: State::Seeding,
            ..plain()
        };
        assert_eq!(
            status_line(&seeding, &[]),
            "state seeding   [█████████████████████████████░░░░░░░░░] 78 %  97,500 / 125,000 znodes   38.1 MB   41,000/s   1 s left"
        );
        let nothing = Progress::default();
        assert!(progress(&nothing).ends_with("] 0 %  0 / 0 znodes   0 B   0/s"));
        let connecting = Status {
            state: State::Connecting,
            waiting_for: Some(Waiting {
                reason: "WaitingForLeader".into(),
                message: "no server of A leads: zk-a1:2181 connection refused".into(),
            }),
            ..plain()
        };
        assert_eq!(
            status(&connecting, &[]),
            "state connecting   WaitingForLeader: no server of A leads: zk-a1:2181 connection refused"
        );
        let standby = Status {
            state: State::Standby,
            active_run: Some("r2".into()),
            ..plain()
        };
        assert_eq!(status_line(&standby, &[]), "state standby   active r2");
    }

    #[test]
    fn the_start_shows_both_sides_and_how_it_ended() {
        let status = plain();
        assert_eq!(
            side(Side::A, &status.sides[&Side::A]),
            "source  zk-a1:2181,zk-a2:2181,zk-a3:2181  3 servers, 3.4.14, leader zk-a2:2181, 125,000 znodes   \
             capture: observer (exact)"
        );
        let empty = SideStatus {
            servers: "b:1".into(),
            ..SideStatus::default()
        };
        assert_eq!(side(Side::B, &empty), "target  b:1  1 server, empty");
        assert_eq!(
            in_sync(&status),
            "in sync at zxid 0x2b0001f3a4 (125,000 znodes, 1.2 MB written); the engine runs as pid 4711; mesos-migrate sync status --watch"
        );
    }
}
