//! What the members have told of who listens. A program can't wait for them: it runs again once
//! they have told.

use std::sync::Arc;

use quorate_core::node::{Census, CensusError, Listening};

/// Different questions of one program: each costs another run, and what is told is kept.
const ASKED_MAX: usize = 8;

pub type Told = Result<Listening, CensusError>;

#[derive(Clone, Debug, Default)]
pub struct Heard {
    told: Arc<Vec<(Census, Told)>>,
}

impl Heard {
    pub fn of(&self, asked: &Census) -> Option<&Told> {
        let mut told = self.told.iter();
        told.find_map(|(question, told)| (question == asked).then_some(told))
    }

    pub fn is_full(&self) -> bool {
        self.told.len() >= ASKED_MAX
    }

    pub fn add(&mut self, asked: Census, told: Told) {
        Arc::make_mut(&mut self.told).push((asked, told));
    }
}
