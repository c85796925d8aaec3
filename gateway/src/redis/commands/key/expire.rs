//! EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT key time [NX | XX | GT | LT], and PERSIST.

use quorate_core::command::{Life, LifeCondition};
use quorate_core::types::UnixMillis;

use crate::redis::args::Args;
use crate::redis::commands::string::Unit;
use crate::redis::fault::Fault;
use crate::redis::program::View;
use crate::redis::reply::Reply;

pub fn expire(view: &mut View, args: Args<'_>) -> Result<Reply, Fault> {
    run(view, args, "expire", Unit::Seconds, false)
}

pub fn pexpire(view: &mut View, args: Args<'_>) -> Result<Reply, Fault> {
    run(view, args, "pexpire", Unit::Millis, false)
}

pub fn expireat(view: &mut View, args: Args<'_>) -> Result<Reply, Fault> {
    run(view, args, "expireat", Unit::Seconds, true)
}

pub fn pexpireat(view: &mut View, args: Args<'_>) -> Result<Reply, Fault> {
    run(view, args, "pexpireat", Unit::Millis, true)
}

/// PERSIST key: takes the deadline away; 1 if there was one.
pub fn persist(view: &mut View, mut args: Args<'_>) -> Result<Reply, Fault> {
    let key = args.take()?;
    let ends = view.deadline(key).flatten().is_some();
    if ends {
        view.set_life(key, Life::Forever);
    }
    Ok(Reply::flag(ends))
}

fn run(
    view: &mut View,
    mut args: Args<'_>,
    name: &str,
    unit: Unit,
    absolute: bool,
) -> Result<Reply, Fault> {
    let (key, number) = (args.take()?.clone(), args.take()?.clone());
    let condition = parse_condition(&mut args)?;
    let life = parse_life(&number, name, unit, absolute)?;
    let Some(now) = view.deadline(&key) else {
        return Ok(Reply::Integer(0));
    };
    if condition != LifeCondition::default() {
        let now = now.map(|end| view.wall_of(end));
        let new = view.deadline_of(life).map(|end| view.wall_of(end));
        if !allows(condition, now, new) {
            return Ok(Reply::Integer(0));
        }
    }
    view.set_life(&key, life);
    Ok(Reply::Integer(1))
}

/// The options behind the time, any number of them.
pub fn parse_condition(args: &mut Args<'_>) -> Result<LifeCondition, Fault> {
    let mut condition = LifeCondition::default();
    while let Some(given) = args.take_option() {
        match given.to_ascii_uppercase().as_slice() {
            b"NX" => condition.only_without = true,
            b"XX" => condition.only_with = true,
            b"GT" => condition.only_later = true,
            b"LT" => condition.only_earlier = true,
            _ => {
                let mut text = b"ERR Unsupported option ".to_vec();
                text.extend_from_slice(given);
                return Err(Fault(text.into()));
            }
        }
    }
    let LifeCondition {
        only_without,
        only_with,
        only_later,
        only_earlier,
    } = condition;
    if only_without && (only_with || only_later || only_earlier) {
        return Err(NX_WITH_OTHERS);
    }
    if only_later && only_earlier {
        return Err(GT_WITH_LT);
    }
    Ok(condition)
}

const NX_WITH_OTHERS: Fault =
    Fault::fixed("ERR NX and XX, GT or LT options at the same time are not compatible");
const GT_WITH_LT: Fault = Fault::fixed("ERR GT and LT options at the same time are not compatible");

/// Times that are past are allowed: they delete the key.
pub fn parse_life(number: &[u8], name: &str, unit: Unit, absolute: bool) -> Result<Life, Fault> {
    let number = crate::redis::number::parse_i64(number).ok_or(Fault::NOT_AN_INTEGER)?;
    let millis = match unit {
        Unit::Seconds => number.checked_mul(1000),
        Unit::Millis => Some(number),
    };
    let bound = crate::redis::commands::string::RELATIVE_MS_MAX;
    let millis = millis.filter(|ms| absolute || *ms <= bound);
    let millis = millis.ok_or_else(|| Fault::invalid_expire(name))?;
    let millis = u64::try_from(millis).unwrap_or(0);
    Ok(if absolute {
        Life::Until(UnixMillis(millis))
    } else {
        Life::For(millis)
    })
}

/// By the wall times of both ends.
fn allows(condition: LifeCondition, now: Option<u64>, new: Option<u64>) -> bool {
    let later = match (now, new) {
        (Some(now), Some(new)) => new > now,
        // No deadline counts as infinite.
        (None, _) => false,
        (Some(_), None) => true,
    };
    let earlier = match (now, new) {
        (Some(now), Some(new)) => new < now,
        (None, new) => new.is_some(),
        (Some(_), None) => false,
    };
    !(condition.only_without && now.is_some()
        || condition.only_with && now.is_none()
        || condition.only_later && !later
        || condition.only_earlier && !earlier)
}
