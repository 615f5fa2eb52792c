//! The state machine's one door: an input comes in, effects come out.

use std::sync::Arc;

use crate::input::{Answer, Effect, Input};
use crate::state::State;
use crate::time::Time;
use crate::{agents, calls, operator, timers};

impl State {
    /// Applies an input. No clock, no waiting, no other state.
    pub fn apply(&mut self, now: Time, input: Input) -> Vec<Effect> {
        match input {
            Input::Elected(registry) => {
                self.elected = Some(now);
                self.decisions = Arc::new(registry.decisions);
                self.maintenance = Arc::new(registry.maintenance);
                self.next_allocation = now + self.config.allocation_interval;
                Vec::new()
            }
            Input::Subscribe { stream, subscribe } => {
                calls::subscribe::subscribe(self, now, stream, *subscribe)
            }
            Input::Call {
                framework,
                stream,
                call,
                trace,
            } => match calls::admit(self, &framework, stream.as_deref()) {
                Ok(()) => calls::dispatch(self, now, &framework, *call, trace),
                Err(answer) => vec![Effect::Answer(answer)],
            },
            Input::StreamClosed { stream } => calls::subscribe::disconnect(self, now, &stream),
            Input::Agent {
                session,
                peer,
                message,
            } => agents::receive(self, now, session, &peer, *message),
            Input::SessionClosed { session } => agents::lost::disconnect(self, session),
            Input::Teardown { framework } => {
                if !self.frameworks.contains_key(&framework) {
                    let unknown = Answer::BadRequest("No framework found with specified ID".into());
                    return vec![Effect::Answer(unknown)];
                }
                let mut effects = vec![Effect::Answer(Answer::Ok)];
                effects.extend(calls::teardown::remove(self, now, &framework));
                effects
            }
            Input::Operator(operation) => operator::ask(self, now, operation),
            Input::Stored(outcome) => operator::stored(self, now, outcome),
            Input::Tick => timers::tick(self, now),
        }
    }
}
