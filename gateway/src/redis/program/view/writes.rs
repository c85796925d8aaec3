//! What a program writes: ops, tried out at once, so that it sees what they will do, and proposed
//! when it has ended.

use bytes::Bytes;
use quorate_core::command::Op;
use quorate_core::outcome::OpResult;
use quorate_core::types::Deadline;

use super::View;
use crate::redis::plan::Plan;
use crate::redis::reply::Reply;

impl View {
    /// Ops so far.
    pub fn written(&self) -> usize {
        self.ops.len()
    }

    /// What was written after the first so many.
    pub fn ops_since(&self, written: usize) -> &[Op] {
        &self.ops[written..]
    }

    /// What was published after the first so many ops: channels and payloads.
    pub fn published_since(&self, written: usize) -> Vec<(Bytes, Bytes)> {
        let published = |op: &Op| match op {
            Op::Publish { channel, payload } => Some((channel.clone(), payload.clone())),
            _ => None,
        };
        let ops = self.ops_since(written).iter();
        ops.filter_map(published).collect()
    }

    fn push(&mut self, op: Op) {
        self.op_bytes += size_of::<Op>() + op.size_hint();
        self.ops.push(op);
    }

    /// Carries out a command that writes.
    pub fn carry_out(&mut self, plan: Plan) -> Reply {
        let ops = plan.ops.into_iter();
        let results: Vec<OpResult> = ops.map(|op| self.carry_out_op(op)).collect();
        Plan::reply(&plan.rule, &results)
    }

    fn carry_out_op(&mut self, op: Op) -> OpResult {
        self.looked_at_time |= op.looks_at_time();
        let looks_at_life = op.looks_at_lives();
        for key in op.reads() {
            let Some(record) = self.look(key, looks_at_life) else {
                continue;
            };
            self.trial.know(&record);
            if looks_at_life && let Some(end) = self.lease_end(&record) {
                self.trial.know_lease(record.lease, end);
            }
        }
        let tried = self.trial.run(&op);
        if tried.changes {
            // Should it come before the entry does, the op would do something else.
            if let Some(point) = op.ends_at_wall()
                && !Deadline::Wall(point).is_past(self.now)
            {
                self.guards.before(point);
            }
            self.push(op);
        }
        tried.result
    }

    /// Delivers a message to subscribers when the effects are applied; how many this member has
    /// now.
    pub fn publish(&mut self, channel: Bytes, payload: Bytes) -> u64 {
        let receivers = self.reader.subscribers(&channel);
        self.push(Op::Publish { channel, payload });
        receivers
    }
}
