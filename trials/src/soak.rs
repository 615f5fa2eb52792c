//! Runs an engine under load for a long time: its memory must not grow.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::bench::Steady;
use crate::table::Table;
use crate::world::{Engine, Options, World};

/// Options of a soak.
#[derive(Debug, Clone, Copy)]
pub struct Soak {
    /// Its length.
    pub length: Duration,
    /// Updates a second.
    pub rate: u32,
    /// Measures this process instead of an engine, which tests the measurement.
    pub itself: bool,
}

/// Runs the soak and prints memory over time. Returns whether memory stayed flat.
///
/// # Errors
/// When it cannot run to the end.
pub async fn run(soak: Soak) -> Result<bool> {
    let mut world = World::start(Options {
        engines: usize::from(!soak.itself),
        heap: 400,
        flags: vec!["--paths".into(), "/".into()],
        ..Options::default()
    })
    .await?;
    let steady = Arc::new(Steady::prepare(&mut world, soak.rate).await?);
    let began = Instant::now();
    let writing = tokio::spawn({
        let steady = Arc::clone(&steady);
        async move { steady.write(soak.length).await }
    });
    let every = (soak.length / 30).max(Duration::from_secs(1));
    let mut samples = Vec::new();
    let mut table = Table::new([
        "minutes",
        "engine's memory, MB",
        "its lag, ms, P50 / P95 / P99",
        "pending",
    ]);
    while began.elapsed() < soak.length && !writing.is_finished() {
        tokio::time::sleep(every).await;
        let memory = match world.engines.first() {
            Some(engine) => engine.memory().context("the engine does not run any more")?,
            None => 0,
        };
        let minutes = began.elapsed().as_secs_f64() / 60.0;
        let (lag, pending) = status(&world).await;
        table.row([
            format!("{minutes:.1}"),
            format!("{:.1}", memory as f64 / 1e6),
            lag,
            pending,
        ]);
        samples.push((minutes, memory as f64 / 1e6));
    }
    let reached = writing.await??;
    println!("\n{reached:.0} updates/s written\n\n{table}");
    let slope = slope(&samples[samples.len() / 3..]);
    let grown = slope * soak.length.as_secs_f64() / 60.0;
    let level = samples.last().map_or(0.0, |(_, memory)| *memory);
    println!(
        "growth in the last two thirds: {slope:.3} MB a minute, {grown:.1} MB over the whole time at {level:.1} MB"
    );
    steady.finish(&mut world).await?;
    Ok(grown < (level * 0.1).max(8.0))
}

async fn status(world: &World) -> (String, String) {
    match world.engines.first().map(Engine::status) {
        Some(status) => match status.await {
            Ok(status) => {
                let lag = |name: &str| status["lag_ms"][name].as_f64().unwrap_or(f64::NAN);
                let text = format!("{:.2} / {:.2} / {:.2}", lag("p50"), lag("p95"), lag("p99"));
                (text, status["pending"].to_string())
            }
            Err(error) => (format!("{error:#}"), "-".to_owned()),
        },
        None => ("-".to_owned(), "-".to_owned()),
    }
}

/// Slope of the line through the samples, by least squares.
fn slope(samples: &[(f64, f64)]) -> f64 {
    let count = samples.len().max(1) as f64;
    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / count;
    let x = mean(&mut samples.iter().map(|(x, _)| *x));
    let y = mean(&mut samples.iter().map(|(_, y)| *y));
    let (above, below) = samples.iter().fold((0.0, 0.0), |(above, below), (at, value)| {
        (above + (at - x) * (value - y), below + (at - x) * (at - x))
    });
    if below == 0.0 { 0.0 } else { above / below }
}

#[cfg(test)]
mod tests {
    use super::slope;

    #[test]
    fn growth_is_seen_and_noise_is_not() {
        let line: Vec<_> = (0..20)
            .map(|minute| (f64::from(minute), 100.0 + 2.0 * f64::from(minute)))
            .collect();
        assert!((slope(&line) - 2.0).abs() < 1e-9);
        let noise: Vec<_> = (0..20)
            .map(|minute| (f64::from(minute), 100.0 + f64::from(minute % 2)))
            .collect();
        assert!(slope(&noise).abs() < 0.02);
    }
}
