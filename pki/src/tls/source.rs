//! A configuration that follows its files.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::error::TlsError;
use super::verify::Required;
use crate::dir::{PkiDir, Stamp};
use crate::material::Material;

type Build<T> = fn(&Material, &Required) -> Result<T, TlsError>;

/// The configuration is rebuilt when the files have changed. They are looked at in each handshake, which costs four
/// `stat` calls.
pub(crate) struct Reloading<T> {
    dir: Option<PkiDir>,
    required: Required,
    build: Build<T>,
    current: ArcSwap<(Stamp, Arc<T>)>,
}

impl<T> Reloading<T> {
    pub(crate) fn from_dir(dir: PkiDir, required: Required, build: Build<T>) -> Result<Self, TlsError> {
        // The stamp is taken first: a change while reading is then seen as one at the next handshake.
        let stamp = dir.stamp();
        let config = build(&dir.read()?, &required)?;
        Ok(Self {
            dir: Some(dir),
            required,
            build,
            current: ArcSwap::from_pointee((stamp, Arc::new(config))),
        })
    }

    pub(crate) fn fixed(material: &Material, required: Required, build: Build<T>) -> Result<Self, TlsError> {
        let config = build(material, &required)?;
        let current = ArcSwap::from_pointee((Stamp::default(), Arc::new(config)));
        Ok(Self {
            dir: None,
            required,
            build,
            current,
        })
    }

    pub(crate) fn replace(&self, material: &Material) -> Result<(), TlsError> {
        let config = (self.build)(material, &self.required)?;
        let stamp = self.current.load().0;
        self.current.store(Arc::new((stamp, Arc::new(config))));
        Ok(())
    }

    /// The present configuration. If the files cannot be used, the one before stays.
    pub(crate) fn get(&self) -> Arc<T> {
        let current = self.current.load_full();
        let Some(dir) = &self.dir else {
            return current.1.clone();
        };
        let stamp = dir.stamp();
        if stamp == current.0 {
            return current.1.clone();
        }
        let rebuilt = dir
            .read()
            .map_err(TlsError::from)
            .and_then(|m| (self.build)(&m, &self.required));
        match rebuilt {
            Ok(config) => {
                let config = Arc::new(config);
                self.current.store(Arc::new((stamp, config.clone())));
                tracing::info!(dir = %dir.path().display(), "certificates reloaded");
                config
            }
            Err(error) => {
                tracing::warn!(dir = %dir.path().display(), %error, "changed certificates cannot be used; keeping the ones before");
                // Logged once; the stamp changes again when the files are repaired.
                self.current.store(Arc::new((stamp, current.1.clone())));
                current.1.clone()
            }
        }
    }
}
