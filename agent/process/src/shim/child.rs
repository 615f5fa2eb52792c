//! The `exec` stage: sets up what the specification asks for, then becomes the program.

use std::ffi::CString;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::fcntl::OFlag;
use nix::sys::resource::{RLIM_INFINITY, Resource, setrlimit};
use nix::unistd::{Uid, User, initgroups, setgid, setgroups, setuid};

use super::{Report, failed};
use crate::cgroup::Group;
use crate::spec::{Limit, Spec};

/// What the waiter sends once the pid is on record.
pub(super) const GO: &[u8] = b"go";

pub(super) fn run(spec: &Spec) -> Result<(), Report> {
    let mut word = Vec::new();
    let heard = std::io::stdin().take(GO.len() as u64).read_to_end(&mut word);
    if heard.is_err() || word != GO {
        return Ok(()); // the waiter died: nobody would record this process
    }
    become_or_tell(spec)
}

/// The `inside` stage: the specification comes on standard input, since nobody keeps a record of it.
pub(super) fn run_inside() -> Result<(), Report> {
    let spec: Spec =
        serde_json::from_reader(std::io::stdin()).map_err(|e| failed("read the launch specification", e))?;
    become_or_tell(&spec)
}

fn become_or_tell(spec: &Spec) -> Result<(), Report> {
    // A close-on-exec copy of the report pipe: it closes exactly when the program starts.
    let report: OwnedFd = std::io::stdout()
        .as_fd()
        .try_clone_to_owned()
        .map_err(|e| failed("copy the pipe", e))?;
    let error = become_program(spec);
    let text = serde_json::to_vec(&error).unwrap_or_default();
    let _ = std::io::Write::write_all(&mut File::from(report), &text);
    std::process::exit(1)
}

/// Returns only when a step failed.
fn become_program(spec: &Spec) -> Report {
    match prepare(spec) {
        Err(report) => report,
        Ok(mut command) => {
            let error = command.exec();
            let program = spec.argv.first().cloned().unwrap_or_default();
            match error.kind() {
                std::io::ErrorKind::NotFound => Report::ProgramNotFound,
                _ => failed(format!("execute {program}"), error),
            }
        }
    }
}

fn prepare(spec: &Spec) -> Result<Command, Report> {
    let Some((program, arguments)) = spec.argv.split_first() else {
        return Err(failed("execute the program", "the command line is empty"));
    };
    nix::unistd::setsid().map_err(|e| failed("start a session", e))?;
    if let Some(group) = spec.cgroup.as_ref().and_then(|c| Group::open(&c.path)) {
        group
            .join(std::process::id())
            .map_err(|e| failed("join the control group", e))?;
    }
    for limit in &spec.limits {
        set_limit(limit)?;
    }
    let (stdout, stderr) = (output(spec.stdout.as_deref())?, output(spec.stderr.as_deref())?);
    std::env::set_current_dir(&spec.cwd)
        .map_err(|e| failed(format!("enter the working directory {}", spec.cwd.display()), e))?;
    if let Some(user) = &spec.user {
        become_user(user)?;
    }
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(&spec.env);
    command.stdin(Stdio::null()).stdout(stdout).stderr(stderr);
    Ok(command)
}

/// Opened to append, so that rotation can truncate the file while the program writes. A link is not followed: the
/// directory may be the user's, and the file is opened before this process becomes that user.
fn output(path: Option<&Path>) -> Result<Stdio, Report> {
    let Some(path) = path else {
        return Ok(Stdio::null());
    };
    let file = File::options()
        .create(true)
        .append(true)
        .custom_flags(OFlag::O_NOFOLLOW.bits())
        .open(path);
    Ok(file
        .map_err(|e| failed(format!("open {}", path.display()), e))?
        .into())
}

fn become_user(name: &str) -> Result<(), Report> {
    let step = format!("become user {name}");
    let user = match name.parse::<u32>() {
        Ok(id) => User::from_uid(Uid::from_raw(id)),
        Err(_) => User::from_name(name),
    };
    let user = user
        .map_err(|e| failed(&step, e))?
        .ok_or_else(|| failed(&step, "no such user"))?;
    if user.uid == nix::unistd::geteuid() {
        return Ok(());
    }
    let c_name = CString::new(user.name.as_str()).map_err(|e| failed(&step, e))?;
    initgroups(&c_name, user.gid)
        .or_else(|_| setgroups(&[user.gid]))
        .map_err(|e| failed(&step, e))?;
    setgid(user.gid).map_err(|e| failed(&step, e))?;
    setuid(user.uid).map_err(|e| failed(&step, e))
}

fn set_limit(limit: &Limit) -> Result<(), Report> {
    let name = limit
        .resource
        .trim_start_matches("RLMT_")
        .trim_start_matches("RLIMIT_");
    let resource = match name {
        "AS" => Resource::RLIMIT_AS,
        "CORE" => Resource::RLIMIT_CORE,
        "CPU" => Resource::RLIMIT_CPU,
        "DATA" => Resource::RLIMIT_DATA,
        "FSIZE" => Resource::RLIMIT_FSIZE,
        "LOCKS" => Resource::RLIMIT_LOCKS,
        "MEMLOCK" => Resource::RLIMIT_MEMLOCK,
        "MSGQUEUE" => Resource::RLIMIT_MSGQUEUE,
        "NICE" => Resource::RLIMIT_NICE,
        "NOFILE" => Resource::RLIMIT_NOFILE,
        "NPROC" => Resource::RLIMIT_NPROC,
        "RSS" => Resource::RLIMIT_RSS,
        "RTPRIO" => Resource::RLIMIT_RTPRIO,
        "RTTIME" => Resource::RLIMIT_RTTIME,
        "SIGPENDING" => Resource::RLIMIT_SIGPENDING,
        "STACK" => Resource::RLIMIT_STACK,
        _ => return Err(failed(format!("set the limit {name}"), "unknown resource")),
    };
    let value = |v: Option<u64>| v.unwrap_or(RLIM_INFINITY);
    setrlimit(resource, value(limit.soft), value(limit.hard))
        .map_err(|e| failed(format!("set the limit {name}"), e))
}
