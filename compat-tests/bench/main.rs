//! Quorate beside etcd 3.7.1 and redis-server: the same load, in turns, and a table of ratios.
//!
//! Every server has its default durability (redis-server: `appendfsync always`) and an empty data
//! directory on the file system of temporary files. Each workload is played on fresh servers,
//! round by round, and the servers take turns in going first. A failed request fails the run.

mod drive;
mod etcd;
mod memory;
mod options;
mod process;
mod redis;
mod round;
mod table;
mod watch;
mod workload;

use std::fs;
use std::process::ExitCode;

use clap::Parser;
use quorate_compat_tests::server::Kind;

use crate::drive::Sample;
use crate::options::Options;
use crate::workload::Workload;

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("bench: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    let workloads = options.workloads()?;
    // Built before anything is measured: a build would take the measured server's processors.
    for kind in [Kind::Quorate, Kind::Etcd, Kind::Redis] {
        kind.program().map_err(|trouble| trouble.to_string())?;
    }
    let table = if options.memory {
        million_keys()?
    } else {
        ratios(&workloads, options)?
    };
    let file = options.output.as_path();
    let written = file.parent().map_or(Ok(()), fs::create_dir_all);
    written
        .and_then(|()| fs::write(file, table))
        .map_err(|error| format!("{}: {error}", file.display()))
}

/// Prints the table row by row, so that a run that fails later has shown the rows before.
fn ratios(workloads: &[Workload], options: &Options) -> Result<String, String> {
    let mut table = table::HEAD.to_owned();
    print!("{table}");
    for &workload in workloads {
        let (ours, peer) = rounds(workload, options)?;
        let row = table::row(workload, &ours, &peer);
        print!("{row}");
        table.push_str(&row);
    }
    Ok(table)
}

fn million_keys() -> Result<String, String> {
    let (ours, etcd) = (memory::play(Kind::Quorate)?, memory::play(Kind::Etcd)?);
    let table = memory::HEAD.to_owned() + &memory::rows(ours, etcd);
    print!("{table}");
    Ok(table)
}

/// The samples of every round, ours and the peer's.
fn rounds(workload: Workload, options: &Options) -> Result<(Vec<Sample>, Vec<Sample>), String> {
    let (mut ours, mut peer) = (Vec::new(), Vec::new());
    for round in 0..options.rounds {
        let mut order = [Kind::Quorate, workload.peer()];
        if round % 2 == 1 {
            order.reverse();
        }
        for kind in order {
            let sample = round::play(workload, kind, options.members.into(), options.plan())?;
            eprintln!(
                "{} round {} {kind:?}: {sample:.2?}",
                workload.name,
                round + 1
            );
            let samples = if kind == Kind::Quorate {
                &mut ours
            } else {
                &mut peer
            };
            samples.push(sample);
        }
    }
    Ok((ours, peer))
}
