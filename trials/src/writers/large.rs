//! The steps that meet limits: much data, multis with much data, thousands of children.

use futures::stream::{self, StreamExt};

use super::hand::{Answer, Hand, one_error, settle};
use crate::client::OPEN;

/// Creates under way at once.
const WINDOW: usize = 50;

impl Hand {
    /// Data of a size, of a new node or of one that is there.
    pub(super) async fn large(&mut self, path: String, size: usize) -> Answer {
        let data = vec![b'L'; size];
        let answer = match self.client.check_stat(&path).await {
            Ok(Some(_)) => settle(self.client.set_data(&path, &data, None)).await,
            Ok(None) => settle(self.client.create(&path, &data, &OPEN)).await,
            Err(_) => return Answer::Refused,
        };
        self.note(&path, Some(data), &answer);
        answer
    }

    /// Two nodes set at once.
    pub(super) async fn large_multi(&mut self, paths: [String; 2], size: usize) -> Answer {
        let data = vec![b'M'; size];
        let mut multi = self.client.new_multi_writer();
        for path in &paths {
            if multi.add_set_data(path, &data, None).is_err() {
                return Answer::Refused;
            }
        }
        let answer = settle(one_error(multi.commit())).await;
        for path in &paths {
            self.note(path, Some(data.clone()), &answer);
        }
        answer
    }

    /// Children by the thousand.
    pub(super) async fn many(&mut self, parent: &str, count: usize) -> Answer {
        let paths: Vec<_> = (0..count).map(|n| format!("{parent}/m{n:05}")).collect();
        let client = self.client.clone();
        let create = |path: String| {
            let client = client.clone();
            async move {
                let answer = settle(client.create(&path, b"m", &OPEN)).await;
                (path, answer)
            }
        };
        let answers: Vec<_> = stream::iter(paths)
            .map(create)
            .buffer_unordered(WINDOW)
            .collect()
            .await;
        let mut all = Answer::Done;
        for (path, answer) in answers {
            self.note(&path, Some(b"m".to_vec()), &answer);
            if !matches!(answer, Answer::Done) {
                all = answer;
            }
        }
        all
    }
}
