//! Turns: a time in which nobody disturbs one who has to read before it writes.
//!
//! What was read elsewhere is proposed under guards, and others who write the same keys can make
//! these fail again and again. Who has lost asks for a turn. The log orders the turns, the same on
//! every member. From the ask on, as each member has applied it, members hold back what could
//! disturb whoever is at the head (`Part`), until that turn ends.
//!
//! Turns are scheduling, never safety: what is done in a turn has its guards as always, so that
//! nothing is wrong if a member knows of no turn, or gives up waiting for its end.

use bytes::Bytes;

use super::{Command, Op, Txn};
use crate::types::{KeyRange, MemberId};

/// Which turn: the one of this number of that member's process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TurnId {
    pub member: MemberId,
    pub start: u64,
    pub number: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnStep {
    /// It is asked for: it comes after all that were asked for before.
    Ask,
    /// Whoever has it is alive and goes on.
    GoOn,
    /// It is over. As the last op of a txn or program: if that is done.
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurnOp {
    pub id: TurnId,
    pub step: TurnStep,
}

impl From<TurnOp> for Command {
    /// The step alone.
    fn from(op: TurnOp) -> Command {
        Command::Txn(Txn {
            then: vec![Op::Turn(op)],
            ..Txn::default()
        })
    }
}

/// What a command has to do with turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It disturbs nobody.
    None,
    /// It could disturb who has the turn: it waits.
    Waits,
    /// It asks for a turn, in its place among those that wait.
    Asks,
    /// It writes what the turn is for.
    Of(TurnId),
}

impl Command {
    /// `prefixes`: what begins with one of these is written by programs and scripts. Other keys
    /// are nobody's concern.
    pub fn part(&self, prefixes: &[Bytes]) -> Part {
        let txn = match self {
            Command::Program(program) => match program.ops.last() {
                Some(Op::Turn(op)) => return Part::Of(op.id),
                _ => return Part::Waits,
            },
            Command::Txn(txn) => txn,
            _ => return Part::None,
        };
        match txn.then.last() {
            Some(Op::Turn(op)) if op.step == TurnStep::Ask => Part::Asks,
            Some(Op::Turn(op)) if txn.then.len() > 1 => Part::Of(op.id),
            Some(Op::Turn(_)) => Part::None,
            _ if writes_under(txn, prefixes) => Part::Waits,
            _ => Part::None,
        }
    }
}

fn writes_under(txn: &Txn, prefixes: &[Bytes]) -> bool {
    let is_under = |key: &[u8]| prefixes.iter().any(|prefix| key.starts_with(prefix));
    let touches = |range: &KeyRange| {
        let reaches = |prefix: &Bytes| range.contains(prefix);
        is_under(range.start()) || prefixes.iter().any(reaches)
    };
    let mut ops = txn.then.iter().chain(&txn.otherwise);
    ops.any(|op| match op {
        Op::Put(op) => is_under(&op.key),
        Op::SetLife(op) => is_under(&op.key),
        Op::Delete(op) => touches(&op.range),
        Op::Data(op) => op.keys().any(|key| is_under(key)),
        Op::Txn(inner) => writes_under(inner, prefixes),
        // Who is told of it may not be told of what waits before it.
        Op::Publish { .. } => true,
        Op::Range(_) | Op::Because(_) | Op::Turn(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{DataOp, DeleteOp, Guard, Life, Program, PutOp, PutValue, Test};
    use crate::limits::{FEATURE_LEVEL_FOUNDED, FEATURE_LEVEL_MIN};
    use crate::types::UnixMillis;

    fn put(key: &'static [u8]) -> Op {
        Op::Put(PutOp {
            key: Bytes::from_static(key),
            value: PutValue::Keep,
            life: Life::Forever,
            want_prev: false,
        })
    }

    fn part(then: Vec<Op>) -> Part {
        let txn = Txn {
            then,
            ..Txn::default()
        };
        Command::Txn(txn).part(&[Bytes::from_static(b"redis/")])
    }

    #[test]
    fn what_could_disturb_a_script_waits_and_nothing_else() {
        let delete = |range| {
            Op::Delete(DeleteOp {
                range,
                want_prev: false,
            })
        };
        let nested = |ops| {
            Op::Txn(Txn {
                otherwise: ops,
                ..Txn::default()
            })
        };
        assert_eq!(part(vec![put(b"registry/a")]), Part::None);
        assert_eq!(part(vec![put(b"redis/0/a")]), Part::Waits);
        assert_eq!(part(vec![nested(vec![put(b"redis/0/a")])]), Part::Waits);
        assert_eq!(
            part(vec![delete(KeyRange::From(Bytes::new()))]),
            Part::Waits
        );
        assert_eq!(
            part(vec![delete(KeyRange::prefix(b"redis/0/"))]),
            Part::Waits
        );
        assert_eq!(part(vec![delete(KeyRange::prefix(b"a"))]), Part::None);
        assert_eq!(Command::Tick.part(&[]), Part::None);
        assert_eq!(Command::Program(Program::default()).part(&[]), Part::Waits);
    }

    #[test]
    fn what_an_older_program_does_not_know_says_so() {
        let guarded = |test| {
            let guard = Guard {
                range: KeyRange::prefix(b"redis/"),
                test,
            };
            Command::Txn(Txn {
                guards: vec![guard],
                then: vec![put(b"redis/0/a")],
                ..Txn::default()
            })
        };
        let (count, newest) = (1, 2);
        let old = guarded(Test::Unchanged { count, newest });
        assert_eq!(old.feature_level(), FEATURE_LEVEL_MIN);
        let turn = Command::from(TurnOp {
            id: TurnId::default(),
            step: TurnStep::Ask,
        });
        let take = Op::Data(DataOp::Take {
            key: Bytes::from_static(b"redis/0/a"),
        });
        let nested = Command::Txn(Txn {
            otherwise: vec![Op::Txn(Txn {
                then: vec![take],
                ..Txn::default()
            })],
            ..Txn::default()
        });
        let names = guarded(Test::SameNames { count, newest });
        let script = guarded(Test::Script {
            sha1: Bytes::from_static(b"sha1"),
            kept: true,
        });
        for new in [
            turn,
            nested,
            names,
            guarded(Test::LivesUnchanged(3)),
            guarded(Test::WallBefore(UnixMillis(5))),
            script,
        ] {
            assert_eq!(new.feature_level(), FEATURE_LEVEL_FOUNDED, "{new:?}");
        }
    }

    #[test]
    fn the_steps_of_a_turn_pass_but_for_the_ask() {
        let id = TurnId::default();
        let step = |step| Op::Turn(TurnOp { id, step });
        assert_eq!(part(vec![step(TurnStep::Ask)]), Part::Asks);
        assert_eq!(part(vec![step(TurnStep::GoOn)]), Part::None);
        assert_eq!(part(vec![step(TurnStep::End)]), Part::None);
        let ops = vec![put(b"redis/0/a"), step(TurnStep::End)];
        assert_eq!(part(ops.clone()), Part::Of(id));
        let program = Program {
            ops,
            ..Program::default()
        };
        assert_eq!(Command::Program(program).part(&[]), Part::Of(id));
    }
}
