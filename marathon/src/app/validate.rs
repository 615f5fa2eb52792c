//! Checks of a canonical definition, with Marathon's sentences where it has them.

mod networking;
mod texts;

use super::{AppDefinition, ContainerType, EnvValue, Protocol, UnreachableStrategy, Violation};
use crate::{constraint::Constraint, path::AppId};

type Checked = Result<(AppId, Vec<Constraint>), Vec<Violation>>;

/// Collects what is wrong.
struct Findings(Vec<Violation>);

impl Findings {
    fn require(&mut self, holds: bool, path: impl Into<String>, message: impl ToString) {
        if !holds {
            self.0.push(Violation::new(path, message));
        }
    }
}

pub(super) fn validate(app: &AppDefinition) -> Checked {
    let mut found = Findings(Vec::new());
    let id = AppId::parse(&app.id);
    if let Err(error) = &id {
        found.require(false, "/id", error);
    }
    what_runs(app, &mut found);
    texts::check(app, &mut found);
    amounts(app, &mut found);
    roles(app, &mut found);
    networking::check(app, &mut found);
    container(app, &mut found);
    checks(app, &mut found);
    strategies(app, &mut found);
    unsupported(app, &mut found);
    let mut constraints = Vec::new();
    for (index, parts) in app.constraints.iter().enumerate() {
        match Constraint::parse(parts) {
            Ok(constraint) => constraints.push(constraint),
            Err(error) => found.require(false, format!("/constraints({index})"), error),
        }
    }
    match id {
        Ok(id) if found.0.is_empty() => Ok((id, constraints)),
        _ => Err(found.0),
    }
}

fn what_runs(app: &AppDefinition, found: &mut Findings) {
    let image = app.container.as_ref().is_some_and(|c| c.docker.is_some());
    let both = app.cmd.is_some() && !app.args.is_empty();
    let none = app.cmd.is_none() && app.args.is_empty() && !image;
    found.require(
        !both && !none,
        "/",
        "AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'.",
    );
}

fn amounts(app: &AppDefinition, found: &mut Findings) {
    found.require(
        app.cpus >= 0.001,
        "/cpus",
        format!("got {}, expected 0.001 or more", app.cpus),
    );
    found.require(
        app.mem >= 0.0,
        "/mem",
        format!("got {}, expected 0.0 or more", app.mem),
    );
    found.require(
        app.disk >= 0.0,
        "/disk",
        format!("got {}, expected 0.0 or more", app.disk),
    );
    let single = app
        .labels
        .get("MARATHON_SINGLE_INSTANCE_APP")
        .is_some_and(|value| value == "true");
    found.require(
        !single || app.instances <= 1,
        "/instances",
        "Single instance app may only have one instance",
    );
}

/// Refuses an invalid role, for which the master would refuse the whole framework.
fn roles(app: &AppDefinition, found: &mut Findings) {
    if let Some(role) = &app.role
        && let Err(error) = mesolith_mesos::validate_role(role)
    {
        found.require(false, "/role", error);
    }
    let own = app.role();
    let foreign = |roles: &Vec<String>| {
        roles
            .iter()
            .any(|role| role != mesolith_mesos::DEFAULT_ROLE && role != own)
    };
    found.require(
        !app.accepted_resource_roles.as_ref().is_some_and(foreign),
        "/acceptedResourceRoles",
        match own {
            mesolith_mesos::DEFAULT_ROLE => {
                "acceptedResourceRoles can only contain *: set role to use another".to_owned()
            }
            own => format!("acceptedResourceRoles can only contain * and {own}"),
        },
    );
}

fn container(app: &AppDefinition, found: &mut Findings) {
    let Some(container) = &app.container else { return };
    match &container.docker {
        None => found.require(
            container.kind != ContainerType::Docker,
            "/container/docker",
            "not defined",
        ),
        Some(docker) => found.require(
            !texts::is_blank(&docker.image),
            "/container/docker/image",
            "must not be empty",
        ),
    }
    for (index, volume) in container.volumes.iter().enumerate() {
        let path = format!("/container/volumes({index})");
        found.require(
            !texts::is_blank(&volume.container_path),
            format!("{path}/containerPath"),
            "must not be empty",
        );
        let kinds = [
            (
                volume.persistent.is_some(),
                "persistent volumes are not supported by this version",
            ),
            (
                volume.external.is_some(),
                "external volumes are not supported by this version",
            ),
            (
                volume.secret.is_some(),
                "secret volumes are not supported by this version",
            ),
        ];
        for (present, message) in kinds {
            found.require(!present, path.clone(), message);
        }
    }
}

fn checks(app: &AppDefinition, found: &mut Findings) {
    for (index, check) in app.health_checks.iter().enumerate() {
        let path = format!("/healthChecks({index})");
        let by_command = check.protocol == Protocol::Command;
        found.require(
            !by_command || check.command.is_some(),
            format!("{path}/command"),
            "not defined",
        );
        if !by_command && check.port.is_none() {
            networking::check_port(app, check, path, found);
        }
    }
    let by_agent = app
        .health_checks
        .iter()
        .filter(|c| c.protocol.is_by_agent())
        .count();
    found.require(
        by_agent <= 1,
        "/healthChecks",
        "AppDefinition can contain at most one Mesos health check",
    );
}

fn strategies(app: &AppDefinition, found: &mut Findings) {
    let upgrade = &app.upgrade_strategy;
    for (field, value) in [
        ("minimumHealthCapacity", upgrade.minimum_health_capacity),
        ("maximumOverCapacity", upgrade.maximum_over_capacity),
    ] {
        found.require(
            (0.0..=1.0).contains(&value),
            format!("/upgradeStrategy/{field}"),
            format!("got {value}, expected between 0.0 and 1.0"),
        );
    }
    found.require(
        app.backoff_factor >= 1.0,
        "/backoffFactor",
        "must be greater than or equal to 1.0",
    );
    if let UnreachableStrategy::Wait {
        inactive_after_seconds: inactive,
        expunge_after_seconds: expunge,
    } = app.unreachable_strategy
    {
        found.require(
            inactive <= expunge,
            "/unreachableStrategy",
            format!(
                "inactiveAfterSeconds ({inactive}) must be less or equal to expungeAfterSeconds, which is {expunge}"
            ),
        );
    }
}

/// What Marathon can do behind feature flags and this version cannot.
fn unsupported(app: &AppDefinition, found: &mut Findings) {
    let secret_env = app
        .env
        .values()
        .any(|value| matches!(value, EnvValue::Secret { .. }));
    found.require(
        app.secrets.is_empty() && !secret_env,
        "/secrets",
        "secrets are not supported by this version: write the value into env, or mount a file of the agent",
    );
    let docker = app
        .container
        .as_ref()
        .is_some_and(|c| c.kind == ContainerType::Docker);
    found.require(
        app.gpus == 0 || !docker,
        "/gpus",
        "GPU resources only work with the Mesos containerizer",
    );
}
