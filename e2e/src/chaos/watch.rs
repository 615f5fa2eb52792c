//! What must hold all the time while a cluster moves: never two leaders, and the app answers.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::http;

/// Time between two looks.
const PERIOD: Duration = Duration::from_millis(100);

/// What was seen.
#[derive(Debug, Default)]
struct Seen {
    stopped: AtomicBool,
    asked: AtomicUsize,
    failed: AtomicUsize,
    two_led: Mutex<Vec<String>>,
    leaderless: Mutex<Duration>,
}

/// Looks from the side, all the time.
#[derive(Debug)]
pub struct Watch {
    seen: Arc<Seen>,
    threads: Vec<JoinHandle<()>>,
}

/// The result of a watch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// Requests to the app.
    pub asked: usize,
    /// Those that were not answered.
    pub failed: usize,
    /// Each time that two masters led, with their addresses.
    pub two_led: Vec<String>,
    /// The longest time without a leader.
    pub leaderless: Duration,
}

impl Watch {
    /// Watches these masters (`ip:port`) and the page at `url`.
    #[must_use]
    pub fn start(masters: Vec<String>, url: String) -> Self {
        let seen = Arc::new(Seen::default());
        let (of_masters, of_page) = (seen.clone(), seen.clone());
        let threads = vec![
            std::thread::spawn(move || watch_masters(&of_masters, &masters)),
            std::thread::spawn(move || watch_page(&of_page, &url)),
        ];
        Self { seen, threads }
    }

    /// Ends it.
    #[must_use]
    pub fn stop(self) -> Figures {
        self.seen.stopped.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().ok();
        }
        Figures {
            asked: self.seen.asked.load(Ordering::Relaxed),
            failed: self.seen.failed.load(Ordering::Relaxed),
            two_led: self
                .seen
                .two_led
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
            leaderless: *self
                .seen
                .leaderless
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        }
    }
}

fn watch_masters(seen: &Seen, masters: &[String]) {
    let (mut last_led, mut before) = (Instant::now(), Vec::new());
    while !seen.stopped.load(Ordering::Relaxed) {
        let leading = http::all_that_lead(masters);
        if !leading.is_empty() {
            last_led = Instant::now();
        }
        let mut longest = seen.leaderless.lock().unwrap_or_else(PoisonError::into_inner);
        *longest = (*longest).max(last_led.elapsed());
        drop(longest);
        // One look takes a moment, in which leadership may change hands: two looks in a row may not see the same two.
        if leading.len() > 1 && leading == before {
            let line = leading.join(" and ");
            seen.two_led
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(line);
        }
        before = leading;
        std::thread::sleep(PERIOD); // a rate, not a wait
    }
}

fn watch_page(seen: &Seen, url: &str) {
    while !seen.stopped.load(Ordering::Relaxed) {
        seen.asked.fetch_add(1, Ordering::Relaxed);
        if http::text(url).is_err() {
            seen.failed.fetch_add(1, Ordering::Relaxed);
        }
        std::thread::sleep(PERIOD); // a rate, not a wait
    }
}
