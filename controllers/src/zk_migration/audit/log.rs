//! The log itself: ConfigMaps in the operator's namespace, each a part of it.
//!
//! A part that is full is made immutable, which the API server keeps, and the next one begins. The last part only grows:
//! the chart's admission policy refuses every other change, also by the operator. Nothing here deletes one.

use crate::outcome::is_conflict;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Api, PostParams};
use kube::{Client, ResourceExt};
use mesolith_audit::{Head, end_of};
use mesolith_crds::v1alpha1::ZkMigration;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes of a part. The API server takes objects of 1 MiB.
const PART: usize = 512 * 1024;
/// The key of the ConfigMap's data.
const KEY: &str = "log";
/// Which migration a ConfigMap is of, by its UID.
pub(in super::super) const LABEL: &str = "mesolith.io/audit";
/// The same by namespace and name, for people.
const MIGRATION: &str = "mesolith.io/migration";

/// What can fail for a while.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A ConfigMap.
    #[error("failed to read the audit log: ConfigMap {0}")]
    Read(String, #[source] kube::Error),
    /// A ConfigMap.
    #[error("failed to write the audit log: ConfigMap {0}")]
    Write(String, #[source] kube::Error),
}

impl Error {
    pub(in super::super) fn is_conflict(&self) -> bool {
        match self {
            Self::Read(_, error) | Self::Write(_, error) => is_conflict(error),
        }
    }
}

/// The logs of every migration, for one term as leader.
pub(in super::super) struct AuditLog {
    api: Api<ConfigMap>,
    namespace: String,
    /// Where each ends, by the migration's UID: nobody else writes them.
    ends: Mutex<BTreeMap<String, Head>>,
}

/// The last part, and where the log ends.
struct Last {
    number: u32,
    /// None when it has not begun.
    part: Option<ConfigMap>,
    end: Head,
    /// The name of a part that is not as it was written.
    broken: Option<String>,
}

/// What an append did.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Appended {
    /// The name of a part that somebody has changed; the log goes on in another one.
    pub(in super::super) broken: Option<String>,
}

impl AuditLog {
    pub(in super::super) fn new(client: Client, namespace: String) -> Self {
        Self {
            api: Api::namespaced(client, &namespace),
            namespace,
            ends: Mutex::default(),
        }
    }

    /// The ConfigMaps of a migration, without their numbers.
    pub(in super::super) fn place(&self, object: &ZkMigration) -> String {
        format!("{}/{}", self.namespace, prefix(object))
    }

    /// Where the log of a migration ends; asks the API server the first time only.
    pub(in super::super) async fn end(&self, object: &ZkMigration) -> Result<Head, Error> {
        let uid = object.uid().unwrap_or_default();
        if let Some(known) = self.ends().get(&uid) {
            return Ok(known.clone());
        }
        let end = self.last(object).await?.end;
        self.ends().insert(uid, end.clone());
        Ok(end)
    }

    /// Brings lines that follow each other into the log; those that it has already are left out.
    pub(in super::super) async fn append(
        &self,
        object: &ZkMigration,
        lines: &[String],
    ) -> Result<Appended, Error> {
        let uid = object.uid().unwrap_or_default();
        let Some(wanted) = lines.last().and_then(|line| head(line)) else {
            return Ok(Appended::default());
        };
        if self
            .ends()
            .get(&uid)
            .is_some_and(|end| end.sequence >= wanted.sequence)
        {
            return Ok(Appended::default());
        }
        // Until it is known that the write has arrived, nothing is known.
        self.ends().remove(&uid);
        let last = self.last(object).await?;
        let text = missing(lines, &last.end);
        if !text.is_empty() {
            self.write(object, last.number, last.part, &text).await?;
        }
        let end = if text.is_empty() { last.end } else { wanted };
        self.ends().insert(uid, end);
        Ok(Appended { broken: last.broken })
    }

    /// The migration is gone; its log stays.
    pub(in super::super) fn forget(&self, uid: &str) {
        self.ends().remove(uid);
    }

    async fn last(&self, object: &ZkMigration) -> Result<Last, Error> {
        let (mut end, mut broken) = (Head::start(), None);
        let mut number = 1;
        loop {
            let name = name(object, number);
            let found = self.api.get_opt(&name).await;
            let Some(part) = found.map_err(|error| Error::Read(name.clone(), error))? else {
                return Ok(Last {
                    number,
                    part: None,
                    end,
                    broken,
                });
            };
            let log = text_of(&part);
            let whole = match end_of(log) {
                Ok(head) => {
                    if !log.is_empty() {
                        end = head;
                    }
                    true
                }
                // It must not be gone on from; it is kept as it is.
                Err(_) => {
                    broken = Some(name);
                    false
                }
            };
            if whole && part.immutable != Some(true) {
                return Ok(Last {
                    number,
                    part: Some(part),
                    end,
                    broken,
                });
            }
            number += 1;
        }
    }

    /// Writes behind what the part holds; into the next one when this is full.
    async fn write(
        &self,
        object: &ZkMigration,
        number: u32,
        part: Option<ConfigMap>,
        text: &str,
    ) -> Result<(), Error> {
        let failed = |number: u32| move |error| Error::Write(name(object, number), error);
        let parameters = PostParams::default();
        let Some(mut part) = part else {
            let fresh = self.fresh(object, number, text);
            let created = self.api.create(&parameters, &fresh).await;
            return created.map(drop).map_err(failed(number));
        };
        let name = part.name_any();
        let log = part
            .data
            .get_or_insert_default()
            .entry(KEY.to_owned())
            .or_default();
        if log.len() + text.len() <= PART {
            log.push_str(text);
            // It has the resource version that it was read at.
            let written = self.api.replace(&name, &parameters, &part).await;
            return written.map(drop).map_err(failed(number));
        }
        part.immutable = Some(true);
        let sealed = self.api.replace(&name, &parameters, &part).await;
        sealed.map_err(failed(number))?;
        let fresh = self.fresh(object, number + 1, text);
        let created = self.api.create(&parameters, &fresh).await;
        created.map(drop).map_err(failed(number + 1))
    }

    fn fresh(&self, object: &ZkMigration, number: u32, text: &str) -> ConfigMap {
        let migration = format!("{}/{}", object.namespace().unwrap_or_default(), object.name_any());
        ConfigMap {
            metadata: ObjectMeta {
                name: Some(name(object, number)),
                namespace: Some(self.namespace.clone()),
                labels: Some([(LABEL.to_owned(), object.uid().unwrap_or_default())].into()),
                annotations: Some([(MIGRATION.to_owned(), migration)].into()),
                ..ObjectMeta::default()
            },
            data: Some([(KEY.to_owned(), text.to_owned())].into()),
            ..ConfigMap::default()
        }
    }

    fn ends(&self) -> MutexGuard<'_, BTreeMap<String, Head>> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Names in the order of their numbers, so that a list of them is in the order of the log.
fn name(object: &ZkMigration, number: u32) -> String {
    format!("{}-{number:04}", prefix(object))
}

fn prefix(object: &ZkMigration) -> String {
    format!("audit-{}", object.uid().unwrap_or_default())
}

fn text_of(part: &ConfigMap) -> &str {
    let log = part.data.as_ref().and_then(|data| data.get(KEY));
    log.map(String::as_str).unwrap_or_default()
}

/// Where a log ends with this line; `None` when it is none of ours.
fn head(line: &str) -> Option<Head> {
    end_of(&format!("{line}\n")).ok()
}

/// The lines that come after `end`, each with its end.
pub(super) fn missing(lines: &[String], end: &Head) -> String {
    let after = |line: &&String| head(line).is_some_and(|head| head.sequence > end.sequence);
    lines
        .iter()
        .filter(after)
        .map(|line| format!("{line}\n"))
        .collect()
}
