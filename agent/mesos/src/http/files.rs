//! `/files/{browse,read,download,debug}`: sandboxes, and nothing else.

use std::fs::{File, Metadata};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio_util::io::ReaderStream;

use super::sandbox_path::{self, Found, Problem};
use super::{App, AppState, answer, text};

/// Mesos reads at most 16 pages at a time.
const LARGEST_READ: u64 = 16 * 4096;

#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    path: Option<String>,
    offset: Option<String>,
    length: Option<String>,
}

impl Wanted {
    fn path(&self) -> Result<&str, Box<Response>> {
        let path = self.path.as_deref().filter(|path| !path.is_empty());
        path.ok_or_else(|| bad("Expecting 'path=value' in query.\n"))
    }
}

/// A refusal in Mesos' words; its sentences end with a line feed.
fn bad(sentence: impl Into<String>) -> Box<Response> {
    Box::new(text(StatusCode::BAD_REQUEST, sentence))
}

/// Opens what a path names; `missing` is the body of the answer when there is nothing of that name.
fn find(app: &AppState, path: &str, missing: &'static str) -> Result<Found, Box<Response>> {
    let agent = app.agent.read().id().to_owned();
    sandbox_path::open(&app.paths, &agent, path).map_err(|problem| match problem {
        Problem::Missing => Box::new(text(StatusCode::NOT_FOUND, missing)),
        Problem::Inaccessible(_) => bad(problem.to_string()),
    })
}

/// Opens a regular file; refuses anything else.
fn find_file(app: &AppState, path: &str, verb: &str, missing: &'static str) -> Result<Found, Box<Response>> {
    let found = find(app, path, missing)?;
    if found.metadata.is_dir() {
        return Err(bad(format!("Cannot {verb} a directory.\n")));
    }
    if !found.metadata.is_file() {
        return Err(bad(format!(
            "Cannot {verb} what is neither a file nor a directory.\n"
        )));
    }
    Ok(found)
}

pub(super) async fn browse(State(app): State<App>, Query(wanted): Query<Wanted>) -> Response {
    browsed(&app.0, &wanted).unwrap_or_else(|refused| *refused)
}

fn browsed(app: &AppState, wanted: &Wanted) -> Result<Response, Box<Response>> {
    let path = wanted.path()?;
    let found = find(app, path, "")?;
    if !found.metadata.is_dir() {
        return Ok(answer(&json!([])));
    }
    let entries = found
        .entries()
        .map_err(|_| Box::new(text(StatusCode::NOT_FOUND, "")))?;
    let shown = entries
        .iter()
        .map(|(name, metadata)| describe(&Path::new(path).join(name), metadata));
    Ok(answer(&shown.collect()))
}

pub(super) async fn read(State(app): State<App>, Query(wanted): Query<Wanted>) -> Response {
    let part = tokio::task::spawn_blocking(move || read_part(&app.0, &wanted)).await;
    match part {
        Ok(Ok(response)) => response,
        Ok(Err(refused)) => *refused,
        Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "Failed to read\n"),
    }
}

fn read_part(app: &AppState, wanted: &Wanted) -> Result<Response, Box<Response>> {
    let path = wanted.path()?;
    let offset = number("offset", wanted.offset.as_deref())?;
    let length = number("length", wanted.length.as_deref())?;
    let found = find_file(app, path, "read", "")?;
    match part(found.file, offset, length) {
        Ok((data, offset)) => Ok(answer(
            &json!({ "data": String::from_utf8_lossy(&data), "offset": offset }),
        )),
        Err(e) => {
            let message = format!("Failed to read '{path}': {e}\n");
            Ok(text(StatusCode::INTERNAL_SERVER_ERROR, message))
        }
    }
}

/// A number of the query; -1 counts as not given.
fn number(name: &str, value: Option<&str>) -> Result<Option<u64>, Box<Response>> {
    let Some(value) = value else { return Ok(None) };
    let failed = || {
        bad(format!(
            "Failed to parse {name}: Failed to convert '{value}' to number.\n"
        ))
    };
    match mesolith_mesos::parse_whole(value).ok_or_else(failed)? {
        -1 => Ok(None),
        number => match u64::try_from(number) {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(bad(format!("Negative {name} provided: {number}.\n"))),
        },
    }
}

/// The bytes at an offset, and that offset; without one, no bytes and the file's length.
fn part(mut file: File, offset: Option<u64>, length: Option<u64>) -> std::io::Result<(Vec<u8>, u64)> {
    let size = file.metadata()?.len();
    let Some(offset) = offset else {
        return Ok((Vec::new(), size));
    };
    if offset > size {
        return Ok((Vec::new(), offset));
    }
    let length = length.unwrap_or(LARGEST_READ).min(LARGEST_READ);
    file.seek(SeekFrom::Start(offset))?;
    let mut data = Vec::new();
    file.take(length).read_to_end(&mut data)?;
    Ok((data, offset))
}

pub(super) async fn download(State(app): State<App>, Query(wanted): Query<Wanted>) -> Response {
    downloaded(&app.0, &wanted).unwrap_or_else(|refused| *refused)
}

fn downloaded(app: &AppState, wanted: &Wanted) -> Result<Response, Box<Response>> {
    let found = find_file(app, wanted.path()?, "download", "404 Not Found.")?;
    let name = found
        .real
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
    let file = tokio::fs::File::from_std(found.file);
    Ok((headers, Body::from_stream(ReaderStream::new(file))).into_response())
}

/// Every path that names a sandbox, with the sandbox's directory; `latest` is the newest run.
pub(super) async fn debug(State(app): State<App>) -> Response {
    let agent = app.0.agent.read();
    let ended = agent.completed.tasks().map(|(key, task)| {
        (
            key.framework.as_str(),
            task.executor_id(),
            task.container.as_str(),
        )
    });
    let tasks = agent.tasks.iter();
    let tasks = tasks.map(|(key, task)| {
        (
            key.framework.as_str(),
            task.executor_id(),
            task.container.as_str(),
        )
    });
    let mut all = Map::new();
    for (framework, executor, container) in ended.chain(tasks) {
        let sandbox = app.0.paths.sandbox(agent.id(), framework, executor, container);
        let real = sandbox.display().to_string();
        let latest = format!("/frameworks/{framework}/executors/{executor}/runs/latest");
        for path in [
            real.clone(),
            sandbox.with_file_name("latest").display().to_string(),
            latest,
        ] {
            all.insert(path, Value::String(real.clone()));
        }
    }
    answer(&Value::Object(all))
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
    fn a_part_of_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        std::fs::write(&path, "0123456789").unwrap();
        let part = |offset, length| part(File::open(&path).unwrap(), offset, length).unwrap();
        assert_eq!(part(Some(2), Some(3)), (b"234".to_vec(), 2));
        assert_eq!(part(Some(2), Some(0)), (Vec::new(), 2));
        assert_eq!(part(Some(8), None), (b"89".to_vec(), 8));
        assert_eq!(part(None, None), (Vec::new(), 10));
        assert_eq!(part(Some(99), None), (Vec::new(), 99));
    }

    #[test]
    fn minus_one_is_no_number() {
        assert_eq!(number("offset", None).unwrap(), None);
        assert_eq!(number("offset", Some("-1")).unwrap(), None);
        assert_eq!(number("offset", Some("7")).unwrap(), Some(7));
        for wrong in ["-2", "", "x", "1.5"] {
            assert!(number("offset", Some(wrong)).is_err(), "{wrong}");
        }
    }
}
