//! Bounds of what lives long on a member and belongs to clients: calls, of these watch and
//! keep-alive streams, and those that wait for a lock or an election. etcd has none; each of these
//! takes some kilobytes.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use tonic::Status;

use super::error;

/// One kind of thing.
pub struct Bound {
    pub what: &'static str,
    pub max: i64,
}

/// gRPC calls of every kind, from their first bytes to the last of their replies, those below among
/// them. One takes up to 30 KB.
pub const CALLS: Bound = Bound {
    what: "calls under way on this member",
    max: 150_000,
};

pub const WATCH_STREAMS: Bound = Bound {
    what: "watch streams on this member",
    max: 100_000,
};

pub const KEEP_ALIVE_STREAMS: Bound = Bound {
    what: "keep-alive streams on this member",
    max: 100_000,
};

/// Lock, Campaign, Observe.
pub const CALLS_WAITING: Bound = Bound {
    what: "calls on this member that wait for a lock or an election",
    max: 50_000,
};

/// One of them, counted until dropped.
pub struct Taken(Gauge);

impl Bound {
    /// Counts one more, in `held` or in `refused`.
    ///
    /// # Errors
    /// If there are too many already.
    pub fn take(&self, held: &Gauge, refused: &Counter) -> Result<Taken, Status> {
        let taken = Taken(held.clone());
        if taken.0.inc() >= self.max {
            refused.inc();
            return Err(error::too_many(self.what, self.max));
        }
        Ok(taken)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_too_many_is_refused_and_counted_until_another_goes() {
        let bound = Bound {
            what: "things",
            max: 2,
        };
        let (held, refused) = (Gauge::default(), Counter::default());
        let first = bound.take(&held, &refused).expect("the first");
        let _second = bound.take(&held, &refused).expect("the second");
        let third = bound.take(&held, &refused).map(drop).expect_err("refused");
        assert_eq!(third.code(), tonic::Code::ResourceExhausted);
        assert_eq!(third.message(), "quorate: too many things, at most 2");
        assert_eq!((held.get(), refused.get()), (2, 1));
        drop(first);
        assert!(bound.take(&held, &refused).is_ok());
    }
}
