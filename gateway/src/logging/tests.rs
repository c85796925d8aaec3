//! Lines of a kind: a burst, then one in a while with the number of those left out.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::Value;
use tracing_subscriber::layer::SubscriberExt;

use super::limits::{BURST, INTERVAL};
use super::lines::Log;
use crate::config::LogFormat;

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Written {
    fn take(&self) -> Vec<Value> {
        let bytes = std::mem::take(&mut *self.0.lock());
        let text = String::from_utf8(bytes).expect("text");
        let lines = text.lines().map(serde_json::from_str);
        lines.collect::<Result<_, _>>().expect("JSON")
    }
}

fn warn(times: u32, member: &str) {
    for nth in 0..times {
        tracing::warn!(member, "a kind of line, {nth}");
    }
}

#[test]
fn a_kind_of_line_has_a_rate_and_a_count_of_what_was_left_out() {
    let written = Written::default();
    let log = Log::new(LogFormat::Json, vec![Box::new(written.clone())]);
    let subscriber = tracing_subscriber::registry().with(log.clone());
    tracing::subscriber::with_default(subscriber, || {
        let begun = Instant::now();
        warn(50_000, "a1");
        let lines = written.take();
        assert_eq!(lines.len(), BURST as usize);
        assert!(lines.iter().all(|line| line.get("left_out").is_none()));

        tracing::warn!("another kind");
        warn(1, "b2");
        assert_eq!(written.take().len(), 2, "others are not held up");

        log.count(begun + INTERVAL / 2);
        assert_eq!(written.take().len(), 0, "it is not time yet");
        log.count(begun + INTERVAL + Duration::from_secs(1));
        let lines = written.take();
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["msg"], "a kind of line, 49999");
        assert_eq!(lines[0]["member"], "a1");
        assert_eq!(lines[0]["left_out"], 50_000 - BURST - 1);

        warn(5, "a1");
        assert_eq!(written.take().len(), 0, "still too often");
        log.count(begun + 2 * INTERVAL + Duration::from_secs(1));
        assert_eq!(written.take()[0]["left_out"], 4);
        log.count(begun + 100 * INTERVAL);
        assert_eq!(written.take().len(), 0, "nothing was left out since");

        for flag in 0..100 {
            tracing::warn!(name: "unlimited", "flag {flag} has no effect");
        }
        assert_eq!(written.take().len(), 100, "bounded by what they are of");
    });
}
