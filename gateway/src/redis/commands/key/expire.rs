//! EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT key time [NX | XX | GT | LT], and PERSIST.

use quorate_core::command::{Life, LifeCondition, SetLifeOp};
use quorate_core::types::UnixMillis;

use crate::redis::args::Args;
use crate::redis::commands::string::{RELATIVE_MS_MAX, Unit};
use crate::redis::fault::Fault;
use crate::redis::number::parse_i64;
use crate::redis::plan::{Place, Plan, Rule};

pub fn expire(place: Place<'_>, args: Args<'_>) -> Result<Plan, Fault> {
    run(place, args, "expire", Unit::Seconds, false)
}

pub fn pexpire(place: Place<'_>, args: Args<'_>) -> Result<Plan, Fault> {
    run(place, args, "pexpire", Unit::Millis, false)
}

pub fn expireat(place: Place<'_>, args: Args<'_>) -> Result<Plan, Fault> {
    run(place, args, "expireat", Unit::Seconds, true)
}

pub fn pexpireat(place: Place<'_>, args: Args<'_>) -> Result<Plan, Fault> {
    run(place, args, "pexpireat", Unit::Millis, true)
}

/// PERSIST key: takes the deadline away; 1 if there was one.
pub fn persist(place: Place<'_>, mut args: Args<'_>) -> Result<Plan, Fault> {
    let op = SetLifeOp {
        key: place.key(args.take()?),
        life: Life::Forever,
        condition: LifeCondition::default(),
    };
    Ok(Plan::one(op, Rule::Number))
}

fn run(
    place: Place<'_>,
    mut args: Args<'_>,
    name: &str,
    unit: Unit,
    absolute: bool,
) -> Result<Plan, Fault> {
    let (key, number) = (place.key(args.take()?), args.take()?);
    let condition = parse_condition(&mut args)?;
    let life = parse_life(number, name, unit, absolute)?;
    let op = SetLifeOp {
        key,
        life,
        condition,
    };
    Ok(Plan::one(op, Rule::Number))
}

/// The options behind the time, any number of them.
fn parse_condition(args: &mut Args<'_>) -> Result<LifeCondition, Fault> {
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
fn parse_life(number: &[u8], name: &str, unit: Unit, absolute: bool) -> Result<Life, Fault> {
    let number = parse_i64(number).ok_or(Fault::NOT_AN_INTEGER)?;
    let millis = match unit {
        Unit::Seconds => number.checked_mul(1000),
        Unit::Millis => Some(number),
    };
    let millis = millis.filter(|ms| absolute || *ms <= RELATIVE_MS_MAX);
    let millis = millis.ok_or_else(|| Fault::invalid_expire(name))?;
    let millis = u64::try_from(millis).unwrap_or(0);
    Ok(if absolute {
        Life::Until(UnixMillis(millis))
    } else {
        Life::For(millis)
    })
}
