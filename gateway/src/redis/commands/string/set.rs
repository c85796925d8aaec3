//! SET key value [NX | XX | IFEQ v | IFNE v] [GET] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL].
//!
//! IFEQ and IFNE are of Redis 8.4: IFEQ sets only over an equal string and never creates; IFNE
//! sets over another value and creates when absent; both refuse other types.

use quorate_core::command::{DataOp, Life, PutOp, When};

use super::expiry::Expiry;
use crate::redis::args::Args;
use crate::redis::fault::Fault;
use crate::redis::guard_rail::Attempt;
use crate::redis::plan::{Place, Plan, Rule};

/// What stands behind key and value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetOptions {
    pub condition: When,
    pub get: bool,
    pub life: Life,
}

impl SetOptions {
    pub fn parse(args: &mut Args<'_>) -> Result<SetOptions, Fault> {
        let mut condition = When::Always;
        let mut get = false;
        let mut life: Option<(Vec<u8>, Option<Args<'_>>)> = None;
        while let Some(word) = args.take_keyword() {
            let free = condition == When::Always;
            match word.as_slice() {
                b"NX" if free || condition == When::Absent => condition = When::Absent,
                b"XX" if free || condition == When::Present => condition = When::Present,
                b"IFEQ" if free => condition = When::Equal(args.take()?.clone()),
                b"IFNE" if free => condition = When::NotEqual(args.take()?.clone()),
                b"GET" => get = true,
                b"KEEPTTL" if life.as_ref().is_none_or(|(w, _)| w == b"KEEPTTL") => {
                    life = Some((word, None));
                }
                // The same option again is the last one's number.
                other
                    if Expiry::is_option(other)
                        && life.as_ref().is_none_or(|(w, _)| w == other) =>
                {
                    let number = args.clone();
                    args.take()?;
                    life = Some((word, Some(number)));
                }
                _ => return Err(Fault::SYNTAX),
            }
        }
        // Numbers are judged after the syntax, as Redis does.
        let life = match life {
            None => Life::Forever,
            Some((word, Some(mut number))) => Expiry::parse(&word, &mut number, "set")?.life,
            Some((_, None)) => Life::Keep { must_exist: false },
        };
        Ok(SetOptions {
            condition,
            get,
            life,
        })
    }
}

pub fn set(place: Place<'_>, mut args: Args<'_>) -> Result<Plan, Fault> {
    let (key, value) = (place.key(args.take()?), args.take()?.clone());
    let SetOptions {
        condition,
        get,
        life,
    } = SetOptions::parse(&mut args)?;
    if condition == When::Always && !get {
        return Ok(Plan::one(PutOp::bytes(key, value, life), Rule::Ok));
    }
    let attempt = match life {
        Life::For(life_ms) if condition == When::Absent => Some(Attempt {
            key: key.clone(),
            value: value.clone(),
            life_ms,
        }),
        _ => None,
    };
    let op = DataOp::Set {
        key,
        value,
        life,
        when: condition,
        want_old: get,
    };
    let rule = if get { Rule::Old } else { Rule::OkOrNull };
    Ok(Plan {
        attempt,
        ..Plan::one(op, rule)
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn parse(text: &str) -> Result<SetOptions, Fault> {
        let mut all = vec![Bytes::from_static(b"set")];
        all.extend(
            text.split_whitespace()
                .map(|word| Bytes::from(word.to_owned())),
        );
        SetOptions::parse(&mut Args::after_name(&all))
    }

    #[test]
    fn contradictions_are_syntax_errors() {
        for text in [
            "NX XX",
            "EX 1 PX 1",
            "EX",
            "EX 1 KEEPTTL",
            "KEEPTTL PX 1",
            "NX IFEQ a",
            "Z",
        ] {
            assert_eq!(parse(text), Err(Fault::SYNTAX), "{text}");
        }
    }

    #[test]
    fn times_are_judged() {
        assert_eq!(parse("px 100").map(|o| o.life), Ok(Life::For(100)));
        assert_eq!(parse("EX x"), Err(Fault::NOT_AN_INTEGER));
        for text in [
            "EX 0",
            "PX -1",
            "EX 9223372036854775807",
            "PX 9223372036854775807",
        ] {
            assert_eq!(parse(text), Err(Fault::invalid_expire("set")), "{text}");
        }
    }
}
