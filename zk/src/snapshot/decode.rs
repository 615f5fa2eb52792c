//! The body of a snapshot, decoded record by record as its bytes arrive.

use std::collections::HashMap;

use super::Error;
use crate::jute::{self, Problem, Reader};
use crate::record::{Acl, NodeStat, Zxid};
use crate::tree::{self, Tree};

/// Above this a record cannot come from a server: a thousand times the default of `jute.maxbuffer`.
const LONGEST_RECORD: usize = 1 << 30;

/// What the next record is.
#[derive(Debug, Clone, Copy)]
enum Next {
    SessionCount,
    Session(usize),
    AclCount,
    Acl(usize),
    Node,
    Nothing,
}

/// Builds a tree from pieces of a body of any size.
#[derive(Debug)]
pub struct Decoder {
    next: Next,
    offset: u64,
    acls: HashMap<i64, Option<Vec<Acl>>>,
    tree: Tree,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new(0)
    }
}

impl Decoder {
    /// For a body that begins at an offset of its file or stream; errors count from there.
    pub fn new(offset: u64) -> Self {
        Self {
            next: Next::SessionCount,
            offset,
            acls: HashMap::new(),
            tree: Tree::unfilled(),
        }
    }

    /// Takes whole records from the front of `input` and says how many bytes they were. Call it again with the
    /// rest and more bytes until [`Decoder::is_done`].
    ///
    /// # Errors
    /// When the bytes are no snapshot.
    pub fn decode(&mut self, input: &[u8]) -> Result<usize, Error> {
        let mut taken = 0;
        while !self.is_done() {
            let mut reader = Reader::at(&input[taken..], "snapshot", self.offset);
            match self.record(&mut reader) {
                Ok(next) => {
                    taken += reader.consumed();
                    self.offset += reader.consumed() as u64;
                    self.next = next;
                }
                Err(Error::Record(jute::Error {
                    problem: Problem::Incomplete { missing },
                    ..
                })) => {
                    let length = input.len() - taken + missing;
                    if length > LONGEST_RECORD {
                        return Err(Error::RecordTooLong(length));
                    }
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(taken)
    }

    /// Whether the end of the nodes was seen.
    pub fn is_done(&self) -> bool {
        matches!(self.next, Next::Nothing)
    }

    /// Nodes decoded so far.
    pub fn nodes(&self) -> usize {
        self.tree.len()
    }

    /// Bytes taken so far, counted from the start of the file or stream.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The tree, said to be at a position.
    pub fn finish(mut self, zxid: Zxid) -> Tree {
        self.tree.set_last_zxid(zxid);
        self.tree
    }

    fn record(&mut self, reader: &mut Reader<'_>) -> Result<Next, Error> {
        let sessions = |left| {
            if left == 0 {
                Next::AclCount
            } else {
                Next::Session(left)
            }
        };
        let acls = |left| if left == 0 { Next::Node } else { Next::Acl(left) };
        Ok(match self.next {
            Next::SessionCount => {
                reader.enter("session count");
                sessions(reader.length()?.unwrap_or(0))
            }
            Next::Session(left) => {
                reader.enter("session");
                let (session, timeout) = (reader.long()?, reader.int()?);
                self.tree.set_session(session, timeout);
                sessions(left - 1)
            }
            Next::AclCount => {
                reader.enter("ACL count");
                acls(reader.length()?.unwrap_or(0))
            }
            Next::Acl(left) => {
                reader.enter("ACL");
                let number = reader.long()?;
                let list = Acl::read_list(reader)?;
                self.acls.insert(number, list);
                acls(left - 1)
            }
            Next::Node => self.node(reader)?,
            Next::Nothing => Next::Nothing,
        })
    }

    fn node(&mut self, reader: &mut Reader<'_>) -> Result<Next, Error> {
        reader.enter("node");
        let path = reader.text()?;
        if path == "/" {
            return Ok(Next::Nothing);
        }
        let data = reader.buffer()?;
        let number = reader.long()?;
        let stat = NodeStat::read(reader)?;
        let acl = match self.acls.get(&number) {
            Some(list) => list.as_deref(),
            None if number == -1 => None,
            None => {
                let path = path.into_owned();
                return Err(tree::Error::UnknownAcl { path, acl: number }.into());
            }
        };
        self.tree.insert(&path, data, acl, stat)?;
        Ok(Next::Node)
    }
}
