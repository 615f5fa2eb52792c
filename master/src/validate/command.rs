//! Commands: their environment and its secrets.

use mesolith_proto::mesos::v1;
use v1::environment::{Variable, variable};
use v1::secret;

/// A command of a task, an executor or a check.
///
/// # Errors
/// With Mesos' sentence about the first variable that cannot be set.
pub(super) fn command(info: &v1::CommandInfo) -> Result<(), String> {
    let variables = info.environment.iter().flat_map(|e| &e.variables);
    variables.into_iter().try_for_each(one_variable)
}

fn one_variable(variable: &Variable) -> Result<(), String> {
    let name = &variable.name;
    match variable.r#type() {
        variable::Type::Unknown => Err("Environment variable of type 'UNKNOWN' is not allowed".into()),
        variable::Type::Value if variable.secret.is_some() => Err(format!(
            "Environment variable '{name}' of type 'VALUE' must not have a secret set"
        )),
        variable::Type::Value if variable.value.is_none() => Err(format!(
            "Environment variable '{name}' of type 'VALUE' must have a value set"
        )),
        variable::Type::Value => Ok(()),
        variable::Type::Secret => secret_variable(variable),
    }
}

fn secret_variable(variable: &Variable) -> Result<(), String> {
    let name = &variable.name;
    if variable.value.is_some() {
        return Err(format!(
            "Environment variable '{name}' of type 'SECRET' must not have a value set"
        ));
    }
    let Some(secret) = &variable.secret else {
        return Err(format!(
            "Environment variable '{name}' of type 'SECRET' must have a secret set"
        ));
    };
    one_secret(secret)
        .map_err(|problem| format!("Environment variable '{name}' specifies an invalid secret: {problem}"))?;
    if secret.value.as_ref().is_some_and(|value| value.data.contains(&0)) {
        return Err(format!(
            "Environment variable '{name}' specifies a secret containing null bytes, which is not allowed in the \
             environment"
        ));
    }
    Ok(())
}

fn one_secret(secret: &v1::Secret) -> Result<(), String> {
    match secret.r#type() {
        secret::Type::Reference => match (&secret.reference, &secret.value) {
            (None, _) => Err("Secret of type REFERENCE must have the 'reference' field set".into()),
            (Some(reference), Some(_)) => Err(format!(
                "Secret '{}' of type REFERENCE must not have the 'value' field set",
                reference.name
            )),
            (Some(_), None) => Ok(()),
        },
        secret::Type::Value if secret.value.is_none() => {
            Err("Secret of type VALUE must have the 'value' field set".into())
        }
        secret::Type::Value if secret.reference.is_some() => {
            Err("Secret of type VALUE must not have the 'reference' field set".into())
        }
        secret::Type::Value | secret::Type::Unknown => Ok(()),
    }
}
