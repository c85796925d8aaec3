//! Runs scripts on the calling thread, with the interpreter that the thread keeps.

use std::cell::RefCell;
use std::sync::Arc;

use bytes::Bytes;

use super::host::Host;
use super::interpreter::Interpreter;
use super::kill::Running;
use super::place;
use super::raised::Stop;
use super::script::Script;
use crate::redis::fault::Fault;
use crate::redis::reply::Reply;

thread_local! {
    static RUNNING: Arc<Running> = Running::listed();
    static INTERPRETER: RefCell<Option<Interpreter>> = const { RefCell::new(None) };
}

/// Seen by nobody: the script runs elsewhere.
const MOVED: Fault = Fault::fixed(Stop::Moved.text());

/// Runs a script; what goes wrong in it is an error reply. A fault: the text is not a script. May
/// take seconds: call it `in_place` or on one of `Threads`.
pub fn run(
    script: &Script,
    keys: &[Bytes],
    args: &[Bytes],
    host: &mut dyn Host,
) -> Result<Reply, Fault> {
    if !place::admits(script) {
        return Err(MOVED);
    }
    let done = with_interpreter(|interpreter| interpreter.run(script, keys, args, host));
    place::ended(script);
    done
}

/// Whether the text is a script.
pub fn check(script: &Script) -> Result<(), Fault> {
    with_interpreter(|interpreter| interpreter.compile(script).map(drop))
}

fn with_interpreter<T>(
    work: impl FnOnce(&mut Interpreter) -> Result<T, Fault>,
) -> Result<T, Fault> {
    // Taken out, so that a panic inside leaves none behind in an unknown state.
    let kept = INTERPRETER.with(|slot| slot.borrow_mut().take());
    let made = kept.map_or_else(|| Interpreter::new(RUNNING.with(Arc::clone)), Ok);
    let mut interpreter = made.map_err(|error| Fault::new(format!("ERR {error}")))?;
    let done = work(&mut interpreter);
    if !interpreter.is_bloated() {
        INTERPRETER.with(|slot| *slot.borrow_mut() = Some(interpreter));
    }
    done
}
