//! Downloads one file over HTTP.

use std::fs::File;
use std::time::Duration;

use futures::StreamExt;
use tokio::io::AsyncWriteExt;

/// Without a byte for this long a download has failed, as in Mesos.
const STALL: Duration = Duration::from_secs(60);

/// An answer of which only the head has been read.
pub(super) struct Download(reqwest::Response);

/// Sends the request and reads the head of the answer.
pub(super) async fn start(url: &str) -> Result<Download, String> {
    let client = reqwest::Client::builder()
        .read_timeout(STALL)
        .connect_timeout(STALL)
        .build()
        .map_err(|e| e.to_string())?;
    let response = client.get(url).send().await;
    let response = response.and_then(reqwest::Response::error_for_status);
    response.map(Download).map_err(|e| with_causes(&e))
}

impl Download {
    /// Length in bytes, where the server tells it.
    pub(super) fn length(&self) -> Option<u64> {
        self.0.content_length()
    }

    pub(super) async fn into_file(self, file: File) -> Result<(), String> {
        let mut file = tokio::fs::File::from_std(file);
        let mut body = self.0.bytes_stream();
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|e| with_causes(&e))?;
            file.write_all(&chunk).await.map_err(|e| e.to_string())?;
        }
        file.flush().await.map_err(|e| e.to_string())
    }
}

/// The error with its causes: the client's own sentence seldom says what happened.
fn with_causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}
