//! A history of operations with their times, and the verdict on it: every key is linearizable, and
//! the store's revision never goes back in real time.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use porcupine_rs::{CheckResult, Operation};

use crate::model::{Op, Register};

/// For the checker, which takes milliseconds on what the tests record.
const CHECK_LIMIT: Duration = Duration::from_secs(60);

/// One operation of a client. Times are nanoseconds since the history began.
#[derive(Clone, Debug)]
pub struct Entry {
    pub client: u32,
    pub key: String,
    pub op: Op,
    pub call: i64,
    /// `None` for an operation without an answer, which may happen at any time after its call.
    pub end: Option<i64>,
    /// The store's revision in the answer's header, where the protocol tells it.
    pub revision: Option<i64>,
}

/// Gathers what clients do.
pub struct History {
    begun: Instant,
    entries: Mutex<Vec<Entry>>,
}

impl History {
    pub fn new() -> Self {
        Self {
            begun: Instant::now(),
            entries: Mutex::new(Vec::new()),
        }
    }

    pub fn now(&self) -> i64 {
        i64::try_from(self.begun.elapsed().as_nanos()).expect("a test ends within 292 years")
    }

    pub fn add(&self, entry: Entry) {
        let mut entries = self.entries.lock().expect("no holder of this lock panics");
        entries.push(entry);
    }

    pub fn take(&self) -> Vec<Entry> {
        let mut entries = self.entries.lock().expect("no holder of this lock panics");
        std::mem::take(&mut entries)
    }
}

/// Whether the history is one of a correct store; the error says what is not.
pub fn check(entries: &[Entry]) -> Result<(), String> {
    check_revisions(entries)?;
    for (key, operations) in by_key(entries) {
        match porcupine_rs::check_operations_timeout(&operations, CHECK_LIMIT) {
            CheckResult::Ok => {}
            CheckResult::Illegal => {
                let drawn = draw(&key, &operations);
                return Err(format!("{key} is not linearizable; see {drawn}"));
            }
            CheckResult::Unknown => {
                return Err(format!("{key}: no verdict within {CHECK_LIMIT:?}"));
            }
        }
    }
    Ok(())
}

/// As `check`, but on a failure writes the history to a file and panics with its path.
pub fn require(entries: &[Entry], seed: u64) {
    if let Err(why) = check(entries) {
        let path = in_target(&format!("history-{seed}.txt"));
        let lines: Vec<String> = entries.iter().map(|entry| format!("{entry:?}")).collect();
        fs::write(&path, lines.join("\n")).expect("the target directory can be written");
        panic!("{why}\nseed {seed}, history: {}", path.display());
    }
}

fn by_key(entries: &[Entry]) -> BTreeMap<String, Vec<Operation<Register>>> {
    let mut keys: BTreeMap<String, Vec<Operation<Register>>> = BTreeMap::new();
    for entry in entries {
        keys.entry(entry.key.clone()).or_default().push(Operation {
            client_id: Some(entry.client),
            call_time: entry.call,
            return_time: entry.end.unwrap_or(i64::MAX),
            op: entry.op,
            metadata: None,
        });
    }
    keys
}

/// An answer's revision is at least that of every answer that came before its request was sent.
fn check_revisions(entries: &[Entry]) -> Result<(), String> {
    let told = |entry: &Entry| Some((entry.call, entry.end?, entry.revision?));
    let mut by_end: Vec<(i64, i64, i64)> = entries.iter().filter_map(told).collect();
    let mut by_call = by_end.clone();
    by_end.sort_unstable_by_key(|&(_, end, _)| end);
    by_call.sort_unstable();
    let (mut ended, mut highest) = (by_end.iter().peekable(), 0);
    for (call, _, revision) in by_call {
        while let Some((_, _, known)) = ended.next_if(|(_, end, _)| *end < call) {
            highest = highest.max(*known);
        }
        if revision < highest {
            return Err(format!(
                "a request sent at {call} was answered with revision {revision}, \
                 after {highest} had been told"
            ));
        }
    }
    Ok(())
}

/// Draws the key's history for a browser and returns the file's name.
fn draw(key: &str, operations: &[Operation<Register>]) -> String {
    let (_, information) = porcupine_rs::check_operations_info_timeout(operations, CHECK_LIMIT);
    let path = in_target(&format!("{}.html", key.replace('/', "-")));
    let drawn = File::create(&path)
        .and_then(|mut file| porcupine_rs::visualize::<Register, _>(&information, &mut file));
    match drawn {
        Ok(()) => path.display().to_string(),
        Err(error) => format!("nothing, for it could not be drawn: {error}"),
    }
}

fn in_target(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}
