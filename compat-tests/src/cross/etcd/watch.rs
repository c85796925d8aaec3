//! What came on a watch stream, by watcher, in a form that does not depend on time.
//!
//! Normalised, with reasons: the order of responses of different watchers (etcd's is random); how
//! many revisions share a response, and that response's header revision (whether a watcher had
//! caught up yet is a question of time); progress notifications (they come by the clock; a step
//! of its own waits for one). What is left is exact: a watcher's responses in order, each event
//! with all its fields, and the pieces into which the events of one revision are cut. That a
//! revision is never split but into fragments, and that a header is never behind its events, is
//! looked at on both sides.

use std::collections::BTreeMap;

use prost_reflect::{DynamicMessage, Value};

use super::compare::Comparison;
use super::context::header_revision;
use super::fault::number;
use super::flat;
use crate::cross::difference::ABSENT;

/// What a watcher was told, in order.
#[derive(Clone, Debug)]
pub enum Item {
    /// Created, cancelled, or both.
    Control(DynamicMessage),
    Event(DynamicMessage),
    /// How many events each fragment of one revision had.
    Pieces(String),
    /// A promise about responses was broken.
    Broken(String),
}

/// A watcher's items, and what is needed to judge the next response.
#[derive(Default)]
struct Told {
    items: Vec<Item>,
    last_revision: i64,
    pieces: Vec<usize>,
}

/// Whether a response only tells how far a watcher, or the stream, is.
pub fn is_progress(response: &DynamicMessage) -> bool {
    let has = |field: &str| response.has_field_by_name(field);
    !has("created") && !has("canceled") && !has("events")
}

/// The id of the watcher that is meant.
pub fn watch_id(response: &DynamicMessage) -> i64 {
    number(response, "watch_id")
}

/// Items by watcher; `now` is the newest revision that there is.
pub fn digest(responses: Vec<DynamicMessage>, now: i64) -> BTreeMap<i64, Vec<Item>> {
    let mut told: BTreeMap<i64, Told> = BTreeMap::new();
    for response in responses
        .into_iter()
        .filter(|response| !is_progress(response))
    {
        let told = told.entry(watch_id(&response)).or_default();
        match response.has_field_by_name("events") {
            true => told.take_events(&response, now),
            false => told.items.push(Item::Control(response)),
        }
    }
    let items = told.into_iter().map(|(id, told)| (id, told.items));
    items.collect()
}

impl Told {
    fn take_events(&mut self, response: &DynamicMessage, now: i64) {
        let events = events(response);
        let revisions: Vec<i64> = events.iter().map(mod_revision).collect();
        let (first, last) = (revisions[0], revisions[revisions.len() - 1]);
        let header = header_revision(response);
        if header < last || header > now {
            self.broken(format!(
                "header at {header}, events to {last}, store at {now}"
            ));
        }
        if !revisions.is_sorted() || first < self.last_revision {
            self.broken(format!("after {}: {revisions:?}", self.last_revision));
        }
        if first == self.last_revision && self.pieces.is_empty() {
            self.broken(format!("revision {first} was split"));
        }
        self.last_revision = last;
        let count = events.len();
        self.items.extend(events.into_iter().map(Item::Event));
        self.take_piece(
            count,
            response.has_field_by_name("fragment"),
            header == first,
        );
    }

    /// Pieces of one revision are the same on both sides; those of several, as batches, not.
    fn take_piece(&mut self, count: usize, has_more: bool, is_one_revision: bool) {
        if has_more || !self.pieces.is_empty() {
            self.pieces.push(count);
        }
        if !has_more && !self.pieces.is_empty() {
            if is_one_revision {
                self.items.push(Item::Pieces(format!("{:?}", self.pieces)));
            }
            self.pieces.clear();
        }
    }

    fn broken(&mut self, what: String) {
        self.items.push(Item::Broken(what));
    }
}

fn events(response: &DynamicMessage) -> Vec<DynamicMessage> {
    let list = response.get_field_by_name("events");
    let list = list.as_ref().and_then(|list| list.as_list()).unwrap_or(&[]);
    let events = list.iter().filter_map(Value::as_message);
    events.cloned().collect()
}

fn mod_revision(event: &DynamicMessage) -> i64 {
    let kv = event.get_field_by_name("kv");
    let kv = kv.as_ref().and_then(|kv| kv.as_message());
    kv.map_or(0, |kv| number(kv, "mod_revision"))
}

/// How two streams' items differ.
pub fn compare(
    comparison: &mut Comparison<'_>,
    theirs: &BTreeMap<i64, Vec<Item>>,
    ours: &BTreeMap<i64, Vec<Item>>,
) {
    let mut ids: Vec<i64> = theirs.keys().chain(ours.keys()).copied().collect();
    ids.sort_unstable();
    ids.dedup();
    for id in ids {
        let none = Vec::new();
        let theirs = theirs.get(&id).unwrap_or(&none);
        let ours = ours.get(&id).unwrap_or(&none);
        for index in 0..theirs.len().max(ours.len()) {
            let label = format!("watcher {id} ({index})");
            match (theirs.get(index), ours.get(index)) {
                (Some(Item::Control(theirs)), Some(Item::Control(ours)))
                | (Some(Item::Event(theirs)), Some(Item::Event(ours))) => {
                    comparison.messages(&label, theirs, ours);
                }
                (theirs, ours) => comparison.texts(&label, &shown(theirs), &shown(ours)),
            }
        }
    }
}

fn shown(item: Option<&Item>) -> String {
    match item {
        None => ABSENT.to_owned(),
        Some(Item::Control(message) | Item::Event(message)) => flat::shown(message),
        Some(Item::Pieces(pieces)) => format!("pieces {pieces}"),
        Some(Item::Broken(what)) => format!("BROKEN: {what}"),
    }
}
