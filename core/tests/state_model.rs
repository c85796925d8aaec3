//! The state against a naive model, over random commands: every outcome, every event, every record.
//! On the way, after each entry: all invariants, refusals without a trace, and a state rebuilt from
//! the rows that is the same and goes on the same.

mod state_rig;

use std::sync::Arc;

use proptest::prelude::*;
use quorate_core::command::{Command, Entry, LeaseCommand};
use quorate_core::outcome::{
    Applied, Effects, Event, OpResult, Outcome, RangeResult, Refusal, TxnOutcome,
};
use quorate_core::state::{State, read_past};
use quorate_core::types::{KeyRange, KeyValue, LeaseId};
use state_rig::acts::{Step, steps};
use state_rig::model::{Model, meant, plain};
use state_rig::rows::Rows;
use state_rig::{bytes, entry, idle};

/// Stand-ins for derived ids become those of the state.
fn resolved(state: &State, command: &Command) -> Command {
    let own = |id: &LeaseId| meant(*id, |key| state.get(key).map(|kv| &**kv));
    match command {
        Command::Lease(LeaseCommand::Revoke(id)) => Command::Lease(LeaseCommand::Revoke(own(id))),
        Command::Lease(LeaseCommand::Renew(ids)) => {
            Command::Lease(LeaseCommand::Renew(ids.iter().map(own).collect()))
        }
        other => other.clone(),
    }
}

fn plain_shared(kv: &Arc<KeyValue>) -> Arc<KeyValue> {
    Arc::new(plain(kv))
}

fn plain_event(event: &Event) -> Event {
    let prev = event.prev.as_ref().map(plain_shared);
    Event {
        kv: plain_shared(&event.kv),
        prev,
        cause: event.cause,
    }
}

fn plain_txn(outcome: &TxnOutcome) -> TxnOutcome {
    let results = outcome.results.iter().map(|result| match result {
        OpResult::Range(found) => OpResult::Range(RangeResult {
            kvs: found.kvs.iter().map(plain_shared).collect(),
            ..found.clone()
        }),
        OpResult::Put { prev, revision } => OpResult::Put {
            prev: prev.as_ref().map(plain_shared),
            revision: *revision,
        },
        OpResult::Delete {
            deleted,
            prev,
            revision,
        } => OpResult::Delete {
            deleted: *deleted,
            prev: prev.iter().map(plain_shared).collect(),
            revision: *revision,
        },
        OpResult::Txn(inner) => OpResult::Txn(plain_txn(inner)),
        other => other.clone(),
    });
    TxnOutcome {
        results: results.collect(),
        ..outcome.clone()
    }
}

fn plain_outcome(outcome: &Result<Outcome, Refusal>) -> Result<Outcome, Refusal> {
    match outcome {
        Ok(Outcome::Txn(txn)) => Ok(Outcome::Txn(plain_txn(txn))),
        other => other.clone(),
    }
}

/// One entry of one command on the model: the answer, and the events by revision.
fn expected(model: &mut Model, entry: &Entry, command: &Command) -> (Applied, Vec<Vec<Event>>) {
    model.advance(entry.header.stamp);
    let mut revisions = model.expire();
    let (outcome, events) = match command {
        Command::Txn(txn) => {
            let before = model.clone();
            let outcome = model.txn(txn);
            if outcome.is_err() {
                *model = before;
            }
            (outcome.map(Outcome::Txn), model.close())
        }
        other => model.command(other),
    };
    if !events.is_empty() {
        revisions.push(events);
    }
    let outcome = plain_outcome(&outcome);
    (
        Applied {
            revision: model.revision,
            outcome,
            past: Vec::new(),
        },
        revisions,
    )
}

struct Run {
    state: State,
    model: Model,
    rows: Rows,
    clock: u64,
    log: Vec<Entry>,
}

impl Run {
    fn new() -> Run {
        let state = State::default();
        let rows = Rows::new(&state);
        Run {
            state,
            model: Model::new(),
            rows,
            clock: 0,
            log: Vec::new(),
        }
    }

    fn entry(&mut self, command: &Command) -> Effects {
        let mut entry = entry(self.clock, vec![resolved(&self.state, command)]);
        // The wall clock goes its own way.
        entry.header.stamp.wall.0 += self.clock / 2;
        let mut restored = self.rows.restore();
        let mut effects = self.state.apply(1, &entry, |_| true);
        // A restarted member goes on as if nothing had been.
        assert_eq!(restored.apply(1, &entry, |_| true), effects);
        effects
            .applied
            .iter_mut()
            .for_each(|applied| read_past(applied, &self.rows));
        self.rows.keep(&self.state, &effects);
        self.state.check();
        assert_eq!(self.rows.restore().digest(), self.state.digest());
        self.log.push(entry);
        effects
    }

    fn step(&mut self, step: &Step) {
        self.clock += step.elapsed;
        if step.tick_first {
            self.compare(&Command::Tick);
            let mut before = self.state.clone();
            let effects = self.compare(&step.command);
            if effects.applied[0].outcome.is_err() {
                before.apply(1, &idle(&self.log[self.log.len() - 1]), |_| false);
                let (before, after) = (before.digest(), self.state.digest());
                assert_eq!(after, before, "a refusal changes nothing");
            }
        } else {
            self.compare(&step.command);
        }
    }

    fn compare(&mut self, command: &Command) -> Effects {
        let effects = self.entry(command);
        let entry = self.log.last().expect("just pushed").clone();
        let (applied, revisions) = expected(&mut self.model, &entry, command);
        let got = Applied {
            revision: effects.applied[0].revision,
            outcome: plain_outcome(&effects.applied[0].outcome),
            past: Vec::new(),
        };
        assert_eq!(got, applied, "{command:?}");
        let plain_all = |events: &[Event]| events.iter().map(plain_event).collect::<Vec<_>>();
        let made: Vec<_> = effects
            .revisions
            .iter()
            .map(|made| plain_all(&made.all().collect::<Vec<_>>()))
            .collect();
        let wanted: Vec<_> = revisions.iter().map(|events| plain_all(events)).collect();
        assert_eq!(made, wanted, "{command:?}");
        let all = KeyRange::From(bytes(""));
        let records: Vec<_> = self.state.iter(&all).map(|kv| plain(kv)).collect();
        let wanted: Vec<_> = self.model.current.values().map(plain).collect();
        assert_eq!(records, wanted, "{command:?}");
        assert_eq!(self.state.count(&all), wanted.len() as u64);
        effects
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn state_does_what_the_model_does(steps in steps()) {
        let mut run = Run::new();
        for step in &steps {
            run.step(step);
        }
        let mut replayed = State::default();
        for entry in &run.log {
            replayed.apply(1, entry, |_| false);
        }
        prop_assert_eq!(replayed.digest(), run.state.digest());
    }
}
