//! The distribution of lags over the last minute, in 60 small histograms of one second each.

use std::collections::VecDeque;

use crate::status::Lag;

/// Number of seconds that are kept.
const SECONDS: usize = 60;
/// Buckets for each power of two. So a value is known to 3 %.
const PARTS: u64 = 32;
/// Powers of two of a microsecond, up to a little over an hour.
const POWERS: u64 = 32;
const BUCKETS: usize = (PARTS * POWERS) as usize;

/// The lags of one direction.
#[derive(Debug)]
pub(super) struct Lags {
    /// A histogram for each second, the latest at the back.
    seconds: VecDeque<(u64, Vec<u32>)>,
    /// The longest lag of each second.
    longest: VecDeque<(u64, u64)>,
}

impl Default for Lags {
    fn default() -> Self {
        Self {
            seconds: VecDeque::with_capacity(SECONDS),
            longest: VecDeque::with_capacity(SECONDS),
        }
    }
}

impl Lags {
    /// Records a lag. Both the lag and the time are in microseconds.
    pub(super) fn record(&mut self, lag: u64, now: u64) {
        let second = now / 1_000_000;
        if self.seconds.back().is_none_or(|(at, _)| *at != second) {
            self.seconds.push_back((second, vec![0; BUCKETS]));
            self.longest.push_back((second, 0));
            while self.seconds.len() > SECONDS {
                self.seconds.pop_front();
                self.longest.pop_front();
            }
        }
        if let Some((_, counts)) = self.seconds.back_mut() {
            counts[bucket(lag)] += 1;
        }
        if let Some((_, longest)) = self.longest.back_mut() {
            *longest = lag.max(*longest);
        }
    }

    /// The distribution over the minute before a time; zeros if there was no lag.
    pub(super) fn summary(&self, now: u64) -> Lag {
        let since = (now / 1_000_000).saturating_sub(SECONDS as u64);
        let mut counts = vec![0u64; BUCKETS];
        for (_, second) in self.seconds.iter().filter(|(at, _)| *at > since || since == 0) {
            for (sum, count) in counts.iter_mut().zip(second) {
                *sum += u64::from(*count);
            }
        }
        let longest = self.longest.iter().filter(|(at, _)| *at > since || since == 0);
        let total: u64 = counts.iter().sum();
        let quantile = |of_hundred: u64| {
            let rank = (total * of_hundred).div_ceil(100);
            let mut seen = 0;
            let found = counts.iter().position(|count| {
                seen += count;
                seen >= rank && rank > 0
            });
            found.map_or(0.0, |index| micros(index) / 1000.0)
        };
        Lag {
            p50: quantile(50),
            p95: quantile(95),
            p99: quantile(99),
            max: longest.map(|(_, longest)| *longest).max().unwrap_or(0) as f64 / 1000.0,
        }
    }
}

fn bucket(value: u64) -> usize {
    let power = u64::from((value.max(1)).ilog2());
    let part = if power >= 5 {
        (value >> (power - 5)) & (PARTS - 1)
    } else {
        (value << (5 - power)) & (PARTS - 1)
    };
    usize::try_from((power * PARTS + part).min(PARTS * POWERS - 1)).unwrap_or(BUCKETS - 1)
}

/// The upper end of a bucket in microseconds.
fn micros(index: usize) -> f64 {
    let (power, part) = (index as u64 / PARTS, index as u64 % PARTS);
    (1u64 << power) as f64 * (1.0 + (part + 1) as f64 / PARTS as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_known_to_a_few_percent() {
        let mut lags = Lags::default();
        for lag in 1..=1000 {
            lags.record(lag * 10, 5_000_000);
        }
        let lag = lags.summary(5_000_000);
        for (found, expected) in [(lag.p50, 5.0), (lag.p95, 9.5), (lag.p99, 9.9), (lag.max, 10.0)] {
            assert!((found - expected).abs() / expected < 0.04, "{found} {expected}");
        }
    }

    #[test]
    fn what_is_older_than_a_minute_does_not_count() {
        let mut lags = Lags::default();
        lags.record(1_000_000, 1_000_000);
        lags.record(1_000, 100_000_000);
        assert!(lags.summary(100_000_000).p99 < 1.1);
        assert_eq!(lags.summary(300_000_000), Lag::default());
    }
}
