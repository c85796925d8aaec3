//! The program: reads the settings, starts the member and the front ends, waits for its end.

mod allocator;
mod config;
mod etcd;
mod listen;
mod logging;
mod metrics;
mod panics;
mod probe;
mod redis;
mod serve;

use std::process::ExitCode;

use config::Parsed;
use rustix::process::{Resource, getrlimit, setrlimit};

fn main() -> ExitCode {
    let settings = match config::read() {
        Ok(Parsed::Run(settings)) => *settings,
        Ok(Parsed::Print(text)) => {
            print!("{text}");
            return ExitCode::SUCCESS;
        }
        Ok(Parsed::Probe(url)) => {
            return probe::ask(&url).map_or_else(|why| failed(&why), |()| ExitCode::SUCCESS);
        }
        Err(why) => return failed(&why),
    };
    logging::start(settings.log_level, settings.log_format, settings.log_output);
    panics::end_the_process();
    allocator::give_back_soon();
    raise_file_limit();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let ended = match runtime {
        Ok(runtime) => {
            let ended = runtime.block_on(serve::run(settings));
            // What still waits for a disk that does not answer must not hold up the end.
            runtime.shutdown_background();
            ended
        }
        Err(error) => Err(format!("no runtime could be made: {error}")),
    };
    logging::end();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => failed(&why),
    }
}

/// As Go does for etcd: shells allow few open files, and each connection is one.
fn raise_file_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
}

/// One message, and not zero.
fn failed(why: &str) -> ExitCode {
    eprintln!("quorate: {why}");
    ExitCode::FAILURE
}
