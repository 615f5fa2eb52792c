//! Carries out requests with calls of the client.

use std::time::Duration;

use mesolith_zk::request::{ANY_VERSION, CreateMode, Request, Write};
use zookeeper_client::{Acls, Client, CreateOptions, Error, MultiWriteError, MultiWriteResult, Stat};

use super::answer::Outcome;
use super::convert::{code, stored, their_list};

/// No answer: the connection broke, and it may still be done.
pub(super) type Unanswered = Error;

/// What the servers take in one call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    /// Creates in a multi.
    pub(super) create2: bool,
    /// The longest packet, in bytes.
    pub(super) largest: usize,
}

impl Taken {
    /// Whether a request takes several calls, which nothing may come between.
    pub(super) fn in_several(self, request: &Request) -> bool {
        let Request::Multi(writes) = request else {
            return false;
        };
        let creates = writes.iter().any(|write| matches!(write, Write::Create { .. }));
        (!self.create2 && creates) || request.packet() > self.largest
    }
}

/// Carries out a request that writes to nodes.
pub(super) async fn write(
    client: Client,
    request: Request,
    taken: Taken,
) -> (Request, Result<Outcome, Unanswered>) {
    let outcome = match &request {
        Request::Single(write) => single(&client, write).await.map(|result| match result {
            Ok(stat) => Outcome::Done {
                stats: vec![stat],
                at_once: true,
            },
            Err(code) => Outcome::Refused {
                index: 0,
                code,
                partly: false,
            },
        }),
        Request::Multi(writes) if taken.in_several(&request) => one_by_one(&client, writes).await,
        Request::Multi(writes) => multi(&client, writes).await,
        Request::OpenSession { .. } | Request::CloseSession => Ok(Outcome::Done {
            stats: Vec::new(),
            at_once: true,
        }),
    };
    (request, outcome)
}

fn expected(version: i32) -> Option<i32> {
    (version != ANY_VERSION).then_some(version)
}

fn options<'a>(mode: CreateMode, list: &'a [zookeeper_client::Acl]) -> CreateOptions<'a> {
    use zookeeper_client::CreateMode::{Container, Ephemeral, Persistent};
    let list = Acls::new(list);
    match mode {
        CreateMode::Persistent => Persistent.with_acls(list),
        CreateMode::Ephemeral => Ephemeral.with_acls(list),
        CreateMode::Container => Container.with_acls(list),
        CreateMode::Ttl(millis) => Persistent
            .with_acls(list)
            .with_ttl(Duration::from_millis(u64::try_from(millis).unwrap_or_default())),
    }
}

type Stored = Option<mesolith_zk::record::NodeStat>;

fn told(stat: &Stat) -> Stored {
    (!stat.is_invalid() && stat.czxid != 0).then(|| stored(stat))
}

async fn single(client: &Client, write: &Write) -> Result<Result<Stored, i32>, Unanswered> {
    let result = match write {
        Write::Create {
            path,
            data,
            acl,
            mode,
        } => {
            let list = their_list(acl.as_deref());
            let data = data.as_deref().unwrap_or_default();
            let created = client.create(path, data, &options(*mode, &list)).await;
            created.map(|(stat, _)| told(&stat))
        }
        Write::SetData { path, data, version } => {
            let data = data.as_deref().unwrap_or_default();
            let set = client.set_data(path, data, expected(*version)).await;
            set.map(|stat| Some(stored(&stat)))
        }
        Write::Delete { path, version } => client.delete(path, expected(*version)).await.map(|()| None),
        Write::SetAcl { path, acl, version } => {
            let list = their_list(acl.as_deref());
            let set = client.set_acl(path, &list, expected(*version)).await;
            set.map(|stat| Some(stored(&stat)))
        }
        Write::Check { .. } => {
            return Ok(match multi(client, std::slice::from_ref(write)).await? {
                Outcome::Done { .. } => Ok(None),
                Outcome::Refused { code, .. } => Err(code),
            });
        }
    };
    match result {
        Ok(stat) => Ok(Ok(stat)),
        Err(error) => code(&error).map(Err).ok_or(error),
    }
}

async fn multi(client: &Client, writes: &[Write]) -> Result<Outcome, Unanswered> {
    let refused = |index, error: Error| match code(&error) {
        Some(code) => Ok(Outcome::Refused {
            index,
            code,
            partly: false,
        }),
        None => Err(error),
    };
    let mut writer = client.new_multi_writer();
    for (index, write) in writes.iter().enumerate() {
        let added = match write {
            Write::Create {
                path,
                data,
                acl,
                mode,
            } => {
                let list = their_list(acl.as_deref());
                let data = data.as_deref().unwrap_or_default();
                writer.add_create(path, data, &options(*mode, &list))
            }
            Write::SetData { path, data, version } => {
                writer.add_set_data(path, data.as_deref().unwrap_or_default(), expected(*version))
            }
            Write::Delete { path, version } => writer.add_delete(path, expected(*version)),
            Write::Check { path, version } => writer.add_check_version(path, *version),
            // Servers do not take it inside a multi.
            Write::SetAcl { .. } => Err(Error::Unimplemented),
        };
        if let Err(error) = added {
            return refused(index, error);
        }
    }
    match writer.commit().await {
        Ok(results) => Ok(Outcome::Done {
            stats: results.iter().map(part).collect(),
            at_once: true,
        }),
        Err(MultiWriteError::OperationFailed { index, source }) => refused(index, source),
        Err(MultiWriteError::RequestFailed { source }) => refused(0, source),
    }
}

fn part(result: &MultiWriteResult) -> Stored {
    match result {
        MultiWriteResult::Create { stat, .. } => told(stat),
        MultiWriteResult::SetData { stat } => Some(stored(stat)),
        _ => None,
    }
}

/// Sends the writes in order, up to the first that is refused. The last one is the checkpoint: its version is checked
/// before the first write, so that an engine that was replaced changes nothing.
async fn one_by_one(client: &Client, writes: &[Write]) -> Result<Outcome, Unanswered> {
    if let [before @ .., Write::SetData { path, version, .. }] = writes
        && *version != ANY_VERSION
        && before.iter().all(|write| write.path() != &**path)
    {
        let check = Write::Check {
            path: path.clone(),
            version: *version,
        };
        if let Outcome::Refused { code, .. } = multi(client, &[check]).await? {
            return Ok(Outcome::Refused {
                index: before.len(),
                code,
                partly: false,
            });
        }
    }
    let mut stats = Vec::with_capacity(writes.len());
    for (index, write) in writes.iter().enumerate() {
        match single(client, write).await? {
            Ok(stat) => stats.push(stat),
            Err(code) => {
                return Ok(Outcome::Refused {
                    index,
                    code,
                    partly: true,
                });
            }
        }
    }
    Ok(Outcome::Done {
        stats,
        at_once: false,
    })
}
