//! One migration, for people. Plain functions from the view to text.

#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};
use mesolith_migration::{EvidenceView, PhaseState, PhaseView, Progress, State, View, WaitView};

/// Everything that is known of a migration.
pub(super) fn whole(view: &View, now: Timestamp) -> String {
    let mut text = head(view, now);
    text += "\n";
    for phase in &view.phases {
        text += &phase_line(phase, view, now);
    }
    if let Some(message) = &view.message {
        text += &format!("\n{}\n  {message}\n", view.reason.as_deref().unwrap_or("Message"));
    }
    if !view.waiting_for.is_empty() {
        text += "\nWAITING FOR\n";
        text.extend(view.waiting_for.iter().map(waits));
    }
    if let Some(evidence) = view
        .evidence
        .as_ref()
        .filter(|_| view.state == State::WaitingForApproval)
    {
        text += "\n";
        text += &self::evidence(evidence);
        text += &approve(view, evidence);
    }
    text += &figures(view, now);
    if !view.alerts.is_empty() {
        text += "\nALERTS\n";
        for alert in &view.alerts {
            let since = age(Some(alert.since), now);
            text += &format!(
                "  {} {} for {since}: {}\n",
                alert.severity, alert.name, alert.message
            );
        }
    }
    text
}

/// Name, where it is, since when.
fn head(view: &View, now: Timestamp) -> String {
    let mut text = format!("{} ({})", view.migration_id, view.namespace);
    if let Some(description) = &view.description {
        text += &format!("  {description}");
    }
    text += &format!("\n{}", view.state.as_str());
    if let (Some(phase), Some(number), Some(stage)) = (&view.phase, view.current_phase, &view.stage) {
        text += &format!(": {number}/6 {phase}, {stage}");
    }
    if view.direction.as_deref() == Some("Back") {
        let to = view.rollback.as_ref().and_then(|rollback| rollback.to_phase);
        text += &to.map_or(", on the way back".to_owned(), |to| {
            format!(", on the way back to phase {to}")
        });
    }
    if view.since.is_some() {
        text += &format!(", for {}", age(view.since, now));
    }
    if view.deleted {
        text += ", being deleted";
    }
    text + "\n"
}

fn phase_line(phase: &PhaseView, view: &View, now: Timestamp) -> String {
    let here = view.current_phase == Some(phase.id) && !view.state.is_end();
    let mark = if here { ">" } else { " " };
    let word = match phase.status {
        PhaseState::Pending if here => "preflight",
        PhaseState::Pending => "",
        PhaseState::InProgress => "under way",
        PhaseState::Completed => "done",
        PhaseState::GoingBack => "going back",
        PhaseState::Undone => "undone",
    };
    let end = phase.completed_at.or(phase.undone_at).unwrap_or(now);
    let took = phase
        .started_at
        .map(|start| age(Some(start), end))
        .unwrap_or_default();
    let by = phase
        .approved_by
        .as_ref()
        .map(|by| format!("approved by {by}"))
        .unwrap_or_default();
    let line = format!(
        "{mark} {} {:<14} {word:<10} {took:>6}  {by}",
        phase.id, phase.name
    );
    format!("{}\n", line.trim_end())
}

fn waits(wait: &WaitView) -> String {
    match &wait.command {
        Some(command) => format!("  {} ({})\n      {command}\n", wait.message, wait.reason),
        None => format!("  {} ({})\n", wait.message, wait.reason),
    }
}

/// What an approval signs.
pub(super) fn evidence(evidence: &EvidenceView) -> String {
    let phase = evidence.phase.as_deref().unwrap_or("?");
    let since = evidence
        .since
        .map(|since| format!(", since {since}"))
        .unwrap_or_default();
    let mut text = format!(
        "EVIDENCE {} ({phase}{since})\n  {}\n",
        evidence.hash, evidence.summary
    );
    for (name, fact) in &evidence.facts {
        text += &format!("    {name:<24} {fact}\n");
    }
    text
}

fn approve(view: &View, evidence: &EvidenceView) -> String {
    let next = view
        .current_phase
        .filter(|phase| *phase < 6)
        .map(|phase| phase + 1);
    let phase = next.map(|next| format!(" --phase={next}")).unwrap_or_default();
    format!(
        "  approve it: mesos-migrate advance --migration-id={} -n {}{phase} --evidence={} --confirm\n",
        view.migration_id, view.namespace, evidence.hash
    )
}

/// Sync, tasks, leader, counted work.
fn figures(view: &View, now: Timestamp) -> String {
    let mut rows = Vec::new();
    if let Some(progress) = &view.progress {
        rows.push(("WORK", work(progress)));
    }
    if let Some(sync) = &view.sync_metrics {
        let mut parts = vec![sync.state.clone().unwrap_or_else(|| "unknown".to_owned())];
        let named = |name: &str, value: Option<i64>| value.map(|value| format!("{name} {}", grouped(value)));
        let lag_p95 = sync.lag_ms.map(|lag_ms| format!("lag P95 {}", lag(Some(lag_ms))));
        parts.extend(lag_p95);
        parts.extend(named("znodes A", sync.znodes_source));
        parts.extend(named("B", sync.znodes_synced));
        parts.extend(named("diff", sync.diff));
        parts.extend(named("waiting", sync.pending));
        parts.extend(named("conflicts", sync.conflicts));
        parts.extend(named("errors", sync.errors));
        rows.push(("SYNC", parts.join(", ")));
    }
    if let Some(tasks) = &view.tasks {
        rows.push((
            "TASKS",
            format!("A {}, B {}", grouped(tasks.source), grouped(tasks.target)),
        ));
    }
    if let Some(leader) = &view.leader {
        let since = leader
            .since
            .map(|since| format!(", for {}", age(Some(since), now)));
        rows.push((
            "LEADER",
            format!("{}{}", leader.address, since.unwrap_or_default()),
        ));
    }
    let lines: String = rows
        .iter()
        .map(|(name, value)| format!("{name:<7} {value}\n"))
        .collect();
    if lines.is_empty() {
        lines
    } else {
        format!("\n{lines}")
    }
}

/// Counted work, with its end when its speed is known.
fn work(progress: &Progress) -> String {
    let count = |count: u64| i64::try_from(count).map_or_else(|_| count.to_string(), grouped);
    let of = format!(
        "{} of {} {}",
        count(progress.done),
        count(progress.total),
        progress.what
    );
    match progress
        .eta_seconds
        .and_then(|seconds| i64::try_from(seconds).ok())
    {
        Some(seconds) => format!("{of}, done in about {}", span(SignedDuration::from_secs(seconds))),
        None => of,
    }
}

/// One line, for a change that is printed where there is no terminal.
pub(super) fn short(view: &View, now: Timestamp) -> String {
    let mut parts = vec![format!("{} {}", now.strftime("%FT%TZ"), view.state.as_str())];
    if let (Some(phase), Some(stage)) = (&view.phase, &view.stage) {
        let back = if view.direction.as_deref() == Some("Back") {
            " back"
        } else {
            ""
        };
        parts.push(format!("{phase} {stage}{back}"));
    }
    parts.extend(view.progress.as_ref().map(work));
    let lag_p95 = view.sync_metrics.as_ref().and_then(|sync| sync.lag_ms);
    parts.extend(lag_p95.map(|lag_ms| format!("lag P95 {}", lag(Some(lag_ms)))));
    parts.extend(view.waiting_for.first().map(|wait| wait.message.clone()));
    parts.join("  ")
}

/// A lag with its unit.
pub(super) fn lag(milliseconds: Option<f64>) -> String {
    milliseconds.map(|ms| format!("{ms:.1}ms")).unwrap_or_default()
}

/// How long ago something was.
pub(super) fn age(since: Option<Timestamp>, now: Timestamp) -> String {
    since
        .map(|since| span(now.duration_since(since)))
        .unwrap_or_default()
}

/// As kubectl writes ages: the two largest units, or one.
fn span(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600, seconds / 60);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 => format!("{minutes}m{}s", seconds % 60),
        600..10_800 => format!("{minutes}m"),
        10_800..172_800 => format!("{hours}h{}m", minutes % 60),
        _ => format!("{days}d"),
    }
}

/// 125000 as 125,000.
fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0 { format!("-{text}") } else { text }
}
