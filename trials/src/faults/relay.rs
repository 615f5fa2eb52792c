//! A link with a delay. Bytes come out a fixed time after they went in, each way, as fast as they came.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Chunks on their way. They hold up to 4 GB, so that the delay and not the relay limits what is on its way.
const CHUNKS: usize = 65_536;

/// Listens on a free port until it is dropped, which also closes its connections.
#[derive(Debug)]
pub struct Relay {
    local: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Relay {
    /// Starts a relay to `target`, which need not listen yet.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn start(target: String, delay: Duration) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let local = listener.local_addr()?;
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(carry(stream, target.clone(), delay));
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { local, task })
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.local.port()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(near: TcpStream, target: String, delay: Duration) {
    // Making a connection takes one round trip.
    tokio::time::sleep(delay * 2).await;
    let Ok(far) = TcpStream::connect(&target).await else {
        return;
    };
    if near.set_nodelay(true).and(far.set_nodelay(true)).is_err() {
        return;
    }
    let (near_in, near_out) = near.into_split();
    let (far_in, far_out) = far.into_split();
    tokio::join!(one_way(near_in, far_out, delay), one_way(far_in, near_out, delay));
}

async fn one_way(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay: Duration) {
    let (send, mut receive) = mpsc::channel::<(Instant, Vec<u8>)>(CHUNKS);
    let reading = async move {
        let mut buffer = vec![0; 65_536];
        while let Ok(count) = from.read(&mut buffer).await {
            let chunk = (Instant::now() + delay, buffer[..count].to_vec());
            if count == 0 || send.send(chunk).await.is_err() {
                break;
            }
        }
    };
    let writing = async move {
        while let Some((due, chunk)) = receive.recv().await {
            tokio::time::sleep_until(due.into()).await;
            if to.write_all(&chunk).await.is_err() {
                break;
            }
        }
        to.shutdown().await.ok();
    };
    tokio::join!(reading, writing);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn delays_each_way_and_limits_nothing() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = server.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            let (mut stream, _) = server.accept().await.unwrap();
            let mut buffer = vec![0; 1 << 20];
            while let Ok(count) = stream.read(&mut buffer).await {
                if count == 0 || stream.write_all(&buffer[..count]).await.is_err() {
                    break;
                }
            }
        });
        let delay = Duration::from_millis(50);
        let relay = Relay::start(address, delay).await.unwrap();
        let stream = TcpStream::connect(("127.0.0.1", relay.port())).await.unwrap();
        let (mut from, mut to) = stream.into_split();
        let mut byte = [7];
        // The first exchange includes the connection.
        to.write_all(&byte).await.unwrap();
        from.read_exact(&mut byte).await.unwrap();
        let began = Instant::now();
        to.write_all(&byte).await.unwrap();
        from.read_exact(&mut byte).await.unwrap();
        assert!(began.elapsed() >= delay * 2, "{:?}", began.elapsed());
        // 64 MB that are sent at once come back in little more than the delay. A window would add a round trip for
        // each part.
        let sent = vec![1; 64 << 20];
        let mut came = vec![0; sent.len()];
        let (wrote, read) = tokio::join!(to.write_all(&sent), from.read_exact(&mut came));
        wrote.unwrap();
        read.unwrap();
        assert_eq!(came, sent);
    }
}
