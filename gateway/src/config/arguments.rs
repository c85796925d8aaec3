//! Arguments and variables as Go reads them, brought into the form that clap reads.
//!
//! Go takes `-flag` and `--flag` alike, `--flag=value` and `--flag value`, and whatever follows a
//! flag as its value, even if it begins with a dash. Everything becomes `--flag=value`.

use std::ffi::OsString;

use super::unsupported;

/// Flags without a value.
const SWITCHES: [&str; 3] = ["help", "h", "version"];

/// The arguments in clap's form. `known` tells whether a flag is ours.
///
/// # Errors
/// One message for the operator.
pub fn normalized(
    arguments: impl Iterator<Item = OsString>,
    known: impl Fn(&str) -> bool,
) -> Result<Vec<String>, String> {
    let mut arguments = arguments.map(|argument| {
        let told = |raw: OsString| format!("argument {raw:?} is not UTF-8; write it in UTF-8");
        argument.into_string().map_err(told)
    });
    let mut normalized = Vec::new();
    while let Some(argument) = arguments.next().transpose()? {
        let Some(flag) = argument.strip_prefix("--").or(argument.strip_prefix('-')) else {
            return Err(format!(
                "\"{argument}\" is not a flag; there are only flags, see --help"
            ));
        };
        let (name, value) = match flag.split_once('=') {
            Some((name, value)) => (name, Some(value.to_string())),
            None => (flag, None),
        };
        if SWITCHES.contains(&name) {
            normalized.push(if name == "h" {
                "--help".into()
            } else {
                format!("--{name}")
            });
            continue;
        }
        if let Some(why) = unsupported::reason(name) {
            return Err(format!("--{name} can't be honoured: {why}"));
        }
        if !known(name) {
            return Err(format!("--{name} is not a flag of quorate; see --help"));
        }
        let value = match value {
            Some(value) => value,
            None => arguments
                .next()
                .transpose()?
                .ok_or_else(|| format!("--{name} needs a value"))?,
        };
        normalized.push(format!("--{name}={value}"));
    }
    Ok(normalized)
}

/// Refuses variables of etcd's that stand for a flag that is not honoured; returns those that
/// nobody knows, to be warned of.
///
/// # Errors
/// One message for the operator.
pub fn check_variables(
    names: impl Iterator<Item = String>,
    known: impl Fn(&str) -> bool,
) -> Result<Vec<String>, String> {
    let mut unknown = Vec::new();
    for name in names {
        let Some(rest) = name.strip_prefix("ETCD_") else {
            continue;
        };
        let flag = rest.to_ascii_lowercase().replace('_', "-");
        if let Some(why) = unsupported::reason(&flag) {
            return Err(format!("the variable {name} can't be honoured: {why}"));
        }
        if !known(&flag) {
            unknown.push(name);
        }
    }
    Ok(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Vec<String>, String> {
        let arguments = arguments.iter().map(OsString::from);
        normalized(arguments, |name| name == "name" || name == "data-dir")
    }

    #[test]
    fn every_spelling_of_go_is_read() {
        let expected = Ok(vec!["--name=a".to_string()]);
        for spelling in [
            &["--name=a"][..],
            &["-name=a"],
            &["--name", "a"],
            &["-name", "a"],
        ] {
            assert_eq!(read(spelling), expected);
        }
        assert_eq!(read(&["-name", "-a"]), Ok(vec!["--name=-a".into()]));
        assert_eq!(read(&["--name="]), Ok(vec!["--name=".into()]));
        assert_eq!(read(&["-h"]), Ok(vec!["--help".into()]));
    }

    #[test]
    fn what_is_not_honoured_is_refused() {
        assert!(
            read(&["--cert-file=x"])
                .expect_err("refused")
                .contains("TLS")
        );
        assert!(
            read(&["-nope"])
                .expect_err("refused")
                .contains("not a flag")
        );
        assert!(read(&["nope"]).expect_err("refused").contains("only flags"));
        assert!(
            read(&["--name"])
                .expect_err("refused")
                .contains("needs a value")
        );
    }

    #[test]
    fn variables_are_told_apart() {
        let names = ["ETCD_NAME", "ETCD_NO_SUCH", "ETCDCTL_API", "PATH"];
        let unknown = check_variables(names.map(String::from).into_iter(), |n| n == "name");
        assert_eq!(unknown, Ok(vec!["ETCD_NO_SUCH".to_string()]));
        let names = ["ETCD_CERT_FILE".to_string()];
        assert!(check_variables(names.into_iter(), |_| false).is_err());
    }
}
