//! What is brought into a sandbox before a task starts, over a real HTTP server and as a real user.

use std::collections::HashMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path as UrlPath, State};
use axum::http::StatusCode;
use axum::routing::get;
use mesolith_proto::mesos::v1::command_info::Uri;
use mesolith_proto::mesos::v1::{TaskInfo, TaskState};

use crate::agent::{Agent, text};
use crate::tasks::shell;

struct Served {
    content: Vec<u8>,
    /// How often it was requested.
    asked: usize,
}

/// Files by name.
#[derive(Clone, Default)]
struct Files(Arc<Mutex<HashMap<String, Served>>>);

impl Files {
    fn put(&self, name: &str, content: impl Into<Vec<u8>>) {
        let served = Served {
            content: content.into(),
            asked: 0,
        };
        self.0.lock().unwrap().insert(name.into(), served);
    }

    fn asked(&self, name: &str) -> usize {
        self.0.lock().unwrap()[name].asked
    }

    /// Where they are served.
    async fn serve(&self) -> String {
        let router = Router::new().route("/{name}", get(file)).with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }
}

async fn file(State(files): State<Files>, UrlPath(name): UrlPath<String>) -> Result<Vec<u8>, StatusCode> {
    let mut files = files.0.lock().unwrap();
    let served = files.get_mut(&name).ok_or(StatusCode::NOT_FOUND)?;
    served.asked += 1;
    Ok(served.content.clone())
}

fn uri(value: &str) -> Uri {
    Uri {
        value: value.into(),
        ..Default::default()
    }
}

/// A script as the user nobody, with these files.
fn nobody(id: &str, script: &str, uris: Vec<Uri>) -> TaskInfo {
    let mut task = shell(id, script);
    let command = task.command.as_mut().unwrap();
    command.user = Some("nobody".into());
    command.uris = uris;
    task
}

/// An agent whose sandboxes other users can reach.
async fn agent(arguments: &[&str]) -> Agent {
    let agent = Agent::start(arguments).await;
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(agent.dir.path(), open).unwrap();
    agent
}

/// What a program makes of a directory with `files`.
fn packed(dir: &Path, program: &[&str], result: &str) -> Vec<u8> {
    let status = Command::new(program[0])
        .args(&program[1..])
        .current_dir(dir)
        .status();
    assert!(status.unwrap().success(), "{program:?}");
    std::fs::read(dir.join(result)).unwrap()
}

#[tokio::test]
async fn everything_fetched_belongs_to_the_tasks_user() {
    let (agent, files) = (agent(&[]).await, Files::default());
    let from = tempfile::tempdir().unwrap();
    // The archive says whose its files and the directory itself are, and that nobody may write there.
    let tree = from.path().join("tree");
    std::fs::create_dir_all(tree.join("sub")).unwrap();
    std::fs::write(tree.join("sub/packed"), "from the archive").unwrap();
    std::fs::set_permissions(&tree, std::fs::Permissions::from_mode(0o555)).unwrap();
    files.put(
        "a.tgz",
        packed(&tree, &["tar", "-czf", "../a.tgz", "."], "../a.tgz"),
    );
    std::fs::write(from.path().join("dump.sql"), "select 1").unwrap();
    files.put(
        "dump.sql.gz",
        packed(from.path(), &["gzip", "-k", "dump.sql"], "dump.sql.gz"),
    );
    files.put(
        "run.sh",
        "#!/bin/sh\ncat sub/packed dump.sql conf/hostname; id -un; touch new conf/new sub/new",
    );
    let base = files.serve().await;
    let run = Uri {
        output_file: Some("conf/run.sh".into()),
        executable: Some(true),
        ..uri(&format!("{base}/run.sh"))
    };
    let local = Uri {
        output_file: Some("conf/hostname".into()),
        ..uri("file:///etc/hostname")
    };
    let archive = uri(&format!("{base}/a.tgz"));
    let single = uri(&format!("{base}/dump.sql.gz"));
    let task = nobody("t", "exec conf/run.sh", vec![archive, single, run, local]);
    agent.master.run(task).await;
    let last = agent.master.wait_for("t", TaskState::TaskFinished).await;
    assert_eq!(last.message(), "Command exited with status 0");
    let host = std::fs::read_to_string("/etc/hostname").unwrap();
    let printed = format!("from the archiveselect 1{host}nobody\n");
    assert_eq!(agent.output("t", "nobody").await, printed);
    let mut todo = vec![agent.sandbox("t").canonicalize().unwrap()];
    let mut seen = 0;
    while let Some(path) = todo.pop() {
        seen += 1;
        assert_eq!(path.metadata().unwrap().uid(), 65534, "{}", path.display());
        if path.is_dir() {
            todo.extend(std::fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
        }
    }
    assert_eq!(seen, 14, "sandbox, stdout, stderr, conf, sub, and nine files");
}

#[tokio::test]
async fn a_fetch_can_do_no_more_than_its_user() {
    let (agent, files) = (agent(&[]).await, Files::default());
    let from = tempfile::tempdir().unwrap();
    let outside = from.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(from.path().join("secret"), "for root").unwrap();
    let tree = from.path().join("tree");
    std::fs::create_dir(&tree).unwrap();
    std::os::unix::fs::symlink(&outside, tree.join("way-out")).unwrap();
    files.put(
        "a.tar",
        packed(&tree, &["tar", "-cf", "../a.tar", "way-out"], "../a.tar"),
    );
    files.put("evil", "x");
    let base = files.serve().await;
    let through_the_link = Uri {
        output_file: Some("way-out/evil".into()),
        ..uri(&format!("{base}/evil"))
    };
    let archive = uri(&format!("{base}/a.tar"));
    agent
        .master
        .run(nobody("link", "true", vec![archive, through_the_link]))
        .await;
    let link = agent.master.wait_for("link", TaskState::TaskFailed).await;
    assert!(link.message().contains("/evil'"), "{}", link.message());
    assert_eq!(outside.read_dir().unwrap().count(), 0);
    assert_eq!(outside.metadata().unwrap().uid(), 0);

    let secret = from.path().join("secret");
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    let secret = secret.display().to_string();
    agent
        .master
        .run(nobody("secret", "true", vec![uri(&secret)]))
        .await;
    let refused = agent.master.wait_for("secret", TaskState::TaskFailed).await;
    assert!(
        refused.message().contains(&secret) && refused.message().contains("Permission denied"),
        "{}",
        refused.message()
    );
    assert!(!agent.sandbox("secret").join("secret").exists());
}

#[tokio::test]
async fn what_is_to_be_cached_is_downloaded_once_for_all_tasks_of_a_user() {
    let (agent, files) = (agent(&["--fetcher_cache_size=1KB"]).await, Files::default());
    let from = tempfile::tempdir().unwrap();
    std::fs::write(from.path().join("packed"), "packed").unwrap();
    files.put(
        "a.tgz",
        packed(from.path(), &["tar", "-czf", "a.tgz", "packed"], "a.tgz"),
    );
    files.put("plain", "plain");
    files.put("large", vec![b'x'; 2000]);
    let base = files.serve().await;
    let cached = |name: &str| Uri {
        cache: Some(true),
        ..uri(&format!("{base}/{name}"))
    };
    let uris = || vec![cached("a.tgz"), cached("plain"), cached("large")];
    let names = ["one", "two", "three"];
    for name in names {
        let script = "cat packed plain; wc -c < large; ls -A";
        agent.master.run(nobody(name, script, uris())).await;
    }
    for name in names {
        agent.master.wait_for(name, TaskState::TaskFinished).await;
        // The archive itself stays in the cache.
        let printed = "packedplain2000\nlarge\npacked\nplain\nstderr\nstdout\n";
        assert_eq!(text(&agent.sandbox(name).join("stdout")).unwrap(), printed);
        assert_eq!(agent.sandbox(name).join("plain").metadata().unwrap().uid(), 65534);
    }
    assert_eq!((files.asked("a.tgz"), files.asked("plain")), (1, 1));
    // More than the whole cache: every task fetches its own.
    assert!(files.asked("large") >= 3, "{}", files.asked("large"));

    let mut other = nobody("other", "cat plain", vec![cached("plain")]);
    other.command.as_mut().unwrap().user = Some("daemon".into());
    agent.master.run(other).await;
    agent.master.wait_for("other", TaskState::TaskFinished).await;
    assert_eq!(
        files.asked("plain"),
        2,
        "a user's downloads are shared with another"
    );
}

#[tokio::test]
async fn a_failed_download_says_why_and_is_tried_again_by_the_next_task() {
    let (agent, files) = (agent(&[]).await, Files::default());
    let base = files.serve().await;
    let late = || Uri {
        cache: Some(true),
        ..uri(&format!("{base}/late"))
    };
    agent.master.run(nobody("early", "true", vec![late()])).await;
    let failed = agent.master.wait_for("early", TaskState::TaskFailed).await;
    assert!(
        failed.message().contains("/late'") && failed.message().contains("404"),
        "{}",
        failed.message()
    );
    files.put("late", "here");
    agent.master.run(nobody("later", "cat late", vec![late()])).await;
    agent.master.wait_for("later", TaskState::TaskFinished).await;
}
