//! Which watched keys were touched: WATCH fails EXEC after any change of a key or its life, even
//! one that was undone.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use dashmap::DashMap;
use quorate_core::swept::Swept;

/// Watched keys (the core's) with those who watch them.
#[derive(Default)]
pub struct Touches {
    watched: DashMap<Bytes, Vec<Arc<AtomicBool>>>,
}

/// One connection's watch; forgets its keys when dropped.
pub struct Watch {
    touches: Arc<Touches>,
    keys: BTreeSet<Bytes>,
    touched: Arc<AtomicBool>,
}

impl Touches {
    pub fn touch(&self, key: &Bytes) {
        if self.watched.is_empty() {
            return;
        }
        if let Some(watchers) = self.watched.get(key) {
            watchers
                .iter()
                .for_each(|touched| touched.store(true, Ordering::Release));
        }
    }
}

impl Touches {
    /// There are fewer watched keys than keys that are swept together.
    pub fn touch_swept(&self, swept: &Swept) {
        let watched = self.watched.iter();
        let touched = watched.filter(|entry| swept.holds(entry.key()));
        touched.for_each(|entry| {
            let watchers = entry.value().iter();
            watchers.for_each(|touched| touched.store(true, Ordering::Release));
        });
    }
}

impl Watch {
    pub fn new(touches: Arc<Touches>) -> Watch {
        Watch {
            touches,
            keys: BTreeSet::new(),
            touched: Arc::default(),
        }
    }

    /// Adds a key; false if it is watched already.
    pub fn add(&mut self, key: Bytes) -> bool {
        if !self.keys.insert(key.clone()) {
            return false;
        }
        self.touches
            .watched
            .entry(key)
            .or_default()
            .push(self.touched.clone());
        true
    }

    pub fn contains(&self, key: &Bytes) -> bool {
        self.keys.contains(key)
    }

    /// As if a key had been touched: EXEC will do nothing.
    pub fn fail(&self) {
        self.touched.store(true, Ordering::Release);
    }

    pub fn is_touched(&self) -> bool {
        self.touched.load(Ordering::Acquire)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        for key in std::mem::take(&mut self.keys) {
            if let Some(mut watchers) = self.touches.watched.get_mut(&key) {
                watchers.retain(|touched| !Arc::ptr_eq(touched, &self.touched));
            }
            self.touches
                .watched
                .remove_if(&key, |_, watchers| watchers.is_empty());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn touched_until_dropped() {
        let touches = Arc::new(Touches::default());
        let key = Bytes::from("k");
        let mut watch = Watch::new(touches.clone());
        assert!(watch.add(key.clone()));
        assert!(!watch.add(key.clone()));
        touches.touch(&Bytes::from("other"));
        assert!(!watch.is_touched());
        touches.touch(&key);
        assert!(watch.is_touched());
        drop(watch);
        assert!(touches.watched.is_empty());
    }
}
