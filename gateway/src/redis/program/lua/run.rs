//! Runs a script on the calling thread, with the interpreter that the thread keeps.

use std::cell::RefCell;
use std::sync::Arc;

use bytes::Bytes;

use super::host::Host;
use super::interpreter::Interpreter;
use super::kill::Running;
use super::script::Script;
use crate::redis::fault::Fault;
use crate::redis::reply::Reply;

thread_local! {
    static RUNNING: Arc<Running> = Running::listed();
    static INTERPRETER: RefCell<Option<Interpreter>> = const { RefCell::new(None) };
}

/// May take seconds: call it on one of `Threads`.
pub fn run(script: &Script, keys: &[Bytes], args: &[Bytes], host: &mut dyn Host) -> Reply {
    // Taken out, so that a panic inside leaves none behind in an unknown state.
    let kept = INTERPRETER.with(|slot| slot.borrow_mut().take());
    let made = kept.map_or_else(|| Interpreter::new(RUNNING.with(Arc::clone)), Ok);
    let mut interpreter = match made {
        Ok(interpreter) => interpreter,
        Err(error) => return Reply::Error(Fault::new(format!("ERR {error}"))),
    };
    let reply = interpreter.run(script, keys, args, host);
    if !interpreter.is_bloated() {
        INTERPRETER.with(|slot| *slot.borrow_mut() = Some(interpreter));
    }
    reply
}
