//! `docs/zksync.md`, followed word for word: every command in it is run as it stands there, and has to give the output
//! and the exit code that the page shows. Only the names of servers and of data folders are replaced.
//!
//! A line of a `console` block is a command (`$ ...`), `^C`, which interrupts the command before it, or a line of
//! output, where `...` stands for any text. `$ echo $?` shows an exit code other than 0.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use mesolith_testkit_zookeeper::Ensemble;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::sync::setup;

const PAGE: &str = include_str!("../../../docs/zksync.md");
/// Time limit of one command.
const LIMIT: Duration = Duration::from_secs(90);
/// Folder of the servers' command line tools in their package.
const ZOOKEEPER: &str = "/usr/share/zookeeper/bin";

/// A command and what is to be seen of it.
struct Step {
    line: usize,
    command: String,
    seen: Vec<String>,
    interrupted: bool,
}

/// The commands of a page, in order.
fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for (index, line) in page.lines().enumerate() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if let (true, Some(command)) = (inside, line.strip_prefix("$ ")) {
            steps.push(Step {
                line: index + 1,
                command: command.to_owned(),
                seen: Vec::new(),
                interrupted: false,
            });
        } else if inside {
            let step = steps.last_mut().expect("a block begins with a command");
            match line {
                "^C" => step.interrupted = true,
                line => step.seen.push(line.to_owned()),
            }
        }
    }
    steps
}

/// Whether a line is as the page has it.
fn is_like(line: &str, wanted: &str) -> bool {
    let mut parts = wanted.split("...");
    let begin = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(begin) else {
        return false;
    };
    let mut last = None;
    for part in parts {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
        last = Some(part);
    }
    match last {
        None => rest.is_empty(),
        Some(part) => part.is_empty() || rest.is_empty() || line.ends_with(part),
    }
}

/// A person at a terminal, with a home of its own.
struct Person {
    home: TempDir,
    names: Vec<(String, String)>,
    exit_code: i32,
}

impl Person {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let bin = home.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_mesolith"), bin.join("mesos-migrate")).unwrap();
        Self {
            home,
            names: Vec::new(),
            exit_code: 0,
        }
    }

    /// Calls the servers of an ensemble as the page does.
    fn calls(&mut self, name: &str, ensemble: &Ensemble) {
        for id in 1..=ensemble.len() {
            let mut put = |from: String, to: String| {
                self.names.retain(|(known, _)| *known != from);
                self.names.push((from, to));
            };
            put(format!("{name}{id}:2181"), ensemble.server(id));
            put(
                format!("/var/lib/zookeeper-{name}{id}"),
                ensemble.data_dir(id).display().to_string(),
            );
        }
    }

    fn really(&self, text: &str) -> String {
        let replaced = |text: String, (from, to): &(String, String)| text.replace(from, to);
        self.names.iter().fold(text.to_owned(), replaced)
    }

    fn spawn(&self, command: &str) -> Child {
        let home = self.home.path();
        let path = format!(
            "{}/bin:{ZOOKEEPER}:{}",
            home.display(),
            std::env::var("PATH").unwrap()
        );
        // `$?` is the exit code of the last command. Both streams are one, as on a terminal.
        let shell = format!("exec 2>&1; (exit {}); {command}", self.exit_code);
        Command::new("bash")
            .args(["-c", &shell])
            .env_clear()
            .envs([("HOME", home.display().to_string()), ("PATH", path)])
            .env(
                "CLIENT_JVMFLAGS",
                "-Xmx64m -XX:+UseSerialGC -XX:TieredStopAtLevel=1",
            )
            .current_dir(home)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap()
    }

    fn follow(&mut self, step: &Step) {
        let (at, until) = (step.line, Instant::now() + LIMIT);
        let command = self.really(&step.command);
        println!("$ {command}");
        let mut child = Group(self.spawn(&command));
        let lines = lines(&mut child.0);
        let mut seen = Vec::new();
        let mut wanted = step.seen.iter().map(|line| self.really(line)).peekable();
        while let Some(next) = wanted.peek() {
            let line = lines.recv_timeout(until.saturating_duration_since(Instant::now()));
            let Ok(line) = line else {
                panic!(
                    "line {at} of the page: {command}\nis to show: {next}\nand shows:\n{}\n{}",
                    seen.join("\n"),
                    self.log()
                );
            };
            println!("{line}");
            if is_like(&line, next) {
                wanted.next();
            }
            seen.push(line);
        }
        if step.interrupted {
            killpg(child.pid(), Signal::SIGINT).unwrap();
        }
        // The command's end of the pipe is closed when it ends; an engine that it started writes to a log instead.
        loop {
            match lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => seen.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("line {at} of the page: {command}\ndoes not end"),
            }
        }
        self.exit_code = child.0.wait().unwrap().code().unwrap_or(-1);
    }

    fn log(&self) -> String {
        let path = self.home.path().join(".local/state/mesolith/zksync/default.log");
        std::fs::read_to_string(path).unwrap_or_default()
    }
}

impl Drop for Person {
    /// A failed test leaves no engine behind.
    fn drop(&mut self) {
        let _ = self.spawn("timeout 30 mesos-migrate sync stop").wait();
    }
}

/// A command with everything that it started, gone when dropped.
struct Group(Child);

impl Group {
    fn pid(&self) -> Pid {
        Pid::from_raw(self.0.id().cast_signed())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.0.try_wait().ok().flatten().is_none() {
            let _ = killpg(self.pid(), Signal::SIGKILL);
            let _ = self.0.wait();
        }
    }
}

fn lines(child: &mut Child) -> Receiver<String> {
    let output = child.stdout.take().unwrap();
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_true_word_for_word() {
    let steps = steps(PAGE);
    assert!(steps.len() > 20, "{} commands", steps.len());
    let (a, b) = tokio::join!(
        Ensemble::start_with(3, setup(1), |_| ()),
        Ensemble::start_with(3, setup(101), |_| ())
    );
    let mut person = Person::new();
    person.calls("a", &a);
    person.calls("b", &b);
    let mut running = Some(b);
    let mut c = Ensemble::prepare(3, setup(201));
    person.calls("c", &c);
    for (index, step) in steps.iter().enumerate() {
        if step.command.starts_with("zkServer.sh start") {
            // Three machines start their server; this one is none of them.
            running.take();
            (1..=c.len()).for_each(|id| c.spawn(id));
            continue;
        }
        tokio::task::block_in_place(|| person.follow(step));
        let next = steps.get(index + 1).map(|next| next.command.as_str());
        assert!(
            person.exit_code == 0 || next == Some("echo $?"),
            "line {} of the page: {} ended with {}",
            step.line,
            step.command,
            person.exit_code
        );
    }
}

#[test]
fn lines_are_compared_as_the_page_means_them() {
    assert!(is_like(
        "equal: 5 znodes compared at zxid 0x1",
        "equal: ... znodes compared at zxid 0x..."
    ));
    assert!(is_like("again", "again"));
    assert!(!is_like("again and again", "again"));
    assert!(!is_like("state seeding", "state in-sync..."));
    let page = "```console\n$ one\nsaid\n^C\n```\n```text\n$ no\n```\n";
    let found = steps(page);
    assert_eq!(found.len(), 1);
    assert!(found[0].interrupted && found[0].seen == ["said"] && found[0].line == 2);
}
