//! Texts that a process is started with: blank ones run nothing, and Linux takes neither a NUL nor a text too long.

use super::{AppDefinition, EnvValue, Findings};

/// Longest single argument or variable that Linux takes at the start of a program, in bytes without the NUL at the
/// end: `MAX_ARG_STRLEN` of `execve(2)`.
const LONGEST: usize = 128 * 1024 - 1;

/// Most bytes of arguments and environment together. `execve(2)` takes a quarter of the stack limit, which is 2 MiB by
/// default; the rest is for labels, ports and what the agent adds.
const ALTOGETHER: usize = 1536 * 1024;

/// What Linux counts for each text besides its bytes: the NUL at its end and a pointer to it.
const EACH: usize = 1 + size_of::<usize>();

/// Nothing but white space.
pub(super) fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// Everything about texts.
pub(super) fn check(app: &AppDefinition, found: &mut Findings) {
    blank(app, found);
    variables(app, found);
    let cmd = app.cmd.iter().map(|cmd| ("/cmd".to_owned(), cmd));
    let args = app.args.iter().enumerate();
    let args = args.map(|(place, arg)| (format!("/args({place})"), arg));
    for (path, text) in cmd.chain(args) {
        startable(text, text.len(), &path, found);
    }
    let texts = app.cmd.iter().chain(&app.args).map(String::len);
    let bytes: usize = texts
        .chain(app.env.iter().map(variable))
        .map(|bytes| bytes + EACH)
        .sum();
    found.require(
        bytes <= ALTOGETHER,
        "/env",
        format!(
            "takes {bytes} bytes together with cmd and args, and a program is started with {ALTOGETHER} at most: put some of \
             it into files"
        ),
    );
}

/// The bytes of `NAME=value`.
fn variable((name, value): (&String, &EnvValue)) -> usize {
    let value = match value {
        EnvValue::Plain(text) => text.len(),
        EnvValue::Secret { .. } => 0,
    };
    name.len() + 1 + value
}

fn blank(app: &AppDefinition, found: &mut Findings) {
    found.require(
        !app.cmd.as_deref().is_some_and(is_blank),
        "/cmd",
        "must not be blank: the shell would end at once",
    );
    let image = app.container.as_ref().is_some_and(|c| c.docker.is_some());
    found.require(
        image || !app.args.first().is_some_and(|program| is_blank(program)),
        "/args(0)",
        "must name the program to run",
    );
    found.require(
        !app.user.as_deref().is_some_and(is_blank),
        "/user",
        "must not be blank",
    );
    for (place, artifact) in app.fetch.iter().enumerate() {
        let path = format!("/fetch({place})/uri");
        found.require(!is_blank(&artifact.uri), path, "must not be blank");
    }
    for (place, check) in app.health_checks.iter().enumerate() {
        let path = format!("/healthChecks({place})/command/value");
        let blank = check
            .command
            .as_ref()
            .is_some_and(|command| is_blank(&command.value));
        found.require(!blank, path, "must not be blank: it would always pass");
    }
}

fn variables(app: &AppDefinition, found: &mut Findings) {
    for (name, value) in &app.env {
        let path = format!("/env/{name}");
        found.require(
            !name.is_empty() && !name.contains(['=', '\0']),
            &path,
            "the name of a variable must not be empty and must not contain = or NUL",
        );
        if let EnvValue::Plain(text) = value {
            startable(text, variable((name, value)), &path, found);
        }
    }
}

fn startable(text: &str, bytes: usize, path: &str, found: &mut Findings) {
    found.require(!text.contains('\0'), path, "must not contain the character NUL");
    found.require(
        bytes <= LONGEST,
        path,
        format!("takes {bytes} bytes, and Linux starts no program with more than {LONGEST} in one text: put it into a file"),
    );
}
