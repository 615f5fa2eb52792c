//! Frameworks that change or go away.

use super::{Agent, Cx, Effect, ExecutorKey, KillCause, TaskKey};
use mesolith_proto::mesos::v1::FrameworkInfo;

impl Agent {
    /// The scheduler failed over or changed its description: updates that it has not acknowledged are sent again.
    pub(crate) fn update_framework(&mut self, framework: FrameworkInfo, cx: &mut Cx<'_>) {
        let Some(id) = framework.id.as_ref().map(|id| id.value.clone()) else {
            return;
        };
        if let Some(known) = self.frameworks.get_mut(&id) {
            if *known != framework {
                *known = framework;
                cx.push(Effect::SaveFramework(id.clone()));
            }
            for (key, status) in self.updates.resend(&id, cx.now) {
                self.send_update(&key, status, cx);
            }
        }
    }

    /// A framework is gone for good: its tasks end, and no updates are sent.
    pub(crate) fn shutdown_framework(&mut self, framework: &str, cx: &mut Cx<'_>) {
        let keys: Vec<TaskKey> = self
            .tasks
            .keys()
            .filter(|k| k.framework == framework)
            .cloned()
            .collect();
        for key in keys {
            self.updates.drop_stream(&key);
            let Some(task) = self.tasks.get_mut(&key) else {
                continue;
            };
            task.silent = true;
            if task.is_terminal() {
                self.forget(&key, cx);
            } else if task.executor.is_none() {
                self.kill(&key, None, KillCause::Asked, cx);
            } else {
                cx.push(Effect::SaveTask(key));
            }
        }
        let executors: Vec<ExecutorKey> = self
            .executors
            .keys()
            .filter(|k| k.framework == framework)
            .cloned()
            .collect();
        for key in executors {
            self.shutdown_executor(&key, cx);
        }
        self.forget_framework_if_idle(framework, cx);
    }

    /// The master wants this agent gone: everything ends, then the process.
    pub(crate) fn shutdown_agent(&mut self, message: String, cx: &mut Cx<'_>) {
        self.stopping = Some(message.clone());
        let frameworks: Vec<String> = self.frameworks.keys().cloned().collect();
        for framework in frameworks {
            self.shutdown_framework(&framework, cx);
        }
        if self.frameworks.is_empty() {
            self.stop_if_told(cx);
        }
    }
}
