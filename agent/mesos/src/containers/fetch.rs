//! What a command needs is brought into its sandbox before it starts.
//!
//! Paths of this machine, `file://`, `http://` and `https://` work; archives are unpacked with the system's tar or
//! unzip. Everything else (`hdfs://`, `s3://`, `ftp://`) is refused by name. Nothing is cached.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::StreamExt;
use mesolith_proto::mesos::v1::command_info::Uri;
use tokio::io::AsyncWriteExt;

/// Without a byte for this long a download has failed, as in Mesos.
const STALL: Duration = Duration::from_secs(60);

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
    #[error("failed to copy '{uri}' into the sandbox: {source}")]
    Copy { uri: String, source: std::io::Error },
    #[error("failed to download '{uri}': {message}")]
    Download { uri: String, message: String },
    #[error("failed to unpack '{uri}': {message}")]
    Unpack { uri: String, message: String },
}

/// Brings everything in, in order.
pub(super) async fn fetch(uris: &[Uri], sandbox: &Path) -> Result<(), Error> {
    for uri in uris {
        let target = target(uri, sandbox)?;
        let value = &uri.value;
        if value.starts_with("http://") || value.starts_with("https://") {
            download(value, &target).await?;
        } else {
            let path = local(value)?;
            let copied = tokio::fs::copy(&path, &target).await;
            copied.map_err(|source| Error::Copy {
                uri: value.clone(),
                source,
            })?;
        }
        let error = |source| Error::Copy {
            uri: value.clone(),
            source,
        };
        if uri.executable() {
            std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o755)).map_err(error)?;
        } else if uri.extract() {
            unpack(value, &target, sandbox).await?;
        }
    }
    Ok(())
}

fn target(uri: &Uri, sandbox: &Path) -> Result<PathBuf, Error> {
    if let Some(name) = &uri.output_file {
        let inside = Path::new(name)
            .components()
            .all(|c| matches!(c, std::path::Component::Normal(_)));
        if name.is_empty() || !inside {
            return Err(Error::OutputFile {
                uri: uri.value.clone(),
                name: name.clone(),
            });
        }
        let path = sandbox.join(name);
        if let Some(parent) = path.parent() {
            let made = std::fs::create_dir_all(parent);
            made.map_err(|source| Error::Copy {
                uri: uri.value.clone(),
                source,
            })?;
        }
        return Ok(path);
    }
    let plain = uri.value.split(['?', '#']).next().unwrap_or_default();
    match plain.rsplit('/').next() {
        Some(name) if !name.is_empty() && name != "." && name != ".." => Ok(sandbox.join(name)),
        _ => Err(Error::Name {
            uri: uri.value.clone(),
        }),
    }
}

fn local(uri: &str) -> Result<PathBuf, Error> {
    let path = uri.strip_prefix("file://").unwrap_or(uri);
    if path.starts_with('/') {
        Ok(PathBuf::from(path))
    } else {
        Err(Error::Scheme { uri: uri.to_owned() })
    }
}

async fn download(uri: &str, target: &Path) -> Result<(), Error> {
    let failed = |message: String| Error::Download {
        uri: uri.to_owned(),
        message,
    };
    let client = reqwest::Client::builder()
        .read_timeout(STALL)
        .connect_timeout(STALL)
        .build();
    let response = client.map_err(|e| failed(e.to_string()))?.get(uri).send().await;
    let response = response
        .and_then(reqwest::Response::error_for_status)
        .map_err(|e| failed(e.to_string()))?;
    let mut file = tokio::fs::File::create(target)
        .await
        .map_err(|e| failed(e.to_string()))?;
    let mut body = response.bytes_stream();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|e| failed(e.to_string()))?;
        file.write_all(&chunk).await.map_err(|e| failed(e.to_string()))?;
    }
    file.flush().await.map_err(|e| failed(e.to_string()))
}

/// By the file's name, as Mesos does; other files stay as they are.
async fn unpack(uri: &str, file: &Path, sandbox: &Path) -> Result<(), Error> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let tar = [".tgz", ".tar.gz", ".tbz2", ".tar.bz2", ".txz", ".tar.xz", ".tar"];
    let mut command = if tar.iter().any(|end| name.ends_with(end)) {
        let mut command = tokio::process::Command::new("tar");
        command.arg("-C").arg(sandbox).arg("-xf").arg(file);
        command
    } else if name.ends_with(".zip") {
        let mut command = tokio::process::Command::new("unzip");
        command.arg("-oq").arg(file).arg("-d").arg(sandbox);
        command
    } else {
        return Ok(());
    };
    let failed = |message: String| Error::Unpack {
        uri: uri.to_owned(),
        message,
    };
    let output = command
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|e| failed(e.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(value: &str) -> Uri {
        Uri {
            value: value.into(),
            ..Default::default()
        }
    }

    #[tokio::test]
    async fn a_local_archive_is_unpacked_and_an_executable_is_not() {
        let (from, sandbox) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(from.path().join("hello"), "hi").unwrap();
        let archive = from.path().join("a.tgz");
        let mut tar = std::process::Command::new("tar");
        tar.arg("-C")
            .arg(from.path())
            .arg("-czf")
            .arg(&archive)
            .arg("hello");
        assert!(tar.status().unwrap().success());
        fetch(&[uri(archive.to_str().unwrap())], sandbox.path())
            .await
            .unwrap();
        assert_eq!(
            std::fs::read_to_string(sandbox.path().join("hello")).unwrap(),
            "hi"
        );
    }

    #[tokio::test]
    async fn what_is_not_supported_is_named() {
        let sandbox = tempfile::tempdir().unwrap();
        let refused = fetch(&[uri("hdfs://x/y.tgz")], sandbox.path()).await.unwrap_err();
        assert!(refused.to_string().contains("hdfs://x/y.tgz"), "{refused}");
        let outside = Uri {
            output_file: Some("../x".into()),
            ..uri("/etc/hostname")
        };
        assert!(matches!(
            fetch(&[outside], sandbox.path()).await,
            Err(Error::OutputFile { .. })
        ));
        assert!(matches!(
            fetch(&[uri("/no/such/file")], sandbox.path()).await,
            Err(Error::Copy { .. })
        ));
    }
}
