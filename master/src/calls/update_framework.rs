//! UPDATE_FRAMEWORK: the only call that is answered 200.

use mesolith_mesos::FrameworkId;
use mesolith_proto::mesos::v1;
use v1::scheduler::call;

use super::subscribe::tell_agents;
use crate::input::{Answer, Effect};
use crate::offers;
use crate::state::State;
use crate::validate;

/// Changes what a framework says about itself.
pub(crate) fn update(state: &mut State, id: &FrameworkId, call: call::UpdateFramework) -> Vec<Effect> {
    let refuse = |what: &str, problem: String| {
        vec![Effect::Answer(Answer::BadRequest(format!(
            "{what} is not valid: {problem}"
        )))]
    };
    let info = call.framework_info;
    if let Err(problem) = validate::framework_info(&info, &call.suppressed_roles) {
        return refuse("Supplied FrameworkInfo", problem);
    }
    let Some(framework) = state.framework_mut(id.as_str()) else {
        return Vec::new();
    };
    let changed = validate::changed_principal(&framework.info, &info);
    if let Err(problem) = changed.and_then(|()| validate::unsupported_update(&framework.info, &info)) {
        return refuse("FrameworkInfo update", problem);
    }
    framework.info = v1::FrameworkInfo {
        id: Some(v1::FrameworkId {
            value: id.to_string(),
        }),
        ..info
    };
    framework.suppressed = call.suppressed_roles.into_iter().collect();
    let roles = framework.roles();
    let held = framework.offers.clone();
    let foreign =
        |id: &&mesolith_mesos::OfferId| state.offers.get(*id).is_some_and(|o| !roles.contains(&o.role));
    let left: Vec<_> = held.iter().filter(foreign).collect();
    let mut effects = vec![Effect::Answer(Answer::Ok)];
    effects.extend(
        left.iter()
            .filter_map(|offer| offers::rescind(state, offer.as_str())),
    );
    effects.extend(tell_agents(state, id));
    effects
}
