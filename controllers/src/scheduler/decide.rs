//! What to do next, for all apps over all offers at hand. Pure but for the uuids that the caller draws.

mod upkeep;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use mesolith_marathon::{
    App, Instance, TaskId,
    instance::{Health, State},
    placement, plan, ports,
    shortage::{self, Mismatch, Shortage},
    task::{self, TaskSpec},
};
use upkeep::{reconcile, revive, strays};
use uuid::Uuid;

use super::model::{AppKey, AppState, Model, owner};

/// Seconds until a declined offer comes back while something waits: constraints may fit by then.
const REFUSE_WAITING: f64 = 30.0;
/// Seconds until a declined offer comes back while nothing waits. A revive ends the filter as soon as something does.
const REFUSE_IDLE: f64 = 3600.0;
/// Seconds until the rest of an ACCEPT comes back while something waits; until then others may take it.
const REFUSE_REST: f64 = 1.0;

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Effect {
    /// Accept an offer with tasks.
    Launch {
        offer: String,
        agent: String,
        tasks: Vec<Launch>,
        refuse: f64,
        trace: Option<String>,
    },
    /// Give offers back.
    Decline { offers: Vec<String>, refuse: f64 },
    /// Stop a task.
    Kill { task: String, agent: String },
    /// Ask for offers again.
    Revive,
    /// Ask for the state of these tasks; of all that the master knows, if none is named.
    Reconcile(Vec<(String, String)>),
}

/// A task to launch, with the offer it uses as the master sent it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Launch {
    pub(super) spec: TaskSpec,
    pub(super) offered: mesolith_proto::mesos::v1::Offer,
}

/// Decides, and notes in the model what is under way. Answers the effects and when to look again.
pub(super) fn decide(
    model: &mut Model,
    now: Timestamp,
    draw: &mut dyn FnMut() -> Uuid,
) -> (Vec<Effect>, Option<Timestamp>) {
    let mut effects = Vec::new();
    let mut wake = None;
    if model.leader.is_none() {
        return (effects, wake);
    }
    let mut launches: BTreeMap<String, (Vec<Launch>, Option<String>)> = BTreeMap::new();
    let keys: Vec<AppKey> = model.apps.keys().cloned().collect();
    for key in keys {
        let Some(mut state) = model.apps.remove(&key) else {
            continue;
        };
        let soon = app(model, &key, &mut state, now, draw, &mut effects, &mut launches);
        model.apps.insert(key, state);
        wake = earliest(wake, soon);
    }
    let waiting: Vec<(AppKey, String, usize)> = model
        .apps
        .iter()
        .filter(|(_, state)| state.unplaced > 0)
        .map(|(key, state)| (key.clone(), state.desired.app.version.clone(), state.unplaced))
        .collect();
    // Until the tasks are known nobody can say whether an offer is needed.
    if model.recovered {
        answer_offers(model, launches, waiting.is_empty(), &mut effects);
    }
    wake = earliest(wake, strays(model, now, &mut effects));
    wake = earliest(wake, revive(model, waiting, now, &mut effects));
    wake = earliest(wake, reconcile(model, now, &mut effects));
    (effects, wake)
}

/// One app: stop, forget, start.
fn app(
    model: &mut Model,
    key: &AppKey,
    state: &mut AppState,
    now: Timestamp,
    draw: &mut dyn FnMut() -> Uuid,
    effects: &mut Vec<Effect>,
    launches: &mut BTreeMap<String, (Vec<Launch>, Option<String>)>,
) -> Option<Timestamp> {
    let desired = state.desired.app.clone();
    state.backoff.decay(&desired.backoff_policy(), now);
    let instances: Vec<Instance> = state.instances.values().cloned().collect();
    let plan = plan::plan(&desired, &instances, &model.leaving, &state.backoff, now);
    for (id, _) in &plan.kill {
        if let Some(instance) = state.instances.get_mut(id) {
            instance.kill_sent = Some(now);
            effects.push(Effect::Kill {
                task: id.to_string(),
                agent: instance.agent.id.clone(),
            });
        }
    }
    for id in &plan.expunge {
        state.remove(id);
        model.expunged.insert(id.to_string());
    }
    state.delayed_until = plan.delayed_until;
    state.unplaced = 0;
    state.shortage = None;
    if plan.start > 0 && plan.delayed_until.is_none() && model.recovered {
        let placed = start(model, key, state, plan.start, now, draw, launches);
        state.unplaced = plan.start - placed;
        if state.unplaced > 0 {
            state.shortage = Some(why(model, state));
        }
    }
    plan.wake
}

/// Places up to `count` instances on the offers at hand; answers how many found a place.
fn start(
    model: &mut Model,
    key: &AppKey,
    state: &mut AppState,
    count: usize,
    now: Timestamp,
    draw: &mut dyn FnMut() -> Uuid,
    launches: &mut BTreeMap<String, (Vec<Launch>, Option<String>)>,
) -> usize {
    let app = state.desired.app.clone();
    for done in 0..count {
        let uuid = draw();
        let seed = uuid.as_u64_pair().1;
        let instances: Vec<Instance> = state.instances.values().cloned().collect();
        let placed = plan::placed(&instances);
        // Agents with few instances of the app first: a spread that costs nothing.
        let usable = |offer: &&super::model::HeldOffer| {
            !model.leaving.contains(&offer.left.agent.id) && offer.left.role == app.definition.role()
        };
        let mut order: Vec<&super::model::HeldOffer> = model.offers.values().filter(usable).collect();
        order.sort_by_key(|offer| {
            let beside = placed.iter().filter(|agent| agent.id == offer.left.agent.id);
            (model.leaves_later(&offer.wire), beside.count())
        });
        let Some(placement) = order
            .iter()
            .find_map(|held| placement::fit(&app, &held.left, &placed, seed).ok())
        else {
            return done;
        };
        let Some(held) = model.offers.get_mut(&placement.offer) else {
            return done;
        };
        held.left.take(&placement.used);
        let (left, offered) = (held.left.clone(), held.wire.clone());
        model.note(&left);
        let spec = task::spec(&app, &owner(key), &state.desired.changed, placement, uuid);
        let id = spec.id.clone();
        state.instances.insert(id.clone(), staged(&id, &spec, &app, now));
        let entry = launches.entry(spec.offer.clone()).or_default();
        entry.1 = entry.1.take().or_else(|| state.desired.trace.clone());
        entry.0.push(Launch { spec, offered });
    }
    count
}

fn staged(id: &TaskId, spec: &TaskSpec, app: &App, now: Timestamp) -> Instance {
    Instance {
        task: id.clone(),
        version: app.version.clone(),
        state: State::Staging,
        since: now,
        staged: now,
        started: None,
        health: Health::Unknown,
        kill_sent: None,
        agent: spec.agent.clone(),
        host_ports: spec.ports.iter().map(|port| port.host).collect(),
        checks: app.checks(),
    }
}

/// Why the next instance finds no place, judged by what every agent last had left.
fn why(model: &Model, state: &AppState) -> Shortage {
    let app = &state.desired.app;
    if let Some(never) = ports::outside(app, model.ports.values().map(Vec::as_slice)) {
        return never;
    }
    let instances: Vec<Instance> = state.instances.values().cloned().collect();
    let placed = plan::placed(&instances);
    let role = app.definition.role();
    let found: Vec<(&str, Mismatch)> = model
        .latest
        .values()
        .filter(|offer| !model.leaving.contains(&offer.agent.id) && offer.role == role)
        .filter_map(|offer| {
            let mismatch = placement::fit(app, offer, &placed, 0).err()?;
            Some((
                offer.agent.hostname.as_str(),
                mismatch.beside(&offer.agent, &instances),
            ))
        })
        .collect();
    shortage::summarise(role, found.iter().map(|(host, mismatch)| (*host, mismatch)))
}

/// Every offer is answered at once: holding them back would keep resources from other frameworks.
fn answer_offers(
    model: &mut Model,
    mut launches: BTreeMap<String, (Vec<Launch>, Option<String>)>,
    idle: bool,
    effects: &mut Vec<Effect>,
) {
    let refuse = if idle { REFUSE_IDLE } else { REFUSE_WAITING };
    let mut declined = Vec::new();
    for (id, held) in std::mem::take(&mut model.offers) {
        match launches.remove(&id) {
            Some((tasks, trace)) => effects.push(Effect::Launch {
                offer: id,
                agent: held.left.agent.id,
                tasks,
                refuse: if idle { REFUSE_IDLE } else { REFUSE_REST },
                trace,
            }),
            None => declined.push(id),
        }
    }
    if !declined.is_empty() {
        effects.push(Effect::Decline {
            offers: declined,
            refuse,
        });
    }
}

fn after(start: Timestamp, wait: SignedDuration) -> Timestamp {
    start.checked_add(wait).unwrap_or(Timestamp::MAX)
}

fn earliest(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
