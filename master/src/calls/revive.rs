//! REVIVE and SUPPRESS.

use mesolith_mesos::FrameworkId;

use crate::input::Effect;
use crate::offers;
use crate::state::State;
use crate::time::Time;

/// Ends suppression and filters, and offers at once; in all roles if none is named.
pub(crate) fn revive(state: &mut State, now: Time, id: &FrameworkId, roles: Vec<String>) -> Vec<Effect> {
    let Some(framework) = state.framework_mut(id.as_str()) else {
        return Vec::new();
    };
    let roles = if roles.is_empty() {
        framework.roles()
    } else {
        roles
    };
    framework.suppressed.retain(|role| !roles.contains(role));
    state.filters.clear(id, &roles);
    state.inverse_mut().speak_again(id);
    offers::allocate(state, now)
}

/// No more offers until REVIVE; in all roles if none is named. Outstanding offers stay.
pub(crate) fn suppress(state: &mut State, id: &FrameworkId, roles: Vec<String>) -> Vec<Effect> {
    let Some(framework) = state.framework_mut(id.as_str()) else {
        return Vec::new();
    };
    let own = framework.roles();
    let named = if roles.is_empty() { own.clone() } else { roles };
    framework
        .suppressed
        .extend(named.into_iter().filter(|role| own.contains(role)));
    Vec::new()
}
