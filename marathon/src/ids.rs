//! Ids of instances and tasks: `<path>.instance-<uuid>` and `<instance>._app.<incarnation>`.

use std::{fmt, str::FromStr};

use uuid::Uuid;

use crate::path::AppId;

/// One instance of an app over its restarts in place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId {
    prefix: String,
    uuid: Uuid,
}

/// One Mesos task: an incarnation of an instance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId {
    instance: InstanceId,
    incarnation: u32,
}

/// The text is not a task id of this scheduler.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not of the form <path>.instance-<uuid>._app.<incarnation>")]
pub struct Error(String);

impl InstanceId {
    /// A new instance of an app; the caller draws the uuid.
    #[must_use]
    pub fn new(app: &AppId, uuid: Uuid) -> Self {
        Self {
            prefix: app.id_prefix(),
            uuid,
        }
    }

    /// The uuid, also the seed for everything drawn at random for the instance.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        self.uuid
    }
}

impl TaskId {
    /// The first incarnation of an instance.
    #[must_use]
    pub fn first(instance: InstanceId) -> Self {
        Self {
            instance,
            incarnation: 1,
        }
    }

    /// The instance this task is an incarnation of.
    #[must_use]
    pub fn instance(&self) -> &InstanceId {
        &self.instance
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.instance-{}", self.prefix, self.uuid)
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}._app.{}", self.instance, self.incarnation)
    }
}

impl FromStr for TaskId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parse = || {
            let (instance, incarnation) = text.rsplit_once("._app.")?;
            let (prefix, uuid) = instance.rsplit_once(".instance-")?;
            let instance = InstanceId {
                prefix: prefix.to_owned(),
                uuid: uuid.parse().ok()?,
            };
            Some(Self {
                instance,
                incarnation: incarnation.parse().ok()?,
            })
        };
        parse().ok_or_else(|| Error(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_id_reads_back() {
        let app = AppId::parse("/prod.eu/web").unwrap();
        let id = TaskId::first(InstanceId::new(&app, Uuid::from_u128(7)));
        assert_eq!(
            id.to_string(),
            "prod.eu_web.instance-00000000-0000-0000-0000-000000000007._app.1"
        );
        assert_eq!(id.to_string().parse::<TaskId>(), Ok(id));
    }

    #[test]
    fn other_ids_are_refused() {
        for text in [
            "",
            "task-1",
            "web.instance-x._app.1",
            "web.instance-00000000-0000-0000-0000-000000000007",
        ] {
            assert_eq!(text.parse::<TaskId>(), Err(Error(text.to_owned())));
        }
    }
}
