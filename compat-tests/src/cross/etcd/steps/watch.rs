//! Watchers: from now, from the past, from before what is left, from revisions to come.

use quorate_proto::etcdserverpb as pb;

use super::draw::Draw;
use super::step::Step;
use crate::cross::etcd::context::STREAMS;

/// Watchers of one stream; beyond, one is cancelled.
const WATCHERS_MAX: usize = 6;

impl Draw {
    pub fn watch(&mut self) -> Step {
        let stream = self.up_to(STREAMS - 1);
        if self.now.watchers[stream].len() > WATCHERS_MAX {
            return self.cancel_watch();
        }
        let (key, range_end) = self.range();
        let mut request = pb::WatchCreateRequest {
            key,
            range_end,
            start_revision: self.start_revision(),
            progress_notify: self.one_in(4),
            prev_kv: self.one_in(2),
            fragment: self.one_in(3),
            ..Default::default()
        };
        if self.one_in(5) {
            request.filters = vec![self.pick(&[0, 1])];
        }
        if self.one_in(20) {
            request.filters = self.pick(&[&[0, 1][..], &[1, 1], &[2], &[-1, 0]]).to_vec();
        }
        if self.one_in(3) {
            request.watch_id = self.pick(&[1, 2, 3, 10, i64::MAX, -7]);
        }
        Step::Watch { stream, request }
    }

    fn start_revision(&mut self) -> i64 {
        let (now, compacted) = (self.now.revision, self.now.compacted);
        let back = self.up_to(10) as i64;
        self.pick(&[
            0,
            0,
            0,
            0,
            now,
            now + 1,
            now + 2,
            now + 3,
            (now - back).max(1),
            (now - back).max(1),
            compacted.max(1),
            (compacted - 1).max(1),
            1,
            -1,
        ])
    }

    pub fn cancel_watch(&mut self) -> Step {
        let stream = self.up_to(STREAMS - 1);
        let known = self.known_watchers(stream);
        let id = match known.is_empty() || self.one_in(6) {
            true => self.pick(&[4, 99, -1, -7, i64::MIN]),
            false => self.pick(&known),
        };
        Step::CancelWatch { stream, id }
    }

    pub fn ask_progress(&mut self) -> Step {
        let stream = self.up_to(STREAMS - 1);
        if self.one_in(5) {
            return Step::EmptyWatchRequest { stream };
        }
        let watchers = &self.now.watchers[stream];
        let wanting = watchers
            .iter()
            .filter(|(_, watcher)| watcher.wants_progress);
        let wanting: Vec<i64> = wanting.map(|(id, _)| *id).collect();
        match wanting.is_empty() || self.one_in(2) {
            true => Step::Progress { stream },
            false => Step::Notification {
                stream,
                id: self.pick(&wanting),
            },
        }
    }

    /// The stream's watchers but its first, which stays so that progress is always answered.
    fn known_watchers(&self, stream: usize) -> Vec<i64> {
        let ids = self.now.watchers[stream].keys().copied();
        ids.filter(|id| *id != 0).collect()
    }
}
