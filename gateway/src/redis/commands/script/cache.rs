//! SCRIPT among the commands of a MULTI that runs scripts: those behind it see what it did.

use bytes::Bytes;

use crate::redis::program::View;
use crate::redis::program::lua::{self, Script};
use crate::redis::reply::Reply;

/// Whether these are the options of SCRIPT FLUSH: none, ASYNC or SYNC.
pub fn flushes(modes: &[Bytes]) -> bool {
    let is_known =
        |mode: &Bytes| mode.eq_ignore_ascii_case(b"sync") || mode.eq_ignore_ascii_case(b"async");
    modes.len() <= 1 && modes.iter().all(is_known)
}

/// SCRIPT LOAD, EXISTS and FLUSH. None: another form, which the connection answers.
pub fn script(view: &mut View, args: &[Bytes]) -> Option<Reply> {
    let verb = args.get(1)?.to_ascii_lowercase();
    match (verb.as_slice(), args.get(2..)?) {
        (b"load", [body]) => {
            let script = Script::new(body.clone());
            Some(match lua::check(&script) {
                Ok(()) => {
                    let sha1 = script.sha1.clone();
                    view.load_script(script);
                    Reply::Bulk(sha1)
                }
                Err(fault) => Reply::Error(fault),
            })
        }
        (b"exists", names @ [_, ..]) => {
            let mut is_kept = |name: &Bytes| {
                view.find_script(&name.to_ascii_lowercase().into())
                    .is_some()
            };
            let kept = names.iter().map(|name| Reply::flag(is_kept(name)));
            Some(Reply::Array(kept.collect()))
        }
        (b"flush", modes) if flushes(modes) => {
            view.flush_scripts();
            Some(Reply::OK)
        }
        _ => None,
    }
}
