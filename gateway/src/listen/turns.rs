//! Turns of those who have much to say. On each thread that serves connections one of them goes on
//! at a time, and before it does everybody else who is ready has been served: so who says little
//! waits for one such turn at each step, however many there are who never stop.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::yield_now;

thread_local! {
    /// Whose turn is next; in the order in which they came.
    static NEXT: Arc<Semaphore> = Arc::new(Semaphore::new(1));
}

/// Waits for a turn on this thread.
pub async fn turn() {
    let next = NEXT.with(Arc::clone);
    // It is never closed.
    let _next = next.acquire_owned().await;
    // The runtime goes on with it once all that is ready has run, and what came has been looked at.
    yield_now().await;
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Each step of one who says little takes one turn of the others, not one of each of them.
    #[tokio::test]
    async fn many_who_never_stop_take_their_turns_one_at_a_time() {
        const STEPS: usize = 10;
        let turns = Arc::<AtomicUsize>::default();
        for _ in 0..100 {
            let turns = turns.clone();
            tokio::spawn(async move {
                loop {
                    turn().await;
                    turns.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for _ in 0..STEPS {
            tokio::spawn(async {}).await.expect("it can't panic");
        }
        let taken = turns.load(Ordering::Relaxed);
        assert!(taken <= 5 * STEPS, "{taken} turns beside {STEPS} steps");
        turn().await;
        assert!(turns.load(Ordering::Relaxed) >= 99, "each has had one");
    }
}
