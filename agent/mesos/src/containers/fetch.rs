//! Brings what a command needs into its sandbox before it starts.
//!
//! Paths of this machine, `file://`, `http://` and `https://` work; archives are unpacked with the system's programs.
//! Everything else (`hdfs://`, `s3://`, `ftp://`) is refused by name.
//!
//! As in Mesos, the task's user does all that happens to files in the sandbox: everything belongs to that user, a file
//! that the user may not read is not fetched, and a link in an archive leads nowhere that the user could not go.

mod archive;
mod cache;
mod download;
mod place;

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use mesolith_proto::mesos::v1::command_info::Uri;

use archive::Archive;
pub(crate) use cache::Cache;
pub(super) use place::{Place, forget};

/// Why something could not be fetched.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error(
        "cannot fetch '{uri}': only local paths, file://, http:// and https:// are supported by this agent"
    )]
    Scheme { uri: String },
    #[error("cannot fetch '{uri}': it has no file name")]
    Name { uri: String },
    #[error("cannot fetch '{uri}': output_file '{name}' leaves the sandbox")]
    OutputFile { uri: String, name: String },
    #[error("failed to bring '{uri}' into the sandbox: {message}")]
    Bring { uri: String, message: String },
    #[error("failed to download '{uri}': {message}")]
    Download { uri: String, message: String },
    #[error("failed to unpack '{uri}': {message}")]
    Unpack { uri: String, message: String },
}

/// Where the content of a URI is until it is put in its place.
enum Source {
    /// On this machine; it stays there.
    Local(String),
    /// In the sandbox, under a name that it only has while it is downloaded.
    Downloaded,
    /// Shared with other tasks of the same user.
    Cached(Arc<cache::Cached>),
}

/// Brings everything in, in order.
pub(super) async fn fetch(uris: &[Uri], place: &Place<'_>, cache: &Arc<Cache>) -> Result<(), Error> {
    for uri in uris {
        let value = uri.value.trim_start();
        let target = target(uri)?;
        let bring = |message: String| Error::Bring {
            uri: value.to_owned(),
            message,
        };
        let unpack = |message: String| Error::Unpack {
            uri: value.to_owned(),
            message,
        };
        place.make_room(&target).await.map_err(bring)?;
        let archive = Archive::of(&target).filter(|_| uri.extract() && !uri.executable());
        match (source(uri, value, place, cache).await?, archive) {
            (Source::Cached(cached), Some(archive)) => {
                // As in Mesos, the archive itself is not put into the sandbox then.
                archive
                    .unpack(place, cached.path(), &target)
                    .await
                    .map_err(unpack)?;
                continue;
            }
            (Source::Cached(cached), None) => place.copy(cached.path(), &target).await.map_err(bring)?,
            (Source::Local(path), _) => place.copy(Path::new(&path), &target).await.map_err(bring)?,
            (Source::Downloaded, _) => place.take_download(&target).await.map_err(bring)?,
        }
        if uri.executable() {
            place.make_executable(&target).await.map_err(bring)?;
        } else if let Some(archive) = archive {
            archive
                .unpack(place, &Path::new(".").join(&target), &target)
                .await
                .map_err(unpack)?;
        }
    }
    Ok(())
}

async fn source(uri: &Uri, value: &str, place: &Place<'_>, cache: &Arc<Cache>) -> Result<Source, Error> {
    let failed = |message: String| Error::Download {
        uri: value.to_owned(),
        message,
    };
    if !(value.starts_with("http://") || value.starts_with("https://")) {
        return local(value).map(Source::Local);
    }
    if uri.cache()
        && let Some(cached) = cache.get(place.owner(), value).await.map_err(failed)?
    {
        return Ok(Source::Cached(cached));
    }
    place.download(value).await.map_err(failed)?;
    Ok(Source::Downloaded)
}

/// Where a URI's content goes, relative to the sandbox.
fn target(uri: &Uri) -> Result<PathBuf, Error> {
    if let Some(name) = &uri.output_file {
        let mut components = Path::new(name).components();
        let inside = components.all(|c| matches!(c, Component::Normal(_)));
        if name.is_empty() || name.ends_with('/') || !inside {
            return Err(Error::OutputFile {
                uri: uri.value.clone(),
                name: name.clone(),
            });
        }
        return Ok(PathBuf::from(name));
    }
    let plain = uri.value.split(['?', '#']).next().unwrap_or_default();
    match plain.rsplit('/').next() {
        Some(name) if !name.is_empty() && name != "." && name != ".." => Ok(PathBuf::from(name)),
        _ => Err(Error::Name {
            uri: uri.value.clone(),
        }),
    }
}

fn local(uri: &str) -> Result<String, Error> {
    let path = uri.strip_prefix("file://").unwrap_or(uri);
    if path.starts_with('/') {
        Ok(path.to_owned())
    } else {
        Err(Error::Scheme { uri: uri.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn uri(value: &str, output_file: Option<&str>) -> Uri {
        Uri {
            value: value.into(),
            output_file: output_file.map(str::to_owned),
            ..Default::default()
        }
    }

    #[rstest]
    #[case::last_part("http://h/a/b.tgz", None, "b.tgz")]
    #[case::without_query("http://h/b.tgz?x=/y#z", None, "b.tgz")]
    #[case::local("/opt/b.tgz", None, "b.tgz")]
    #[case::output_file("http://h/b.tgz", Some("c"), "c")]
    #[case::output_file_below("http://h/b.tgz", Some("conf/run.sh"), "conf/run.sh")]
    fn targets(#[case] value: &str, #[case] output_file: Option<&str>, #[case] expected: &str) {
        assert_eq!(target(&uri(value, output_file)).unwrap(), Path::new(expected));
    }

    #[rstest]
    #[case::no_name("http://h/", None)]
    #[case::dots("http://h/..", None)]
    #[case::outside("/etc/hostname", Some("../x"))]
    #[case::absolute("/etc/hostname", Some("/x"))]
    #[case::directory("/etc/hostname", Some("x/"))]
    #[case::empty("/etc/hostname", Some(""))]
    fn no_targets(#[case] value: &str, #[case] output_file: Option<&str>) {
        let refused = target(&uri(value, output_file)).unwrap_err();
        assert!(refused.to_string().contains(value), "{refused}");
    }

    #[test]
    fn what_is_not_supported_is_named() {
        let refused = local("hdfs://x/y.tgz").unwrap_err();
        assert!(refused.to_string().contains("hdfs://x/y.tgz"), "{refused}");
        assert_eq!(local("file:///etc/hostname").unwrap(), "/etc/hostname");
    }
}
