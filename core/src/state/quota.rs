//! While the NOSPACE alarm is on, whatever needs more space is refused; what frees space is not
//! (server/etcdserver/apply: applierV3Capped). Judged on the alarm alone, which is replicated.

use super::apply::State;
use crate::command::{AlarmKind, Command, DataOp, LeaseCommand, Op, ScriptCommand, Txn};
use crate::outcome::Refusal;

impl State {
    /// # Errors
    /// `NoSpace`.
    pub(super) fn admit(&self, command: &Command) -> Result<(), Refusal> {
        match needs_space(command) && self.has_alarm(AlarmKind::NoSpace) {
            true => Err(Refusal::NoSpace),
            false => Ok(()),
        }
    }
}

fn needs_space(command: &Command) -> bool {
    match command {
        Command::Txn(txn) => txn_needs_space(txn),
        Command::Lease(LeaseCommand::Grant { .. }) => true,
        Command::Script(ScriptCommand::Load { .. }) => true,
        Command::Lease(LeaseCommand::Revoke(_) | LeaseCommand::Renew(_))
        | Command::Script(ScriptCommand::Flush)
        | Command::Compact(_)
        | Command::Alarm(_)
        | Command::Cluster(_)
        | Command::Tick => false,
    }
}

/// Either branch counts, as in etcd: which one is taken shows only later.
fn txn_needs_space(txn: &Txn) -> bool {
    txn.then.iter().chain(&txn.otherwise).any(|op| match op {
        Op::Put(_) => true,
        Op::Data(op) => !matches!(op, DataOp::HashDelete { .. }),
        Op::Txn(inner) => txn_needs_space(inner),
        Op::Range(_) | Op::Delete(_) | Op::SetLife(_) | Op::Publish { .. } | Op::Because(_) => {
            false
        }
    })
}
