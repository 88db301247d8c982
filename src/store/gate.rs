//! The gate before SQLite's one writing connection: one at a time, people's acts before the rest.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

/// In which of the two queues a writer waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// A reply, an unsubscribe, a pause: what a person did.
    Act,
    Work,
    /// One transaction of very many: after it the file is left alone for as long as it took.
    Bulk,
}

/// So many acts go first, then one of the others: a flood of clicks must not stop all mail.
const ACTS_IN_A_ROW: u32 = 16;

/// Lets one writer in at a time, first come first served within a queue.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<Mutex<Queues>>);

#[derive(Debug, Default)]
struct Queues {
    taken: bool,
    acts_in_a_row: u32,
    acts: VecDeque<oneshot::Sender<Pass>>,
    work: VecDeque<oneshot::Sender<Pass>>,
}

/// The right to write; the next in line gets it when this is dropped.
#[derive(Debug)]
pub struct Pass(Option<Gate>);

impl Gate {
    pub async fn enter(&self, turn: Turn) -> Pass {
        loop {
            let waiting = {
                let mut queues = self.queues();
                if !queues.taken {
                    queues.taken = true;
                    return Pass(Some(self.clone()));
                }
                let (sender, receiver) = oneshot::channel();
                match turn {
                    Turn::Act => queues.acts.push_back(sender),
                    Turn::Work | Turn::Bulk => queues.work.push_back(sender),
                }
                receiver
            };
            if let Ok(pass) = waiting.await {
                return pass;
            }
        }
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leave(&self) {
        loop {
            let mut queues = self.queues();
            let Some(next) = queues.next() else {
                queues.taken = false;
                return;
            };
            drop(queues);
            match next.send(Pass(Some(self.clone()))) {
                Ok(()) => return,
                // Nobody waits there any more: the pass comes back, and goes to the next in this loop.
                Err(mut refused) => refused.0 = None,
            }
        }
    }
}

impl Queues {
    fn next(&mut self) -> Option<oneshot::Sender<Pass>> {
        if self.acts_in_a_row < ACTS_IN_A_ROW
            && let Some(act) = self.acts.pop_front()
        {
            self.acts_in_a_row += 1;
            return Some(act);
        }
        self.acts_in_a_row = 0;
        self.work.pop_front().or_else(|| self.acts.pop_front())
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if let Some(gate) = &self.0 {
            gate.leave();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn acts_go_before_work_that_came_earlier_and_none_is_lost() {
        let gate = Gate::default();
        let first = gate.enter(Turn::Work).await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for (turn, name) in [
            (Turn::Work, "work 1"),
            (Turn::Work, "work 2"),
            (Turn::Act, "act 1"),
            (Turn::Act, "act 2"),
        ] {
            let (gate, order) = (gate.clone(), order.clone());
            tasks.push(tokio::spawn(async move {
                let _pass = gate.enter(turn).await;
                order.lock().unwrap().push(name);
            }));
            // On this single-threaded runtime the task runs up to its place in the queue.
            tokio::task::yield_now().await;
        }
        // One that gives up waiting must not swallow the pass.
        let gave_up = tokio::spawn({
            let gate = gate.clone();
            async move { drop(gate.enter(Turn::Act).await) }
        });
        tokio::task::yield_now().await;
        gave_up.abort();
        drop(first);
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), ["act 1", "act 2", "work 1", "work 2"]);
        drop(gate.enter(Turn::Work).await);
    }

    #[tokio::test]
    async fn a_flood_of_acts_lets_work_through() {
        let gate = Gate::default();
        let first = gate.enter(Turn::Act).await;
        let acts_before = Arc::new(Mutex::new(0));
        let mut tasks = Vec::new();
        for _ in 0..100 {
            let (gate, acts_before) = (gate.clone(), acts_before.clone());
            tasks.push(tokio::spawn(async move {
                let _pass = gate.enter(Turn::Act).await;
                *acts_before.lock().unwrap() += 1;
            }));
        }
        let work = tokio::spawn({
            let (gate, acts_before) = (gate.clone(), acts_before.clone());
            async move {
                let _pass = gate.enter(Turn::Work).await;
                *acts_before.lock().unwrap()
            }
        });
        tokio::task::yield_now().await;
        drop(first);
        assert!(work.await.unwrap() <= ACTS_IN_A_ROW);
        for task in tasks {
            task.await.unwrap();
        }
    }
}
