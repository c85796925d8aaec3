//! What was given, from wherever, and its judgement by the catalogue.

use super::catalogue::{self, Handling};
use super::{gates, values};

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Argument,
    Variable,
    File,
}

/// A flag with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    pub flag: String,
    pub value: String,
    pub source: Source,
}

/// What is to be read by `Flags`, and what the operator is to be told.
#[derive(Debug, Default)]
pub struct Judged {
    /// In clap's form.
    pub arguments: Vec<String>,
    pub warnings: Vec<String>,
}

impl Given {
    /// How the operator knows it.
    pub fn name(&self) -> String {
        let flag = &self.flag;
        match self.source {
            Source::Argument => format!("--{flag}"),
            Source::Variable => {
                let name = flag.to_ascii_uppercase().replace('-', "_");
                format!("the variable ETCD_{name}")
            }
            Source::File => format!("{flag} in the configuration file"),
        }
    }
}

/// Judges everything that was given; the last of several wins.
///
/// # Errors
/// One message for the operator: what can't be honoured, or makes no sense.
pub fn judge(given: &[Given]) -> Result<Judged, String> {
    let mut judged = Judged::default();
    for (position, one) in given.iter().enumerate() {
        let is_overridden = given[position + 1..]
            .iter()
            .any(|later| later.flag == one.flag);
        if !is_overridden {
            judge_one(one, &mut judged)?;
        }
    }
    Ok(judged)
}

fn judge_one(given: &Given, judged: &mut Judged) -> Result<(), String> {
    let argument = || format!("--{}={}", given.flag, given.value);
    let Some(row) = catalogue::find(&given.flag) else {
        // Quorate's own.
        judged.arguments.push(argument());
        return Ok(());
    };
    let name = given.name();
    let value = values::checked(row.kind, &given.value);
    let value = value.map_err(|why| format!("{name}: {why}"))?;
    match row.handling {
        Handling::Honoured => judged.arguments.push(argument()),
        Handling::ConfigFile => {}
        Handling::Gates => {
            let warnings = gates::judge(&value).map_err(|why| format!("{name}: {why}"))?;
            judged.warnings.extend(warnings);
        }
        Handling::NoEffect(quiet, _) if value == quiet => {}
        Handling::NoEffect(_, why) => {
            let warning = format!("{name} has no effect: {why}");
            judged.warnings.push(warning);
        }
        Handling::Only(values, _) if values.contains(&value.as_str()) => {}
        Handling::Only(_, why) => return Err(format!("{name} can't be honoured: {why}")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(flags: &[(&str, &str)]) -> Result<Judged, String> {
        let flags = flags.iter().map(|(flag, value)| Given {
            flag: flag.to_string(),
            value: value.to_string(),
            source: Source::Argument,
        });
        judge(&flags.collect::<Vec<_>>())
    }

    #[test]
    fn what_asks_for_nothing_else_passes_silently() {
        let flags = [
            ("pre-vote", "T"),
            ("cert-file", ""),
            ("unsafe-no-fsync", "0"),
        ];
        let judged = given(&flags).expect("taken");
        assert!(judged.warnings.is_empty() && judged.arguments.is_empty());
    }

    #[test]
    fn what_has_no_effect_is_told() {
        let judged = given(&[("max-wals", "9"), ("name", "a")]).expect("taken");
        assert_eq!(judged.arguments, ["--name=a"]);
        assert!(judged.warnings[0].contains("--max-wals has no effect"));
    }

    #[test]
    fn what_would_be_believed_is_refused() {
        for (flag, value, told) in [
            ("cert-file", "x", "TLS"),
            ("unsafe-no-fsync", "true", "always on disk"),
            ("auth-token", "jwt,x", "authentication"),
            ("max-wals", "many", "whole number"),
            (
                "feature-gates",
                "Nope=true",
                "unrecognized feature gate: Nope",
            ),
        ] {
            let why = given(&[(flag, value)]).expect_err("refused");
            assert!(why.contains(told) && why.contains(flag), "{why}");
        }
        assert!(given(&[("cert-file", "x"), ("cert-file", "")]).is_ok());
    }
}
