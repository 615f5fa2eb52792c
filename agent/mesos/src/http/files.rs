//! `/files/{browse,read,download}`: sandboxes, and nothing else.
//!
//! A path is what `/state` calls a directory, or `/frameworks/<id>/executors/<id>/runs/<id or latest>`. It is resolved
//! first and must then lie inside the sandboxes: neither `..` nor a task's own symlink leads out of them.

use std::fs::{self, Metadata};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::io::ReaderStream;

use super::{App, AppState, answer, text};

/// Mesos reads at most 16 pages at a time.
const LARGEST_READ: u64 = 16 * 4096;

#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    path: Option<String>,
    offset: Option<String>,
    length: Option<String>,
}

/// Where a virtual path really is; `None` if there is no such thing, or it is none of your business.
fn resolve(app: &AppState, path: &str) -> Option<PathBuf> {
    let root = app.paths.work_dir().join("slaves");
    let asked = match path.strip_prefix("/frameworks/") {
        Some(rest) => root.join(app.agent.read().id()).join("frameworks").join(rest),
        None => PathBuf::from(path),
    };
    inside(&root, &asked)
}

fn inside(root: &Path, asked: &Path) -> Option<PathBuf> {
    let (root, real) = (root.canonicalize().ok()?, asked.canonicalize().ok()?);
    (real != root && real.starts_with(&root)).then_some(real)
}

pub(super) async fn browse(State(app): State<App>, Query(wanted): Query<Wanted>) -> Response {
    let Some(path) = wanted.path else {
        return text(StatusCode::BAD_REQUEST, "Expecting 'path=value' in query.\n");
    };
    let Some(real) = resolve(&app.0, &path) else {
        return text(StatusCode::NOT_FOUND, "");
    };
    let Ok(entries) = fs::read_dir(&real) else {
        return text(StatusCode::NOT_FOUND, "");
    };
    let mut all: Vec<(PathBuf, Value)> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let shown = Path::new(&path).join(entry.file_name());
            Some((shown.clone(), describe(&shown, &entry.metadata().ok()?)))
        })
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    answer(&all.into_iter().map(|(_, v)| v).collect())
}

pub(super) async fn read(State(app): State<App>, Query(wanted): Query<Wanted>) -> Response {
    let Some(path) = wanted.path else {
        return text(StatusCode::BAD_REQUEST, "Expecting 'path=value' in query.\n");
    };
    let number = |name: &str, value: Option<String>| -> Result<Option<i64>, String> {
        let Some(value) = value else { return Ok(None) };
        let failed = || format!("Failed to parse {name}: Failed to convert '{value}' to number.\n");
        value.parse().map(Some).map_err(|_| failed())
    };
    let (offset, length) = match (number("offset", wanted.offset), number("length", wanted.length)) {
        (Ok(offset), Ok(length)) => (offset, length),
        (Err(problem), _) | (_, Err(problem)) => return text(StatusCode::BAD_REQUEST, problem),
    };
    let Some(real) = resolve(&app.0, &path).filter(|p| p.is_file()) else {
        return text(StatusCode::NOT_FOUND, "404 Not Found.");
    };
    let part = tokio::task::spawn_blocking(move || part(&real, offset, length)).await;
    match part {
        Ok(Ok((data, offset))) => {
            answer(&json!({ "data": String::from_utf8_lossy(&data), "offset": offset }))
        }
        Ok(Err(e)) => text(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("Failed to read '{path}': {e}\n"),
        ),
        Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "Failed to read\n"),
    }
}

/// Without an offset, or with -1, the answer is where the file ends.
fn part(path: &Path, offset: Option<i64>, length: Option<i64>) -> std::io::Result<(Vec<u8>, u64)> {
    let mut file = fs::File::open(path)?;
    let size = file.metadata()?.len();
    let Some(offset) = offset.and_then(|o| u64::try_from(o).ok()) else {
        return Ok((Vec::new(), size));
    };
    if offset > size {
        return Ok((Vec::new(), offset));
    }
    let length = length
        .and_then(|l| u64::try_from(l).ok())
        .unwrap_or(LARGEST_READ)
        .min(LARGEST_READ);
    file.seek(SeekFrom::Start(offset))?;
    let mut data = Vec::new();
    file.take(length).read_to_end(&mut data)?;
    Ok((data, offset))
}

pub(super) async fn download(State(app): State<App>, Query(wanted): Query<Wanted>) -> Response {
    let Some(path) = wanted.path else {
        return text(StatusCode::BAD_REQUEST, "Expecting 'path=value' in query.\n");
    };
    let Some(real) = resolve(&app.0, &path).filter(|p| p.is_file()) else {
        return text(StatusCode::NOT_FOUND, "404 Not Found.");
    };
    let Ok(file) = tokio::fs::File::open(&real).await else {
        return text(StatusCode::NOT_FOUND, "404 Not Found.");
    };
    let name = real
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .replace(['"', '\n', '\r'], "_");
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename={name}"),
        ),
    ];
    (headers, Body::from_stream(ReaderStream::new(file))).into_response()
}

fn describe(path: &Path, meta: &Metadata) -> Value {
    let name =
        |found: nix::Result<Option<String>>, id: u32| found.ok().flatten().unwrap_or_else(|| id.to_string());
    let user = nix::unistd::User::from_uid(meta.uid().into()).map(|u| u.map(|u| u.name));
    let group = nix::unistd::Group::from_gid(meta.gid().into()).map(|g| g.map(|g| g.name));
    json!({
        "gid": name(group, meta.gid()),
        "mode": mode(meta),
        "mtime": meta.mtime() as f64,
        "nlink": meta.nlink(),
        "path": path,
        "size": meta.size(),
        "uid": name(user, meta.uid()),
    })
}

/// As `ls -l` shows it.
fn mode(meta: &Metadata) -> String {
    let kind = match meta.file_type() {
        t if t.is_dir() => 'd',
        t if t.is_symlink() => 'l',
        _ => '-',
    };
    let bits = meta.permissions().mode();
    let flags = (0..9).map(|i| {
        if bits & (0o400 >> i) == 0 {
            '-'
        } else {
            ['r', 'w', 'x'][i % 3]
        }
    });
    std::iter::once(kind).chain(flags).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_the_sandboxes_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("slaves");
        fs::create_dir_all(root.join("a")).unwrap();
        fs::write(dir.path().join("secret"), "x").unwrap();
        fs::write(root.join("a/stdout"), "x").unwrap();
        std::os::unix::fs::symlink(dir.path().join("secret"), root.join("a/link")).unwrap();
        assert!(inside(&root, &root.join("a/stdout")).is_some());
        for outside in ["../secret", "a/../../secret", "a/link", ".", "missing"] {
            assert_eq!(inside(&root, &root.join(outside)), None, "{outside}");
        }
        assert_eq!(inside(&root, Path::new("/etc/passwd")), None);
    }

    #[test]
    fn a_part_of_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        fs::write(&path, "0123456789").unwrap();
        assert_eq!(part(&path, Some(2), Some(3)).unwrap(), (b"234".to_vec(), 2));
        assert_eq!(part(&path, Some(-1), None).unwrap(), (Vec::new(), 10));
        assert_eq!(part(&path, Some(99), None).unwrap(), (Vec::new(), 99));
    }
}
