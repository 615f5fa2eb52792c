//! Which settings an engine follows when it starts: what it is started with, or what the target holds. Pure.

use super::{Mode, Settings};

impl Settings {
    /// The settings to follow, given those stored in the target.
    ///
    /// What is stored wins, or a crash would undo what was changed since the start: a switched direction above all.
    /// Only a stop makes room for others; they get the next generation. A newer generation wins in any case.
    #[must_use]
    pub fn at_start(self, stored: Option<&Self>) -> Self {
        let Some(stored) = stored else {
            return Self {
                generation: self.generation.max(1),
                ..self
            };
        };
        if self.generation > stored.generation {
            return self;
        }
        match stored.mode {
            Mode::Stop => Self {
                generation: stored.generation.saturating_add(1),
                ..self
            },
            Mode::Run | Mode::Pause => stored.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_wins_until_it_was_stopped() {
        let given = |generation| Settings {
            generation,
            batch_size: 7,
            ..Settings::default()
        };
        let stored = |mode| Settings {
            generation: 5,
            mode,
            ..Settings::default()
        };
        assert_eq!(given(0).at_start(None), given(1));
        assert_eq!(given(3).at_start(None), given(3));
        assert_eq!(given(1).at_start(Some(&stored(Mode::Run))), stored(Mode::Run));
        assert_eq!(given(5).at_start(Some(&stored(Mode::Pause))), stored(Mode::Pause));
        assert_eq!(given(1).at_start(Some(&stored(Mode::Stop))), given(6));
        assert_eq!(given(9).at_start(Some(&stored(Mode::Run))), given(9));
    }
}
