//! Runs the matrix and prints it: the failures with their reasons, the table, and closing lines in
//! the style of cargo's own tests.
//!
//! `QUORATE_COMPAT=require` makes whatever was left out a failure; `QUORATE_COMPAT=explore` also
//! plays on Quorate what the matrix file does not list yet.

use std::env;
use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use super::failures;
use super::judge::{Line, Server, Verdict, judge};
use super::play::{Played, play, play_on_three};
use super::rows::{self, Row};
use crate::client::Client;
use crate::clients;
use crate::server::Kind;

/// Clients played at the same time: they mostly wait for leases and watches.
const WORKERS: usize = 3;

/// Plays the clients whose name contains one of `filters` (all of them when there is none).
pub fn run(filters: &[String]) -> ExitCode {
    let begun = Instant::now();
    let rows = match rows::read() {
        Ok(rows) => rows,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::FAILURE;
        }
    };
    let is_client = |row: &&Row| clients::ALL.iter().any(|client| client.name == row.client);
    if let Some(row) = rows.iter().find(|row| !is_client(row)) {
        eprintln!("matrix.txt: there is no client {}", row.client);
        return ExitCode::FAILURE;
    }
    let wanted = |client: &&Client| {
        filters.is_empty()
            || filters
                .iter()
                .any(|part| client.name.contains(part.as_str()))
    };
    let chosen: Vec<&Client> = clients::ALL.iter().filter(wanted).collect();
    println!("\nrunning {} clients", chosen.len());
    let lines = play_all(&chosen, &rows);
    print_table(&lines);
    close(&lines, clients::ALL.len() - chosen.len(), begun.elapsed())
}

/// Plays every client on both servers, a few at a time; the lines come in the clients' order.
fn play_all(chosen: &[&Client], rows: &[Row]) -> Vec<Line> {
    let next = Mutex::new(0..chosen.len());
    let done = Mutex::new(Vec::new());
    let work = || {
        loop {
            let taken = next.lock().expect("no holder of this lock panics").next();
            let Some(index) = taken else { return };
            let lines = play_client(chosen[index], rows);
            done.lock()
                .expect("no holder of this lock panics")
                .push((index, lines));
        }
    };
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(work);
        }
    });
    let mut done = done.into_inner().expect("no holder of this lock panics");
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().flat_map(|(_, lines)| lines).collect()
}

fn play_client(client: &Client, rows: &[Row]) -> Vec<Line> {
    let explore = setting() == "explore";
    let begun = Instant::now();
    let real = play(client, client.protocol.real());
    let real_took = begun.elapsed();
    let asked = explore || rows.iter().any(|row| row.client == client.name);
    let (quorate, three) = match asked {
        true => (play(client, Kind::Quorate), play_on_three(client)),
        false => (Played::NotAsked, Played::NotAsked),
    };
    let lines = judge(client.name, rows, [&real, &quorate, &three]);
    println!(
        "{}: {:.1} s on {:?}, {:.1} s on Quorate, as one member and as three",
        client.name,
        real_took.as_secs_f32(),
        client.protocol.real(),
        (begun.elapsed() - real_took).as_secs_f32()
    );
    let columns = [
        (Server::Real, &real),
        (Server::Quorate, &quorate),
        (Server::Three, &three),
    ];
    for (server, played) in columns {
        failures::print(client.name, &lines, server, played);
    }
    lines
}

fn print_table(lines: &[Line]) {
    let width = |name: &str, column: fn(&Line) -> usize| {
        lines.iter().map(column).max().unwrap_or(0).max(name.len())
    };
    let client = width("client", |line| line.client.len());
    let scenario = width("scenario", |line| line.scenario.len());
    println!(
        "\n{:client$}  {:scenario$}  {:8}  {:8}  three members",
        "client", "scenario", "real", "quorate"
    );
    for line in lines {
        println!(
            "{:client$}  {:scenario$}  {:8}  {:8}  {}",
            line.client,
            line.scenario,
            word(&line.real),
            word(&line.quorate),
            word(&line.three)
        );
    }
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail(_) => "FAIL",
        Verdict::LeftOut(_) => "left out",
        Verdict::Unlisted(_) => "-",
        Verdict::OfOne => "of one",
    }
}

fn close(lines: &[Line], filtered: usize, took: Duration) -> ExitCode {
    let verdicts = || {
        lines
            .iter()
            .flat_map(|line| [&line.real, &line.quorate, &line.three])
    };
    let count = |wanted: fn(&Verdict) -> bool| verdicts().filter(|&v| wanted(v)).count();
    let passed = count(|verdict| *verdict == Verdict::Pass);
    let left_out = count(|verdict| matches!(verdict, Verdict::LeftOut(_)));
    let unlisted = count(|verdict| matches!(verdict, Verdict::Unlisted(_)));
    let mut failed = count(|verdict| matches!(verdict, Verdict::Fail(_)));
    let mut ignored = unlisted + left_out;
    if setting() == "require" && left_out > 0 {
        println!("\nQUORATE_COMPAT=require: what was left out has failed");
        failed += left_out;
        ignored = unlisted;
    }
    let result = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {result}. {passed} passed; {failed} failed; {ignored} ignored; \
         0 measured; {filtered} filtered out; finished in {:.2}s\n",
        took.as_secs_f32()
    );
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn setting() -> String {
    env::var("QUORATE_COMPAT").unwrap_or_default()
}
