//! A sync engine: our own program, with its settings in a file and secrets only by the names of their files.

use std::path::PathBuf;

use super::{Machine, Need, Recipe};
use crate::component::sync_engine::{Ensemble, SyncEngine, Tls};
use crate::layout::Home;
use crate::problem::Problem;

pub(super) fn needs(engine: &SyncEngine) -> Vec<Need> {
    let port = |port, what| Need::Port {
        address: engine.bind_address.clone(),
        port,
        what,
    };
    let mut needs = vec![port(engine.port, "the sync engine")];
    needs.extend(engine.metrics_port.map(|p| port(p, "the sync engine's metrics")));
    let files = [
        files(&engine.a)
            .map(|path| (path, "the sync engine's way to ensemble A"))
            .collect::<Vec<_>>(),
        files(&engine.b)
            .map(|path| (path, "the sync engine's way to ensemble B"))
            .collect(),
    ];
    let files = files.into_iter().flatten();
    needs.extend(files.map(|(path, what)| Need::File {
        path: path.clone(),
        what,
    }));
    needs
}

/// Files that a person has put on the node.
fn files(ensemble: &Ensemble) -> impl Iterator<Item = &String> {
    let tls = [&ensemble.tls, &ensemble.quorum_tls].into_iter().flatten();
    let pem = tls.flat_map(|tls| {
        let identity = tls.identity.iter().flat_map(|(cert, key)| [cert, key]);
        std::iter::once(&tls.ca).chain(identity)
    });
    let logins = [&ensemble.sasl_file, &ensemble.quorum_sasl_file]
        .into_iter()
        .flatten();
    ensemble.auth_files.iter().chain(logins).chain(pem)
}

pub(super) fn recipe(engine: &SyncEngine, home: &Home, machine: &Machine) -> Recipe {
    let settings = home.conf().join("settings.json");
    let mut argv = vec![
        machine.program.display().to_string(),
        "sync".into(),
        "start".into(),
        "--foreground".into(),
        "--detached".into(),
        format!("--name={}", engine.name),
        format!("--state-dir={}", home.work().display()),
        format!("--settings-file={}", settings.display()),
        format!("--listen={}", at(engine, engine.port)),
    ];
    argv.push(match &machine.pki_dir {
        Some(pki) => format!("--pki-dir={}", pki.display()),
        None => "--insecure".into(),
    });
    argv.extend(
        engine
            .metrics_port
            .map(|port| format!("--metrics-listen={}", at(engine, port))),
    );
    argv.extend(
        engine
            .session_grace_seconds
            .map(|s| format!("--session-grace={s}s")),
    );
    argv.extend(
        engine
            .lease_timeout_ms
            .map(|ms| format!("--lease-timeout={ms}ms")),
    );
    if engine.overwrite {
        argv.push("--overwrite".into());
    }
    argv.extend(ensemble("source", &engine.a));
    argv.extend(ensemble("target", &engine.b));
    // Its maps are sorted and it has no floats, so this cannot fail.
    let text = serde_json::to_string_pretty(&engine.settings).unwrap_or_default();
    Recipe {
        argv,
        env: machine.env.clone(),
        // It makes its own state directory, which holds data of both sides, for its user only.
        directories: vec![home.conf(), home.logs()],
        files: vec![(settings, format!("{text}\n"))],
    }
}

fn at(engine: &SyncEngine, port: u16) -> String {
    match engine.bind_address.contains(':') {
        true => format!("[{}]:{port}", engine.bind_address),
        false => format!("{}:{port}", engine.bind_address),
    }
}

/// The flags of one side. Of secrets they have only the names of files.
fn ensemble(side: &str, ensemble: &Ensemble) -> Vec<String> {
    let mut flags = vec![format!("--{side}={}", ensemble.servers)];
    flags.extend(
        ensemble
            .auth_files
            .iter()
            .map(|file| format!("--{side}-auth=@{file}")),
    );
    flags.extend(
        ensemble
            .sasl_file
            .iter()
            .map(|file| format!("--{side}-sasl=@{file}")),
    );
    flags.extend(
        ensemble
            .quorum_sasl_file
            .iter()
            .map(|file| format!("--{side}-quorum-sasl=@{file}")),
    );
    for (port, tls) in [("tls", &ensemble.tls), ("quorum-tls", &ensemble.quorum_tls)] {
        let Some(Tls { ca, identity }) = tls else { continue };
        flags.push(format!("--{side}-{port}-ca={ca}"));
        if let Some((cert, key)) = identity {
            flags.push(format!("--{side}-{port}-cert={cert}"));
            flags.push(format!("--{side}-{port}-key={key}"));
        }
    }
    flags
}

/// Its control socket.
pub(crate) fn socket(engine: &SyncEngine, home: &Home) -> PathBuf {
    home.work().join(format!("{}.sock", engine.name))
}

/// What the last process has left: its reason on the first line, then its sentence.
pub(super) fn last_words(engine: &SyncEngine, home: &Home) -> Option<Problem> {
    let path = home.work().join(format!("{}.error", engine.name));
    let text = std::fs::read_to_string(path).ok()?;
    let (reason, message) = text.split_once('\n')?;
    let is_reason = !reason.is_empty() && reason.chars().all(|c| c.is_ascii_alphanumeric());
    is_reason.then(|| Problem::new(reason.to_owned(), message.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::fixtures::sync_engine;
    use crate::kinds::fixtures::{home, machine};

    #[test]
    fn the_command_line_is_that_of_an_engine_and_has_no_secret() {
        let tls = Tls {
            ca: "/tls/ca".into(),
            identity: Some(("/tls/crt".into(), "/tls/key".into())),
        };
        let mut engine = SyncEngine {
            session_grace_seconds: Some(60),
            lease_timeout_ms: Some(3000),
            metrics_port: Some(7076),
            bind_address: "::1".into(),
            ..sync_engine()
        };
        engine.a.auth_files = vec!["/secrets/auth".into()];
        engine.b.quorum_sasl_file = Some("/secrets/quorum".into());
        engine.b.quorum_tls = Some(tls);
        let recipe = recipe(&engine, &home("sync"), &machine());
        assert_eq!(
            recipe.argv.join(" "),
            "/usr/bin/mesolith sync start --foreground --detached --name=move --state-dir=/state/u-1/sync/work \
             --settings-file=/state/u-1/sync/conf/settings.json --listen=[::1]:7075 --pki-dir=/pki \
             --metrics-listen=[::1]:7076 --session-grace=60s --lease-timeout=3000ms --source=192.0.2.1:2181:2888 \
             --source-auth=@/secrets/auth --target=192.0.2.2:2181:2888 --target-quorum-sasl=@/secrets/quorum \
             --target-quorum-tls-ca=/tls/ca --target-quorum-tls-cert=/tls/crt --target-quorum-tls-key=/tls/key"
        );
        let settings: serde_json::Value = serde_json::from_str(&recipe.files[0].1).unwrap();
        let expected = serde_json::json!({
            "generation": 3, "mode": "run", "exclude": [], "conflict_resolution": "source-wins",
            "routes": [{"root": "/mesos", "target_root": "/mesos", "direction": "a-to-b"}],
        });
        assert_eq!(settings, expected);
        let waits: Vec<_> = needs(&engine)
            .into_iter()
            .filter_map(|need| match need {
                Need::File { path, .. } => Some(path),
                _ => None,
            })
            .collect();
        assert_eq!(
            waits,
            [
                "/secrets/auth",
                "/secrets/quorum",
                "/tls/ca",
                "/tls/crt",
                "/tls/key"
            ]
        );
    }

    #[test]
    fn it_says_itself_why_it_ended() {
        let dir = tempfile::tempdir().unwrap();
        let home = crate::layout::Layout::new(dir.path().into()).component("u", "sync");
        assert_eq!(last_words(&sync_engine(), &home), None);
        std::fs::create_dir_all(home.work()).unwrap();
        let file = home.work().join("move.error");
        std::fs::write(&file, "SameEnsemble\nA and B are one").unwrap();
        let said = last_words(&sync_engine(), &home);
        assert_eq!(said, Some(Problem::new("SameEnsemble", "A and B are one")));
        std::fs::write(&file, "cut off").unwrap();
        assert_eq!(last_words(&sync_engine(), &home), None);
    }
}
