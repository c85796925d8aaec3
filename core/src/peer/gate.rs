//! Members are greeted while a member starts, and served once it has: those who come early wait.

use std::sync::Arc;

use tokio::sync::watch;

pub(crate) struct Gate<S>(watch::Sender<Option<Arc<S>>>);

impl<S> Clone for Gate<S> {
    fn clone(&self) -> Gate<S> {
        Gate(self.0.clone())
    }
}

impl<S> Default for Gate<S> {
    fn default() -> Gate<S> {
        Gate(watch::Sender::new(None))
    }
}

impl<S> Gate<S> {
    pub(crate) fn open(&self, service: Arc<S>) {
        let before = self.0.send_replace(Some(service));
        assert!(before.is_none(), "it opens once");
    }

    pub(super) async fn passed(&self) -> Arc<S> {
        let mut opened = self.0.subscribe();
        loop {
            if let Some(service) = &*opened.borrow_and_update() {
                return service.clone();
            }
            // The sender is in self: it can't be gone.
            let _ = opened.changed().await;
        }
    }
}
