//! One stop signal for the whole process.

use tokio::sync::watch;

/// Cloned into every task; resolves once when the process should end.
#[derive(Clone)]
pub struct Shutdown {
    sender: watch::Sender<bool>,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self {
            sender: watch::Sender::new(false),
        }
    }
}

impl Shutdown {
    /// A shutdown that SIGTERM and SIGINT trigger.
    ///
    /// # Errors
    /// When the signal handlers cannot be installed.
    pub fn on_signals() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let this = Self::default();
        let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let trigger = this.clone();
        tokio::spawn(async move {
            tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
            trigger.trigger();
        });
        Ok(this)
    }

    /// Asks everything to end.
    pub fn trigger(&self) {
        self.sender.send_replace(true);
    }

    /// Whether the end was asked for.
    pub fn is_triggered(&self) -> bool {
        *self.sender.borrow()
    }

    /// Resolves when the end is asked for, at once if it already was.
    pub async fn wait(&self) {
        let mut seen = self.sender.subscribe();
        // The sender lives in self, so this only ends with the value.
        let _ = seen.wait_for(|stop| *stop).await;
    }
}
