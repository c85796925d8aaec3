//! Arguments and variables as Go reads them.
//!
//! Go takes `-flag` and `--flag` alike, `--flag=value` and `--flag value`, and whatever follows a
//! flag as its value, even if it begins with a dash; a flag that is true or false has its value
//! behind `=` or is true. A flag wins over its variable; a variable that is empty isn't there.

use std::ffi::OsString;

use super::catalogue;
use super::flags::{OWN, SWITCHES};
use super::given::{Given, Source};
use super::values::Kind;

/// The arguments in order. Of a switch of ours (`--version`) the value is `true`.
///
/// # Errors
/// One message for the operator.
pub fn given(arguments: impl Iterator<Item = OsString>) -> Result<Vec<Given>, String> {
    let mut arguments = arguments.map(|argument| {
        let told = |raw: OsString| format!("argument {raw:?} is not UTF-8; write it in UTF-8");
        argument.into_string().map_err(told)
    });
    let mut given = Vec::new();
    while let Some(argument) = arguments.next().transpose()? {
        let Some(flag) = argument.strip_prefix("--").or(argument.strip_prefix('-')) else {
            return Err(format!(
                "\"{argument}\" is not a flag; there are only flags, see --help"
            ));
        };
        let (flag, value) = match flag.split_once('=') {
            Some((flag, value)) => (flag, Some(value.to_string())),
            None => (flag, None),
        };
        let flag = if flag == "h" { "help" } else { flag };
        let is_alone = needs_no_value(flag)?;
        let value = match value {
            Some(value) => value,
            None if is_alone => "true".to_string(),
            None => arguments
                .next()
                .transpose()?
                .ok_or_else(|| format!("--{flag} needs a value"))?,
        };
        given.push(Given {
            flag: flag.to_string(),
            value,
            source: Source::Argument,
        });
    }
    Ok(given)
}

/// Whether a flag stands for true when it has no value.
///
/// # Errors
/// If there is no such flag.
fn needs_no_value(flag: &str) -> Result<bool, String> {
    if SWITCHES.contains(&flag) {
        return Ok(true);
    }
    if let Some(row) = catalogue::find(flag) {
        return Ok(row.kind == Kind::Bool);
    }
    if OWN.contains(&flag) {
        return Ok(false);
    }
    Err(match flag.starts_with("experimental-") {
        true => format!("--{flag}: etcd 3.7 has removed the experimental flags; remove it"),
        false => format!("--{flag} is not a flag of quorate; see --help"),
    })
}

/// The variables that stand for flags, and the names of those that look like etcd's and that
/// nobody knows.
pub fn of_variables(
    variables: impl Iterator<Item = (String, String)>,
) -> (Vec<Given>, Vec<String>) {
    let (mut given, mut unknown) = (Vec::new(), Vec::new());
    for (name, value) in variables.filter(|(_, value)| !value.is_empty()) {
        let flag = |rest: &str| rest.to_ascii_lowercase().replace('_', "-");
        let flag = match (name.strip_prefix("ETCD_"), name.strip_prefix("QUORATE_")) {
            (Some(rest), _) if catalogue::find(&flag(rest)).is_some() => flag(rest),
            (Some(_), _) => {
                unknown.push(name);
                continue;
            }
            (_, Some(rest)) if OWN.contains(&flag(rest).as_str()) => flag(rest),
            _ => continue,
        };
        given.push(Given {
            flag,
            value,
            source: Source::Variable,
        });
    }
    (given, unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Vec<(String, String)>, String> {
        let given = given(arguments.iter().map(OsString::from))?;
        Ok(given.into_iter().map(|one| (one.flag, one.value)).collect())
    }

    fn one(flag: &str, value: &str) -> Result<Vec<(String, String)>, String> {
        Ok(vec![(flag.to_string(), value.to_string())])
    }

    #[test]
    fn every_spelling_of_go_is_read() {
        for spelling in [
            &["--name=a"][..],
            &["-name=a"],
            &["--name", "a"],
            &["-name", "a"],
        ] {
            assert_eq!(read(spelling), one("name", "a"));
        }
        assert_eq!(read(&["-name", "-a"]), one("name", "-a"));
        assert_eq!(read(&["--name="]), one("name", ""));
        assert_eq!(read(&["-h"]), one("help", "true"));
        assert_eq!(read(&["--pre-vote"]), one("pre-vote", "true"));
        assert_eq!(read(&["--pre-vote=false"]), one("pre-vote", "false"));
    }

    #[test]
    fn what_is_no_flag_is_told() {
        let told = |arguments: &[&str]| read(arguments).expect_err("refused");
        assert!(told(&["-nope"]).contains("not a flag"));
        assert!(told(&["nope"]).contains("only flags"));
        assert!(told(&["--pre-vote", "false"]).contains("\"false\" is not a flag"));
        assert!(told(&["--name"]).contains("needs a value"));
        assert!(told(&["--experimental-x=1"]).contains("removed"));
    }

    #[test]
    fn variables_are_told_apart() {
        let names = [
            ("ETCD_NAME", "a"),
            ("ETCD_NO_SUCH", "1"),
            ("ETCD_DATA_DIR", ""),
            ("ETCDCTL_API", "3"),
            ("QUORATE_REDIS_KEY_PREFIX", "p"),
            ("PATH", "/"),
        ];
        let names = names.map(|(name, value)| (name.to_string(), value.to_string()));
        let (given, unknown) = of_variables(names.into_iter());
        let flags: Vec<_> = given.iter().map(|one| one.flag.as_str()).collect();
        assert_eq!(flags, ["name", "redis-key-prefix"]);
        assert_eq!(unknown, ["ETCD_NO_SUCH"]);
    }
}
