//! A panic in a member's task ends that task alone; a run must still fail by it.

use std::cell::RefCell;
use std::sync::Once;

thread_local! {
    static FIRST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// From now on panics are kept, by thread.
pub fn watch() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            FIRST.with_borrow_mut(|first| first.get_or_insert_with(|| info.to_string()).len());
            before(info);
        }));
    });
    FIRST.take();
}

/// # Errors
/// The first panic on this thread.
pub fn none_here() -> Result<(), String> {
    match FIRST.take() {
        Some(panic) => Err(panic),
        None => Ok(()),
    }
}
