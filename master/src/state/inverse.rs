//! Inverse offers: a framework is asked to free what it holds on a machine that is to be out of service.

use std::collections::{BTreeMap, BTreeSet};

use mesolith_mesos::{AgentId, FrameworkId, OfferId};

use crate::time::Time;

/// An outstanding inverse offer: for all that the framework holds on the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InverseOffer {
    /// The framework that is asked.
    pub framework: FrameworkId,
    /// The agent it is asked to leave.
    pub agent: AgentId,
    /// When it was made.
    pub made: Time,
}

/// What a framework has answered last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InverseAnswer {
    /// Whether it will leave in time.
    pub accepted: bool,
    /// When it said so.
    pub at: Time,
}

/// Who was asked, and what they said.
#[derive(Debug, Clone, Default)]
pub struct InverseOffers {
    /// Outstanding ones.
    outstanding: BTreeMap<OfferId, InverseOffer>,
    /// Whom they ask about which agent.
    asked: BTreeSet<(AgentId, FrameworkId)>,
    /// Last answers; those about an agent are void once its maintenance changes.
    answers: BTreeMap<AgentId, BTreeMap<FrameworkId, InverseAnswer>>,
    /// Frameworks that do not want to be asked again about an agent before this time.
    quiet: BTreeMap<(AgentId, FrameworkId), Time>,
}

impl InverseOffers {
    /// Outstanding ones.
    #[must_use]
    pub fn outstanding(&self) -> &BTreeMap<OfferId, InverseOffer> {
        &self.outstanding
    }

    /// Last answers about an agent.
    pub fn answers(&self, agent: &AgentId) -> impl Iterator<Item = (&FrameworkId, &InverseAnswer)> {
        self.answers.get(agent).into_iter().flatten()
    }

    /// Whether a framework is to be asked about an agent now.
    #[must_use]
    pub fn is_due(&self, agent: &AgentId, framework: &FrameworkId, now: Time) -> bool {
        let key = (agent.clone(), framework.clone());
        !self.asked.contains(&key) && self.quiet.get(&key).is_none_or(|until| now >= *until)
    }

    /// A framework is asked.
    pub fn put(&mut self, id: OfferId, offer: InverseOffer) {
        self.asked.insert((offer.agent.clone(), offer.framework.clone()));
        self.outstanding.insert(id, offer);
    }

    /// Takes outstanding ones back.
    pub fn take(&mut self, which: impl Fn(&InverseOffer) -> bool) -> Vec<(OfferId, InverseOffer)> {
        let taken: Vec<_> = self.outstanding.extract_if(.., |_, offer| which(offer)).collect();
        for (_, offer) in &taken {
            self.asked.remove(&(offer.agent.clone(), offer.framework.clone()));
        }
        taken
    }

    /// Takes an answer to an outstanding inverse offer; one that the framework does not have changes nothing.
    pub fn answer(&mut self, id: &str, framework: &FrameworkId, answer: InverseAnswer, quiet: Option<Time>) {
        if self
            .outstanding
            .get(id)
            .is_none_or(|offer| offer.framework != *framework)
        {
            return;
        }
        let Some(offer) = self.outstanding.remove(id) else {
            return;
        };
        let key = (offer.agent.clone(), framework.clone());
        self.asked.remove(&key);
        self.quiet.extend(quiet.map(|until| (key, until)));
        let of_agent = self.answers.entry(offer.agent).or_default();
        of_agent.insert(framework.clone(), answer);
    }

    /// What frameworks said about an agent does not count any more.
    pub fn forget_agent(&mut self, agent: &AgentId) {
        self.answers.remove(agent);
        self.quiet.retain(|(id, _), _| id != agent);
    }

    /// A framework is gone.
    pub fn forget_framework(&mut self, framework: &FrameworkId) {
        self.take(|offer| offer.framework == *framework);
        for answers in self.answers.values_mut() {
            answers.remove(framework);
        }
        self.speak_again(framework);
    }

    /// A framework may be asked again about all agents.
    pub fn speak_again(&mut self, framework: &FrameworkId) {
        self.quiet.retain(|(_, id), _| id != framework);
    }

    /// Whether somebody may be asked again that could not until now.
    #[must_use]
    pub fn has_expired(&self, now: Time) -> bool {
        self.quiet.values().any(|until| now >= *until)
    }

    /// Drops what is over.
    pub fn expire(&mut self, now: Time) {
        self.quiet.retain(|_, until| now < *until);
    }
}
