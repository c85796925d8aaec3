//! Walking with a cursor: the pages are each server's own affair, what they hold together is not.

use std::collections::BTreeSet;

use super::connection::{Connection, Frame};
use super::reply::Reply;
use super::side::PATIENCE;
use super::step::Command;

const PAGES_MAX: usize = 10_000;

/// Everything that SCAN or HSCAN shows from cursor 0 to cursor 0, sorted, each once; or the first
/// reply that is no page. HSCAN's fields and values stay together.
pub fn walk(connection: &mut Connection, command: &Command) -> Result<Reply, String> {
    let hash = command.name() == "hscan";
    let at = if hash { 2 } else { 1 };
    let mut command = command.clone();
    let mut found = BTreeSet::new();
    for _ in 0..PAGES_MAX {
        let mut bytes = Vec::new();
        command.encode(&mut bytes);
        connection.send(&bytes);
        let reply = match connection.next(PATIENCE) {
            Frame::Reply(reply) => reply,
            other => return Err(format!("{command}: {other}")),
        };
        let Some([Reply::Bulk(cursor), Reply::Array(page)]) = reply.elements() else {
            return Ok(reply);
        };
        let size = if hash { 2 } else { 1 };
        found.extend(page.chunks(size).map(|one| Reply::Array(one.to_vec())));
        if cursor == b"0" {
            return Ok(Reply::Array(found.into_iter().collect()));
        }
        let Some(word) = command.0.get_mut(at) else {
            return Err(format!("{command}: a page without a cursor asked for"));
        };
        word.clone_from(cursor);
    }
    Err(format!("{command}: no end after {PAGES_MAX} pages"))
}
