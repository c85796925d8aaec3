//! Which data directory each member takes part with. The first one that is met is written down in
//! this member's own data directory, before anything it says counts; whoever comes with another has
//! lost what it acknowledged, and is refused for good. What the log says of a member counts, too.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::hello::{Hello, Refusal};
#[cfg(feature = "mutants")]
use crate::mutants::{self, Mutant};
use crate::types::MemberId;

const FORMAT: &str = "format 1";
/// Refusals are repeated in the log no more often.
const WARN_INTERVAL: Duration = Duration::from_secs(10);

/// What the replicated state says.
pub(crate) struct Published {
    /// Of a member's incarnation.
    pub(crate) incarnation: Box<dyn Fn(MemberId) -> Option<u64> + Send + Sync>,
    /// Of the feature level that a member must be able to apply.
    pub(crate) feature_level: Box<dyn Fn() -> u32 + Send + Sync>,
}

#[cfg(test)]
impl Published {
    /// The same of every member.
    pub(super) fn says(incarnation: Option<u64>, feature_level: u32) -> Published {
        Published {
            incarnation: Box::new(move |_| incarnation),
            feature_level: Box::new(move || feature_level),
        }
    }
}

/// Told that this member can't take part, and why.
pub(crate) type OnRefused = Box<dyn Fn(String) + Send + Sync>;

pub(crate) struct Acquaintances {
    dir: PathBuf,
    own: MemberId,
    members: Vec<MemberId>,
    met: Mutex<BTreeMap<MemberId, u64>>,
    published: Published,
    on_refused: OnRefused,
    warned: Mutex<Option<Instant>>,
}

impl Acquaintances {
    /// Of a cluster of these `members`, as noted in the data directory.
    ///
    /// # Errors
    /// With the remedy, if the notes can't be read or are damaged.
    pub(crate) fn open(
        dir: &Path,
        own: MemberId,
        members: Vec<MemberId>,
        published: Published,
        on_refused: OnRefused,
    ) -> io::Result<Acquaintances> {
        let damaged = |error: &dyn std::fmt::Display| {
            io::Error::other(format!(
                "cannot read which members were met, in {}: {error}; put the file back, or remove \
                 it if no other member has lost its data directory since",
                file(dir).display()
            ))
        };
        let met = match fs::read_to_string(file(dir)) {
            Ok(text) => parse(&text).ok_or_else(|| damaged(&"it is damaged"))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(damaged(&error)),
        };
        Ok(Acquaintances {
            dir: dir.to_owned(),
            own,
            members,
            met: Mutex::new(met),
            published,
            on_refused,
            warned: Mutex::new(None),
        })
    }

    /// Members that were never met.
    pub(super) fn unmet(&self) -> Vec<MemberId> {
        let met = self.met.lock();
        let is_unmet = |member: &MemberId| *member != self.own && !met.contains_key(member);
        self.members.iter().copied().filter(is_unmet).collect()
    }

    /// Takes whoever comes with the data directory it has always had; one that is met for the
    /// first time is noted before.
    pub(super) fn admit(&self, theirs: &Hello) -> Result<(), Refusal> {
        if theirs.member == self.own || !self.members.contains(&theirs.member) {
            return Err(Refusal::Stranger);
        }
        if theirs.feature_level < (self.published.feature_level)() {
            return Err(Refusal::TooOld);
        }
        let mut met = self.met.lock();
        let noted = met.get(&theirs.member).copied();
        let known = (self.published.incarnation)(theirs.member).or(noted);
        #[cfg(feature = "mutants")]
        let known = known.filter(|_| !mutants::is_on(Mutant::AnyDisk));
        if known.is_some_and(|incarnation| incarnation != theirs.incarnation) {
            return Err(Refusal::DataLost);
        }
        if noted != Some(theirs.incarnation) {
            let before = met.insert(theirs.member, theirs.incarnation);
            if let Err(error) = write(&self.dir, &met) {
                tracing::error!(target: "peer", %error, "a member that was met can't be noted");
                match before {
                    Some(before) => met.insert(theirs.member, before),
                    None => met.remove(&theirs.member),
                };
                return Err(Refusal::NotRemembered);
            }
        }
        assert_eq!(met.get(&theirs.member), Some(&theirs.incarnation), "noted");
        Ok(())
    }

    /// The other side does not take us. Without our old data directory we can't take part.
    pub(super) fn was_refused(&self, refusal: Refusal) {
        if refusal == Refusal::DataLost {
            (self.on_refused)(format!(
                "this member, {:x}, has taken part in the cluster before, with another data \
                 directory than {}; what it had acknowledged is lost. Restore that directory, or \
                 remove the member from the cluster and add it again",
                self.own,
                self.dir.display()
            ));
        }
        self.warn("this member was refused by a peer", None, refusal);
    }

    /// A leader knows of more entries that this member has acknowledged than its log holds.
    pub(crate) fn has_lost(&self, acknowledged: u64, held: u64) {
        (self.on_refused)(format!(
            "this member, {:x}, has acknowledged {acknowledged} entries of the log, and its data \
             directory {} holds {held}: it is an older copy, and what was acknowledged since is \
             lost. Restore the directory as it was last, or remove the member from the cluster \
             and add it again",
            self.own,
            self.dir.display()
        ));
    }

    pub(super) fn has_refused(&self, theirs: Option<&Hello>, refusal: Refusal) {
        self.warn("a peer is refused", theirs, refusal);
    }

    fn warn(&self, what: &str, theirs: Option<&Hello>, refusal: Refusal) {
        let now = Instant::now();
        let mut warned = self.warned.lock();
        if warned.is_some_and(|at| now < at + WARN_INTERVAL) {
            return;
        }
        *warned = Some(now);
        let member = theirs.map_or(String::new(), |theirs| format!("{:x}", theirs.member));
        tracing::warn!(target: "peer", member, why = refusal.why(), "{what}");
    }
}

fn file(dir: &Path) -> PathBuf {
    dir.join("peers")
}

fn body(met: &BTreeMap<MemberId, u64>) -> String {
    let line = |(member, incarnation): (&MemberId, &u64)| {
        format!("member {member:016x} incarnation {incarnation:016x}\n")
    };
    let lines: String = met.iter().map(line).collect();
    format!("{FORMAT}\n{lines}")
}

fn write(dir: &Path, met: &BTreeMap<MemberId, u64>) -> io::Result<()> {
    let body = body(met);
    let new = dir.join("peers.new");
    let mut out = File::create(&new)?;
    writeln!(out, "{body}crc32c {:08x}", crc32c::crc32c(body.as_bytes()))?;
    out.sync_all()?;
    fs::rename(new, file(dir))?;
    File::open(dir)?.sync_all()
}

/// None unless it is just what was written.
fn parse(text: &str) -> Option<BTreeMap<MemberId, u64>> {
    let mut met = BTreeMap::new();
    let hex = |digits: &str| u64::from_str_radix(digits, 16).ok();
    for line in text.lines().filter(|line| line.starts_with("member ")) {
        let (member, incarnation) = line.strip_prefix("member ")?.split_once(" incarnation ")?;
        met.insert(hex(member)?, hex(incarnation)?);
    }
    let body = body(&met);
    let sum = crc32c::crc32c(body.as_bytes());
    (text == format!("{body}crc32c {sum:08x}\n")).then_some(met)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::limits::FEATURE_LEVEL_MIN;

    const HELLO: Hello = Hello {
        cluster: 1,
        member: 2,
        incarnation: 20,
        feature_level: FEATURE_LEVEL_MIN,
        target: 0,
        settings: 0,
    };

    fn open(dir: &Path, published: Option<u64>) -> Acquaintances {
        let published = Published::says(published, FEATURE_LEVEL_MIN);
        Acquaintances::open(dir, 1, vec![1, 2, 3], published, Box::new(|_| {})).expect("opens")
    }

    #[test]
    fn who_was_met_is_known_after_a_restart_and_another_disk_is_refused() {
        let dir = tempfile::tempdir().expect("temp dir");
        assert_eq!(open(dir.path(), None).admit(&HELLO), Ok(()));
        let again = open(dir.path(), None);
        assert_eq!(again.unmet(), vec![3]);
        assert_eq!(again.admit(&HELLO), Ok(()));
        let wiped = Hello {
            incarnation: 21,
            ..HELLO
        };
        assert_eq!(again.admit(&wiped), Err(Refusal::DataLost));
        assert_eq!(again.admit(&HELLO), Ok(()), "the right disk stays welcome");
    }

    #[test]
    fn what_the_log_says_counts_without_a_meeting() {
        let dir = tempfile::tempdir().expect("temp dir");
        let told = open(dir.path(), Some(19));
        assert_eq!(told.admit(&HELLO), Err(Refusal::DataLost));
    }

    #[test]
    fn strangers_and_old_programs_are_refused() {
        let dir = tempfile::tempdir().expect("temp dir");
        let open = open(dir.path(), None);
        let with = |member, feature_level| Hello {
            member,
            feature_level,
            ..HELLO
        };
        let level = HELLO.feature_level;
        assert_eq!(open.admit(&with(9, level)), Err(Refusal::Stranger));
        assert_eq!(open.admit(&with(1, level)), Err(Refusal::Stranger));
        assert_eq!(open.admit(&with(2, level - 1)), Err(Refusal::TooOld));
        assert!(!file(dir.path()).exists(), "nobody was noted");
    }

    #[test]
    fn a_program_must_be_able_to_apply_what_the_cluster_has_come_to() {
        let dir = tempfile::tempdir().expect("temp dir");
        let level = Arc::new(AtomicU32::new(HELLO.feature_level));
        let published = Published {
            feature_level: Box::new({
                let level = level.clone();
                move || level.load(Ordering::Relaxed)
            }),
            ..Published::says(None, 0)
        };
        let told = Box::new(|_| {});
        let open = Acquaintances::open(dir.path(), 1, vec![1, 2], published, told).expect("opens");
        assert_eq!(open.admit(&HELLO), Ok(()));
        level.fetch_add(1, Ordering::Relaxed);
        assert_eq!(open.admit(&HELLO), Err(Refusal::TooOld));
        let newer = Hello {
            feature_level: HELLO.feature_level + 1,
            ..HELLO
        };
        assert_eq!(open.admit(&newer), Ok(()));
    }

    #[test]
    fn who_can_not_be_noted_is_refused_until_it_can() {
        let dir = tempfile::tempdir().expect("temp dir");
        let gone = dir.path().join("gone");
        let open = open(&gone, None);
        assert_eq!(open.admit(&HELLO), Err(Refusal::NotRemembered));
        fs::create_dir(&gone).expect("made");
        assert_eq!(open.admit(&HELLO), Ok(()));
    }

    #[test]
    fn damaged_notes_are_told() {
        let dir = tempfile::tempdir().expect("temp dir");
        open(dir.path(), None).admit(&HELLO).expect("noted");
        let text = fs::read(file(dir.path())).expect("written");
        for at in 0..text.len() {
            let mut damaged = text.clone();
            damaged[at] ^= 1;
            fs::write(file(dir.path()), &damaged).expect("written");
            let published = Published::says(None, FEATURE_LEVEL_MIN);
            let opened =
                Acquaintances::open(dir.path(), 1, vec![1, 2], published, Box::new(|_| {}));
            assert!(opened.is_err(), "byte {at}");
        }
    }
}
