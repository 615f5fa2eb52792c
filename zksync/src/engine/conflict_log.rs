//! The log of conflicts, one JSON object a line. Each is written before anything is done about the conflict.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::duplex::Conflict;
use crate::handle::ConflictRecord;

/// Number of conflicts that are kept in memory.
const AT_HAND: usize = 1000;

#[derive(Debug)]
pub(super) struct ConflictLog {
    file: File,
    last: VecDeque<ConflictRecord>,
    /// Times of the conflicts of the last minute, in microseconds of the driver's clock.
    times: VecDeque<u64>,
}

impl ConflictLog {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::options().create(true).append(true).open(path)?;
        Ok(Self {
            file,
            last: VecDeque::new(),
            times: VecDeque::new(),
        })
    }

    pub(super) fn write(&mut self, conflict: Conflict, now: u64) -> io::Result<()> {
        let encode = |data: Vec<u8>| STANDARD.encode(data);
        let record = ConflictRecord {
            time: jiff::Timestamp::now().to_string(),
            path: conflict.path,
            message: conflict.what,
            a: conflict.a.map(encode),
            b: conflict.b.map(encode),
            winner: conflict.winner,
            session: format!("{:#x}", conflict.session),
            zxid: format!("{:#x}", conflict.zxid.0),
        };
        let mut line = serde_json::to_vec(&record).unwrap_or_default();
        line.push(b'\n');
        let written = self.file.write_all(&line);
        self.last.push_front(record);
        self.last.truncate(AT_HAND);
        self.times.push_back(now);
        written
    }

    pub(super) fn last(&self, limit: usize) -> Vec<ConflictRecord> {
        self.last.iter().take(limit).cloned().collect()
    }

    /// Number of conflicts in the last minute.
    pub(super) fn rate(&mut self, now: u64) -> usize {
        while self
            .times
            .front()
            .is_some_and(|at| now.saturating_sub(*at) > 60_000_000)
        {
            self.times.pop_front();
        }
        self.times.len()
    }
}
