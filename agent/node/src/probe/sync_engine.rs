//! A sync engine answers on its control socket, which only its own user may open.

use std::path::Path;
use std::time::Duration;

use mesolith_proto::zksync::v1 as pb;
use pb::sync_client::SyncClient;
use tonic::transport::{Channel, Endpoint};

use super::{Answer, Facts, LIMIT};
use crate::component::sync_engine::{Settings, SyncEngine};
use crate::problem::{Problem, chain};
use crate::wire::settings_to_wire;

/// Most time for settings. A switch of the writing side waits until everything is on the other side; where that takes
/// longer, the engine goes on with it and the next look finds it done.
const SETTINGS_LIMIT: Duration = Duration::from_secs(10);
/// Metadata with an engine's own reason for a refusal.
const REASON: &str = "mesolith-reason";

async fn client(socket: &Path, limit: Duration) -> Result<SyncClient<Channel>, Problem> {
    let silent = |error: tonic::transport::Error| {
        Problem::new("NotAnswering", format!("{}: {}", socket.display(), chain(&error)))
    };
    let endpoint = Endpoint::from_shared(format!("unix:{}", socket.display())).map_err(silent)?;
    let channel = endpoint.connect_timeout(LIMIT).timeout(limit).connect().await;
    Ok(SyncClient::new(channel.map_err(silent)?))
}

/// Its health is what it says itself; a standby that could take over is healthy.
pub(super) async fn ask(engine: &SyncEngine, socket: &Path) -> Result<Answer, Problem> {
    let asked = client(socket, LIMIT).await?.get(pb::GetRequest {}).await;
    let status = asked
        .map_err(|s| Problem::new("NotAnswering", s.message()))?
        .into_inner();
    if let Some(why) = status.not_ready {
        return Err(Problem::new(why.reason, why.message));
    }
    let settings = due(&engine.settings, &status);
    let waits = match &settings {
        Due::Elsewhere(problem) => Some(problem.clone()),
        Due::Nothing | Due::Send => waits(&status),
    };
    Ok(Answer {
        facts: facts(&status),
        waits,
        is_behind: settings == Due::Send,
    })
}

/// Only what is steady: watchers are woken by each change.
fn facts(status: &pb::Status) -> Facts {
    let word = status.state().as_str_name().trim_start_matches("STATE_");
    let mut facts = Facts::from([
        ("state".to_owned(), word.to_lowercase().replace('_', "-")),
        ("run".to_owned(), status.run.clone()),
        ("generation".to_owned(), status.observed_generation.to_string()),
    ]);
    let role = match status.state() {
        pb::State::Standby => Some("standby"),
        _ if is_active(status) => Some("active"),
        _ => None,
    };
    facts.extend(role.map(|role| ("role".to_owned(), role.to_owned())));
    facts
}

fn is_active(status: &pb::Status) -> bool {
    !status.run.is_empty() && status.active_run == status.run
}

/// What a person has to know although it serves.
fn waits(status: &pb::Status) -> Option<Problem> {
    let incomplete = status.state() == pb::State::Incomplete;
    let refused = status
        .alerts
        .iter()
        .find(|alert| incomplete && alert.reason == "NodesRefused");
    let waiting = status.waiting_for.as_ref();
    let waiting = waiting.map(|w| Problem::new(w.reason.clone(), w.message.clone()));
    waiting.or_else(|| refused.map(|alert| Problem::new(alert.reason.clone(), alert.message.clone())))
}

/// What is to be done about its settings.
#[derive(Debug, PartialEq)]
enum Due {
    Nothing,
    Send,
    /// Somebody else has given it others under the same or a later generation.
    Elsewhere(Problem),
}

fn due(wanted: &Settings, status: &pb::Status) -> Due {
    let Some(followed) = &status.settings else {
        return Due::Nothing;
    };
    // A standby takes over what the active one follows.
    if !is_active(status) || is_followed(wanted, followed) {
        return Due::Nothing;
    }
    if wanted.generation > followed.generation {
        return Due::Send;
    }
    let message = format!(
        "the engine follows settings of generation {} that were given to it directly; those of generation {} wait: send \
         them under a generation above {}, or the ones that it follows",
        followed.generation, wanted.generation, followed.generation
    );
    Due::Elsewhere(Problem::new("OtherSettings", message))
}

/// Whether an engine that follows these settings follows those, whatever their generations.
fn is_followed(wanted: &Settings, followed: &pb::Settings) -> bool {
    let mut wanted = settings_to_wire(wanted);
    let or = |wanted: &mut u64, followed: u64| {
        if *wanted == 0 {
            *wanted = followed;
        }
    };
    or(&mut wanted.batch_size, followed.batch_size);
    or(&mut wanted.workers, followed.workers);
    or(&mut wanted.lag_threshold_ms, followed.lag_threshold_ms);
    if wanted.conflict_threshold == 0 {
        wanted.conflict_threshold = followed.conflict_threshold;
    }
    // The same content under a newer generation is sent: the sender waits for the number.
    let reached = wanted.generation <= followed.generation;
    wanted.generation = followed.generation;
    reached && wanted == *followed
}

/// Gives an active engine the settings that it has to follow.
pub(crate) async fn configure(engine: &SyncEngine, socket: &Path) -> Result<(), Problem> {
    let settings = settings_to_wire(&engine.settings);
    let generation = settings.generation;
    let refused = |status: tonic::Status| {
        let reason = status
            .metadata()
            .get(REASON)
            .and_then(|value| value.to_str().ok());
        let message = format!(
            "settings of generation {generation} are not followed: {}",
            status.message()
        );
        Problem::new(reason.unwrap_or("SettingsNotTaken").to_owned(), message)
    };
    let applied = client(socket, SETTINGS_LIMIT).await?.apply(settings).await;
    applied.map(drop).map_err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::fixtures::sync_engine;

    fn status(generation: u64, active: bool) -> pb::Status {
        let mut settings = settings_to_wire(&sync_engine().settings);
        (settings.batch_size, settings.workers) = (200, 2);
        settings.generation = generation;
        pb::Status {
            state: if active {
                pb::State::InSync
            } else {
                pb::State::Standby
            }
            .into(),
            run: "r1".into(),
            active_run: if active { "r1" } else { "r2" }.into(),
            observed_generation: generation,
            settings: Some(settings),
            ..Default::default()
        }
    }

    #[test]
    fn settings_go_to_the_active_engine_that_is_behind() {
        let wanted = sync_engine().settings; // generation 3
        assert_eq!(due(&wanted, &status(3, true)), Due::Nothing);
        assert_eq!(
            due(&wanted, &status(9, true)),
            Due::Nothing,
            "the same, given elsewhere"
        );
        assert_eq!(due(&wanted, &status(2, true)), Due::Send);
        assert_eq!(due(&wanted, &status(2, false)), Due::Nothing, "a standby");
        let mut paused = wanted;
        paused.mode = crate::component::sync_engine::Mode::Pause;
        assert_eq!(due(&paused, &status(2, true)), Due::Send);
        for later in [3, 9] {
            let Due::Elsewhere(problem) = due(&paused, &status(later, true)) else {
                panic!("{later}")
            };
            assert_eq!(problem.reason, "OtherSettings");
            assert!(
                problem.message.contains(&format!("a generation above {later}")),
                "{}",
                problem.message
            );
        }
    }

    #[test]
    fn what_it_does_is_shown_in_its_own_words() {
        let shown = |status: &pb::Status| {
            let facts = facts(status);
            let get = |name: &str| facts.get(name).cloned().unwrap_or_default();
            (get("role"), get("state"), get("generation"))
        };
        let all = |role: &str, state: &str| (role.to_owned(), state.to_owned(), "3".to_owned());
        assert_eq!(shown(&status(3, true)), all("active", "in-sync"));
        assert_eq!(shown(&status(3, false)), all("standby", "standby"));
        let mut early = status(3, true);
        (early.state, early.active_run) = (pb::State::CatchingUp.into(), String::new());
        assert_eq!(shown(&early), all("", "catching-up"));
        assert_eq!(waits(&early), None);
        early.waiting_for = Some(pb::Waiting {
            reason: "StartTarget".into(),
            message: "start its servers now".into(),
        });
        assert_eq!(
            waits(&early),
            Some(Problem::new("StartTarget", "start its servers now"))
        );
    }
}
