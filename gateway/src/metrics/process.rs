//! The process's own figures, under Prometheus's usual names, read from /proc when asked. Where
//! there is no /proc they stay 0.

use std::sync::atomic::AtomicU64;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Of Linux on every architecture that it runs on today.
const TICKS_PER_SECOND: f64 = 100.0;

pub struct ProcessMetrics {
    cpu_seconds: Gauge<f64, AtomicU64>,
    resident_bytes: Gauge,
    virtual_bytes: Gauge,
    open_files: Gauge,
    open_files_max: Gauge,
    files_used: Gauge,
    files_limit: Gauge,
}

impl ProcessMetrics {
    pub fn register(registry: &mut Registry) -> ProcessMetrics {
        let started = Gauge::<f64, AtomicU64>::default();
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        started.set(now.as_secs_f64());
        registry.register(
            "process_start_time_seconds",
            "Start, in seconds since 1970",
            started,
        );
        let cpu_seconds = Gauge::default();
        let total = Gauge::<f64, AtomicU64>::clone(&cpu_seconds);
        registry.register(
            "process_cpu_seconds_total",
            "User and system time spent",
            total,
        );
        let mut gauge = |name: &str, help: &str| {
            let gauge = Gauge::default();
            registry.register(name, help, Gauge::clone(&gauge));
            gauge
        };
        ProcessMetrics {
            cpu_seconds,
            resident_bytes: gauge("process_resident_memory_bytes", "Resident memory"),
            virtual_bytes: gauge("process_virtual_memory_bytes", "Virtual memory"),
            open_files: gauge("process_open_fds", "Open file descriptors"),
            open_files_max: gauge("process_max_fds", "Most file descriptors allowed"),
            files_used: gauge("os_fd_used", "File descriptors used"),
            files_limit: gauge("os_fd_limit", "File descriptors allowed"),
        }
    }

    pub fn look(&self) {
        if let Ok(stat) = std::fs::read_to_string("/proc/self/stat") {
            self.cpu_seconds.set(cpu_seconds(&stat).unwrap_or_default());
        }
        if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
            let bytes = |name| kibibytes(&status, name).unwrap_or_default() * 1024;
            self.resident_bytes.set(bytes("VmRSS:"));
            self.virtual_bytes.set(bytes("VmSize:"));
        }
        if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
            let files = i64::try_from(files.count()).unwrap_or(i64::MAX);
            self.open_files.set(files);
            self.files_used.set(files);
        }
        if let Ok(limits) = std::fs::read_to_string("/proc/self/limits") {
            let limit = open_files_limit(&limits).unwrap_or_default();
            self.open_files_max.set(limit);
            self.files_limit.set(limit);
        }
    }
}

/// Fields 14 and 15 (utime, stime), counted behind the name, which may hold spaces.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

fn kibibytes(status: &str, name: &str) -> Option<i64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

fn open_files_limit(limits: &str) -> Option<i64> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_files_are_read_by_field() {
        let stat = "7 (a b) c) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(
            kibibytes("VmSize:\t  12 kB\nVmRSS:\t 5 kB\n", "VmRSS:"),
            Some(5)
        );
        assert_eq!(
            open_files_limit("Max open files            1024   4096   files\n"),
            Some(1024)
        );
    }
}
