//! An operator drains the agent: what runs here ends, within the time that the operator gives.
//!
//! The agent remembers nothing but why each task is being killed: the master drains it again after each registration,
//! and offers nothing of it meanwhile.

use mesolith_proto::mesos::v1::{DrainConfig, DurationInfo, KillPolicy};

use super::{Agent, Cx, Effect, KillCause, TaskKey, deadline};

impl Agent {
    /// Starts to end every task. Draining again can only shorten what a task has left, and change what its end means.
    pub(crate) fn drain(&mut self, config: DrainConfig, cx: &mut Cx<'_>) {
        let cause = if config.mark_gone() {
            KillCause::DrainedForGood
        } else {
            KillCause::Drained
        };
        let living = self.tasks.iter().filter(|(_, task)| !task.is_terminal());
        let living: Vec<TaskKey> = living.map(|(key, _)| key.clone()).collect();
        for key in living {
            let Some(task) = self.tasks.get_mut(&key) else {
                continue;
            };
            if matches!(task.kill, KillCause::Drained | KillCause::DrainedForGood) && task.kill != cause {
                task.kill = cause;
                cx.push(Effect::SaveTask(key.clone()));
            }
            let policy = bounded(task.info.kill_policy, config.max_grace_period);
            if task.executor.is_some() {
                self.kill_in_executor(&key, policy, cause, cx);
            } else {
                self.kill(&key, policy, cause, cx);
            }
        }
    }
}

/// The policy that a kill brings: none where there is no bound or the task's own grace is shorter. As with Mesos, a task
/// without a policy is given all of the bound.
fn bounded(own: Option<KillPolicy>, most: Option<DurationInfo>) -> Option<KillPolicy> {
    let most = most?;
    let own = own.and_then(|policy| policy.grace_period);
    let shorter = own.is_some_and(|own| deadline::duration(&own) < deadline::duration(&most));
    (!shorter).then_some(KillPolicy {
        grace_period: Some(most),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// What a real agent of Mesos 1.11 told its executors.
    #[rstest]
    #[case::no_policy(None, Some(5_250), Some(5_250))]
    #[case::longer(Some(60_000), Some(5_250), Some(5_250))]
    #[case::shorter(Some(1_000), Some(5_250), None)]
    #[case::no_bound(Some(60_000), None, None)]
    #[case::neither(None, None, None)]
    fn the_longest_grace_bounds_the_tasks_own(
        #[case] own: Option<i64>,
        #[case] most: Option<i64>,
        #[case] told: Option<i64>,
    ) {
        let info = |milliseconds: i64| DurationInfo {
            nanoseconds: milliseconds * 1_000_000,
        };
        let policy = |milliseconds| KillPolicy {
            grace_period: Some(info(milliseconds)),
        };
        assert_eq!(bounded(own.map(policy), most.map(info)), told.map(policy));
    }
}
