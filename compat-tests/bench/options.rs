//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use crate::workload::{ALL, Workload};

/// Measures Quorate beside etcd and redis-server and prints a table of ratios.
#[derive(Debug, Parser)]
pub struct Options {
    /// Seconds that are measured.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    pub seconds: u64,
    /// Seconds of the same load before that.
    #[arg(long, default_value_t = 5)]
    pub warmup: u64,
    /// Rounds; which server goes first alternates.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,
    /// Members of Quorate and of etcd (1 to 3); redis-server is always alone.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=3))]
    pub members: u8,
    /// Workloads by the beginning of their names, separated by commas; all when left out.
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<String>,
    /// Measures instead the memory that a million keys take, of one member.
    #[arg(long)]
    pub memory: bool,
    /// Where the table is written as well.
    #[arg(long, default_value = "target/bench.md")]
    pub output: PathBuf,
}

/// How long one server is loaded, and how much of that is measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub warmup: Duration,
    pub window: Duration,
}

impl Options {
    /// The load's times.
    pub fn plan(&self) -> Plan {
        Plan {
            warmup: Duration::from_secs(self.warmup),
            window: Duration::from_secs(self.seconds),
        }
    }

    /// The workloads that were asked for; an error names what matches none.
    pub fn workloads(&self) -> Result<Vec<Workload>, String> {
        for name in &self.only {
            if !ALL.iter().any(|workload| workload.name.starts_with(name)) {
                let names: Vec<_> = ALL.iter().map(|workload| workload.name).collect();
                return Err(format!(
                    "no workload {name}; there are {}",
                    names.join(", ")
                ));
            }
        }
        let asked = |workload: &Workload| {
            self.only.is_empty() || self.only.iter().any(|name| workload.name.starts_with(name))
        };
        Ok(ALL.into_iter().filter(asked).collect())
    }
}
