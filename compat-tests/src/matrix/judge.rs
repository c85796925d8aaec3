//! Turns what a client did on the real server and on Quorate, of one member and of three, into one
//! verdict per scenario.
//!
//! A scenario must pass on the real server: that proves the scenario. On Quorate it must pass if
//! the matrix file lists it, and what the client printed must be what it printed on the real one:
//! how many members there are is nothing that a client may notice.

use super::play::Played;
use super::rows::Row;
use crate::client::{PROGRAM, Step};
use crate::trouble::Trouble;

/// A scenario's outcome on one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Pass,
    Fail(String),
    LeftOut(String),
    /// Failed or not run on Quorate, and the matrix file does not list it.
    Unlisted(String),
    /// It is about one member, and there are three.
    OfOne,
}

/// A column of the table.
#[derive(Clone, Copy)]
pub(super) enum Server {
    Real,
    Quorate,
    Three,
}

impl Server {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Real => "real",
            Self::Quorate => "quorate",
            Self::Three => "three members",
        }
    }
}

/// One line of the printed table.
pub(super) struct Line {
    pub client: &'static str,
    pub scenario: String,
    pub real: Verdict,
    pub quorate: Verdict,
    pub three: Verdict,
}

impl Line {
    pub(super) fn verdict(&self, server: Server) -> &Verdict {
        match server {
            Server::Real => &self.real,
            Server::Quorate => &self.quorate,
            Server::Three => &self.three,
        }
    }
}

/// The table's lines for one client: its listed scenarios, then others that it played.
pub(super) fn judge(
    client: &'static str,
    rows: &[Row],
    [real, quorate, three]: [&Played; 3],
) -> Vec<Line> {
    let rows: Vec<&Row> = rows.iter().filter(|row| row.client == client).collect();
    let mut scenarios: Vec<String> = rows.iter().map(|row| row.scenario.clone()).collect();
    for step in [real, quorate, three].into_iter().flat_map(steps) {
        if !scenarios.contains(&step.name) {
            scenarios.push(step.name.clone());
        }
    }
    if scenarios.is_empty() {
        scenarios.push("all".to_owned());
    }
    let line = |scenario: String| {
        let expected = transcript(real, &scenario);
        let row = rows.iter().find(|row| row.scenario == scenario);
        let ours = |played| match verdict(played, &scenario, expected) {
            // A program that broke off may have said `ok` before what broke it.
            Verdict::Fail(why) if row.is_none() && scenario != PROGRAM => Verdict::Unlisted(why),
            verdict => verdict,
        };
        let is_of_one = row.is_some_and(|row| row.of_one);
        Line {
            client,
            real: verdict(real, &scenario, None),
            quorate: ours(quorate),
            three: if is_of_one {
                Verdict::OfOne
            } else {
                ours(three)
            },
            scenario,
        }
    };
    scenarios.into_iter().map(line).collect()
}

fn steps(played: &Played) -> &[Step] {
    match played {
        Played::Steps { steps, .. } => steps,
        Played::Trouble(_) | Played::NotAsked => &[],
    }
}

fn transcript<'a>(played: &'a Played, scenario: &str) -> Option<&'a str> {
    let step = steps(played).iter().find(|step| step.name == scenario)?;
    step.result.as_deref().ok()
}

fn verdict(played: &Played, scenario: &str, expected: Option<&str>) -> Verdict {
    let steps = match played {
        Played::NotAsked => return Verdict::Unlisted("not run".to_owned()),
        Played::Trouble(Trouble::LeftOut(why)) => return Verdict::LeftOut(why.clone()),
        Played::Trouble(Trouble::Broken(why)) => return Verdict::Fail(why.clone()),
        Played::Steps { steps, .. } => steps,
    };
    // What is told twice passes only if it did both times.
    let mut told = steps.iter().filter(|step| step.name == scenario);
    let failed = told.clone().find(|step| step.result.is_err());
    let Some(step) = failed.or_else(|| told.next()) else {
        // A program that died half-way says so under its own name.
        let died = steps.iter().find(|step| step.name == PROGRAM);
        let why = died
            .and_then(|step| step.result.clone().err())
            .unwrap_or_default();
        return Verdict::Fail(format!("the scenario did not run {why}"));
    };
    match (&step.result, expected) {
        (Err(why), _) => Verdict::Fail(why.clone()),
        (Ok(got), Some(expected)) if got != expected => {
            Verdict::Fail(first_difference(expected, got))
        }
        (Ok(_), _) => Verdict::Pass,
    }
}

/// The first line at which two transcripts part, with the lines before it.
fn first_difference(expected: &str, got: &str) -> String {
    const CONTEXT: usize = 6;
    let (expected, got): (Vec<_>, Vec<_>) = (expected.lines().collect(), got.lines().collect());
    let same = expected
        .iter()
        .zip(&got)
        .take_while(|(left, right)| left == right)
        .count();
    let before = expected[same.saturating_sub(CONTEXT)..same].join("\n  ");
    let line = |lines: &[&str]| lines.get(same).map_or("(nothing)", |line| *line).to_owned();
    format!(
        "prints otherwise than the real server\n  {before}\nreal:    {}\nquorate: {}",
        line(&expected),
        line(&got)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn played(result: Result<&str, &str>) -> Played {
        let result = result.map(str::to_owned).map_err(str::to_owned);
        let steps = vec![Step {
            name: "kv".into(),
            result,
        }];
        Played::Steps {
            steps,
            log: String::new(),
        }
    }

    fn quorate_verdict(rows: &[Row], real: &Played, quorate: &Played) -> Verdict {
        judge("c", rows, [real, quorate, real]).remove(0).quorate
    }

    #[test]
    fn a_listed_scenario_fails_when_it_differs_fails_or_does_not_run() {
        let rows = [Row {
            client: "c".into(),
            scenario: "kv".into(),
            of_one: false,
        }];
        let real = played(Ok("a\nb"));
        assert_eq!(
            quorate_verdict(&rows, &real, &played(Ok("a\nb"))),
            Verdict::Pass
        );
        let silent = Played::Steps {
            steps: Vec::new(),
            log: String::new(),
        };
        for other in [played(Ok("a\nc")), played(Err("no")), silent] {
            let verdict = quorate_verdict(&rows, &real, &other);
            assert!(matches!(verdict, Verdict::Fail(_)), "{verdict:?}");
            let line = judge("c", &rows, [&real, &real, &other]).remove(0);
            assert!(matches!(line.three, Verdict::Fail(_)), "{:?}", line.three);
        }
        let rows = rows.map(|row| Row {
            of_one: true,
            ..row
        });
        let line = judge("c", &rows, [&real, &real, &played(Err("no"))]).remove(0);
        assert_eq!(line.three, Verdict::OfOne);
    }

    #[test]
    fn a_program_that_breaks_off_fails_though_it_said_ok() {
        let real = played(Ok(""));
        let steps = |second: &str| {
            let ok = |name: &str, result| Step {
                name: name.into(),
                result,
            };
            let steps = vec![ok("kv", Ok("".into())), ok(second, Err("no".into()))];
            let log = String::new();
            Played::Steps { steps, log }
        };
        let rows = [Row {
            client: "c".into(),
            scenario: "kv".into(),
            of_one: false,
        }];
        let lines = judge("c", &rows, [&real, &steps(PROGRAM), &steps("new")]);
        assert_eq!(lines[0].quorate, Verdict::Pass);
        assert_eq!(lines[1].scenario, PROGRAM);
        assert!(matches!(lines[1].quorate, Verdict::Fail(_)));
        assert_eq!(lines[2].three, Verdict::Unlisted("no".into()));
        let twice = quorate_verdict(&rows, &real, &steps("kv"));
        assert_eq!(twice, Verdict::Fail("no".into()));
    }

    #[test]
    fn an_unlisted_scenario_is_shown_and_a_missing_tool_is_left_out() {
        let real = played(Ok(""));
        let verdict = quorate_verdict(&[], &real, &played(Err("no")));
        assert_eq!(verdict, Verdict::Unlisted("no".to_owned()));
        let missing = Played::Trouble(Trouble::LeftOut("go".to_owned()));
        assert_eq!(
            judge("c", &[], [&missing, &real, &real])[0].real,
            Verdict::LeftOut("go".to_owned())
        );
    }
}
