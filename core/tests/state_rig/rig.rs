//! A state with the rows of its store beside it; each entry is checked in every way.

use quorate_core::command::{Command, Entry, LeaseCommand, Life, LifeCondition, Op, SetLifeOp};
use quorate_core::outcome::{Applied, Effects, Outcome, Refusal, TxnOutcome};
use quorate_core::state::{State, read_past};
use quorate_core::types::LeaseId;

use super::rows::Rows;
use super::{bytes, entry, idle, run};

pub struct Rig {
    pub state: State,
    pub rows: Rows,
    pub clock: u64,
}

impl Rig {
    pub fn new() -> Rig {
        let mut state = State::default();
        // Time has come in before the first command.
        state.apply(1, &entry(0, vec![Command::Tick]), |_| true);
        let rows = Rows::new(&state);
        Rig {
            state,
            rows,
            clock: 0,
        }
    }

    pub fn effects(&mut self, commands: Vec<Command>) -> Effects {
        self.effects_of(&entry(self.clock, commands))
    }

    pub fn effects_of(&mut self, entry: &Entry) -> Effects {
        let mut effects = self.state.apply(1, entry, |_| true);
        effects
            .applied
            .iter_mut()
            .for_each(|applied| read_past(applied, &self.rows));
        self.rows.keep(&self.state, &effects);
        self.state.check();
        assert_eq!(self.rows.restore().digest(), self.state.digest());
        effects
    }

    pub fn apply(&mut self, command: Command) -> Applied {
        self.effects(vec![command]).applied.remove(0)
    }

    pub fn txn(&mut self, ops: Vec<Op>) -> TxnOutcome {
        match self.apply(run(ops)).outcome {
            Ok(Outcome::Txn(outcome)) => outcome,
            other => panic!("{other:?}"),
        }
    }

    pub fn refused(&mut self, command: Command) -> Refusal {
        let asked = entry(self.clock, vec![command]);
        let mut before = self.state.clone();
        before.apply(1, &idle(&asked), |_| false);
        let applied = self.effects_of(&asked).applied.remove(0);
        let refusal = applied.outcome.expect_err("refused");
        let after = self.state.digest();
        assert_eq!(after, before.digest(), "a refusal changes nothing");
        refusal
    }

    pub fn value(&self, key: &str) -> Option<String> {
        let record = self.state.get(key.as_bytes())?;
        let value = record.value.as_bytes().expect("bytes");
        Some(String::from_utf8_lossy(value).into_owned())
    }

    pub fn lease_of(&self, key: &str) -> LeaseId {
        self.state.get(key.as_bytes()).expect("key").lease
    }

    pub fn grant(&mut self, id: i64, ttl_ms: u64) {
        let granted = self.apply(Command::Lease(LeaseCommand::Grant {
            id: LeaseId(id),
            ttl_ms,
        }));
        assert!(granted.outcome.is_ok());
    }
}

pub fn set_life(key: &str, life: Life) -> Op {
    Op::SetLife(SetLifeOp {
        key: bytes(key),
        life,
        condition: LifeCondition::default(),
    })
}
