//! Encoding of entries, proposals and the commands that are not txns.

use super::wire::{DecodeError, Reader, Wire, wire_enum, wire_struct};
use crate::command::{
    AlarmCommand, AlarmKind, Batch, ClusterCommand, Command, Entry, EntryHeader, LeaseCommand,
    Origin, Proposal, ScriptCommand, Txn,
};

wire_struct!(Entry { header, batches });
wire_struct!(Batch { origin, proposals });

/// Numbers start at 1, and no batch's run out: what is counted from them can't overflow.
const NUMBER_MAX: u64 = u64::MAX / 2;

impl Wire for Origin {
    fn put(&self, out: &mut Vec<u8>) {
        let Origin {
            member,
            start,
            after,
            first,
        } = self;
        for number in [member, start, after, first] {
            number.put(out);
        }
    }

    fn take(input: &mut Reader) -> Result<Origin, DecodeError> {
        let origin = Origin {
            member: Wire::take(input)?,
            start: Wire::take(input)?,
            after: Wire::take(input)?,
            first: Wire::take(input)?,
        };
        match (1..=NUMBER_MAX).contains(&origin.first) && origin.after < origin.first {
            true => Ok(origin),
            false => Err(DecodeError::BadNumber),
        }
    }
}

wire_struct!(EntryHeader {
    cluster,
    member,
    incarnation,
    feature_level,
    stamp
});
wire_struct!(Proposal { principal, command });

impl Wire for Command {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Command::Txn(txn) => {
                out.push(0);
                txn.put(out);
            }
            Command::Lease(lease) => {
                out.push(1);
                lease.put(out);
            }
            Command::Compact(revision) => {
                out.push(2);
                revision.put(out);
            }
            Command::Alarm(alarm) => {
                out.push(3);
                alarm.put(out);
            }
            Command::Cluster(cluster) => {
                out.push(4);
                cluster.put(out);
            }
            Command::Script(script) => {
                out.push(5);
                script.put(out);
            }
            Command::Tick => out.push(6),
        }
    }

    fn take(input: &mut Reader) -> Result<Command, DecodeError> {
        match input.byte()? {
            0 => Ok(Command::Txn(Txn::take(input)?)),
            1 => Ok(Command::Lease(LeaseCommand::take(input)?)),
            2 => Ok(Command::Compact(i64::take(input)?)),
            3 => Ok(Command::Alarm(AlarmCommand::take(input)?)),
            4 => Ok(Command::Cluster(ClusterCommand::take(input)?)),
            5 => Ok(Command::Script(ScriptCommand::take(input)?)),
            6 => Ok(Command::Tick),
            tag => Err(DecodeError::UnknownTag {
                what: "Command",
                tag,
            }),
        }
    }
}

impl Wire for LeaseCommand {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            LeaseCommand::Grant { id, ttl_ms } => {
                out.push(0);
                id.put(out);
                ttl_ms.put(out);
            }
            LeaseCommand::Revoke(id) => {
                out.push(1);
                id.put(out);
            }
            LeaseCommand::Renew(ids) => {
                out.push(2);
                ids.put(out);
            }
        }
    }

    fn take(input: &mut Reader) -> Result<LeaseCommand, DecodeError> {
        match input.byte()? {
            0 => Ok(LeaseCommand::Grant {
                id: Wire::take(input)?,
                ttl_ms: Wire::take(input)?,
            }),
            1 => Ok(LeaseCommand::Revoke(Wire::take(input)?)),
            2 => Ok(LeaseCommand::Renew(Wire::take(input)?)),
            tag => Err(DecodeError::UnknownTag {
                what: "LeaseCommand",
                tag,
            }),
        }
    }
}

wire_enum!(AlarmKind { NoSpace = 0, Corrupt = 1 });

impl Wire for AlarmCommand {
    fn put(&self, out: &mut Vec<u8>) {
        let (tag, member, kind) = match self {
            AlarmCommand::Activate { member, kind } => (0, member, kind),
            AlarmCommand::Deactivate { member, kind } => (1, member, kind),
        };
        out.push(tag);
        member.put(out);
        kind.put(out);
    }

    fn take(input: &mut Reader) -> Result<AlarmCommand, DecodeError> {
        let tag = input.byte()?;
        let (member, kind) = Wire::take(input)?;
        match tag {
            0 => Ok(AlarmCommand::Activate { member, kind }),
            1 => Ok(AlarmCommand::Deactivate { member, kind }),
            tag => Err(DecodeError::UnknownTag {
                what: "AlarmCommand",
                tag,
            }),
        }
    }
}

impl Wire for ClusterCommand {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            ClusterCommand::Publish {
                member,
                name,
                client_urls,
                incarnation,
                feature_level,
            } => {
                out.push(0);
                member.put(out);
                name.put(out);
                client_urls.put(out);
                incarnation.put(out);
                feature_level.put(out);
            }
            ClusterCommand::RaiseFeatureLevel(level) => {
                out.push(1);
                level.put(out);
            }
            ClusterCommand::Found(settings) => {
                out.push(2);
                settings.put(out);
            }
        }
    }

    fn take(input: &mut Reader) -> Result<ClusterCommand, DecodeError> {
        match input.byte()? {
            0 => Ok(ClusterCommand::Publish {
                member: Wire::take(input)?,
                name: Wire::take(input)?,
                client_urls: Wire::take(input)?,
                incarnation: Wire::take(input)?,
                feature_level: Wire::take(input)?,
            }),
            1 => Ok(ClusterCommand::RaiseFeatureLevel(Wire::take(input)?)),
            2 => Ok(ClusterCommand::Found(Wire::take(input)?)),
            tag => Err(DecodeError::UnknownTag {
                what: "ClusterCommand",
                tag,
            }),
        }
    }
}

impl Wire for ScriptCommand {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            ScriptCommand::Load { sha1, body } => {
                out.push(0);
                sha1.put(out);
                body.put(out);
            }
            ScriptCommand::Flush => out.push(1),
        }
    }

    fn take(input: &mut Reader) -> Result<ScriptCommand, DecodeError> {
        match input.byte()? {
            0 => Ok(ScriptCommand::Load {
                sha1: Wire::take(input)?,
                body: Wire::take(input)?,
            }),
            1 => Ok(ScriptCommand::Flush),
            tag => Err(DecodeError::UnknownTag {
                what: "ScriptCommand",
                tag,
            }),
        }
    }
}
