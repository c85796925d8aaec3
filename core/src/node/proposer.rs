//! Sends what waits: a leader puts it into the log, many commands to one entry and a few entries
//! under way at once; a follower sends the same batches to the leader.
//!
//! What becomes of a proposal is not learned here but where this member applies it. Here is only
//! learned that something was not taken; then all that is not settled is sent again, in order.
//!
//! Until a cluster is founded nothing else is sent: whether a key has history is settled before the
//! first key is written.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use openraft::async_runtime::WatchReceiver;
use openraft::raft::ClientWriteResult;
use tokio::time::Instant;

use super::core::{Core, Route};
use super::inbox;
use super::inflow::Forwarded;
use super::queue::{Queue, Room, Submission};
use super::settings;
use super::supervise::Faults;
use super::window::{Encoded, Round, View};
use crate::codec;
use crate::command::{Batch, ClusterCommand, Command, Entry, EntryHeader, Part, Proposal};
use crate::outcome::NodeError;
use crate::peer::{Kind, LinkError};
use crate::raft::{Completion, EntryData, TypeConfig, wire};
use crate::types::{Principal, Settings, Stamp};

/// How long before a leader is looked for, or asked, again.
const LEADER_POLL: Duration = Duration::from_millis(10);
/// After so long without an answer to a forwarded batch it is sent again.
const FORWARD_TIMEOUT: Duration = Duration::from_secs(10);
/// Longer than anybody waits for a majority of the founding members: a century.
const FOUNDING_TIME_MAX: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// The answers to a forwarded batch.
pub(crate) const APPLIED: u8 = 0;
pub(crate) const NOT_TAKEN: u8 = 1;

/// Runs until raft ends.
pub(crate) async fn run(core: Arc<Core>, settings: Settings, faults: Faults) {
    found(&core, &settings).await;
    let of_cluster = core.replica.key_prefix();
    if let Err(why) = settings::compare(&settings, of_cluster.as_ref()) {
        faults.report(why);
        return std::future::pending().await;
    }
    let mut leaders = core.leaders.clone();
    let mut others_turn = false;
    loop {
        tokio::select! {
            changed = leaders.changed() => if changed.is_err() { return },
            () = can_send(&core) => {}
        }
        // Who refuses takes nothing at once either.
        if core.window().was_refused() {
            wait_for_a_leader(&core).await;
        }
        core.wait_for_store().await;
        // What another was sent will not be answered, whether or not there is somebody new.
        core.window().turn_to(core.view());
        core.queue.heed(core.replica.turns.gate());
        match core.route() {
            Route::Here(stamp) => {
                others_turn = !others_turn;
                propose(&core, &core.queue, stamp, others_turn).await;
            }
            Route::To(view) => {
                core.inflow.refuse_all();
                forward(&core, view);
            }
            Route::Nowhere => wait_for_a_leader(&core).await,
        }
    }
}

/// Returns once the cluster is founded. The member that leads founds it, with its own settings:
/// the others have the same, else they would not be connected.
async fn found(core: &Arc<Core>, settings: &Settings) {
    let queue = Queue::default();
    let (answer, _receiver) = inbox::channel();
    let command = Command::Cluster(ClusterCommand::Found(settings.clone()));
    let founding = Submission {
        size: command.size_hint(),
        part: Part::None,
        proposal: Proposal {
            principal: Principal::default(),
            command,
        },
        claim: Arc::default(),
        answer,
        deadline: Instant::now() + FOUNDING_TIME_MAX,
    };
    queue.push(founding).expect("an empty queue has room");
    while !core.replica.glance().is_founded {
        core.window().turn_to(core.view());
        if let Route::Here(stamp) = core.route()
            && (core.window().has_unsent() || !queue.is_empty())
        {
            propose(core, &queue, stamp, false).await;
        }
        wait_for_a_leader(core).await;
    }
}

/// Resolves when something waits and there is room to send it.
async fn can_send(core: &Core) {
    let (queue, window, inflow) = (&core.queue, core.window(), &core.inflow);
    window.pace(core.pulse.spacing());
    let turns = &core.replica.turns;
    let waits = || window.has_unsent() || queue.has_some() || !inflow.is_empty();
    loop {
        let mut gate = turns.subscribe();
        queue.heed(turns.gate());
        if window.has_room() && waits() {
            return;
        }
        tokio::select! {
            // The sender lives as long as the core.
            _ = gate.changed() => {}
            () = queue.added.notified() => {}
            () = window.room.notified() => {}
            () = window.paced() => {}
            () = inflow.added.notified() => {}
        }
    }
}

async fn wait_for_a_leader(core: &Core) {
    core.queue.drop_late(Instant::now(), &NodeError::NoLeader);
    tokio::time::sleep(LEADER_POLL).await;
}

/// Puts one entry into the log, of own batches and of others'.
async fn propose(core: &Arc<Core>, queue: &Queue, stamp: Stamp, others_first: bool) {
    if !core.window().has_room() {
        return;
    }
    let header = EntryHeader {
        stamp,
        feature_level: core.replica.glance().feature_level,
        ..core.header
    };
    let mut room = Room::default();
    let mut others = match others_first {
        true => core.inflow.take(&mut room),
        false => Vec::new(),
    };
    let encode = |own: Vec<Batch>, mut room: Room| {
        others.extend(core.inflow.take(&mut room));
        entry(header, own, &mut others)
    };
    let sent = core.window().send(queue, Instant::now(), room, encode);
    let Some((round, data)) = sent else { return };
    let core_done = core.clone();
    let done = Completion::new(move |result| complete(&core_done, round, others, result));
    let leader = crate::raft::LeaderId {
        term: stamp.term,
        voted_for: core.header.member,
    };
    let committed = openraft::vote::RaftLeaderId::to_committed(&leader);
    let writing = core.raft.write(data).with_leader(committed);
    if let Err(fatal) = writing.responder(done).await {
        tracing::error!(target: "raft", %fatal, "raft has stopped");
    }
}

/// An entry of both; what is lent is given back.
fn entry(
    mut header: EntryHeader,
    mut batches: Vec<Batch>,
    others: &mut [Forwarded],
) -> Encoded<EntryData> {
    let own = batches.len();
    let theirs = others.iter_mut();
    batches.extend(theirs.flat_map(|forwarded| std::mem::take(&mut forwarded.batches)));
    if batches.is_empty() {
        return (batches, Ok(None));
    }
    let proposals = batches.iter().flat_map(|batch| &batch.proposals);
    let needed = proposals.map(|proposal| proposal.command.feature_level());
    header.feature_level = needed.fold(header.feature_level, u32::max);
    let entry = Entry { header, batches };
    let data = EntryData::new(&entry, wire::NORMAL);
    let mut batches = entry.batches;
    batches.truncate(own);
    (batches, data.map(Some))
}

fn complete(
    core: &Core,
    round: Round,
    others: Vec<Forwarded>,
    result: ClientWriteResult<TypeConfig>,
) {
    if let Err(error) = result {
        // The others' are dropped with it, which tells them.
        tracing::debug!(target: "raft", %error, "an entry was not taken");
        return core.window().go_back(round);
    }
    core.window().arrived(round);
    for forwarded in others {
        // Who has gone needs no answer.
        let _ = forwarded.applied.send(());
    }
}

/// Sends the next batch to the leader. The order is on the wire; the next may follow while this
/// one is under way.
fn forward(core: &Arc<Core>, view: View) {
    let window = core.window();
    if !window.has_room() {
        return;
    }
    let encode = |batches: Vec<Batch>, _| {
        let message = batches.first().zip(batches.last()).map(|(first, last)| {
            let mut message = Vec::with_capacity(256);
            codec::encode_batches(&batches, &mut message);
            (first.origin.first..=last.last(), Bytes::from(message))
        });
        (batches, Ok(message))
    };
    let room = Room::default();
    let sent = window.send(&core.queue, Instant::now(), room, encode);
    let Some((round, (numbers, message))) = sent else {
        return;
    };
    let Some(link) = core.link_to(view.leader) else {
        return window.never_arrived(round, numbers);
    };
    let answer = link.start(Kind::Forward, message);
    let core = core.clone();
    tokio::spawn(async move {
        match tokio::time::timeout(FORWARD_TIMEOUT, answer).await {
            Ok(Ok(Ok(answer))) if answer[..] == [APPLIED] => core.window().arrived(round),
            Ok(Ok(Err(LinkError::NotSent(_)))) => core.window().never_arrived(round, numbers),
            _ => core.window().go_back(round),
        }
    });
}
