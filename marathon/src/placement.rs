//! Matching one instance of an app with one offer.

use crate::{
    app::App,
    offer::{Agent, Amount, Offer, Resource, Value},
    ports,
    shortage::Mismatch,
};

/// A place for an instance: the offer, and what it uses of the offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The offer.
    pub offer: String,
    /// Its agent.
    pub agent: Agent,
    /// Host ports in the order of the definition, 0 where a port has none.
    pub host_ports: Vec<u16>,
    /// Parts of the offer's resources.
    pub used: Vec<Resource>,
}

/// Fits one more instance into what is left of an offer.
///
/// `placed` are the agents of the app's instances that count for constraints; `seed` varies random ports.
///
/// # Errors
/// The first thing that does not fit.
pub fn fit(app: &App, offer: &Offer, placed: &[&Agent], seed: u64) -> Result<Placement, Mismatch> {
    let roles = app.definition.accepted_resource_roles.as_deref();
    let mut used = Vec::new();
    for (name, amount) in wanted(app) {
        let offered = offer.scalar(name, roles);
        if offered < amount {
            return Err(Mismatch::Scalar {
                name,
                wanted: amount,
                offered,
            });
        }
        take_scalar(offer, name, amount, roles, &mut used);
    }
    for constraint in &app.constraints {
        if !constraint.accepts(&offer.agent, placed) {
            let value = offer.agent.field(&constraint.field).map(str::to_owned);
            return Err(Mismatch::Constraint {
                constraint: constraint.to_string(),
                value,
            });
        }
    }
    let (host_ports, port_resources) = ports::choose(&ports::of(app), offer, roles, seed)?;
    used.extend(port_resources);
    Ok(Placement {
        offer: offer.id.clone(),
        agent: offer.agent.clone(),
        host_ports,
        used,
    })
}

/// The scalars an instance needs; zero amounts are not asked for.
fn wanted(app: &App) -> impl Iterator<Item = (&'static str, Amount)> {
    let definition = &app.definition;
    [
        ("cpus", definition.cpus),
        ("mem", definition.mem),
        ("disk", definition.disk),
        ("gpus", f64::from(definition.gpus)),
    ]
    .map(|(name, amount)| (name, Amount::new(amount)))
    .into_iter()
    .filter(|(_, amount)| !amount.is_zero())
}

/// Reserved resources first: they are of no use to others.
fn take_scalar(
    offer: &Offer,
    name: &str,
    amount: Amount,
    roles: Option<&[String]>,
    used: &mut Vec<Resource>,
) {
    let mut parts: Vec<&Resource> = offer.usable(name, roles).collect();
    parts.sort_by_key(|part| part.role == "*");
    let mut missing = amount;
    for part in parts {
        let Value::Scalar(have) = part.value else { continue };
        let taken = missing.at_most(have);
        if !taken.is_zero() {
            used.push(Resource {
                value: Value::Scalar(taken),
                ..part.clone()
            });
            missing = missing - taken;
        }
    }
}
