//! What a client asks that plays with leases: it is granted one, hangs keys on it, keeps it alive
//! for a while, and then revokes it or lets it end. The keys are shared by all of them.

use crate::entropy::Dice;
use crate::history::{Answer, Request};

#[derive(Default)]
pub struct Leaseholder {
    /// The lease it has, as it believes.
    lease: Option<i64>,
}

impl Leaseholder {
    /// `unique` is used once, and has digits and a hyphen.
    pub fn next_request(&mut self, dice: &mut Dice, unique: String) -> Request {
        let Some(lease) = self.lease else {
            let id = unique.replace('-', "0000").parse();
            return Request::Grant {
                lease: id.expect("digits are a number"),
                ttl_ms: dice.range(200, 3_000),
            };
        };
        match dice.range(0, 16) {
            0 => {
                self.lease = None;
                self.next_request(dice, unique)
            }
            1 => Request::Revoke { lease },
            2..7 => Request::Attach {
                key: format!("leases/{}", dice.range(0, 5)),
                value: unique,
                lease,
            },
            _ => Request::KeepAlive { lease },
        }
    }

    /// Learns from an answer.
    pub fn told(&mut self, request: &Request, answer: &Answer) {
        let gone = matches!(
            answer,
            Answer::Done {
                happened: false,
                ..
            }
        );
        match request {
            Request::Grant { lease, .. } if matches!(answer, Answer::Done { .. }) => {
                self.lease = Some(*lease);
            }
            Request::Revoke { .. } => self.lease = None,
            Request::KeepAlive { .. } | Request::Attach { .. } if gone => self.lease = None,
            _ => {}
        }
    }
}
