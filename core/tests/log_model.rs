//! Random histories with power cuts, against a simple model: what was acknowledged is never lost,
//! what was not may be, and what is kept is always a prefix of what was asked, in order.

mod log_rig;

use log_rig::{Rig, entry, purged};
use proptest::prelude::*;
use quorate_core::disk::{Fault, SimOp};
use quorate_core::log::{Options, Purged, Record};

/// What the log should say after some number of requests.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    entries: Vec<Record>,
    purged: Option<Purged>,
    vote: Option<String>,
}

#[derive(Clone, Debug)]
enum Action {
    Append(u8),
    Vote,
    Truncate(u8),
    Purge(u8),
    PurgeBeyond,
    Flush,
    Seal,
    Prepare,
    Kill,
    Crash(u64),
    FailSyncThenCrash(u64),
    PowerCut { op: SimOp, nth: u64, seed: u64 },
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        12 => (1..30_u8).prop_map(Action::Append),
        2 => Just(Action::Vote),
        2 => any::<u8>().prop_map(Action::Truncate),
        2 => any::<u8>().prop_map(Action::Purge),
        1 => Just(Action::PurgeBeyond),
        10 => Just(Action::Flush),
        2 => Just(Action::Seal),
        3 => Just(Action::Prepare),
        1 => Just(Action::Kill),
        3 => any::<u64>().prop_map(Action::Crash),
        1 => any::<u64>().prop_map(Action::FailSyncThenCrash),
        6 => power_cut(),
    ]
}

fn power_cut() -> impl Strategy<Value = Action> {
    let op = prop_oneof![
        4 => Just(SimOp::Sync),
        2 => Just(SimOp::Write),
        1 => Just(SimOp::SyncDir),
        1 => Just(SimOp::Create),
    ];
    (op, 1..4_u64, any::<u64>()).prop_map(|(op, nth, seed)| Action::PowerCut { op, nth, seed })
}

impl Model {
    fn next_index(&self) -> u64 {
        let purged = self.purged.as_ref().map_or(1, |purged| purged.index + 1);
        self.entries.last().map_or(purged, |last| last.index + 1)
    }

    fn purge(&mut self, index: u64, term: u64) {
        self.entries.retain(|entry| entry.index > index);
        self.purged = Some(purged(index, term));
    }
}

/// A log under test and every state that it has been asked to take since the last start.
struct Run {
    rig: Option<Rig>,
    asked: Vec<Model>,
    /// `asked[acked]` is the newest state known to be on disk.
    acked: usize,
    term: u64,
}

impl Run {
    fn new() -> Self {
        let asked = vec![Model::default()];
        Self {
            rig: Some(Rig::new()),
            asked,
            acked: 0,
            term: 1,
        }
    }

    fn rig(&mut self) -> &mut Rig {
        self.rig
            .as_mut()
            .expect("a log is always open between actions")
    }

    fn ask(&mut self, change: impl FnOnce(&mut Model)) {
        let mut model = self.asked.last().expect("never empty").clone();
        change(&mut model);
        self.asked.push(model);
    }

    fn now(&self) -> Model {
        self.asked.last().expect("never empty").clone()
    }

    fn act(&mut self, action: Action) {
        let (now, term) = (self.now(), self.term);
        match action {
            Action::Append(count) => {
                let first = now.next_index();
                let records: Vec<_> = (first..first + u64::from(count))
                    .map(|index| entry(index, term))
                    .collect();
                self.rig().append_records(records.clone());
                self.ask(|model| model.entries.extend(records));
            }
            Action::Vote => {
                self.term += 1;
                let vote = format!("vote of {term}");
                self.rig().vote(&vote);
                self.ask(|model| model.vote = Some(vote));
            }
            Action::Truncate(part) => self.truncate(&now, part),
            Action::Purge(part) => {
                let at = now.entries.len() * usize::from(part) / 256;
                if let Some(entry) = now.entries.get(at) {
                    let (index, term) = (entry.index, entry.term);
                    self.rig().purge(index, term);
                    self.ask(|model| model.purge(index, term));
                }
            }
            Action::PurgeBeyond => {
                let index = now.next_index() + 10;
                self.rig().purge(index, term);
                self.ask(|model| model.purge(index, term));
            }
            Action::Flush => {
                self.rig().flush();
                self.acked = self.asked.len() - 1;
            }
            Action::Seal => {
                self.rig().flusher.seal_once();
            }
            Action::Prepare => self.rig().prepare(),
            Action::Kill => self.stop(None),
            Action::Crash(seed) => self.stop(Some(seed)),
            Action::FailSyncThenCrash(seed) => {
                self.rig().disk.fail_nth(SimOp::Sync, 1, Fault::Eio);
                self.rig().flush();
                self.stop(None);
                self.stop(Some(seed));
            }
            Action::PowerCut { op, nth, seed } => self.power_cut(op, nth, seed),
        }
        self.check_readable();
    }

    /// The power goes off somewhere in a flush or in the preparation of a segment, and for some
    /// seeds again while the next start repairs what that left.
    fn power_cut(&mut self, op: SimOp, nth: u64, seed: u64) {
        let disk = self.rig().disk.clone();
        disk.fail_nth(op, nth, Fault::PowerCut);
        self.rig().flush();
        if self.rig().log.fault().is_none() {
            self.acked = self.asked.len() - 1;
        }
        let _ = self.rig().flusher.preparer().run_once();
        if seed.is_multiple_of(3) {
            drop(self.rig.take());
            disk.crash(seed);
            disk.fail_nth(op, nth, Fault::PowerCut);
            drop(log_rig::open(&disk, Options::small()));
            disk.crash(seed / 3);
            self.rig = Some(Rig::on(disk, Options::small()));
            self.judge();
        } else {
            self.stop(Some(seed));
        }
    }

    fn truncate(&mut self, now: &Model, part: u8) {
        let at = now.entries.len() * usize::from(part) / 256;
        let Some(entry) = now.entries.get(at) else {
            return;
        };
        self.term += 1;
        let index = entry.index;
        self.rig().truncate(Some(index));
        self.ask(|model| model.entries.retain(|entry| entry.index <= index));
    }

    /// Ends the process (with a power cut if a seed is given), starts it again and judges.
    fn stop(&mut self, crash: Option<u64>) {
        let rig = self
            .rig
            .take()
            .expect("a log is always open between actions");
        let disk = rig.disk.clone();
        let mark = rig.log.synced();
        drop(rig);
        match crash {
            Some(seed) => disk.crash(seed),
            None => disk.kill(),
        }
        self.rig = Some(Rig::on(
            disk,
            Options {
                synced_at_least: Some(mark),
                ..Options::small()
            },
        ));
        self.judge();
    }

    fn judge(&mut self) {
        let rig = self.rig();
        let found = Model {
            entries: rig.read_all(),
            purged: rig.recovered.purged.clone(),
            vote: rig
                .recovered
                .vote
                .as_ref()
                .map(|v| String::from_utf8_lossy(v).into_owned()),
        };
        assert!(
            self.explains(&found),
            "acked {:?}\nfound {found:?}",
            self.asked[self.acked]
        );
        self.asked = vec![found];
        self.acked = 0;
        self.term += 1;
    }

    /// The state found is one asked for at or after the last acknowledged; of the request at which
    /// it stops, an append may be kept in part.
    fn explains(&self, found: &Model) -> bool {
        let candidates = &self.asked[self.acked..];
        candidates.iter().any(|model| model == found)
            || candidates.windows(2).any(|pair| {
                let (before, after) = (&pair[0], &pair[1]);
                found.vote == after.vote
                    && found.purged == after.purged
                    && before.vote == after.vote
                    && before.purged == after.purged
                    && found.entries.len() > before.entries.len()
                    && after.entries.starts_with(&found.entries)
                    && found.entries.starts_with(&before.entries)
            })
    }

    fn check_readable(&mut self) {
        let now = self.now();
        let rig = self.rig();
        assert_eq!(rig.read_all(), now.entries);
        assert_eq!(rig.log.purged(), now.purged);
        for entry in &now.entries {
            assert_eq!(rig.log.position(entry.index), Some(entry.position()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn acknowledged_is_kept_and_order_holds(actions in prop::collection::vec(action(), 1..120)) {
        let mut run = Run::new();
        for action in actions {
            run.act(action);
        }
        run.stop(Some(1));
    }
}
