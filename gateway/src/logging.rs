//! Log lines in etcd's form: one JSON object with level, ts, caller, msg and the fields; or the
//! console's form, with tabs between.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::writer::{BoxMakeWriter, MakeWriterExt};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{LogFormat, LogOutput};

/// Our own crates, and what they name otherwise.
const OWN: [&str; 6] = [
    "quorate",
    "quorate_core",
    "peer",
    "raft",
    "script",
    "versions",
];

/// What is our own at the level asked for, others only from warnings on (debug: all of them).
fn targets(level: Level) -> Targets {
    let others = match level {
        Level::DEBUG => Level::INFO,
        level => level.min(Level::WARN),
    };
    let own = OWN.into_iter().map(|target| (target, level));
    Targets::new().with_default(others).with_targets(own)
}

pub fn start(level: Level, format: LogFormat, output: LogOutput) {
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(writer(output))
        .event_format(ZapLines { format });
    tracing_subscriber::registry()
        .with(lines)
        .with(targets(level))
        .init();
}

fn writer(output: LogOutput) -> BoxMakeWriter {
    match output {
        LogOutput::Stderr => BoxMakeWriter::new(std::io::stderr),
        LogOutput::Stdout => BoxMakeWriter::new(std::io::stdout),
        LogOutput::Both => BoxMakeWriter::new(std::io::stderr.and(std::io::stdout)),
    }
}

struct ZapLines {
    format: LogFormat,
}

impl<S, N> FormatEvent<S, N> for ZapLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        let level = match *metadata.level() {
            Level::TRACE | Level::DEBUG => "debug",
            Level::INFO => "info",
            Level::WARN => "warn",
            Level::ERROR => "error",
        };
        let file = metadata
            .file()
            .unwrap_or_default()
            .rsplit("src/")
            .next()
            .unwrap_or_default();
        let caller = format!("{file}:{}", metadata.line().unwrap_or_default());
        let mut fields = Fields::default();
        event.record(&mut fields);
        let ts = timestamp(SystemTime::now());
        match self.format {
            LogFormat::Json => {
                let (caller, msg) = (Value::from(caller), Value::from(fields.message));
                write!(
                    writer,
                    r#"{{"level":"{level}","ts":"{ts}","caller":{caller},"msg":{msg}"#
                )?;
                for (name, value) in fields.others {
                    write!(writer, ",{}:{value}", Value::from(name))?;
                }
                writeln!(writer, "}}")
            }
            LogFormat::Console => {
                let others = Value::Object(fields.others);
                writeln!(
                    writer,
                    "{ts}\t{level}\t{caller}\t{}\t{others}",
                    fields.message
                )
            }
        }
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    others: Map<String, Value>,
}

impl Fields {
    fn set(&mut self, field: &Field, value: Value) {
        self.others.insert(field.name().to_string(), value);
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            _ => self.set(field, format!("{value:?}").into()),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value.into());
    }
}

/// UTC with milliseconds, as zap's ISO 8601: `2026-01-02T03:04:05.678Z`.
fn timestamp(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = civil(days);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
        second / 3600,
        second / 60 % 60,
        second % 60,
        since.subsec_millis()
    )
}

/// The date of a day counted from 1970-01-01; years begin in March, so that leap days come last.
fn civil(days: u64) -> (u64, u64, u64) {
    const DAYS_TO_EPOCH: u64 = 719_468;
    const DAYS_PER_ERA: u64 = 146_097;
    let days = days + DAYS_TO_EPOCH;
    let (era, day_of_era) = (days / DAYS_PER_ERA, days % DAYS_PER_ERA);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::*;

    /// The targets that are named in the sources of a package.
    fn named_in(directory: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(directory).expect("sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                named_in(&path, found);
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a text");
            let named = text.split("target: \"").skip(1);
            found.extend(
                named
                    .filter_map(|rest| rest.split_once('"'))
                    .map(|(name, _)| name.into()),
            );
        }
    }

    #[test]
    fn whatever_is_our_own_is_seen_at_the_level_asked_for() {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut named = vec![
            "quorate::serve".to_string(),
            "quorate_core::node".to_string(),
        ];
        named_in(&package.join("src/redis"), &mut named);
        named_in(&package.join("../core/src"), &mut named);
        assert!(named.iter().any(|target| target == "script"), "{named:?}");
        for target in named {
            for level in [Level::DEBUG, Level::INFO, Level::WARN] {
                let targets = targets(level);
                assert!(targets.would_enable(&target, &level), "{target} at {level}");
            }
            assert!(!targets(Level::INFO).would_enable(&target, &Level::DEBUG));
        }
        assert!(!targets(Level::INFO).would_enable("hyper", &Level::INFO));
    }

    #[test]
    fn timestamps_are_utc() {
        let at = |millis| timestamp(UNIX_EPOCH + Duration::from_millis(millis));
        assert_eq!(at(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(at(951_827_696_789), "2000-02-29T12:34:56.789Z");
        assert_eq!(at(1_767_225_599_999), "2025-12-31T23:59:59.999Z");
    }
}
