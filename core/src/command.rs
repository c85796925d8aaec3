//! What can be proposed: commands, in the core's own nouns. One conditional shape, `Txn`, serves
//! etcd's compare/then/else, SET NX, compare-and-delete, MULTI and the effects of a script.

mod data;
mod looks;
mod ops;
mod turn;

use std::sync::Arc;

use bytes::Bytes;

pub use data::{DataOp, When};
pub use turn::{Part, TurnId, TurnOp, TurnStep};

use crate::limits::{FEATURE_LEVEL_FOUNDED, FEATURE_LEVEL_MIN};
use crate::types::{
    Cause, ClusterId, KeyRange, LeaseId, MemberId, Principal, Revision, Settings, Stamp,
    UnixMillis, Value,
};

/// One log entry: commands that were proposed together, applied in order under one stamp.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub header: EntryHeader,
    /// Of several members: the leader's own and those that others forwarded to it.
    pub batches: Vec<Batch>,
}

impl Entry {
    /// Proposals of all batches.
    pub fn proposals(&self) -> usize {
        self.batches.iter().map(|batch| batch.proposals.len()).sum()
    }
}

/// Proposals of one member with consecutive numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    pub origin: Origin,
    pub proposals: Vec<Proposal>,
}

impl Batch {
    /// The number of the last proposal; that of the one before the first if there is none.
    pub fn last(&self) -> u64 {
        self.origin.first + self.proposals.len() as u64 - 1
    }
}

/// Who proposes a batch, and where it stands among all that this member proposes. By this each
/// proposal is taken at most once and in its order, however often and to whomever it was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    pub member: MemberId,
    /// Of the member's process: rises with each.
    pub start: u64,
    /// The number that goes before: unless it was taken, or a later one, nothing of this is.
    pub after: u64,
    /// The first proposal's number, from 1.
    pub first: u64,
}

/// Where an entry comes from; checked by whoever decodes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EntryHeader {
    pub cluster: ClusterId,
    pub member: MemberId,
    pub incarnation: u64,
    /// The lowest feature level that can apply this entry.
    pub feature_level: u32,
    pub stamp: Stamp,
}

/// A command with the one who asks for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    pub principal: Principal,
    pub command: Command,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    Txn(Txn),
    Program(Program),
    Lease(LeaseCommand),
    /// Forget what is older than the revision, but for the newest version of each key.
    Compact(Revision),
    Alarm(AlarmCommand),
    Cluster(ClusterCommand),
    Script(ScriptCommand),
    /// Time passes: ends the lives that are due. Also the barrier of an idle cluster.
    Tick,
}

/// Guards, then one of two lists of ops on one write view with read-your-writes. Guards, those of
/// nested txns too, are judged on the state before the outermost txn. An op that is refused takes
/// the whole txn back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Txn {
    pub guards: Vec<Guard>,
    pub then: Vec<Op>,
    pub otherwise: Vec<Op>,
}

/// Ops in order on one write view with read-your-writes, each by itself: one that is refused has
/// changed nothing, and the next goes on (Redis's EXEC). All make one revision. Of a refusal that
/// bounds what is made of a request (`TooMuch`, `Overloaded`) nothing at all is done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Program {
    /// Unless all hold, judged on the state before, nothing is done.
    pub guards: Vec<Guard>,
    /// No `Op::Txn`; ranges are at the newest revision.
    pub ops: Vec<Op>,
}

/// A condition; true when every key of the range passes the test (etcd's rule). A missing single
/// key counts as all numbers 0, and never passes a test of its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Guard {
    pub range: KeyRange,
    pub test: Test,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    Equal,
    NotEqual,
    Greater,
    Less,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    Version(Relation, i64),
    CreateRevision(Relation, Revision),
    ModRevision(Relation, Revision),
    Lease(Relation, LeaseId),
    /// On typed (non-byte) values always false, as for a missing key.
    Value(Relation, Bytes),
    /// The life generation of a single key (0 when missing) is just this.
    LifeGeneration(u64),
    /// A range that was read: the same number of keys, none modified after `newest`.
    Unchanged {
        count: u64,
        newest: Revision,
    },
    /// A range of which the names were read: the same number of keys, none made after `newest`.
    /// So the names are the same; what they stand for may have changed.
    SameNames {
        count: u64,
        newest: Revision,
    },
    /// A range whose lives were read: none of them changed after this generation.
    LivesUnchanged(u64),
    /// Whatever the range: the wall clock is before this point.
    WallBefore(UnixMillis),
    /// Whatever the range: whether the cache of scripts holds the one with this SHA-1.
    Script {
        sha1: Bytes,
        kept: bool,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    Range(RangeOp),
    Put(PutOp),
    Delete(DeleteOp),
    /// Change the life of one key; makes no revision.
    SetLife(SetLifeOp),
    Data(DataOp),
    /// Deliver to subscribers when applied.
    Publish {
        channel: Bytes,
        payload: Bytes,
    },
    /// What the next op changes is told with this cause instead of the op's own.
    Because(Cause),
    Turn(TurnOp),
    Txn(Txn),
}

#[derive(Clone, Debug, PartialEq)]
pub struct RangeOp {
    pub range: KeyRange,
    /// 0: the newest.
    pub revision: Revision,
    /// 0: no limit.
    pub limit: u64,
    pub order: Order,
    pub keys_only: bool,
    pub count_only: bool,
    /// (lowest, highest) that pass, 0 for no bound.
    pub mod_bounds: (Revision, Revision),
    pub create_bounds: (Revision, Revision),
}

impl RangeOp {
    /// All of the range, newest, in key order.
    pub fn new(range: KeyRange) -> RangeOp {
        RangeOp {
            range,
            revision: 0,
            limit: 0,
            order: Order::default(),
            keys_only: false,
            count_only: false,
            mod_bounds: (0, 0),
            create_bounds: (0, 0),
        }
    }
}

/// etcd's sort options. `Natural` on a target other than the key sorts ascending after the limit
/// was applied in key order, as etcd does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Order {
    pub target: SortTarget,
    pub direction: Direction,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortTarget {
    #[default]
    Key,
    Version,
    Create,
    Mod,
    Value,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    #[default]
    Natural,
    Ascending,
    Descending,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PutOp {
    pub key: Bytes,
    pub value: PutValue,
    pub life: Life,
    /// Return the version that is replaced.
    pub want_prev: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum PutValue {
    Set(Value),
    /// etcd's ignore_value: the key must exist.
    Keep,
}

/// What becomes of a key's life when it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    Forever,
    /// Keep what it has; with `must_exist` (etcd's ignore_lease) the key must exist.
    Keep {
        must_exist: bool,
    },
    /// Milliseconds from the stamp.
    For(u64),
    /// By the cluster's wall clock.
    Until(UnixMillis),
    Lease(LeaseId),
}

#[derive(Clone, Debug, PartialEq)]
pub struct DeleteOp {
    pub range: KeyRange,
    pub want_prev: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct SetLifeOp {
    pub key: Bytes,
    /// `For(0)` and times past delete the key. `Keep` is not allowed.
    pub life: Life,
    pub condition: LifeCondition,
}

/// Redis's EXPIRE options; a key without a deadline counts as infinite for GT and LT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LifeCondition {
    /// NX: only if it has none.
    pub only_without: bool,
    /// XX: only if it has one.
    pub only_with: bool,
    /// GT.
    pub only_later: bool,
    /// LT.
    pub only_earlier: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum LeaseCommand {
    /// The id is chosen before proposing, never 0, never derived. TTL in milliseconds.
    Grant {
        id: LeaseId,
        ttl_ms: u64,
    },
    Revoke(LeaseId),
    /// Coalesced keep-alives, answered in order.
    Renew(Vec<LeaseId>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlarmKind {
    NoSpace,
    Corrupt,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlarmCommand {
    Activate { member: MemberId, kind: AlarmKind },
    Deactivate { member: MemberId, kind: AlarmKind },
}

#[derive(Clone, Debug, PartialEq)]
pub enum ClusterCommand {
    /// A started member tells its name, client URLs, the incarnation of its disk and the highest
    /// feature level that its program can apply.
    Publish {
        member: MemberId,
        name: Arc<str>,
        client_urls: Vec<Arc<str>>,
        incarnation: u64,
        feature_level: u32,
    },
    /// All members can apply that level: entries may need it from here on.
    RaiseFeatureLevel(u32),
    /// The first entry of a cluster. Where it is not the first, the prefixes without history stay
    /// as they are.
    Found(Settings),
}

#[derive(Clone, Debug, PartialEq)]
pub enum ScriptCommand {
    /// Keep a script under its SHA-1 (40 lower-case hex digits).
    Load {
        sha1: Bytes,
        body: Bytes,
    },
    Flush,
}

/// What an op takes beside its keys and values, roughly.
const OP_BYTES: usize = 12;
/// What names a turn.
const TURN_BYTES: usize = 24;

impl Command {
    /// The feature level without which it can't be applied.
    pub fn feature_level(&self) -> u32 {
        match self {
            Command::Cluster(ClusterCommand::RaiseFeatureLevel(level)) => *level,
            Command::Cluster(ClusterCommand::Found(_)) | Command::Program(_) => {
                FEATURE_LEVEL_FOUNDED
            }
            Command::Txn(txn) if txn.is_of_programs() => FEATURE_LEVEL_FOUNDED,
            _ => FEATURE_LEVEL_MIN,
        }
    }

    /// About the bytes of its encoding, without encoding it; for limits and batching.
    pub fn size_hint(&self) -> usize {
        OP_BYTES
            + match self {
                Command::Txn(txn) => txn.size_hint(),
                Command::Program(program) => program.size_hint(),
                Command::Lease(LeaseCommand::Renew(ids)) => ids.len() * 10,
                Command::Cluster(ClusterCommand::Publish {
                    name, client_urls, ..
                }) => name.len() + client_urls.iter().map(|url| url.len() + 4).sum::<usize>(),
                Command::Cluster(ClusterCommand::Found(settings)) => {
                    let prefixes = settings.forgetful.iter().map(|prefix| prefix.len() + 4);
                    settings.key_prefix.len() + prefixes.sum::<usize>()
                }
                Command::Script(ScriptCommand::Load { body, .. }) => body.len() + 40,
                Command::Cluster(ClusterCommand::RaiseFeatureLevel(_))
                | Command::Script(ScriptCommand::Flush)
                | Command::Lease(_)
                | Command::Compact(_)
                | Command::Alarm(_)
                | Command::Tick => 0,
            }
    }
}

impl Txn {
    /// Whether it has what came with programs: the guards and ops that level knows.
    fn is_of_programs(&self) -> bool {
        let mut tests = self.guards.iter().map(|guard| &guard.test);
        let mut ops = self.then.iter().chain(&self.otherwise);
        tests.any(Test::is_of_programs)
            || ops.any(|op| match op {
                Op::Turn(_) => true,
                Op::Data(op) => op.is_of_programs(),
                Op::Txn(inner) => inner.is_of_programs(),
                _ => false,
            })
    }

    fn size_hint(&self) -> usize {
        let guards: usize = self.guards.iter().map(Guard::size_hint).sum();
        let ops = self.then.iter().chain(&self.otherwise);
        guards + ops.map(Op::size_hint).sum::<usize>()
    }

    /// Ops of both branches, nested ones included.
    pub fn ops(&self) -> usize {
        let count = |op: &Op| match op {
            Op::Txn(txn) => 1 + txn.ops(),
            _ => 1,
        };
        self.then.iter().chain(&self.otherwise).map(count).sum()
    }

    /// 1 without nested txns.
    pub fn depth(&self) -> usize {
        let depth = |op: &Op| match op {
            Op::Txn(txn) => txn.depth(),
            _ => 0,
        };
        1 + self
            .then
            .iter()
            .chain(&self.otherwise)
            .map(depth)
            .max()
            .unwrap_or(0)
    }
}

impl Program {
    fn size_hint(&self) -> usize {
        let guards: usize = self.guards.iter().map(Guard::size_hint).sum();
        guards + self.ops.iter().map(Op::size_hint).sum::<usize>()
    }
}

impl Guard {
    fn size_hint(&self) -> usize {
        let operand = match &self.test {
            Test::Value(_, value) => value.len(),
            Test::Script { sha1, .. } => sha1.len(),
            _ => 0,
        };
        OP_BYTES + self.range.size_hint() + operand
    }
}

impl Test {
    fn is_of_programs(&self) -> bool {
        matches!(
            self,
            Test::SameNames { .. }
                | Test::LivesUnchanged(_)
                | Test::Script { .. }
                | Test::WallBefore(_)
        )
    }
}

impl Op {
    /// About the bytes of its encoding.
    pub fn size_hint(&self) -> usize {
        OP_BYTES
            + match self {
                Op::Range(op) => op.range.size_hint(),
                Op::Put(op) => op.key.len() + op.value.size(),
                Op::Delete(op) => op.range.size_hint(),
                Op::SetLife(op) => op.key.len(),
                Op::Data(op) => op.size_hint(),
                Op::Publish { channel, payload } => channel.len() + payload.len(),
                Op::Because(_) => 0,
                Op::Turn(_) => TURN_BYTES,
                Op::Txn(txn) => txn.size_hint(),
            }
    }
}

impl PutValue {
    fn size(&self) -> usize {
        match self {
            PutValue::Set(value) => value.size(),
            PutValue::Keep => 0,
        }
    }
}
