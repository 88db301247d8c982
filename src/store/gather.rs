//! The rows of a statement, without two threads waiting for each other at each of them.
//!
//! SQLite works on a thread of its own, and hands over row by row. Whoever goes to sleep after each row
//! is woken for the next, which takes longer than to make it: a batch of leads is a thousand rows and
//! more. So an empty queue is looked at again a few times, for some microseconds, before that.

use std::task::Poll;

use futures::{Stream, StreamExt as _, future::poll_fn};

/// How often an empty queue is looked at before we sleep.
const LOOKS: usize = 200;

/// All of them, where there are many.
pub async fn gather<T>(
    mut rows: impl Stream<Item = sqlx::Result<T>> + Unpin,
) -> sqlx::Result<Vec<T>> {
    let mut all = Vec::new();
    while let Some(row) = next(&mut rows).await {
        all.push(row?);
    }
    Ok(all)
}

/// The next one.
pub async fn next<T>(rows: &mut (impl Stream<Item = T> + Unpin)) -> Option<T> {
    poll_fn(|context| {
        for _ in 1..LOOKS {
            if let Poll::Ready(row) = rows.poll_next_unpin(context) {
                return Poll::Ready(row);
            }
            std::hint::spin_loop();
        }
        rows.poll_next_unpin(context)
    })
    .await
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    #[tokio::test]
    async fn rows_come_whole_and_in_order_and_an_error_ends_them() {
        let (sender, receiver) = futures::channel::mpsc::unbounded();
        let sending = tokio::spawn(async move {
            for row in 0..1_000 {
                sender.unbounded_send(Ok(row)).unwrap();
                tokio::task::yield_now().await;
            }
        });
        assert_eq!(gather(receiver).await.unwrap(), (0..1_000).collect::<Vec<i32>>());
        sending.await.unwrap();
        let broken = stream::iter([Ok(1), Err(sqlx::Error::RowNotFound), Ok(2)]);
        assert!(gather(broken).await.is_err());
    }
}
