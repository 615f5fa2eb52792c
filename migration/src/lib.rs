//! What a person asks of a ZkMigration and sees of it, the same for the command line and for HTTP.
//!
//! Plain functions over the object: [`view`](View::of) is what is shown; [`advance`], [`roll_back`], [`pause`] and
//! [`resume`] say what an action writes, or why it makes no sense now; a [`Document`] is the file of a migration with
//! what becomes of each of its fields. No client, no clock, no IO.

mod action;
mod advance;
mod document;
mod eta;
mod hold;
mod rollback;
mod state;
mod view;

pub use action::{Change, Refused};
pub use advance::{Approval, advance};
pub use document::{Document, DocumentError, DocumentFile, Fate, Overrides, Planned, alert_secret_name};
pub use eta::Estimator;
pub use hold::{pause, resume};
pub use rollback::roll_back;
pub use state::State;
pub use view::{
    AlertView, CheckView, EvidenceView, LeaderView, PhaseState, PhaseView, Progress, RollbackView, SideView,
    SyncView, TasksView, View, WaitView,
};

use mesolith_crds::v1alpha1::zk_migration::Phase;

/// The phase that a person named: its number from 1, or its name.
///
/// # Errors
/// A sentence, when there is no such phase.
pub fn phase(text: &str) -> Result<Phase, String> {
    let numbered = text.parse().ok().and_then(Phase::from_number);
    let named = || {
        Phase::ALL
            .into_iter()
            .find(|phase| phase.as_str().eq_ignore_ascii_case(text))
    };
    numbered.or_else(named).ok_or_else(|| {
        let names: Vec<String> = Phase::ALL
            .into_iter()
            .map(|phase| format!("{} {phase}", phase.number()))
            .collect();
        format!("{text:?} is no phase; they are {}", names.join(", "))
    })
}
