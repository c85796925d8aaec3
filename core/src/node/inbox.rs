//! How answers reach those who wait: a thread that serves many callers has one inbox, so that the
//! answers of an entry wake it once and not once each.
//!
//! Invariant: every answer is sent exactly once, or dropped with what held it; a caller whose
//! answer was dropped is told that nobody knows.

use std::cell::RefCell;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use crate::outcome::{NodeError, Reply};

type Result = std::result::Result<Reply, NodeError>;

thread_local! {
    static HERE: RefCell<Option<Arc<Inbox>>> = const { RefCell::new(None) };
}

/// What has come for the callers of one thread and was not handed to them yet.
#[derive(Default)]
pub(crate) struct Inbox {
    arrived: Mutex<Vec<(oneshot::Sender<Result>, Result)>>,
    added: Notify,
}

/// Gives the calling thread an inbox: answers to what is proposed on it from now on come through
/// the returned future, which must be run on that very thread as long as it proposes anything.
pub fn answer_here() -> impl Future<Output = ()> {
    let inbox = Arc::new(Inbox::default());
    HERE.set(Some(inbox.clone()));
    async move { inbox.run().await }
}

impl Inbox {
    async fn run(&self) {
        loop {
            self.added.notified().await;
            let arrived = std::mem::take(&mut *self.arrived.lock());
            for (caller, result) in arrived {
                // A caller that went away needs no answer.
                drop(caller.send(result));
            }
        }
    }

    fn put(&self, answers: Vec<(oneshot::Sender<Result>, Result)>) {
        let mut arrived = self.arrived.lock();
        let was_empty = arrived.is_empty();
        arrived.extend(answers);
        drop(arrived);
        if was_empty {
            self.added.notify_one();
        }
    }
}

/// Where one answer goes.
pub(crate) struct Answer {
    caller: oneshot::Sender<Result>,
    inbox: Option<Arc<Inbox>>,
}

/// An answer to come, for a caller on this thread.
pub(crate) fn channel() -> (Answer, oneshot::Receiver<Result>) {
    let (caller, receiver) = oneshot::channel();
    let inbox = HERE.with_borrow(Option::clone);
    (Answer { caller, inbox }, receiver)
}

impl Answer {
    /// Whether the caller has gone.
    pub(crate) fn is_unwanted(&self) -> bool {
        self.caller.is_closed()
    }

    pub(crate) fn send(self, result: Result) {
        send_all([(self, result)]);
    }
}

/// Hands out many answers, each inbox's together.
pub(crate) fn send_all(answers: impl IntoIterator<Item = (Answer, Result)>) {
    let mut inboxes: Vec<(Arc<Inbox>, Vec<_>)> = Vec::new();
    for (Answer { caller, inbox }, result) in answers {
        let Some(inbox) = inbox else {
            drop(caller.send(result));
            continue;
        };
        // There are as many inboxes as threads: few.
        match inboxes
            .iter_mut()
            .find(|(known, _)| Arc::ptr_eq(known, &inbox))
        {
            Some((_, own)) => own.push((caller, result)),
            None => inboxes.push((inbox, vec![(caller, result)])),
        }
    }
    for (inbox, answers) in inboxes {
        inbox.put(answers);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn answers_come_through_the_inbox_of_the_thread_that_asked() {
        let (direct, mut receiver) = channel();
        direct.send(Err(NodeError::Timeout));
        assert_eq!(receiver.try_recv(), Ok(Err(NodeError::Timeout)));

        let inbox = answer_here();
        let (first, mut one) = channel();
        let (second, mut two) = channel();
        let other = std::thread::spawn(channel).join().expect("no panic");
        HERE.set(None);
        send_all([
            (first, Err(NodeError::Unknown)),
            (other.0, Err(NodeError::Stopped)),
            (second, Err(NodeError::Overloaded)),
        ]);
        let mut third = other.1;
        assert_eq!(third.try_recv(), Ok(Err(NodeError::Stopped)));
        assert!(one.try_recv().is_err(), "nobody runs the inbox yet");
        tokio::select! {
            biased;
            () = inbox => {}
            both = async { ((&mut one).await, (&mut two).await) } => {
                assert_eq!(both, (Ok(Err(NodeError::Unknown)), Ok(Err(NodeError::Overloaded))));
            }
        }
    }
}
