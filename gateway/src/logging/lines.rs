//! Where log lines go: through the limits to standard error or output, each with one write.

use std::io::{self, Write};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use super::form::{self, Fields};
use super::levels::targets;
use super::limits::{Limits, Line};
use crate::config::{LogFormat, LogOutput};

/// How often it is looked whether lines that were left out are to be counted.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

static LOG: OnceLock<Log> = OnceLock::new();

#[derive(Clone)]
pub(super) struct Log {
    format: LogFormat,
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    limits: Limits,
    outputs: Vec<Box<dyn Write + Send>>,
}

/// From now on this process logs.
pub fn start(level: Level, format: LogFormat, output: LogOutput) {
    let outputs: Vec<Box<dyn Write + Send>> = match output {
        LogOutput::Stderr => vec![Box::new(io::stderr())],
        LogOutput::Stdout => vec![Box::new(io::stdout())],
        LogOutput::Both => vec![Box::new(io::stderr()), Box::new(io::stdout())],
    };
    let log = Log::new(format, outputs);
    tracing_subscriber::registry()
        .with(log.clone())
        .with(targets(level))
        .init();
    let looking = log.clone();
    let look = move || {
        loop {
            std::thread::sleep(LOOK_INTERVAL);
            looking.count(Instant::now());
        }
    };
    let spawned = std::thread::Builder::new().name("log".into()).spawn(look);
    if let Err(error) = spawned {
        tracing::error!(%error, "log lines that are left out are not counted: no thread");
    }
    // Set once, here.
    let _ = LOG.set(log);
}

/// Tells what was left out and not counted yet; the process ends.
pub fn end() {
    if let Some(log) = LOG.get() {
        let mut inner = log.inner.lock();
        let rest = inner.limits.rest();
        log.write(&mut inner, &rest);
    }
}

/// Lines left out since the start.
pub fn left_out() -> u64 {
    LOG.get()
        .map_or(0, |log| log.inner.lock().limits.left_out())
}

impl Log {
    pub(super) fn new(format: LogFormat, outputs: Vec<Box<dyn Write + Send>>) -> Log {
        let limits = Limits::default();
        Log {
            format,
            inner: Arc::new(Mutex::new(Inner { limits, outputs })),
        }
    }

    /// Counts what was left out, where it is time.
    pub(super) fn count(&self, now: Instant) {
        let mut inner = self.inner.lock();
        let due = inner.limits.due(now);
        self.write(&mut inner, &due);
    }

    fn write(&self, inner: &mut Inner, lines: &[Line]) {
        for line in lines {
            let text = form::line(self.format, line.at, line.from, &line.said);
            for output in &mut inner.outputs {
                // A log that nobody reads stops nothing.
                drop(output.write_all(text.as_bytes()));
            }
        }
    }
}

impl<S: Subscriber> Layer<S> for Log {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut said = Fields::default();
        event.record(&mut said);
        let line = Line {
            at: SystemTime::now(),
            from: event.metadata(),
            said,
        };
        let mut inner = self.inner.lock();
        if let Some(line) = inner.limits.admit(line, Instant::now()) {
            self.write(&mut inner, &[line]);
        }
    }
}
