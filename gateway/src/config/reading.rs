//! From the command line, the variables or the configuration file to settings.

use clap::Parser;

use super::flags::Flags;
use super::given::{self, Given, Source};
use super::settings::{Settings, settings};
use super::{arguments, file};

/// Advertised when a file says nothing; on a command line that would be refused, as in etcd.
const ADVERTISED_URL: &str = "http://localhost:2379";

/// What the command line asks for.
pub enum Parsed {
    Run(Box<Settings>),
    /// Print and end well.
    Print(String),
    /// Ask another server whether it is well.
    Probe(String),
}

/// Reads this process's arguments and variables.
///
/// # Errors
/// One message for the operator.
pub fn read() -> Result<Parsed, String> {
    let texts = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    let variables = std::env::vars_os().filter_map(texts);
    let given = arguments::given(std::env::args_os().skip(1))?;
    let asks = |switch: &str| given.iter().any(|one| one.flag == switch);
    if asks("help") {
        return Ok(Parsed::Print(help()));
    }
    if asks("version") {
        // What would be refused is refused before.
        given::judge(&without_switches(&given))?;
        return Ok(Parsed::Print(versions()));
    }
    run_with(given, variables)
}

fn run_with(
    given: Vec<Given>,
    variables: impl Iterator<Item = (String, String)>,
) -> Result<Parsed, String> {
    let (mut all, unknown) = arguments::of_variables(variables);
    all.extend(given);
    let path = all.iter().rfind(|one| one.flag == "config-file");
    let (judged, warnings) = match path.map(|one| one.value.clone()) {
        Some(path) if !path.is_empty() => of_file(&path)?,
        _ => {
            let unknown = unknown.into_iter();
            let told = unknown.map(|name| format!("unrecognized environment variable {name}"));
            (given::judge(&all)?, told.collect())
        }
    };
    let flags = flags(judged.arguments)?;
    if let Some(url) = flags.probe {
        return Ok(Parsed::Probe(url));
    }
    let mut settings = settings(&flags)?;
    settings.warnings = [warnings, judged.warnings].concat();
    Ok(Parsed::Run(Box::new(settings)))
}

/// A file stands for all flags and variables.
fn of_file(path: &str) -> Result<(given::Judged, Vec<String>), String> {
    let (mut entries, unknown) = file::read(path)?;
    let has = |flag: &str| entries.iter().any(|one| one.flag == flag);
    if has("listen-client-urls") && !has("advertise-client-urls") {
        entries.push(Given {
            flag: "advertise-client-urls".to_string(),
            value: ADVERTISED_URL.to_string(),
            source: Source::File,
        });
    }
    let mut judged = given::judge(&entries)?;
    judged.arguments.push(format!("--config-file={path}"));
    let unknown = unknown.into_iter();
    let told = unknown.map(|key| format!("{key} in the configuration file is not known"));
    Ok((judged, told.collect()))
}

fn without_switches(given: &[Given]) -> Vec<Given> {
    let given = given.iter().filter(|one| one.flag != "version");
    given.cloned().collect()
}

fn flags(arguments: Vec<String>) -> Result<Flags, String> {
    let arguments = std::iter::once("quorate".to_string()).chain(arguments);
    Flags::try_parse_from(arguments).map_err(|error| {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default();
        first.trim_start_matches("error: ").to_string()
    })
}

fn help() -> String {
    let asked = Flags::try_parse_from(["quorate", "--help"]);
    asked.map_or_else(|text| text.to_string(), |_| String::new())
}

/// Tools written for etcd read the second line.
fn versions() -> String {
    let (own, etcd) = (env!("CARGO_PKG_VERSION"), crate::etcd::API_VERSION);
    format!("quorate Version: {own}\netcd Version: {etcd}\n")
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Settings, String> {
        let given = arguments::given(arguments.iter().map(std::ffi::OsString::from))?;
        let variables = variables.iter();
        let variables = variables.map(|(name, value)| (name.to_string(), value.to_string()));
        match run_with(given, variables)? {
            Parsed::Run(settings) => Ok(*settings),
            _ => Err("something else".to_string()),
        }
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(text.as_bytes()).expect("written");
        file
    }

    #[test]
    fn a_flag_wins_over_its_variable() {
        let variables = [
            ("ETCD_NAME", "v"),
            ("ETCD_SNAPSHOT_COUNT", "7"),
            ("ETCD_X", "1"),
        ];
        let settings = run(&["--name=a", "--max-wals=9"], &variables).expect("settings");
        assert_eq!(settings.node.name, "a");
        assert_eq!(settings.node.snapshot_entries, 7);
        assert_eq!(settings.warnings.len(), 2, "{:?}", settings.warnings);
        assert!(
            run(&[], &[("ETCD_CERT_FILE", "x")])
                .expect_err("refused")
                .contains("TLS")
        );
    }

    #[test]
    fn a_file_stands_for_all_flags_and_variables() {
        let file = file("name: f\nlisten-client-urls: http://127.0.0.1:1\nno-such: 1\n");
        let path = file.path().to_str().expect("UTF-8");
        let argument = format!("--config-file={path}");
        let variables = [("ETCD_CERT_FILE", "x"), ("ETCD_NO_SUCH", "x")];
        let settings = run(&[&argument, "--name=a", "--auto-tls"], &variables);
        let settings = settings.expect("settings");
        assert_eq!(settings.node.name, "f");
        assert_eq!(settings.node.advertise_client_urls, [ADVERTISED_URL]);
        assert_eq!(settings.warnings.len(), 1, "{:?}", settings.warnings);
        assert!(settings.warnings[0].contains("no-such"));
        let by_variable = run(&[], &[("ETCD_CONFIG_FILE", path)]).expect("settings");
        assert_eq!(by_variable.node.name, "f");
        assert!(run(&[&argument, "--nope"], &[]).is_err());
    }

    #[test]
    fn a_file_is_judged_as_flags_are() {
        for (text, told) in [
            ("client-transport-security: {cert-file: x}", "TLS"),
            ("unsafe-no-fsync: true", "always on disk"),
            ("election-timeout: 60000", "too long"),
        ] {
            let file = file(text);
            let path = file.path().to_str().expect("UTF-8");
            let why = run(&["-config-file", path], &[]).expect_err("refused");
            assert!(why.contains(told), "{why}");
        }
        assert!(
            run(&["--config-file=/no/such"], &[])
                .expect_err("refused")
                .contains("/no/such")
        );
    }
}
