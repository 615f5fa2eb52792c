//! Container output into the sandbox, also across restarts of the agent.
//!
//! The engine keeps the whole log, and nobody but us writes these files: on adoption as many bytes as a file already
//! has are skipped, so nothing is lost and nothing appears twice.

use std::path::Path;

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::query_parameters::LogsOptions;
use bytes::Bytes;
use futures::StreamExt;
use nix::fcntl::OFlag;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

struct Sink {
    file: File,
    skip: u64,
}

impl Sink {
    /// Opens a file to append. A link that the container put in its place is not followed.
    async fn open(path: &Path) -> std::io::Result<Self> {
        let mut options = File::options();
        options
            .create(true)
            .append(true)
            .custom_flags(OFlag::O_NOFOLLOW.bits());
        let file = options.open(path).await?;
        let skip = file.metadata().await?.len();
        Ok(Self { file, skip })
    }

    async fn take(&mut self, chunk: Bytes) -> std::io::Result<()> {
        let length = chunk.len() as u64;
        let skipped = self.skip.min(length);
        self.skip -= skipped;
        // At most the chunk's length, which is a usize.
        let rest = chunk.slice(usize::try_from(skipped).unwrap_or(chunk.len())..);
        self.file.write_all(&rest).await?;
        self.file.flush().await
    }
}

/// Follows until the container ended.
pub(super) async fn follow(docker: Docker, name: String, sandbox: std::path::PathBuf) -> std::io::Result<()> {
    let mut out = Sink::open(&sandbox.join("stdout")).await?;
    let mut err = Sink::open(&sandbox.join("stderr")).await?;
    let options = LogsOptions {
        follow: true,
        stdout: true,
        stderr: true,
        ..Default::default()
    };
    let mut output = docker.logs(&name, Some(options));
    while let Some(chunk) = output.next().await {
        match chunk.map_err(std::io::Error::other)? {
            LogOutput::StdErr { message } => err.take(message).await?,
            LogOutput::StdOut { message } | LogOutput::StdIn { message } | LogOutput::Console { message } => {
                out.take(message).await?;
            }
        }
    }
    Ok(())
}
