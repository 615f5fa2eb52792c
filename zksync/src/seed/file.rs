//! Writes one snapshot file and reports progress.

use std::cell::Cell;
use std::io::{self, BufWriter, Write};

use mesolith_zk::snapshot::{self, Trailers};
use mesolith_zk::tree::Tree;

use super::folder::Folder;
use super::{Error, Options, Progress, write_error};

/// Counts the bytes that are written through it.
pub(super) struct Counted<'a, W> {
    out: W,
    bytes: &'a Cell<u64>,
}

impl<'a, W> Counted<'a, W> {
    pub(super) fn new(out: W, bytes: &'a Cell<u64>) -> Self {
        Self { out, bytes }
    }
}

impl<W: Write> Write for Counted<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.bytes.set(self.bytes.get() + written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Reports progress, and learns whether to stop.
pub(super) struct Reporter<'o, 'p> {
    so_far: Progress,
    options: &'o mut Options<'p>,
}

impl<'o, 'p> Reporter<'o, 'p> {
    pub(super) fn new(total: u64, options: &'o mut Options<'p>) -> Self {
        let so_far = Progress {
            total,
            ..Progress::default()
        };
        Self { so_far, options }
    }

    /// Whether the run has to stop.
    fn say(&mut self, nodes: u64, bytes: u64) -> bool {
        let mut progress = self.so_far;
        progress.nodes += nodes;
        progress.bytes += bytes;
        (self.options.progress)(progress).is_break()
    }

    /// Writes the snapshot under a temporary name, and returns its length.
    pub(super) fn write(&mut self, tree: &Tree, folder: &Folder) -> Result<u64, Error> {
        let (file, path) = folder.temporary()?;
        let bytes = Cell::new(0);
        let out = BufWriter::new(Counted::new(&file, &bytes));
        let mut stopped = false;
        let written = snapshot::write_with(tree, out, Trailers::default(), |nodes| {
            stopped = self.say(nodes as u64, bytes.get());
            if stopped {
                return Err(io::Error::other("stopped"));
            }
            Ok(())
        });
        let written = match written {
            Ok(()) => file.sync_all(),
            Err(snapshot::Error::Write(source)) => Err(source),
            Err(other) => Err(io::Error::other(other)),
        };
        if let Err(source) = written {
            folder.discard();
            return Err(if stopped {
                Error::Stopped
            } else {
                write_error(&path, source)
            });
        }
        self.so_far.nodes += tree.len() as u64;
        self.so_far.bytes += bytes.get();
        // Reports the end of this file, which is complete.
        self.say(0, 0);
        Ok(bytes.get())
    }
}
