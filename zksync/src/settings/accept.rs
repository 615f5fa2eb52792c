//! Decides whether new settings may replace those that an engine follows. Pure.

use super::{Direction, Route, Settings, validate};
use crate::handle::Refused;

/// The settings that the engine follows from now on.
///
/// # Errors
/// When the new ones are older, differ under the same generation, or are not valid.
pub fn accept(current: &Settings, wanted: Settings) -> Result<Settings, Refused> {
    let (given, known) = (wanted.generation, current.generation);
    if given < known {
        return Err(Refused {
            reason: "OlderGeneration",
            message: format!(
                "settings of generation {given} are older than those the engine follows ({known}); read them again and send generation {}",
                known.saturating_add(1)
            ),
        });
    }
    if given == known {
        if wanted == *current {
            return Ok(wanted);
        }
        return Err(Refused {
            reason: "ChangedContent",
            message: format!(
                "generation {given} was given before with other settings; send changes under generation {}",
                known.saturating_add(1)
            ),
        });
    }
    validate(&wanted)?;
    Ok(wanted)
}

impl Settings {
    /// A copy with another direction for one route, under the next generation.
    ///
    /// # Errors
    /// When no route has this root.
    pub fn switched(&self, root: &str, direction: Direction) -> Result<Self, Refused> {
        let mut settings = self.next();
        let Some(route) = settings.routes.iter_mut().find(|route| route.root == root) else {
            let roots: Vec<_> = self.routes.iter().map(|route| route.root.as_str()).collect();
            return Err(Refused {
                reason: "NoSuchRoute",
                message: format!(
                    "{root} is none of the roots that are kept equal: {}",
                    roots.join(", ")
                ),
            });
        };
        route.direction = direction;
        Ok(settings)
    }

    /// A copy under the next generation, to change and send.
    #[must_use]
    pub fn next(&self) -> Self {
        Self {
            generation: self.generation.saturating_add(1),
            ..self.clone()
        }
    }

    /// The routes in the form of `--paths`.
    #[must_use]
    pub fn paths(&self) -> String {
        let routes = self.routes.iter().map(Route::to_string);
        routes.collect::<Vec<_>>().join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_only_go_forward() {
        let current = Settings {
            generation: 5,
            ..Settings::default()
        };
        let with = |generation, batch_size| Settings {
            generation,
            batch_size,
            ..Settings::default()
        };
        let reason = |wanted| accept(&current, wanted).map_err(|refused| refused.reason);
        assert_eq!(reason(with(5, 200)), Ok(with(5, 200)), "the same again");
        assert_eq!(reason(with(5, 201)), Err("ChangedContent"));
        assert_eq!(reason(with(4, 200)), Err("OlderGeneration"));
        assert_eq!(reason(with(6, 201)), Ok(with(6, 201)));
        assert_eq!(reason(with(6, 0)), Err("InvalidSettings"));
        let refused = accept(&current, with(4, 200)).unwrap_err().message;
        assert_eq!(
            refused,
            "settings of generation 4 are older than those the engine follows (5); read them again and send generation 6"
        );
    }

    #[test]
    fn one_route_is_switched() {
        let current = Settings::default();
        let switched = current.switched("/", Direction::BToA).unwrap();
        assert_eq!(switched.paths(), "/=b-to-a");
        assert_eq!(switched.generation, 2);
        assert_eq!(
            current.switched("/mesos", Direction::BToA).unwrap_err().message,
            "/mesos is none of the roots that are kept equal: /"
        );
    }
}
