//! Access control lists, each kept once: a million nodes usually share a handful.

use std::collections::HashMap;
use std::sync::Arc;

use crate::record::Acl;

/// The list that is open to everyone; needs no entry.
pub(super) const OPEN: u32 = 0;

#[derive(Debug, Clone)]
struct Entry {
    list: Arc<[Acl]>,
    uses: u32,
}

/// Lists by number from 1 on.
#[derive(Debug, Clone, Default)]
pub(super) struct AclCache {
    entries: Vec<Option<Entry>>,
    by_list: HashMap<Arc<[Acl]>, u32>,
    free: Vec<u32>,
}

impl AclCache {
    /// The number of a list, counted as one more use.
    pub(super) fn take(&mut self, list: Option<&[Acl]>) -> u32 {
        let Some(list) = list.filter(|list| !Acl::is_open(list)) else {
            return OPEN;
        };
        if let Some(number) = self.by_list.get(list).copied() {
            self.hold(number);
            return number;
        }
        let list: Arc<[Acl]> = list.into();
        let entry = Some(Entry {
            list: Arc::clone(&list),
            uses: 1,
        });
        let number = if let Some(number) = self.free.pop() {
            self.entries[number as usize - 1] = entry;
            number
        } else {
            self.entries.push(entry);
            u32::try_from(self.entries.len()).unwrap_or(u32::MAX)
        };
        self.by_list.insert(list, number);
        number
    }

    /// One more use of a number.
    pub(super) fn hold(&mut self, number: u32) {
        if let Some(entry) = self.entry_mut(number) {
            entry.uses += 1;
        }
    }

    /// One use less; the last one drops the list.
    pub(super) fn release(&mut self, number: u32) {
        let Some(entry) = self.entry_mut(number) else {
            return;
        };
        entry.uses -= 1;
        if entry.uses == 0 {
            let list = Arc::clone(&entry.list);
            self.by_list.remove(&list);
            self.entries[number as usize - 1] = None;
            self.free.push(number);
        }
    }

    fn entry_mut(&mut self, number: u32) -> Option<&mut Entry> {
        let index = (number as usize).checked_sub(1)?;
        self.entries.get_mut(index)?.as_mut()
    }

    /// The list of a number; `None` is open.
    pub(super) fn get(&self, number: u32) -> Option<&[Acl]> {
        let index = (number as usize).checked_sub(1)?;
        self.entries.get(index)?.as_ref().map(|entry| &*entry.list)
    }

    /// All lists with their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &[Acl])> {
        (1..).zip(&self.entries).filter_map(|(number, entry)| {
            let entry = entry.as_ref()?;
            Some((number, &*entry.list))
        })
    }
}
