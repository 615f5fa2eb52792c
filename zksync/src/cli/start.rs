//! `start`: becomes the engine, or starts it in the background and waits until the target is in sync.

mod shown;
mod wait;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mesolith_telemetry::Shutdown;

use super::background::{self, Launch};
use super::console::Console;
use super::endpoint_flags::{SourceFlags, TargetFlags};
use super::error::{Error, exit};
use super::locate::Located;
use super::settings_flags::SettingsFlags;
use super::time;
use crate::control::Tcp;
use crate::options::{self, Options};
use crate::run::{self, Engine, Serving};
use crate::settings::Settings;

/// What is documented under `start`.
pub(super) const EXIT_CODES: &str = "\
Settings that are stored in the target win over those given here until the engine is stopped; change them with:
mesos-migrate sync config.

Exit codes: 0 in sync (or standby, paused, or running with --no-wait), 1 refused or failed, 2 wrong usage,
4 not in sync after --timeout, or as the target does not take everything (the engine goes on), 130 Ctrl-C while waiting (the engine goes on).";

/// Options of `start`.
#[derive(Debug, Clone, clap::Args)]
pub struct StartArgs {
    #[command(flatten)]
    pub(super) at: Located,
    #[command(flatten)]
    pub(super) source: SourceFlags,
    #[command(flatten)]
    pub(super) target: TargetFlags,
    #[command(flatten)]
    pub(super) settings: SettingsFlags,
    /// Stay in the foreground: this process is the engine.
    #[arg(long)]
    pub foreground: bool,
    /// Return once the engine runs, without waiting until the target is in sync.
    #[arg(long, conflicts_with = "foreground")]
    pub no_wait: bool,
    /// How long to wait until the target is in sync; the engine goes on afterwards.
    #[arg(long, value_parser = time::duration, default_value = "24h", value_name = "TIME")]
    pub timeout: Duration,
    /// Data directory of a server of the target that has never run, to be filled by file; repeat for each server.
    #[arg(long, value_name = "DIR")]
    pub seed_dir: Vec<PathBuf>,
    /// Make the target like the source although it already has other znodes below --paths.
    #[arg(long)]
    pub overwrite: bool,
    /// How long a mirrored session outlives the loss of its own ensemble.
    #[arg(long, value_parser = time::duration, default_value = "15m", value_name = "TIME")]
    pub session_grace: Duration,
    /// How long a standby waits for the active engine's sign of life before it takes over.
    #[arg(long, value_parser = time::duration, default_value = "6s", value_name = "TIME")]
    pub lease_timeout: Duration,
    /// Serve /metrics, /healthz and /readyz here, such as 127.0.0.1:7076.
    #[arg(long, env = "MESOLITH_ZKSYNC_METRICS_LISTEN", value_name = "ADDRESS")]
    pub metrics_listen: Option<SocketAddr>,
    /// Serve the control API here as well, under mutual TLS (--pki-dir), such as 0.0.0.0:7075.
    #[arg(long, env = "MESOLITH_ZKSYNC_LISTEN", value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// Serve --listen in plain text and to everyone: for development on one machine only.
    #[arg(long, requires = "listen")]
    pub insecure: bool,
    /// Settings with their generation, as `config --output json` prints them; the node agent starts an engine with one.
    #[arg(long, hide = true, value_name = "FILE")]
    pub settings_file: Option<PathBuf>,
    /// In a session of its own, with why it ended kept for whoever started it.
    #[arg(long, hide = true, requires = "foreground")]
    pub detached: bool,
}

impl StartArgs {
    /// Reads and checks everything that can be checked without asking anybody.
    pub(super) fn options(&self) -> Result<Options, Error> {
        if self.at.endpoint.is_some() {
            return Err(options::Error::Incomplete {
                flag: "--endpoint".to_owned(),
                problem: "start runs an engine on this machine; start it where it is to run".to_owned(),
            }
            .into());
        }
        let base = match &self.settings_file {
            Some(path) => read_settings(path)?,
            None => Settings::default(),
        };
        let options = Options {
            name: self.at.name().to_owned(),
            source: self.source.options()?,
            target: self.target.options()?,
            state_dir: self.at.state_dir()?,
            seed_dirs: self.seed_dir.clone(),
            overwrite: self.overwrite,
            session_grace: self.session_grace,
            lease_timeout: self.lease_timeout,
            settings: self.settings.over(&base)?,
        };
        options.validate()?;
        Ok(options)
    }

    fn serving(&self) -> Result<Serving, Error> {
        let pki_dir = self.at.pki_dir.clone();
        let listen = match (self.listen, self.insecure, pki_dir) {
            (None, ..) => None,
            (Some(address), true, _) => Some(Tcp {
                address,
                pki_dir: None,
            }),
            (Some(address), false, Some(dir)) => Some(Tcp {
                address,
                pki_dir: Some(dir),
            }),
            (Some(_), false, None) => {
                return Err(options::Error::Incomplete {
                    flag: "--listen".to_owned(),
                    problem: "needs --pki-dir with ca.crt, tls.crt and tls.key of a node, or --insecure"
                        .to_owned(),
                }
                .into());
            }
        };
        Ok(Serving {
            listen,
            metrics: self.metrics_listen,
        })
    }
}

pub(super) async fn run(
    args: StartArgs,
    console: &mut Console,
    shutdown: &Shutdown,
    launch: &Launch,
    engine: impl Engine,
) -> Result<u8, Error> {
    let files = args.at.files()?;
    if !args.foreground {
        // What is wrong is said before anything is started.
        args.options()?;
        args.serving()?;
        return wait::start(&args, &files, console, shutdown, launch).await;
    }
    if !args.detached {
        return foreground(&args, shutdown, engine).await;
    }
    background::detach();
    files.create_dir()?;
    files.clear_error();
    let ended = foreground(&args, shutdown, engine).await;
    ended.inspect_err(|error| files.write_error(error.reason(), &error.to_string()))
}

/// This process is the engine.
async fn foreground(args: &StartArgs, shutdown: &Shutdown, engine: impl Engine) -> Result<u8, Error> {
    let (options, serving) = (args.options()?, args.serving()?);
    run::run(options, serving, shutdown.clone(), engine).await?;
    Ok(exit::OK)
}

/// Settings from a file.
fn read_settings(path: &Path) -> Result<Settings, Error> {
    let unusable = |problem: String| options::Error::File {
        flag: "--settings-file".to_owned(),
        path: path.to_owned(),
        problem,
    };
    let text = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
    Ok(serde_json::from_slice(&text).map_err(|error| unusable(error.to_string()))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        args: StartArgs,
    }

    fn options(line: &[&str]) -> Result<Options, String> {
        let ends = [
            "start",
            "--source=a1:2181,a2:2181:2889",
            "--target=b1:2181",
            "--state-dir=/tmp/x",
        ];
        let only = Only::try_parse_from(ends.iter().chain(line)).map_err(|error| error.to_string())?;
        only.args.serving().map_err(|error| error.to_string())?;
        only.args.options().map_err(|error| error.to_string())
    }

    #[test]
    fn flags_become_options() {
        let found = options(&[
            "--paths=/mesos",
            "--conflict-resolution=source-wins",
            "--lag-threshold=100ms",
            "--seed-dir=/b1",
            "--seed-dir=/b2",
            "--session-grace=1h",
            "--source-auth=digest:joe:s3cret",
        ])
        .unwrap();
        assert_eq!(found.source.servers[1].quorum(), Some("a2:2889".into()));
        assert_eq!(found.settings.paths(), "/mesos=a-to-b");
        assert_eq!(found.seed_dirs.len(), 2);
        assert_eq!(
            (found.session_grace, found.lease_timeout),
            (Duration::from_secs(3600), Duration::from_secs(6))
        );
        assert_eq!(found.source.security.auth[0].value.expose(), "joe:s3cret");
        assert!(!format!("{found:?}").contains("s3cret"));
    }

    #[test]
    fn a_file_holds_settings_as_a_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("settings.json");
        let flag = format!("--settings-file={}", path.display());
        let wanted = Settings {
            generation: 7,
            workers: 3,
            ..Settings::default()
        };
        std::fs::write(&path, serde_json::to_string(&wanted).unwrap()).unwrap();
        assert_eq!(options(&[&flag]).unwrap().settings, wanted);
        // What is left out is the default.
        std::fs::write(&path, r#"{"generation": 7, "workers": 3}"#).unwrap();
        assert_eq!(options(&[&flag]).unwrap().settings, wanted);
        std::fs::write(&path, r#"{"generation": 7, "workers": 99}"#).unwrap();
        let refused = options(&[&flag]).unwrap_err();
        assert!(refused.starts_with("--workers: 99 is out of range"), "{refused}");
        std::fs::write(&path, "{").unwrap();
        let refused = options(&[&flag]).unwrap_err();
        assert!(refused.starts_with("--settings-file: cannot read"), "{refused}");
    }

    #[test]
    fn bad_flags_are_refused_before_anything_is_started() {
        for (line, wanted) in [
            ("--paths=mesos", "--paths: 'mesos' is no path of a znode"),
            ("--name=a b", "--name: 'a b' is no name of an engine"),
            ("--listen=127.0.0.1:1", "--listen: needs --pki-dir"),
            (
                "--endpoint=/x.sock",
                "--endpoint: start runs an engine on this machine",
            ),
            (
                "--lease-timeout=10ms",
                "--lease-timeout: 10ms is out of range: 1s to 600s",
            ),
            (
                "--source-tls-cert=/c",
                "--source-tls-cert: needs --source-tls-key as well",
            ),
            ("--target-sasl=joe", "--target-sasl: expected USER:@FILE"),
        ] {
            let found = options(&[line]).unwrap_err();
            assert!(found.contains(wanted), "{line}: {found}");
        }
        let none = Only::try_parse_from(["start"]).map(|only| only.args.options());
        let none = none
            .unwrap_or_else(|e| {
                Err(Error::Ended {
                    message: e.to_string(),
                })
            })
            .unwrap_err();
        assert!(
            none.to_string().starts_with("--source: names no server"),
            "{none}"
        );
    }
}
