//! Does a writer's steps and notes the answers.

use std::time::Duration;

use anyhow::Result;
use rand::Rng;
use zookeeper_client::{
    Acl, Acls, AuthId, Client, CreateMode, Error, MultiWriteError, Permission, SessionState,
};

use super::model::Model;
use super::{LARGE_PARENT, Record, Script, Step};
use crate::client::{self, OPEN};

/// After this an answer counts as lost: no member of the ensemble can be reached.
const PATIENCE: Duration = Duration::from_secs(15);

#[derive(Debug)]
pub(super) struct Hand {
    script: Script,
    pub(super) client: Client,
    home: String,
    anchor: String,
    pub(super) model: Model,
    counts: [u64; 3],
    orphans: Vec<String>,
}

/// What is known of a write.
pub(super) enum Answer {
    Done,
    Refused,
    Unknown,
}

impl Hand {
    pub(super) async fn new(client: Client, script: &Script) -> Result<Self> {
        let home = format!("{}/w{}", script.root, script.number);
        let anchor = format!("{home}-anchor");
        for path in [home.clone(), format!("{home}/{LARGE_PARENT}")] {
            client::create_surely(&client, &path, b"", Duration::from_secs(60)).await?;
        }
        let ephemeral = CreateMode::Ephemeral.with_acls(Acls::anyone_all());
        tokio::time::timeout(Duration::from_secs(60), client.create(&anchor, b"", &ephemeral)).await??;
        Ok(Self {
            model: Model::new(&home, script.large),
            script: script.clone(),
            client,
            home,
            anchor,
            counts: [0; 3],
            orphans: Vec::new(),
        })
    }

    pub(super) fn anchor(&self) -> &str {
        &self.anchor
    }

    pub(super) fn expired(&self) -> bool {
        self.client.state() == SessionState::Expired
    }

    pub(super) fn choose(&mut self, rng: &mut impl Rng) -> Step {
        self.model.choose(rng, &self.home, &self.script)
    }

    pub(super) fn finish(mut self) -> Record {
        let expired = self.expired();
        if expired {
            self.model.lost_ephemerals();
        }
        let [done, refused, unknown] = self.counts;
        Record {
            client: self.client,
            anchor: self.anchor,
            done,
            refused,
            unknown,
            expected: self.model.expected,
            orphans: self.orphans,
            expired,
        }
    }

    pub(super) async fn take(&mut self, step: Step) {
        let answer = self.perform(step).await;
        self.counts[answer as usize] += 1;
    }

    async fn perform(&mut self, step: Step) -> Answer {
        match step {
            Step::Create { path, data } => self.create(path, data, &OPEN, true).await,
            Step::Container { path } => {
                let container = CreateMode::Container.with_acls(Acls::anyone_all());
                // With a child at once: an empty one goes away when its server likes, on each side at another time.
                let answer = self.create(path.clone(), Vec::new(), &container, false).await;
                if matches!(answer, Answer::Done) {
                    self.create(format!("{path}/c"), Vec::new(), &OPEN, false).await;
                }
                answer
            }
            Step::Ttl { path, data } => {
                let hour = OPEN.with_ttl(Duration::from_secs(3600));
                self.create(path, data, &hour, false).await
            }
            Step::Ephemeral { path } => {
                let ephemeral = CreateMode::Ephemeral.with_acls(Acls::anyone_all());
                let answer = self.create(path.clone(), b"e".to_vec(), &ephemeral, false).await;
                if matches!(answer, Answer::Done) {
                    self.model.ephemerals.push(path);
                }
                answer
            }
            Step::Sequential { prefix, ephemeral } => self.sequential(&prefix, ephemeral).await,
            Step::Set { path, data } => {
                let answer = settle(self.client.set_data(&path, &data, None)).await;
                self.note(&path, Some(data), &answer);
                answer
            }
            Step::SetShared { data } => {
                let path = format!("{}/shared", self.script.root);
                settle(self.client.set_data(&path, &data, None)).await
            }
            Step::SetAcl { path, kind } => self.set_acl(&path, kind).await,
            Step::Delete { path } => {
                let answer = settle(self.client.delete(&path, None)).await;
                self.note(&path, None, &answer);
                answer
            }
            Step::Multi { path, check, data } => self.multi(path, &check, data).await,
            Step::FailingMulti { path } => {
                let mut multi = self.client.new_multi_writer();
                let added = multi
                    .add_set_data(&path, b"never", None)
                    .and(multi.add_delete(&format!("{path}/none"), None));
                if added.is_err() {
                    return Answer::Refused;
                }
                settle(one_error(multi.commit())).await
            }
            Step::Failing { path } => settle(self.client.create(&path, b"never", &OPEN)).await,
            Step::LoseSession { path } => self.lose_session(path).await,
            Step::Large { path, size } => self.large(path, size).await,
            Step::LargeMulti { paths, size } => self.large_multi(paths, size).await,
            Step::Many { parent, count } => self.many(&parent, count).await,
            Step::LeftOut { path, made: true } => {
                settle(self.client.create(&path, b"here only", &OPEN)).await
            }
            Step::LeftOut { path, made: false } => settle(self.client.delete(&path, None)).await,
        }
    }

    pub(super) fn note(&mut self, path: &str, data: Option<Vec<u8>>, answer: &Answer) {
        match answer {
            Answer::Done => self.model.wrote(path, data, true),
            Answer::Unknown => self.model.wrote(path, data, false),
            Answer::Refused => {}
        }
    }

    async fn create(
        &mut self,
        path: String,
        data: Vec<u8>,
        options: &zookeeper_client::CreateOptions<'_>,
        grows: bool,
    ) -> Answer {
        let answer = settle(self.client.create(&path, &data, options)).await;
        self.model.parent_of(&path);
        self.note(&path, Some(data), &answer);
        if grows && matches!(answer, Answer::Done) {
            self.model.grows(&path);
        }
        answer
    }

    async fn sequential(&mut self, prefix: &str, ephemeral: bool) -> Answer {
        let mode = if ephemeral {
            CreateMode::EphemeralSequential
        } else {
            CreateMode::PersistentSequential
        };
        self.model.parent_of(prefix);
        let options = mode.with_acls(Acls::anyone_all());
        let created = tokio::time::timeout(PATIENCE, self.client.create(prefix, b"s", &options)).await;
        let answer = judge(created.as_ref().map(|result| result.as_ref().map(|_| ())).ok());
        if let Ok(Ok((_, number))) = created {
            let path = format!("{prefix}{number}");
            self.model.wrote(&path, Some(b"s".to_vec()), true);
            if ephemeral {
                self.model.ephemerals.push(path);
            }
        }
        answer
    }

    async fn set_acl(&mut self, path: &str, kind: u8) -> Answer {
        let (scheme, _) = client::AUTHENTICATION;
        let closed = [
            Acl::new(Permission::ALL, AuthId::authed()),
            Acl::new(Permission::READ, AuthId::anyone()),
        ];
        let from = if self.script.masks {
            "192.0.2.3/24"
        } else {
            "192.0.2.3"
        };
        let address = [
            Acl::new(Permission::ALL, AuthId::anyone()),
            Acl::new(Permission::READ | Permission::WRITE, AuthId::new("ip", from)),
        ];
        let acls = match kind {
            0 => Acls::anyone_all(),
            1 if scheme == "digest" => Acls::new(&closed),
            _ => Acls::new(&address),
        };
        settle(self.client.set_acl(path, &acls, None)).await
    }

    async fn multi(&mut self, path: String, check: &str, data: Vec<u8>) -> Answer {
        let mut multi = self.client.new_multi_writer();
        let added = multi
            .add_create(&path, b"in a multi", &OPEN)
            .and(multi.add_set_data(&path, &data, Some(0)))
            .and(multi.add_set_data(check, &data, None));
        if added.is_err() {
            return Answer::Refused;
        }
        let answer = settle(one_error(multi.commit())).await;
        self.model.parent_of(&path);
        self.note(&path, Some(data.clone()), &answer);
        self.note(check, Some(data), &answer);
        answer
    }

    async fn lose_session(&mut self, path: String) -> Answer {
        let short = Duration::from_millis(1500);
        let connecting = client::connect_to_crash(&self.script.servers, self.script.version, short);
        let Ok(Ok(other)) = tokio::time::timeout(PATIENCE, connecting).await else {
            return Answer::Refused;
        };
        let ephemeral = CreateMode::Ephemeral.with_acls(Acls::anyone_all());
        let answer = settle(other.create(&path, b"soon gone", &ephemeral)).await;
        self.model.parent_of(&path);
        self.orphans.push(path);
        answer
    }
}

pub(super) async fn one_error<T>(
    commit: impl Future<Output = std::result::Result<T, MultiWriteError>>,
) -> Result<T, Error> {
    commit.await.map_err(|error| match error {
        MultiWriteError::RequestFailed { source } | MultiWriteError::OperationFailed { source, .. } => source,
    })
}

pub(super) async fn settle<T>(write: impl Future<Output = Result<T, Error>>) -> Answer {
    let answer = tokio::time::timeout(PATIENCE, write).await.ok();
    judge(answer.as_ref().map(|result| result.as_ref().map(|_| ())))
}

fn judge(answer: Option<std::result::Result<(), &Error>>) -> Answer {
    match answer {
        Some(Ok(())) => Answer::Done,
        Some(Err(
            Error::NoNode
            | Error::NodeExists
            | Error::BadVersion
            | Error::NotEmpty
            | Error::NoAuth
            | Error::NoChildrenForEphemerals
            | Error::InvalidAcl,
        )) => Answer::Refused,
        Some(Err(_)) | None => Answer::Unknown,
    }
}
