//! The lock of a runtime directory: whether a shim is there.

use std::fs::{self, File};
use std::path::Path;

use crate::{Error, record};

/// Takes the lock of a runtime directory; none when a shim holds it.
pub(crate) fn lock(dir: &Path) -> Result<Option<File>, Error> {
    let path = dir.join(record::LOCK);
    let error = |source| Error::PrepareDirectory {
        path: path.clone(),
        source,
    };
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(error)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(source)) => Err(error(source)),
    }
}
