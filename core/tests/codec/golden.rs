//! Bytes as they lie on disks and wires of deployed members. A test that fails here means that
//! the format changed: that takes a new format number, never a new golden value.

use std::fmt::Write;
use std::sync::Arc;

use bytes::Bytes;
use quorate_core::codec::*;
use quorate_core::command::*;
use quorate_core::types::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes everything");
        text
    })
}

fn record() -> KeyValue {
    KeyValue {
        key: Bytes::from_static(b"key"),
        value: Value::Bytes(Bytes::from_static(b"value")),
        create_revision: 2,
        modified: Version { main: 300, sub: 1 },
        version: 7,
        lease: LeaseId(-1),
        deadline: Some(Deadline::Clock(ClusterMillis(1000))),
        ttl_ms: 500,
        life_generation: 9,
    }
}

fn put(key: &'static [u8], life: Life) -> Op {
    let value = PutValue::Set(Value::Bytes(Bytes::from_static(b"v")));
    Op::Put(PutOp {
        key: Bytes::from_static(key),
        value,
        life,
        want_prev: true,
    })
}

fn entry() -> Entry {
    let guard = Guard {
        range: KeyRange::Key(Bytes::from_static(b"k")),
        test: Test::CreateRevision(Relation::Equal, 0),
    };
    let lives = Guard {
        range: KeyRange::prefix(b"k"),
        test: Test::LivesUnchanged(300),
    };
    let hash = Hash::from([(Bytes::from_static(b"f"), Bytes::from_static(b"1"))]);
    let data = DataOp::HashSet {
        key: Bytes::from_static(b"h"),
        fields: Arc::new(hash),
        only_missing: true,
    };
    let txn = Txn {
        guards: vec![guard, lives],
        then: vec![put(b"k", Life::For(30_000)), Op::Data(data)],
        otherwise: vec![
            Op::Range(RangeOp::new(KeyRange::prefix(b"k"))),
            Op::Txn(Txn::default()),
        ],
    };
    let header = EntryHeader {
        cluster: 1,
        member: 2,
        incarnation: 3,
        feature_level: 1,
        stamp: Stamp {
            term: 5,
            clock: ClusterMillis(6),
            wall: UnixMillis(1_700_000_000_000),
        },
    };
    let user = Principal {
        user: Some("ann".into()),
        auth_revision: 8,
    };
    let proposals = vec![
        Proposal {
            principal: user,
            command: Command::Txn(txn),
        },
        Proposal {
            principal: Principal::default(),
            command: Command::Lease(LeaseCommand::Renew(vec![LeaseId(1), LeaseId(2)])),
        },
        Proposal {
            principal: Principal::default(),
            command: Command::Tick,
        },
    ];
    let origin = Origin {
        member: 4,
        start: 300,
        after: 7,
        first: 9,
    };
    let batches = vec![Batch { origin, proposals }];
    Entry { header, batches }
}

#[test]
fn key_value_bytes() {
    let mut bytes = Vec::new();
    encode_key_value(&record(), &mut bytes);
    let parts = [
        "01",             // format
        "036b6579",       // key
        "000576616c7565", // bytes value
        "04",             // created at 2
        "d804",           // modified at 300
        "01",             // sub 1
        "0e",             // version 7
        "01",             // lease -1
        "0100e807",       // deadline 1000, by the cluster clock
        "f403",           // that was set for 500 ms
        "09",             // life generation
    ];
    assert_eq!(hex(&bytes), parts.concat());
    assert_eq!(decode_key_value(bytes.into()), Ok(record()));
}

#[test]
fn entry_bytes() {
    let mut bytes = Vec::new();
    encode_entry(&entry(), &mut bytes);
    let parts = [
        "01",                       // format
        "0102030105",               // cluster, member, incarnation, feature level, term
        "0680d095ffbc31",           // clock, wall
        "0104ac020709",             // a batch: member, start, after, first
        "03",                       // three proposals
        "0103616e6e0800",           // by ann at auth revision 8: a txn
        "0200016b010000",           // two guards: created(k) == 0,
        "01016b016c09ac02",         // lives of [k, l) not changed after 300
        "02",                       // two ops
        "01016b0000017602b0ea0101", // put k v for 30,000 ms, with prev
        "04020168010166013101",     // hash set h f 1, if missing
        "02",                       // otherwise, two ops
        "0001016b016c",             // range [k, l)
        "00000000000000000000",     // its revision, limit, order, flags, bounds
        "06000000",                 // a nested txn without anything
        "00000102020204",           // renew 1 and 2
        "000006",                   // tick
    ];
    assert_eq!(hex(&bytes), parts.concat());
    assert_eq!(decode_entry(bytes.into()), Ok(entry()));
}

#[test]
fn first_entry_bytes() {
    let settings = Settings {
        key_prefix: "app/".into(),
        forgetful: vec!["app/".into(), "b".into()],
    };
    let command = Command::Cluster(ClusterCommand::Found(settings));
    let proposals = vec![Proposal {
        principal: Principal::default(),
        command,
    }];
    let origin = Origin {
        member: 4,
        start: 300,
        after: 0,
        first: 1,
    };
    let header = EntryHeader {
        feature_level: 2,
        ..EntryHeader::default()
    };
    let batches = vec![Batch { origin, proposals }];
    let mut bytes = Vec::new();
    encode_entry(&Entry { header, batches }, &mut bytes);
    let parts = [
        "01",               // format
        "00000002000000",   // header, feature level 2
        "0104ac02000101",   // a batch of one proposal
        "0000",             // by nobody
        "0402",             // found the cluster
        "046170702f",       // with the key prefix app/
        "02046170702f0162", // without history: app/ and b
    ];
    assert_eq!(hex(&bytes), parts.concat());
}

#[test]
fn turn_bytes() {
    let id = TurnId {
        member: 4,
        start: 300,
        number: 7,
    };
    let end = Op::Turn(TurnOp {
        id,
        step: TurnStep::End,
    });
    let guard = Guard {
        range: KeyRange::prefix(b"k"),
        test: Test::SameNames {
            count: 3,
            newest: 5,
        },
    };
    let txn = Txn {
        guards: vec![guard],
        then: vec![end],
        ..Txn::default()
    };
    let batch = Batch {
        origin: Origin {
            member: 4,
            start: 300,
            after: 0,
            first: 1,
        },
        proposals: vec![Proposal {
            principal: Principal::default(),
            command: Command::Txn(txn),
        }],
    };
    let mut bytes = Vec::new();
    encode_batches(std::slice::from_ref(&batch), &mut bytes);
    let parts = [
        "01",             // format
        "0104ac02000101", // a batch of one proposal
        "0000",           // by nobody
        "00",             // a txn
        "0101016b016c",   // one guard, of [k, l)
        "08030a",         // the same 3 names, none made after 5
        "0108",           // one op: a turn
        "04ac020702",     // member, start, number; it ends
        "00",             // otherwise nothing
    ];
    assert_eq!(hex(&bytes), parts.concat());
    assert_eq!(decode_batches(bytes.into()), Ok(vec![batch]));
}
