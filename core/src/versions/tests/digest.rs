//! State restored from disk is State as it was, at every log index, whatever was applied.

use std::sync::Arc;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::disk::Disk;
use super::maker::open;
use crate::command::{
    Batch, Command, DataOp, DeleteOp, Entry, EntryHeader, LeaseCommand, Life, LifeCondition, Op,
    Origin, Proposal, PutOp, PutValue, ScriptCommand, SetLifeOp, Txn,
};
use crate::node::rebuild;
use crate::outcome::Effects;
use crate::state::State;
use crate::types::{ClusterMillis, Hash, KeyRange, LeaseId, Principal, Stamp, UnixMillis, Value};
use crate::versions::{Change, Position};

struct Script {
    random: StdRng,
    clock: u64,
}

impl Script {
    fn key(&mut self) -> Bytes {
        let kind = if self.random.random_bool(0.4) {
            "redis/0/"
        } else {
            "etcd/"
        };
        format!("{kind}{}", self.random.random_range(0..7)).into()
    }

    fn life(&mut self) -> Life {
        match self.random.random_range(0..6) {
            0 => Life::For(self.random.random_range(1..400)),
            1 => Life::Lease(LeaseId(self.random.random_range(1..4))),
            2 => Life::Keep { must_exist: false },
            _ => Life::Forever,
        }
    }

    fn op(&mut self) -> Op {
        let key = self.key();
        match self.random.random_range(0..12) {
            0..5 => {
                let value = self.random.random_range(0..100).to_string();
                let value = PutValue::Set(Value::Bytes(value.into()));
                Op::Put(PutOp {
                    key,
                    value,
                    life: self.life(),
                    want_prev: false,
                })
            }
            5..7 => Op::Delete(DeleteOp {
                range: KeyRange::Key(key),
                want_prev: false,
            }),
            7 => Op::Delete(DeleteOp {
                range: KeyRange::prefix(&key[..5]),
                want_prev: true,
            }),
            8..10 => {
                let life = Life::For(self.random.random_range(0..400));
                Op::SetLife(SetLifeOp {
                    key,
                    life,
                    condition: LifeCondition::default(),
                })
            }
            10 => Op::Data(DataOp::Add { key, by: 3 }),
            _ => {
                let fields = Hash::from([("f".into(), "1".into())]);
                Op::Data(DataOp::HashSet {
                    key,
                    fields: Arc::new(fields),
                    only_missing: false,
                })
            }
        }
    }

    fn command(&mut self, state: &State) -> Command {
        let id = LeaseId(self.random.random_range(1..4));
        match self.random.random_range(0..20) {
            0..13 => {
                let then = (0..self.random.random_range(1..4))
                    .map(|_| self.op())
                    .collect();
                Command::Txn(Txn {
                    then,
                    ..Txn::default()
                })
            }
            13..15 => Command::Lease(LeaseCommand::Grant { id, ttl_ms: 300 }),
            15 => Command::Lease(LeaseCommand::Renew(vec![id])),
            16 => Command::Lease(LeaseCommand::Revoke(id)),
            17 => Command::Compact(self.random.random_range(0..=state.revision())),
            18 => Command::Script(match self.random.random_bool(0.8) {
                true => ScriptCommand::Load {
                    sha1: format!("{:040x}", self.clock).into(),
                    body: "return 1".into(),
                },
                false => ScriptCommand::Flush,
            }),
            _ => Command::Tick,
        }
    }

    fn entry(&mut self, index: u64, state: &State) -> Entry {
        self.clock += self.random.random_range(0..60);
        let clock = ClusterMillis(self.clock);
        let stamp = Stamp {
            term: 1,
            clock,
            wall: UnixMillis(self.clock + 1_000_000),
        };
        let proposals = (0..self.random.random_range(1..4)).map(|_| Proposal {
            principal: Principal::default(),
            command: self.command(state),
        });
        let proposals = proposals.collect();
        let (member, start) = (self.random.random_range(1..4), 1 + index / 20);
        let origin = Origin {
            member,
            start,
            after: 0,
            first: 10 * index,
        };
        Entry {
            header: EntryHeader {
                stamp,
                ..EntryHeader::default()
            },
            batches: vec![Batch { origin, proposals }],
        }
    }
}

fn change(index: u64, state: &State, effects: Effects) -> Change {
    Change {
        position: Position {
            term: 1,
            leader: 0,
            index,
        },
        log: Default::default(),
        revision: state.revision(),
        compact_revision: state.compact_revision(),
        forgetful: state.forgetful().clone(),
        forgotten_below: state.forgotten_below(),
        revisions: effects.revisions,
        lives: effects.lives,
        leases: effects.leases,
        state: Some(state.scalars()),
        items: effects.items,
        membership: None,
        freed: Vec::new(),
    }
}

fn run(seed: u64) {
    let mut script = Script {
        random: StdRng::seed_from_u64(seed),
        clock: 0,
    };
    let disk = Disk::new();
    let versions = open(disk.clone()).versions;
    let mut state = State::default();
    for index in 1..=60 {
        let entry = script.entry(index, &state);
        let effects = state.apply(1, &entry, |_| true);
        state.check();
        versions.submit(change(index, &state, effects)).unwrap();
        versions.flush().unwrap();
        let restored = open(disk.crash(seed + index));
        assert_eq!(restored.position.index, index);
        let restored = rebuild(restored.parts).unwrap();
        restored.check();
        assert_eq!(
            restored.digest(),
            state.digest(),
            "seed {seed}, index {index}: {entry:#?}"
        );
        // What was restored goes on as what was never stopped.
        if index % 7 == 0 {
            state = restored;
        }
    }
    assert!(
        state.revision() > 30,
        "much must have happened, not been refused"
    );
}

#[test]
fn a_restart_at_any_index_restores_the_state() {
    for seed in [1, 1000, 2000, 3000, 4000, 5000] {
        run(seed);
    }
}
