//! What is known of locks with a limited life, and the verdict: none ends before its time, is held
//! twice, or lives on.
//!
//! All times are of the test's own monotonic clock. A life begins no sooner than the request for it
//! was sent; what an observer read was true at some time between its request and the answer.

use std::time::{Duration, Instant};

/// After its life a lock is gone within this, whatever happened in between.
const LATE: Duration = Duration::from_secs(10);

/// An acknowledged lock.
#[derive(Clone, Debug)]
pub struct Hold {
    pub token: String,
    pub sent: Instant,
    pub received: Instant,
    pub life: Duration,
}

/// What an observer found.
#[derive(Clone, Debug)]
pub struct Sighting {
    pub token: Option<String>,
    pub sent: Instant,
    pub received: Instant,
}

/// What is known of one lock.
#[derive(Default)]
pub struct Record {
    pub holds: Vec<Hold>,
    pub sightings: Vec<Sighting>,
}

impl Record {
    /// How often it was seen to be held.
    pub fn seen_held(&self) -> usize {
        let sightings = self.sightings.iter();
        sightings
            .filter(|sighting| sighting.token.is_some())
            .count()
    }
}

/// Holds are few, so each is compared with every other and with every sighting.
pub fn check(record: &Record, begun: Instant) -> Result<(), String> {
    let since = |time: Instant| time.saturating_duration_since(begun);
    for (place, hold) in record.holds.iter().enumerate() {
        let end = hold.sent + hold.life;
        let told = || {
            let (sent, received) = (since(hold.sent), since(hold.received));
            format!(
                "{} for {:?}, asked {sent:?}, told {received:?}",
                hold.token, hold.life
            )
        };
        for other in &record.holds[..place] {
            let follows = hold.received >= other.sent + other.life;
            if !follows && other.received < end {
                return Err(format!("held twice: {} and {other:?}", told()));
            }
        }
        for sighting in &record.sightings {
            let is_it = sighting.token.as_ref() == Some(&hold.token);
            let when = (since(sighting.sent), since(sighting.received));
            if !is_it && sighting.sent > hold.received && sighting.received < end {
                return Err(format!(
                    "{}: at {when:?} it was {:?}",
                    told(),
                    sighting.token
                ));
            }
            if is_it && sighting.sent > hold.received + hold.life + LATE {
                return Err(format!("{}: still there at {when:?}", told()));
            }
        }
    }
    Ok(())
}

#[test]
fn early_double_and_late_lives_are_found() {
    let begun = Instant::now();
    let at = |seconds: u64| begun + Duration::from_secs(seconds);
    let hold = |token: &str, sent, received| Hold {
        token: token.to_owned(),
        sent: at(sent),
        received: at(received),
        life: Duration::from_secs(5),
    };
    let seen = |token: Option<&str>, sent, received| Sighting {
        token: token.map(str::to_owned),
        sent: at(sent),
        received: at(received),
    };
    let found = |holds: &[Hold], sightings: &[Sighting]| {
        let record = Record {
            holds: holds.to_vec(),
            sightings: sightings.to_vec(),
        };
        check(&record, begun).is_err()
    };
    assert!(!found(
        &[hold("a", 0, 1), hold("b", 4, 6)],
        &[seen(Some("a"), 3, 4)]
    ));
    assert!(!found(
        &[hold("a", 0, 1)],
        &[seen(None, 0, 2), seen(None, 4, 6)]
    ));
    assert!(found(&[hold("a", 0, 1), hold("b", 3, 4)], &[]));
    assert!(found(&[hold("b", 3, 4), hold("a", 0, 1)], &[]));
    assert!(found(&[hold("a", 0, 1)], &[seen(None, 2, 3)]));
    assert!(found(&[hold("a", 0, 1)], &[seen(Some("b"), 2, 3)]));
    assert!(found(&[hold("a", 0, 1)], &[seen(Some("a"), 17, 18)]));
}
