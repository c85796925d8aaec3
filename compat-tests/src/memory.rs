//! What a process takes of the machine's memory, from /proc; in KiB.

use std::fs;

/// Resident now.
pub fn resident(pid: u32) -> u64 {
    field(pid, "VmRSS:")
}

/// The most that was resident since the last reset.
pub fn peak(pid: u32) -> u64 {
    field(pid, "VmHWM:")
}

/// The whole address space.
pub fn space(pid: u32) -> u64 {
    field(pid, "VmSize:")
}

/// Begins a new peak.
pub fn reset_peak(pid: u32) {
    fs::write(format!("/proc/{pid}/clear_refs"), "5").expect("a process of ours");
}

fn field(pid: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the server runs");
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    let number = number.unwrap_or_else(|| panic!("the server has ended: no {name}"));
    number.parse().expect("a number of KiB")
}
