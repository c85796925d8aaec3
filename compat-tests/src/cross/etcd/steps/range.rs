//! Reads: every option of a range, also those that make no sense.

use bytes::Bytes;
use quorate_proto::etcdserverpb as pb;

use super::draw::Draw;

impl Draw {
    pub fn range_request(&mut self) -> pb::RangeRequest {
        let (key, range_end) = self.range();
        let mut request = pb::RangeRequest {
            key,
            range_end,
            revision: self.some_revision(),
            ..Default::default()
        };
        if self.one_in(3) {
            request.limit = self.pick(&[1, 2, 3, 5, 100, -1, i64::MAX, i64::MIN]);
        }
        if self.one_in(3) {
            request.sort_order = self.pick(&[0, 1, 2]);
            request.sort_target = self.pick(&[0, 1, 2, 3, 4]);
        }
        if request.sort_target != 0 && request.revision != 0 {
            // In the past there may be more keys than are sorted alike; not here.
            request.key = Bytes::from_static(b"k");
            request.range_end = Bytes::from_static(b"l");
        }
        if !self.is_tame && self.one_in(60) {
            request.sort_order = self.pick(&[0, 1, 3, -1, 7]);
            request.sort_target = self.pick(&[0, 1, 5, -1, i32::MAX]);
        }
        request.serializable = self.one_in(4);
        request.keys_only = self.one_in(6);
        request.count_only = self.one_in(10);
        if self.one_in(6) {
            self.bound(&mut request);
        }
        request
    }

    /// A range as RangeStream takes it, mostly.
    pub fn stream_request(&mut self) -> pb::RangeRequest {
        let mut request = self.range_request();
        if !self.one_in(8) {
            request.sort_order = self.pick(&[0, 0, 1]);
            request.sort_target = 0;
            request.min_mod_revision = 0;
            request.max_mod_revision = 0;
            request.min_create_revision = 0;
            request.max_create_revision = 0;
        }
        request
    }

    fn bound(&mut self, request: &mut pb::RangeRequest) {
        for bound in [
            &mut request.min_mod_revision,
            &mut request.max_mod_revision,
            &mut request.min_create_revision,
            &mut request.max_create_revision,
        ] {
            if self.one_in(3) {
                *bound = self.revision();
            }
        }
    }
}
