//! What must hold for a run; one property a file.

mod durable;
mod leases;
mod lives;
mod locks;
mod order;
mod reads;
mod revisions;
mod watches;

use crate::world::Run;

/// # Errors
/// The first property that does not hold.
pub fn all(run: &Run) -> Result<(), String> {
    let happened = run.history.happened()?;
    watches::exact(&run.history, &happened)?;
    order::is_kept_by_connections(&run.history, &happened)?;
    durable::nothing_is_lost(run, &happened)?;
    durable::no_is_no(&run.history, &happened)?;
    revisions::only_rise(&run.history)?;
    reads::are_current(&run.history, &happened)?;
    locks::have_one_holder(&run.history)?;
    lives::end_in_time(run, &happened)?;
    leases::end_with_their_keys(run, &happened)
}
