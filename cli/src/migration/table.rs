//! Columns: many migrations, many checks, many fields.

use super::lines::{age, lag};
use jiff::Timestamp;
use mesolith_migration::{CheckView, Fate, View};

/// Longest cell of what is waited for.
const LONGEST: usize = 60;

/// Rows with their columns under each other, two spaces apart; the last one is not padded.
fn columns(rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            line += &format!("{cell:<width$}  ", width = width(column));
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// As `kubectl get zkmigration` shows them.
pub(super) fn all(views: &[View], namespace: &str, now: Timestamp) -> String {
    if views.is_empty() {
        return format!("No migrations in namespace {namespace}.\n");
    }
    let head = [
        "NAME",
        "PHASE",
        "STAGE",
        "STEP",
        "STATE",
        "LAG P95",
        "DIFF",
        "TASKS A/B",
        "WAITING FOR",
        "AGE",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(views.iter().map(|view| {
        let sync = view.sync_metrics.as_ref();
        vec![
            view.migration_id.clone(),
            view.phase.clone().unwrap_or_default(),
            view.stage.clone().unwrap_or_default(),
            view.current_phase
                .map(|phase| format!("{phase}/6"))
                .unwrap_or_default(),
            view.state.as_str().to_owned(),
            lag(sync.and_then(|sync| sync.lag_ms)),
            sync.and_then(|sync| sync.diff)
                .map(|diff| diff.to_string())
                .unwrap_or_default(),
            view.tasks
                .as_ref()
                .map(|tasks| format!("{}/{}", tasks.source, tasks.target))
                .unwrap_or_default(),
            shortened(view.waiting_for.first().map_or("", |wait| wait.message.as_str())),
            age(view.created_at, now),
        ]
    }));
    columns(&rows)
}

/// Checks with what was found.
pub(super) fn checks(checks: &[CheckView]) -> String {
    if checks.is_empty() {
        return "No check has been made yet; is the operator running?\n".to_owned();
    }
    let mut rows = vec![["CHECK", "RESULT", "REASON", "FOUND"].map(str::to_owned).to_vec()];
    rows.extend(checks.iter().map(|check| {
        vec![
            check.name.clone(),
            check.status.clone(),
            check.reason.clone().unwrap_or_default(),
            check.message.clone().unwrap_or_default(),
        ]
    }));
    columns(&rows)
}

/// What becomes of each field of a document; what has no effect is marked.
pub(super) fn fates(fates: &[Fate]) -> String {
    let mut rows = vec![["FIELD", "VALUE", "BECOMES"].map(str::to_owned).to_vec()];
    rows.extend(fates.iter().map(|fate| {
        let mark = if fate.acts { "" } else { "! " };
        vec![
            fate.field.clone(),
            shortened(&fate.value),
            format!("{mark}{}", fate.becomes),
        ]
    }));
    if rows.len() == 1 {
        return String::new();
    }
    columns(&rows)
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    let start: String = text.chars().take(LONGEST - 3).collect();
    format!("{start}...")
}
