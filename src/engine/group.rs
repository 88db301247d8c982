//! Group commit: whoever comes while a commit runs shares the next one. Nobody waits for company.

use std::future::Future;

use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;

/// Hands single items to a task that works on all that have come together.
#[derive(Debug)]
pub struct Group<T, R> {
    queue: mpsc::Sender<(T, oneshot::Sender<R>)>,
}

impl<T, R> Clone for Group<T, R> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone() }
    }
}

impl<T: Send + 'static, R: Send + 'static> Group<T, R> {
    /// Starts the task. `work` gets at most `most` items and returns one answer for each, in order;
    /// a missing answer tells its item that the work failed. The task ends when the last handle is
    /// gone and the queue is empty.
    pub fn start<F, W>(tracker: &TaskTracker, most: usize, work: W) -> Self
    where
        F: Future<Output = Vec<R>> + Send,
        W: Fn(Vec<T>) -> F + Send + 'static,
    {
        let (queue, mut arrivals) = mpsc::channel::<(T, oneshot::Sender<R>)>(most * 4);
        tracker.spawn(async move {
            let mut batch = Vec::with_capacity(most);
            while arrivals.recv_many(&mut batch, most).await > 0 {
                let (items, waiters): (Vec<T>, Vec<_>) = batch.drain(..).unzip();
                for (waiter, answer) in waiters.into_iter().zip(work(items).await) {
                    // Whoever has stopped waiting does not need the answer.
                    let _ = waiter.send(answer);
                }
            }
        });
        Self { queue }
    }

    /// The answer for one item; `None` if the work failed or the task has ended.
    pub async fn ask(&self, item: T) -> Option<R> {
        self.begin(item).await.await.ok()
    }

    /// Hands an item over, and does not wait for its answer; waits where very many are there already.
    pub async fn begin(&self, item: T) -> oneshot::Receiver<R> {
        let (waiter, answer) = oneshot::channel();
        // Fails when the task has ended, as the answer will.
        let _ = self.queue.send((item, waiter)).await;
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    #[tokio::test]
    async fn those_who_come_while_one_batch_runs_share_the_next() {
        let tracker = TaskTracker::new();
        let batches = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&batches);
        let group = Group::start(&tracker, 100, move |items: Vec<u32>| {
            counted.fetch_add(1, Ordering::SeqCst);
            async move {
                tokio::task::yield_now().await;
                items.into_iter().map(|item| item * 2).collect()
            }
        });
        let asked = (0..50).map(|item| group.ask(item));
        let answers = futures::future::join_all(asked).await;
        assert_eq!(answers, (0..50).map(|item| Some(item * 2)).collect::<Vec<_>>());
        assert!(batches.load(Ordering::SeqCst) < 50);
        drop(group);
        tracker.close();
        tracker.wait().await;
    }

    #[tokio::test]
    async fn failed_work_is_told_to_whoever_asked() {
        let tracker = TaskTracker::new();
        let group = Group::start(&tracker, 10, |_: Vec<u32>| async { Vec::<u32>::new() });
        assert_eq!(group.ask(1).await, None);
    }
    #[tokio::test]
    async fn what_nobody_waits_for_is_worked_on_in_order_and_none_is_left_behind() {
        let tracker = TaskTracker::new();
        let (worked, mut worked_on) = mpsc::unbounded_channel();
        let group = Group::start(&tracker, 3, move |items: Vec<u32>| {
            let answers = vec![(); items.len()];
            worked.send(items).unwrap();
            async { answers }
        });
        for item in 1..=5 {
            drop(group.begin(item).await);
        }
        drop(group);
        tracker.close();
        tracker.wait().await;
        // No more at once than it was told.
        assert_eq!(worked_on.recv().await, Some(vec![1, 2, 3]));
        assert_eq!(worked_on.recv().await, Some(vec![4, 5]));
    }
}
