//! What happened, byte by byte: two runs of a seed must leave the same.

use std::fmt::{Arguments, Write};
use std::sync::Arc;

use parking_lot::Mutex;

/// Lines with the simulated time before each; clones share them.
#[derive(Clone, Default)]
pub struct Trace(Arc<Mutex<String>>);

impl Trace {
    pub fn line(&self, now: u64, what: Arguments<'_>) {
        let mut text = self.0.lock();
        writeln!(text, "{now} {what}").expect("a string takes everything");
    }

    pub fn text(&self) -> String {
        self.0.lock().clone()
    }
}
