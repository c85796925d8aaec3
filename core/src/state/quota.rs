//! What the alarms refuse. While NOSPACE is on, whatever needs more space; what frees space is not
//! (server/etcdserver/apply: applierV3Capped). While CORRUPT is on, whatever changes keys, leases
//! or history (applierV3Corrupt). Judged on the alarms alone, which are replicated.

use super::value::State;
use crate::command::{AlarmKind, Command, LeaseCommand, Op, ScriptCommand, Txn};
use crate::outcome::Refusal;

impl State {
    /// # Errors
    /// `Corrupt`, `NoSpace`: when both are on, etcd tells the first.
    pub(super) fn admit(&self, command: &Command) -> Result<(), Refusal> {
        if self.has_alarm(AlarmKind::Corrupt) && changes_data(command) {
            return Err(Refusal::Corrupt);
        }
        if self.has_alarm(AlarmKind::NoSpace) && needs_space(command) {
            return Err(Refusal::NoSpace);
        }
        Ok(())
    }
}

/// Every txn that was proposed, for those that only read are not. Lives end all the same: a lock
/// must not outlast its holder because of an alarm.
fn changes_data(command: &Command) -> bool {
    match command {
        Command::Txn(_) | Command::Program(_) | Command::Compact(_) | Command::Script(_) => true,
        Command::Lease(LeaseCommand::Grant { .. } | LeaseCommand::Revoke(_)) => true,
        Command::Lease(LeaseCommand::Renew(_))
        | Command::Alarm(_)
        | Command::Cluster(_)
        | Command::Tick => false,
    }
}

/// Whether a command makes the store larger.
pub fn needs_space(command: &Command) -> bool {
    match command {
        Command::Txn(txn) => txn_needs_space(txn),
        Command::Program(program) => program.ops.iter().any(op_needs_space),
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
    txn.then.iter().chain(&txn.otherwise).any(op_needs_space)
}

fn op_needs_space(op: &Op) -> bool {
    match op {
        Op::Put(_) => true,
        Op::Data(op) => op.needs_space(),
        Op::Txn(inner) => txn_needs_space(inner),
        Op::Range(_)
        | Op::Delete(_)
        | Op::SetLife(_)
        | Op::Publish { .. }
        | Op::Because(_)
        | Op::Turn(_) => false,
    }
}
