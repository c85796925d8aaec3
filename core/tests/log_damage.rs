//! Damage: torn tails start, everything else that was synced and is damaged refuses, by name.

mod log_rig;

use std::path::PathBuf;

use log_rig::{DIR, IDENTITY, Rig, entry, open, open_as, refusal, segments};
use quorate_core::disk::{Disk, SimDisk, SimOp};
use quorate_core::log::{Corruption, Identity, LogError, Options};

/// One segment with room for all, groups on 512-byte boundaries.
fn roomy() -> Options {
    Options {
        first_segment_bytes: 64 << 10,
        ..Options::small()
    }
}

/// Entries 1..=20 in two groups with a vote, then the last group: entries 21..=23.
fn three_groups() -> (SimDisk, usize, usize) {
    let mut rig = Rig::with(roomy());
    rig.append(1, 10, 1);
    rig.flush();
    rig.vote("v");
    rig.append(11, 10, 1);
    rig.flush();
    // The vote's group is followed by a seal; the next group begins behind it.
    rig.append(21, 3, 2);
    rig.flush();
    let path = segments(&rig.disk)[0].clone();
    let bytes = rig.disk.content(&path).expect("the segment");
    let needle = entry(21, 2).payload;
    let payload = bytes
        .windows(needle.len())
        .position(|w| w == &needle[..])
        .expect("entry 21");
    let end = bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .expect("not empty")
        + 1;
    let disk = rig.disk.clone();
    drop(rig);
    disk.kill();
    (disk, payload - 80, end)
}

fn corruption(error: LogError) -> Corruption {
    match error {
        LogError::Corrupt(corruption) => corruption,
        other => panic!("expected a corruption, got: {other}"),
    }
}

/// After damage to the last group: the log opens, holds all before, and goes on working.
fn check_torn(disk: SimDisk, what: &str) {
    let mut rig = Rig::on(disk, roomy());
    let last = rig.log.bounds().expect("entries").1.index;
    assert!((20..=23).contains(&last), "{what}: last is {last}");
    assert_eq!(rig.recovered.vote.as_deref(), Some(&b"v"[..]), "{what}");
    let expected: Vec<_> = (1..=last)
        .map(|i| entry(i, if i > 20 { 2 } else { 1 }))
        .collect();
    assert_eq!(rig.read_all(), expected, "{what}");
    rig.append(last + 1, 4, 3);
    rig.flush();
    let rig = rig.restart();
    assert_eq!(rig.read_all().len() as u64, last + 4, "{what}");
}

#[test]
fn a_cut_at_every_byte_of_the_last_group_starts_without_it() {
    let (disk, start, end) = three_groups();
    let path = segments(&disk)[0].clone();
    let whole = disk.content(&path).expect("the segment");
    for cut in start..end {
        let zeroed = disk.fork();
        let mut bytes = whole.clone();
        bytes[cut..].fill(0);
        zeroed.overwrite(&path, bytes);
        check_torn(zeroed, &format!("zeros from {cut}"));

        let garbage = disk.fork();
        let mut bytes = whole.clone();
        bytes[cut..end].fill(0xa5);
        garbage.overwrite(&path, bytes);
        check_torn(garbage, &format!("garbage from {cut}"));
    }
}

/// A crash never makes a file shorter: it was made, and synced, at its full length. So what is cut
/// off may have been acknowledged, wherever the cut is.
#[test]
fn a_file_cut_short_refuses() {
    let (disk, start, end) = three_groups();
    let path = segments(&disk)[0].clone();
    let whole = disk.content(&path).expect("the segment");
    let cuts = (start..end).chain([0, 1, 79, 512, 4096, end, whole.len() - 1]);
    for cut in cuts {
        let short = disk.fork();
        short.overwrite(&path, whole[..cut].to_vec());
        let found = corruption(refusal(&short, roomy()));
        assert_eq!(found.path, path, "cut at {cut}");
        short.kill();
    }
}

#[test]
fn a_flip_at_every_byte_of_the_last_group_starts() {
    let (disk, start, end) = three_groups();
    let path = segments(&disk)[0].clone();
    for at in start..end {
        let disk = disk.fork();
        disk.flip(&path, at, 1 << (at % 8));
        check_torn(disk, &format!("flip at {at}"));
    }
}

#[test]
fn a_flip_at_every_byte_before_the_last_group_refuses() {
    let (disk, start, _) = three_groups();
    let path = segments(&disk)[0].clone();
    // The seal before the last group and all before it are covered by the last group.
    for at in 0..start {
        let disk = disk.fork();
        disk.flip(&path, at, 1 << (at % 8));
        let before = disk.content(&path);
        let found = corruption(refusal(&disk, roomy()));
        assert_eq!(found.path, path);
        assert!(
            found.offset <= at as u64,
            "flip at {at}, reported at {}",
            found.offset
        );
        assert!(found.first_index_lost <= 21);
        assert_eq!(
            disk.content(&path),
            before,
            "a refusal leaves the evidence alone"
        );
        disk.kill();
    }
}

#[test]
fn the_refusal_says_where_what_and_what_to_do() {
    let (disk, _, _) = three_groups();
    let path = segments(&disk)[0].clone();
    let bytes = disk.content(&path).expect("the segment");
    let needle = entry(7, 1).payload;
    let at = bytes
        .windows(needle.len())
        .position(|w| w == &needle[..])
        .expect("entry 7");
    disk.flip(&path, at, 0x10);
    let error = refusal(&disk, roomy());
    let text = error.to_string();
    let found = corruption(error);
    assert_eq!((found.offset, found.first_index_lost), (at as u64 - 80, 7));
    for part in [
        DIR,
        &format!("offset {}", at - 80),
        "index 7",
        "restore",
        "add it again",
    ] {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}

#[test]
fn a_seal_makes_damage_to_the_last_entries_provable() {
    let (disk, start, end) = three_groups();
    let path = segments(&disk)[0].clone();
    let mut rig = Rig::on(disk, roomy());
    rig.log.seal(rig.done(0));
    rig.flush();
    let disk = rig.disk.clone();
    drop(rig);
    for at in start..end {
        let disk = disk.fork();
        disk.flip(&path, at, 0x80);
        let found = corruption(refusal(&disk, roomy()));
        assert!((21..=24).contains(&found.first_index_lost));
    }
}

#[test]
fn a_vote_is_covered_by_a_later_group_at_once() {
    let mut rig = Rig::with(roomy());
    rig.vote("who leads");
    rig.flush();
    let disk = rig.disk.clone();
    drop(rig);
    let path = segments(&disk)[0].clone();
    let bytes = disk.content(&path).expect("the segment");
    let at = bytes
        .windows(9)
        .position(|w| w == b"who leads")
        .expect("the vote");
    disk.flip(&path, at, 1);
    assert!(matches!(refusal(&disk, roomy()), LogError::Corrupt(_)));
}

#[test]
fn a_mark_kept_elsewhere_makes_a_lost_tail_provable() {
    let (disk, start, _) = three_groups();
    let path = segments(&disk)[0].clone();
    let rig = Rig::on(disk.fork(), roomy());
    let mark = rig.log.synced();
    assert_eq!(mark.index, 23);
    let marked = Options {
        synced_at_least: Some(mark),
        ..roomy()
    };
    drop(rig);
    let refused = refusal(&disk.fork(), marked.clone());
    assert!(
        matches!(refused, LogError::BehindMark { .. }),
        "older copy of the disk: {refused}"
    );
    let damaged = disk.fork();
    damaged.flip(&path, start, 1);
    assert!(matches!(
        refusal(&damaged, marked.clone()),
        LogError::BehindMark { .. }
    ));
    let empty = refusal(&SimDisk::new(), marked);
    assert!(matches!(empty, LogError::BehindMark { .. }), "{empty}");
}

/// A log of many segments: entries 1..=100, one group each.
fn many_segments() -> (SimDisk, Vec<PathBuf>) {
    let mut rig = Rig::new();
    for index in 1..=100 {
        rig.append(index, 1, 1);
        rig.flush();
    }
    rig.prepare();
    let disk = rig.disk.clone();
    drop(rig);
    disk.kill();
    let files = segments(&disk);
    assert!(files.len() > 5);
    (disk, files)
}

#[test]
fn swapped_copied_and_missing_segments_are_refused() {
    let (disk, files) = many_segments();
    let used = files.len() - 1;
    for a in 0..used {
        for b in (0..used).filter(|b| *b != a) {
            let disk = disk.fork();
            let (first, second) = (disk.content(&files[a]), disk.content(&files[b]));
            disk.overwrite(&files[a], second.expect("a segment"));
            let copied = refusal(&disk, Options::small());
            assert!(
                matches!(copied, LogError::Misplaced { .. }),
                "copy {b} to {a}: {copied}"
            );
            disk.overwrite(&files[b], first.expect("a segment"));
            let swapped = refusal(&disk, Options::small());
            assert!(
                matches!(swapped, LogError::Misplaced { .. }),
                "swap {a} {b}: {swapped}"
            );
        }
    }
    for (at, gone) in files[..used].iter().enumerate() {
        let disk = disk.fork();
        disk.remove(gone).expect("it is there");
        let error = refusal(&disk, Options::small());
        let named = error.to_string().contains(&*gone.to_string_lossy());
        // The last used one leaves an empty prepared segment as the oldest of the rest.
        assert!(
            named || at == used - 1,
            "{} removed: {error}",
            gone.display()
        );
    }
}

#[test]
fn a_flip_in_any_segment_but_the_last_group_refuses_and_names_the_file() {
    let (disk, files) = many_segments();
    let used = files.len() - 1;
    for path in &files[..used - 1] {
        let bytes = disk.content(path).expect("a segment");
        let end = bytes
            .iter()
            .rposition(|byte| *byte != 0)
            .expect("not empty")
            + 1;
        for at in (0..end).step_by(7) {
            let disk = disk.fork();
            disk.flip(path, at, 0x04);
            let found = corruption(refusal(&disk, Options::small()));
            assert_eq!(&found.path, path, "flip at {at}: {found}");
            assert!(found.offset <= at as u64, "flip at {at}: {found}");
        }
    }
    for path in &files[..used] {
        let emptied = disk.fork();
        emptied.overwrite(path, Vec::new());
        let found = corruption(refusal(&emptied, Options::small()));
        assert_eq!((&found.path, found.offset), (path, 0));
    }
}

#[test]
fn a_bad_header_names_the_first_index_of_its_segment() {
    let (disk, files) = many_segments();
    let bytes = disk.content(&files[3]).expect("a segment");
    let first = (1..=100).find(|index| {
        let needle = entry(*index, 1).payload;
        bytes.windows(needle.len()).any(|w| w == &needle[..])
    });
    disk.flip(&files[3], 20, 1);
    let found = corruption(refusal(&disk, Options::small()));
    assert_eq!(Some(found.first_index_lost), first);
}

#[test]
fn another_identity_is_refused_by_name() {
    let (disk, files) = many_segments();
    let others = [
        Identity {
            cluster: 0xbeef,
            ..IDENTITY
        },
        Identity {
            member: 0xbeef,
            ..IDENTITY
        },
        Identity {
            incarnation: 0xbeef,
            ..IDENTITY
        },
    ];
    for other in others {
        match open_as(&disk, other, Options::small()).map(|_| ()) {
            Err(error @ LogError::Foreign { .. }) => {
                let text = error.to_string();
                assert!(text.contains("beef") && text.contains("77"), "{text}");
            }
            other => panic!("not refused: {other:?}"),
        }
    }
    // One foreign file among our own.
    let foreign = SimDisk::new();
    let identity = Identity {
        member: 0xbeef,
        ..IDENTITY
    };
    drop(open_as(&foreign, identity, Options::small()).expect("a new log"));
    let theirs = foreign
        .content(&segments(&foreign)[0])
        .expect("their segment");
    disk.overwrite(&files[0], theirs);
    assert!(matches!(
        refusal(&disk, Options::small()),
        LogError::Foreign { .. }
    ));
}

#[test]
fn a_torn_group_that_was_dropped_stays_dropped() {
    // Its later records are whole on disk; smaller groups are written over its first part.
    let (disk, start, _) = three_groups();
    let path = segments(&disk)[0].clone();
    disk.flip(&path, start, 1);
    let mut rig = Rig::on(disk, roomy());
    assert!(rig.recovered.torn);
    for term in 3..30 {
        rig.append(rig.log.bounds().expect("entries").1.index + 1, 1, term);
        rig.flush();
        rig = rig.restart();
        assert!(!rig.recovered.torn);
        let last = rig.log.bounds().expect("entries").1;
        assert_eq!((last.index, last.term), (18 + term, term));
    }
    assert!(
        open(&rig.disk, roomy()).is_err(),
        "still locked by the running one"
    );
}

/// Values of clients may lie behind the end, and look like anything.
#[test]
fn chosen_bytes_behind_the_end_cost_no_more_reads_than_others() {
    const BYTES: usize = 2 << 20;
    let (disk, _, end) = three_groups();
    let path = segments(&disk)[0].clone();
    let mut bytes = disk.content(&path).expect("the segment");
    bytes.resize(BYTES, 0);
    let mut head = [0; 64];
    head[4..8].copy_from_slice(&(BYTES as u32 / 2).to_le_bytes());
    head[8..10].copy_from_slice(&[1, 3]);
    let Identity {
        cluster,
        member,
        incarnation,
    } = IDENTITY;
    let (epoch, group) = (1, u64::MAX);
    for (slot, word) in [cluster, member, incarnation, epoch, group]
        .into_iter()
        .enumerate()
    {
        head[16 + slot * 8..][..8].copy_from_slice(&word.to_le_bytes());
    }
    for place in bytes[end.next_multiple_of(512)..].chunks_exact_mut(head.len()) {
        place.copy_from_slice(&head);
    }
    disk.overwrite(&path, bytes);
    let before = disk.count(SimOp::Read);
    let rig = Rig::on(disk, roomy());
    let reads = rig.disk.count(SimOp::Read) - before;
    assert!(reads < 100, "{reads} reads of {BYTES} bytes");
    assert_eq!(rig.read_all().len(), 23);
}
