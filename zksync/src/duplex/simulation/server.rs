//! A model of an ensemble. It turns requests into transactions by the rules of the servers.

use std::collections::BTreeSet;

use mesolith_zk::record::{Create, CreateKind, Op, SetData, Txn, TxnHeader, Zxid};
use mesolith_zk::request::{ANY_VERSION, CreateMode, Request, Write};
use mesolith_zk::tree::Tree;

#[derive(Debug)]
pub(super) struct Server {
    pub(super) tree: Tree,
    /// A server before 3.5: it knows no containers and takes no addresses with a mask.
    pub(super) is_old: bool,
    /// The longest packet of a client, in bytes.
    pub(super) largest: usize,
    /// Nodes that nobody may write.
    pub(super) denied: BTreeSet<Box<str>>,
    zxid: u32,
}

impl Server {
    pub(super) fn new() -> Self {
        Self {
            tree: Tree::new(),
            is_old: false,
            largest: usize::MAX,
            denied: BTreeSet::new(),
            zxid: 0,
        }
    }

    /// The transaction that a request becomes, even if the request fails.
    pub(super) fn submit(&mut self, session: i64, cxid: i32, request: &Request) -> Txn {
        self.zxid += 1;
        let header = TxnHeader {
            session,
            cxid,
            zxid: Zxid::new(1, self.zxid),
            ..TxnHeader::default()
        };
        let op = match request {
            Request::OpenSession { timeout } => Op::CreateSession { timeout: *timeout },
            Request::CloseSession => Op::CloseSession { paths: None },
            Request::Single(write) => match self.refuses(write) {
                Some(code) => Op::Error { code },
                None => op(&self.tree, session, write).unwrap_or_else(|code| Op::Error { code }),
            },
            Request::Multi(writes) => self.multi(header, writes),
        };
        let txn = Txn {
            header,
            op,
            digest: None,
        };
        self.tree.apply(&txn);
        txn
    }

    /// Before it looks at the tree.
    fn refuses(&self, write: &Write) -> Option<i32> {
        // A real server hangs up, or worse.
        assert!(write.packet() <= self.largest, "too long: {}", write.path());
        let denied = self.denied.contains(write.path());
        (denied.then_some(-102)).or(self.refuses_list(write).then_some(-114))
    }

    fn refuses_list(&self, write: &Write) -> bool {
        let (Write::Create { acl, .. } | Write::SetAcl { acl, .. }) = write else {
            return false;
        };
        let mut entries = acl.iter().flatten();
        self.is_old && entries.any(|entry| entry.id.id.contains('/'))
    }

    fn multi(&self, header: TxnHeader, writes: &[Write]) -> Op {
        let unknown = |write: &Write| {
            matches!(
                write,
                Write::Create {
                    mode: CreateMode::Container,
                    ..
                }
            )
        };
        if self.is_old && writes.iter().any(unknown) {
            return Op::Error { code: -5 };
        }
        let mut tree = self.tree.clone();
        let mut ops = Vec::new();
        for (n, write) in writes.iter().enumerate() {
            let done = self
                .refuses(write)
                .map_or_else(|| op(&tree, header.session, write), Err);
            match done {
                Ok(op) => {
                    tree.apply(&Txn {
                        header,
                        op: op.clone(),
                        digest: None,
                    });
                    ops.push(op);
                }
                Err(code) => {
                    let codes = (0..writes.len()).map(|m| match m.cmp(&n) {
                        std::cmp::Ordering::Less => 0,
                        std::cmp::Ordering::Equal => code,
                        std::cmp::Ordering::Greater => -2,
                    });
                    return Op::Multi(codes.map(|code| Op::Error { code }).collect());
                }
            }
        }
        Op::Multi(ops)
    }
}

fn op(tree: &Tree, session: i64, write: &Write) -> Result<Op, i32> {
    if !tree.sessions().contains_key(&session) {
        return Err(-112);
    }
    let node = |path: &str| tree.get(path).ok_or(-101);
    let checked = |found: i32, version: i32| {
        let right = version == ANY_VERSION || version == found;
        if right {
            Ok(found.wrapping_add(1))
        } else {
            Err(-103)
        }
    };
    match write {
        Write::Create {
            path,
            data,
            acl,
            mode,
        } => {
            let (above, _) = path.rsplit_once('/').ok_or(-8)?;
            let parent = node(above)?;
            if parent.owner().is_some() {
                return Err(-108);
            }
            if tree.get(path).is_some() {
                return Err(-110);
            }
            let kind = match mode {
                CreateMode::Persistent => CreateKind::Plain { ephemeral: false },
                CreateMode::Ephemeral => CreateKind::Plain { ephemeral: true },
                CreateMode::Container => CreateKind::Container,
                CreateMode::Ttl(ttl) => CreateKind::Ttl { ttl: *ttl },
            };
            Ok(Op::Create(Create {
                path: path.clone(),
                data: data.clone(),
                acl: acl.clone(),
                kind,
                parent_cversion: Some(parent.stored().cversion + 1),
            }))
        }
        Write::SetData { path, data, version } => Ok(Op::SetData(SetData {
            path: path.clone(),
            data: data.clone(),
            version: checked(node(path)?.stored().version, *version)?,
        })),
        Write::SetAcl { path, acl, version } => Ok(Op::SetAcl {
            path: path.clone(),
            acl: acl.clone(),
            version: checked(node(path)?.stored().aversion, *version)?,
        }),
        Write::Delete { path, version } => {
            let found = node(path)?;
            checked(found.stored().version, *version)?;
            if found.children().next().is_some() {
                return Err(-111);
            }
            Ok(Op::Delete { path: path.clone() })
        }
        Write::Check { path, version } => Ok(Op::Check {
            path: path.clone(),
            version: checked(node(path)?.stored().version, *version)?,
        }),
    }
}
