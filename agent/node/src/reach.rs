//! How far away others are: the time that a TCP connection takes to be made, which is one round trip.

use std::io;
use std::time::Duration;

use futures::StreamExt;
use mesolith_proto::node::v1::{Port, Reached};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

/// Round trips to each; the fastest counts, since the slower ones have waited for something else.
const TRIES: usize = 3;
/// For one round trip.
const PATIENCE: Duration = Duration::from_secs(2);
/// Asked at the same time; more would measure each other.
const CONCURRENCY: usize = 8;

/// Every address and port with its round trip, in the order of the question.
pub(crate) async fn all(asked: &[(String, u16)]) -> Vec<Reached> {
    let each = asked.iter().map(|(address, port)| one(address, *port));
    let each: Vec<_> = each.collect();
    futures::stream::iter(each).buffered(CONCURRENCY).collect().await
}

async fn one(address: &str, port: u16) -> Reached {
    let mut fastest: Result<Duration, String> = Err(String::new());
    for _ in 0..TRIES {
        match (round_trip(address, port).await, &fastest) {
            (Ok(time), Ok(before)) => fastest = Ok(time.min(*before)),
            (Ok(time), Err(_)) => fastest = Ok(time),
            (Err(problem), _) => {
                fastest = Err(problem);
                break; // it would only take the same time again
            }
        }
    }
    let port = Some(Port {
        address: address.to_owned(),
        port: port.into(),
    });
    match fastest {
        Ok(time) => Reached {
            port,
            micros: u64::try_from(time.as_micros()).unwrap_or(u64::MAX),
            problem: String::new(),
        },
        Err(problem) => Reached {
            port,
            micros: 0,
            problem,
        },
    }
}

/// A refusal is an answer too, but says that nobody is there.
async fn round_trip(address: &str, port: u16) -> Result<Duration, String> {
    let bare = address.trim_start_matches('[').trim_end_matches(']');
    let text = |error: io::Error| error.to_string();
    // Looking the name up is no part of the way. Of several addresses, such as ::1 and 127.0.0.1, the first that answers counts.
    let found = tokio::net::lookup_host((bare, port)).await.map_err(text)?;
    let mut problem = format!("{address} has no address");
    for target in found {
        let since = Instant::now();
        match timeout(PATIENCE, TcpStream::connect(target)).await {
            Ok(Ok(_)) => return Ok(since.elapsed()),
            Ok(Err(error)) => problem = text(error),
            Err(_) => problem = format!("nothing within {} s", PATIENCE.as_secs()),
        }
    }
    Err(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_listens_is_reached_and_who_does_not_says_why() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let closed = free.local_addr().unwrap().port();
        drop(free);
        let asked = [("localhost".to_owned(), port), ("127.0.0.1".to_owned(), closed)];
        let reached = all(&asked).await;
        assert_eq!(reached[0].problem, "");
        assert!(reached[1].problem.contains("refused"), "{reached:?}");
        assert_eq!(reached[1].port.as_ref().unwrap().port, u32::from(closed));
    }
}
