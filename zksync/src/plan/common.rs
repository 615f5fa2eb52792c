//! What both sides can hold. Servers before 3.5 know neither containers nor TTL nodes. They understand addresses with
//! a mask in a list, but do not accept them. And each server accepts only the schemes that it was set up with.
//!
//! A node of a sort that one side does not know is persistent there, and is deleted when the other side's node is. An
//! entry that the target does not accept is left out there. Entries only grant rights, so nobody gets more than on
//! the source.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use mesolith_zk::record::{Acl, Id, NodeStat};
use mesolith_zk::request::CreateMode;
use mesolith_zk::tree::Node;

/// Sorts of nodes that not every server knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kinds {
    /// Containers, which are deleted once they are empty.
    pub containers: bool,
    /// TTL nodes, which are deleted some time after their last change.
    pub ttls: bool,
}

impl Kinds {
    /// All of them.
    pub const ALL: Self = Self {
        containers: true,
        ttls: true,
    };
    /// None of them, as with servers before 3.5.
    pub const NONE: Self = Self {
        containers: false,
        ttls: false,
    };

    /// The sorts that both know.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            containers: self.containers && other.containers,
            ttls: self.ttls && other.ttls,
        }
    }
}

/// What both sides can hold, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Common {
    /// As far as the servers' versions tell.
    versions: Kinds,
    /// As far as refusals have shown.
    shown: Kinds,
    /// Whether a side is seen only as clients see it. Then containers and TTL nodes look like plain nodes, and null
    /// data like empty data.
    veiled: bool,
    /// Forms of entries that a side has refused.
    refused: BTreeSet<Box<str>>,
}

impl Default for Common {
    fn default() -> Self {
        Self {
            versions: Kinds::ALL,
            shown: Kinds::ALL,
            veiled: false,
            refused: BTreeSet::new(),
        }
    }
}

impl Common {
    /// Notes what the versions of the servers and the kinds of link tell.
    #[must_use]
    pub fn with(self, versions: Kinds, veiled: bool) -> Self {
        Self {
            versions,
            veiled,
            ..self
        }
    }

    /// Forgets which entries were refused, since servers have to be started again to accept others. Sorts of nodes
    /// are not tried again: to change a node's sort, it would have to be deleted first.
    pub fn forget(&mut self) {
        self.refused.clear();
    }

    /// The sort of node that is created for one of the source.
    pub fn mode(&self, mode: CreateMode) -> CreateMode {
        let kinds = self.versions.and(self.shown);
        match mode {
            CreateMode::Container if !kinds.containers => CreateMode::Persistent,
            CreateMode::Ttl(_) if !kinds.ttls => CreateMode::Persistent,
            mode => mode,
        }
    }

    /// The sort of a node, as far as both sides can hold and show it, and the session that owns it.
    pub fn kind(&self, node: Node<'_>) -> (CreateMode, Option<i64>) {
        match self.kind_to_make(node) {
            (CreateMode::Container | CreateMode::Ttl(_), owner) if self.veiled => {
                (CreateMode::Persistent, owner)
            }
            kind => kind,
        }
    }

    /// The sort of a copy of a node.
    pub fn kind_to_make(&self, node: Node<'_>) -> (CreateMode, Option<i64>) {
        let stat = node.stored();
        if let Some(session) = node.owner() {
            return (CreateMode::Ephemeral, Some(session));
        }
        let mode = if stat.ephemeral_owner == NodeStat::CONTAINER {
            CreateMode::Container
        } else {
            stat.ttl().map_or(CreateMode::Persistent, CreateMode::Ttl)
        };
        (self.mode(mode), None)
    }

    /// Whether data is equal, as far as both sides show it.
    pub fn same_data(&self, a: Option<&[u8]>, b: Option<&[u8]>) -> bool {
        a == b || (self.veiled && a.unwrap_or_default() == b.unwrap_or_default())
    }

    /// The list without entries that were refused. A list that becomes empty grants nothing to anybody.
    pub fn list<'l>(&self, list: Option<&'l [Acl]>) -> Option<Cow<'l, [Acl]>> {
        let list = list?;
        let refuses = |entry: &Acl| form(&entry.id).is_some_and(|form| self.refuses(form));
        if self.takes_all() || !list.iter().any(refuses) {
            return Some(Cow::Borrowed(list));
        }
        let mut left: Vec<_> = list.iter().filter(|entry| !refuses(entry)).cloned().collect();
        if left.is_empty() {
            left.push(Acl {
                perms: 0,
                ..Acl::open()
            });
        }
        Some(Cow::Owned(left))
    }

    /// Whether two lists mean the same, as far as both sides can hold them.
    pub fn same_list(&self, a: Option<&[Acl]>, b: Option<&[Acl]>) -> bool {
        Acl::same(a, b) || (!self.takes_all() && Acl::same(self.list(a).as_deref(), self.list(b).as_deref()))
    }

    /// The target has refused a list. Returns the form of entry that is left out from now on, if one can be the
    /// reason.
    pub fn refuse_list(&mut self, list: &[Acl]) -> Option<Box<str>> {
        let forms = list.iter().filter_map(|entry| form(&entry.id));
        let new = forms.filter(|form| !self.refuses(form));
        // The server does not say which of several entries it was. Schemes have to be set up, addresses do not.
        let form: Box<str> = new.min_by_key(|form| form.starts_with("ip:"))?.into();
        self.refused.insert(form.clone());
        Some(form)
    }

    fn takes_all(&self) -> bool {
        self.refused.is_empty() && self.versions != Kinds::NONE
    }

    fn refuses(&self, form: &str) -> bool {
        (form == MASK && self.versions == Kinds::NONE) || self.refused.contains(form)
    }

    /// The target has refused to create a node of this sort. False if that is known already, or not the reason.
    pub fn refuse_kind(&mut self, mode: CreateMode) -> bool {
        let known = match mode {
            CreateMode::Container => &mut self.shown.containers,
            CreateMode::Ttl(_) => &mut self.shown.ttls,
            CreateMode::Persistent | CreateMode::Ephemeral => return false,
        };
        std::mem::replace(known, false)
    }

    /// Forms of entries that are left out.
    pub fn left_out(&self) -> impl Iterator<Item = &str> {
        self.refused.iter().map(|form| &**form)
    }
}

const MASK: &str = "ip:ADDRESS/BITS";

/// The form of an entry that not every server accepts.
fn form(id: &Id) -> Option<&str> {
    match &*id.scheme {
        "world" | "digest" => None,
        "ip" if id.id.contains('/') => Some(MASK),
        "ip" if id.id.parse::<Ipv4Addr>().is_ok() => None,
        "ip" => Some("ip:IPV6"),
        scheme => Some(scheme),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(scheme: &str, id: &str) -> Acl {
        Acl {
            perms: 31,
            id: Id {
                scheme: scheme.into(),
                id: id.into(),
            },
        }
    }

    #[test]
    fn what_was_refused_is_left_out_and_never_more_is_granted() {
        let mut common = Common::default();
        let (open, mask) = (Acl::open(), entry("ip", "192.0.2.3/24"));
        let list = [open.clone(), mask.clone(), entry("ip", "192.0.2.3")];
        assert_eq!(common.list(Some(&list)).as_deref(), Some(&list[..]));
        assert_eq!(common.refuse_list(&list).as_deref(), Some("ip:ADDRESS/BITS"));
        let left = [open, entry("ip", "192.0.2.3")];
        assert_eq!(common.list(Some(&list)).as_deref(), Some(&left[..]));
        assert!(common.same_list(Some(&list), Some(&left)));
        assert!(!common.same_list(Some(&list), None));
        assert!(common.same_list(Some(&list[..2]), None), "what is left is open");
        let none = common.list(Some(std::slice::from_ref(&mask))).unwrap();
        assert_eq!(none.len(), 1);
        assert_eq!(none[0].perms, 0);
        assert_eq!(common.refuse_list(&list), None, "nothing else can be the reason");
        common.forget();
        assert!(!common.same_list(Some(&list), Some(&left)));
    }

    #[test]
    fn of_several_entries_a_scheme_is_blamed_first_and_old_servers_take_no_masks() {
        let list = [entry("sasl", "bob"), entry("ip", "192.0.2.0/24")];
        let mut common = Common::default();
        assert_eq!(common.refuse_list(&list).as_deref(), Some("sasl"));
        assert_eq!(common.refuse_list(&list).as_deref(), Some(MASK));
        let mut old = Common::default().with(Kinds::NONE, false);
        assert_eq!(old.list(Some(&list)).as_deref(), Some(&list[..1]));
        assert_eq!(old.refuse_list(&list).as_deref(), Some("sasl"));
        assert_eq!(old.left_out().count(), 1);
    }

    #[test]
    fn a_sort_that_one_side_does_not_know_is_persistent() {
        let mut common = Common::default();
        assert_eq!(common.mode(CreateMode::Container), CreateMode::Container);
        assert!(common.refuse_kind(CreateMode::Ttl(5)));
        assert!(!common.refuse_kind(CreateMode::Ttl(7)), "that is known");
        assert!(!common.refuse_kind(CreateMode::Persistent));
        assert_eq!(common.mode(CreateMode::Ttl(5)), CreateMode::Persistent);
        assert_eq!(common.mode(CreateMode::Container), CreateMode::Container);
        let old = common.with(Kinds::NONE, false);
        assert_eq!(old.mode(CreateMode::Container), CreateMode::Persistent);
        assert_eq!(old.mode(CreateMode::Ephemeral), CreateMode::Ephemeral);
    }

    #[test]
    fn what_clients_are_not_shown_is_no_difference_but_made_all_the_same() {
        let container = NodeStat {
            ephemeral_owner: NodeStat::CONTAINER,
            ..NodeStat::default()
        };
        let mut tree = mesolith_zk::tree::Tree::new();
        tree.insert("/c", None, None, container).unwrap();
        let node = tree.get("/c").unwrap();
        let exact = Common::default();
        assert_eq!(exact.kind(node), (CreateMode::Container, None));
        assert!(!exact.same_data(None, Some(b"")));
        let veiled = exact.with(Kinds::ALL, true);
        assert_eq!(veiled.kind(node), (CreateMode::Persistent, None));
        assert_eq!(veiled.kind_to_make(node), (CreateMode::Container, None));
        assert!(veiled.same_data(None, Some(b"")));
        assert!(!veiled.same_data(None, Some(b"x")));
    }
}
