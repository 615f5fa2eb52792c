//! The engine's phases as spans of a trace. Until the target is equal for the first time, they are below one span for
//! the start as a whole; later ones stand by themselves. No transaction has a span here. Figures are signed, since a
//! collector gets unsigned ones as text.
//!
//! ```text
//! start
//! ├── open        which servers, which link
//! ├── connect     until both links are up to date
//! │   ├── seed    the target's files
//! │   └── join    what was stored, what was missed
//! ├── stand-by    another engine works
//! ├── claim       becoming the active one
//! ├── bootstrap   filling the target
//! │   └── repair  a walk through both trees, from the first node that differs
//! └── catch-up    until a walk finds nothing
//! ```

use tracing::Span;
use tracing::field::Empty;

use super::driver::{Driver, Role};
use crate::settings::Side;

/// A phase that ends by itself. Being in sync is none, since it ends only when something else begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Open,
    Connect,
    StandBy,
    Claim,
    Bootstrap,
    CatchUp,
}

impl Phase {
    const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Connect => "connect",
            Self::StandBy => "stand-by",
            Self::Claim => "claim",
            Self::Bootstrap => "bootstrap",
            Self::CatchUp => "catch-up",
        }
    }
}

/// The open spans. Each ends when it is replaced.
pub(super) struct Phases {
    start: Span,
    now: Option<Phase>,
    span: Span,
    walk: Span,
}

impl Phases {
    /// Starts with the phase in which both sides are opened.
    pub(super) fn new(name: &str) -> Self {
        let mut this = Self {
            start: tracing::info_span!(parent: None, "start", name),
            now: None,
            span: Span::none(),
            walk: Span::none(),
        };
        this.enter(Some(Phase::Open));
        this
    }

    /// The span of the present phase, for a part of it that runs as a future of its own.
    pub(super) fn span(&self) -> Span {
        self.span.clone()
    }

    fn enter(&mut self, phase: Option<Phase>) {
        self.now = phase;
        self.span = phase.map_or_else(Span::none, |phase| {
            tracing::info_span!(parent: &self.start, "phase", otel.name = phase.name(), znodes = Empty, bytes = Empty)
        });
    }

    fn follow(&mut self, phase: Option<Phase>, znodes: usize, bytes: u64) {
        if phase == self.now {
            return;
        }
        self.span
            .record("znodes", (znodes as u64).cast_signed())
            .record("bytes", bytes.cast_signed());
        self.enter(phase);
        // A standby may wait for days. What it does then is a trace of its own.
        if matches!(phase, None | Some(Phase::StandBy)) {
            self.start = Span::none();
        }
    }

    /// A walk has found the first node that differs.
    pub(super) fn repairs(&mut self) {
        self.walk = tracing::info_span!(parent: &self.span, "repair", looked = Empty, found = Empty);
    }

    /// A walk is over, or was broken off.
    pub(super) fn repaired(&mut self, looked: u64, found: u64) {
        self.walk
            .record("looked", looked.cast_signed())
            .record("found", found.cast_signed());
        self.walk = Span::none();
    }
}

impl Driver {
    pub(super) fn follow_phase(&mut self) {
        let from_a = self.duplex.away_from(Side::A);
        let both_up = self.a.up && self.b.up;
        let phase = match self.role {
            _ if self.failed.is_some() => None,
            Role::Connecting => Some(Phase::Connect),
            Role::Standby if self.holder_is_other() => Some(Phase::StandBy),
            Role::Standby => Some(Phase::Claim),
            Role::Active if !from_a.is_complete() => Some(Phase::Bootstrap),
            Role::Active if !self.rounds.is_settled() || !both_up => Some(Phase::CatchUp),
            Role::Active | Role::Stopping => None,
        };
        let (znodes, bytes) = (self.a.link.tree().len(), from_a.counters().bytes);
        self.phases.follow(phase, znodes, bytes);
    }
}
