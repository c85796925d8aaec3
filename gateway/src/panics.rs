//! What a panic does: it ends the process. A thread or task that is gone unnoticed leaves a member
//! that answers and takes no part; a process that is gone is seen and started again, and what it
//! acknowledged is in the log.

use std::panic::PanicHookInfo;

use quorate_core::node::is_panic_foreseen;

/// From now on, on every thread.
pub fn end_the_process() {
    std::panic::set_hook(Box::new(|panic| {
        let thread = std::thread::current();
        let (thread, what) = (thread.name().unwrap_or("without a name"), what(panic));
        tracing::error!(thread, what, "panicked");
        if !is_panic_foreseen() {
            eprintln!(
                "quorate: the thread {thread} panicked: {what}; this is a bug, and the process \
                 ends, since it can't be trusted any more. What was acknowledged is in the log: \
                 start it again, and report this message"
            );
            std::process::abort();
        }
    }));
}

/// The message and the place.
fn what(panic: &PanicHookInfo<'_>) -> String {
    let message = panic.payload_as_str().unwrap_or("no message");
    match panic.location() {
        Some(place) => format!("{message} at {place}"),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    const CHILD: &str = "QUORATE_TEST_PANICS";

    /// Runs itself again as a process that panics in a task, where the runtime would keep it.
    #[test]
    fn a_panic_in_a_task_ends_the_process() {
        if std::env::var_os(CHILD).is_some() {
            super::end_the_process();
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            let runtime = runtime.expect("a runtime");
            let _ended = runtime.block_on(async { tokio::spawn(async { panic!("lost") }).await });
            return;
        }
        let program = std::env::current_exe().expect("this program");
        let mut child = Command::new(program);
        child.args([
            "panics::tests::a_panic_in_a_task_ends_the_process",
            "--exact",
        ]);
        let ended = child.arg("--nocapture").env(CHILD, "1").output();
        let ended = ended.expect("it runs");
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(!ended.status.success(), "{said}");
        assert!(
            said.contains("panicked: lost at ") && said.contains("panics.rs"),
            "{said}"
        );
    }
}
