//! The flags that change settings: all of `config`, and part of `start`.

use std::time::Duration;

use super::time;
use crate::handle::Refused;
use crate::settings::{Direction, Route, Settings, Strategy, validate};

/// Flags that are not given change nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
pub(super) struct SettingsFlags {
    /// What is kept equal: ROOT[:TARGET_ROOT][=a-to-b|b-to-a|both],...; / is everything.
    #[arg(long, value_delimiter = ',', value_name = "PATH")]
    pub paths: Option<Vec<String>>,
    /// Subtrees of A that are left out; an empty value leaves out nothing.
    #[arg(long, value_delimiter = ',', value_name = "PATH")]
    pub exclude: Option<Vec<String>>,
    /// Who writes, for all paths that do not say it themselves: a-to-b, b-to-a or both.
    #[arg(long)]
    pub direction: Option<Direction>,
    /// Who wins when both sides changed a node: source-wins, last-write-wins or manual.
    #[arg(long, value_name = "STRATEGY")]
    pub conflict_resolution: Option<Strategy>,
    /// A lag above this (95th percentile) is an alert, such as 100ms.
    #[arg(long, value_parser = time::duration, value_name = "TIME")]
    pub lag_threshold: Option<Duration>,
    /// Conflicts a minute above this are an alert.
    #[arg(long, value_name = "N")]
    pub conflict_threshold: Option<u32>,
    /// Most changes in one request.
    #[arg(long, value_name = "N")]
    pub batch_size: Option<usize>,
    /// Requests that may be on their way to a side at once.
    #[arg(long, value_name = "N")]
    pub workers: Option<usize>,
    /// Znodes a second while the target is filled; none for no limit.
    #[arg(long, value_parser = rate, value_name = "N|none")]
    pub rate_limit: Option<Rate>,
}

/// A limit, or the wish for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rate(Option<u32>);

fn rate(text: &str) -> Result<Rate, String> {
    if text == "none" {
        return Ok(Rate(None));
    }
    let limit = text
        .parse()
        .map_err(|_| format!("'{text}' is no number; write znodes a second, or none"))?;
    Ok(Rate(Some(limit)))
}

impl SettingsFlags {
    /// Whether no flag was given.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// A copy of the settings with the given flags applied.
    pub(super) fn over(&self, base: &Settings) -> Result<Settings, Refused> {
        let mut settings = base.clone();
        if let Some(paths) = &self.paths {
            let default = self.direction.unwrap_or_default();
            let routes = paths.iter().map(|path| Route::parse(path.trim(), default));
            settings.routes = routes.collect::<Result<_, _>>().map_err(|error| Refused {
                reason: "InvalidSettings",
                message: format!("--paths: {error}"),
            })?;
        } else if let Some(direction) = self.direction {
            settings
                .routes
                .iter_mut()
                .for_each(|route| route.direction = direction);
        }
        if let Some(exclude) = &self.exclude {
            let named = exclude
                .iter()
                .map(|path| path.trim())
                .filter(|path| !path.is_empty());
            settings.exclude = named.map(str::to_owned).collect();
        }
        let Self {
            paths: _,
            exclude: _,
            direction: _,
            conflict_resolution,
            lag_threshold,
            conflict_threshold,
            batch_size,
            workers,
            rate_limit,
        } = self;
        set(&mut settings.conflict_resolution, *conflict_resolution);
        set(&mut settings.lag_threshold, *lag_threshold);
        set(&mut settings.conflict_threshold, *conflict_threshold);
        set(&mut settings.batch_size, *batch_size);
        set(&mut settings.workers, *workers);
        set(&mut settings.rate_limit, rate_limit.map(|rate| rate.0));
        validate(&settings)?;
        Ok(settings)
    }
}

fn set<T>(field: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *field = given;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        flags: SettingsFlags,
    }

    fn over(base: &Settings, line: &[&str]) -> Result<Settings, String> {
        let line = std::iter::once(&"config").chain(line);
        let only = Only::try_parse_from(line).map_err(|error| error.to_string())?;
        only.flags.over(base).map_err(|refused| refused.message)
    }

    #[test]
    fn what_is_given_is_changed_and_nothing_else() {
        let base = Settings {
            workers: 9,
            rate_limit: Some(1),
            exclude: vec!["/x".into()],
            ..Settings::default()
        };
        assert_eq!(over(&base, &[]), Ok(base.clone()));
        let changed = over(
            &base,
            &[
                "--paths=/mesos,/marathon:/m2=both",
                "--direction=b-to-a",
                "--exclude=/mesos/tmp",
                "--conflict-resolution=manual",
                "--lag-threshold=250ms",
                "--batch-size=500",
                "--rate-limit=none",
            ],
        )
        .unwrap();
        assert_eq!(changed.paths(), "/mesos=b-to-a,/marathon:/m2=both");
        let rest = Settings {
            routes: changed.routes.clone(),
            exclude: vec!["/mesos/tmp".into()],
            conflict_resolution: Strategy::Manual,
            lag_threshold: Duration::from_millis(250),
            batch_size: 500,
            rate_limit: None,
            ..base.clone()
        };
        assert_eq!(changed, rest);
        assert_eq!(over(&base, &["--direction=both"]).unwrap().paths(), "/=both");
        assert!(over(&base, &["--exclude="]).unwrap().exclude.is_empty());
    }

    #[test]
    fn what_is_wrong_is_said_with_the_flag() {
        let base = Settings::default();
        for (line, wanted) in [
            ("--paths=mesos", "--paths: 'mesos' is no path of a znode"),
            (
                "--paths=/a=left",
                "--paths: 'left' is none of a-to-b, b-to-a, both",
            ),
            ("--batch-size=0", "--batch-size: 0 is out of range: 1 to 10000"),
            ("--lag-threshold=100", "'100' is no length of time"),
            (
                "--conflict-resolution=mine",
                "'mine' is none of source-wins, last-write-wins, manual",
            ),
            (
                "--rate-limit=fast",
                "'fast' is no number; write znodes a second, or none",
            ),
        ] {
            let found = over(&base, &[line]).unwrap_err();
            assert!(found.contains(wanted), "{line}: {found}");
        }
    }
}
