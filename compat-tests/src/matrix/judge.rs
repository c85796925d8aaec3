//! Turns what a client did on the real server and on Quorate into one verdict per scenario.
//!
//! A scenario must pass on the real server: that proves the scenario. On Quorate it must pass if
//! the matrix file lists it, and what the client printed must be what it printed on the real one.

use super::play::Played;
use super::rows::Row;
use crate::client::Step;
use crate::trouble::Trouble;

/// A scenario's outcome on one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Pass,
    Fail(String),
    LeftOut(String),
    /// Failed or not run on Quorate, and the matrix file does not list it.
    Unlisted(String),
}

/// One of the two columns of the table.
#[derive(Clone, Copy)]
pub(super) enum Server {
    Real,
    Quorate,
}

impl Server {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Real => "real",
            Self::Quorate => "quorate",
        }
    }
}

/// One line of the printed table.
pub(super) struct Line {
    pub client: &'static str,
    pub scenario: String,
    pub real: Verdict,
    pub quorate: Verdict,
}

impl Line {
    pub(super) fn verdict(&self, server: Server) -> &Verdict {
        match server {
            Server::Real => &self.real,
            Server::Quorate => &self.quorate,
        }
    }
}

/// The table's lines for one client: its listed scenarios, then others that it played.
pub(super) fn judge(
    client: &'static str,
    rows: &[Row],
    real: &Played,
    quorate: &Played,
) -> Vec<Line> {
    let listed: Vec<&str> = rows
        .iter()
        .filter(|row| row.client == client)
        .map(|row| row.scenario.as_str())
        .collect();
    let mut scenarios: Vec<String> = listed.iter().map(|&name| name.to_owned()).collect();
    for step in steps(real).iter().chain(steps(quorate)) {
        if !scenarios.contains(&step.name) {
            scenarios.push(step.name.clone());
        }
    }
    if scenarios.is_empty() {
        scenarios.push("all".to_owned());
    }
    let line = |scenario: String| {
        let expected = transcript(real, &scenario);
        let on_quorate = match verdict(quorate, &scenario, expected) {
            Verdict::Fail(why) if !listed.contains(&scenario.as_str()) => Verdict::Unlisted(why),
            verdict => verdict,
        };
        let on_real = verdict(real, &scenario, None);
        Line {
            client,
            scenario,
            real: on_real,
            quorate: on_quorate,
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
    let Some(step) = steps.iter().find(|step| step.name == scenario) else {
        // A program that died half-way says so under its own name.
        let died = steps.iter().find(|step| step.name == "program");
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
        judge("c", rows, real, quorate).remove(0).quorate
    }

    #[test]
    fn a_listed_scenario_fails_when_it_differs_fails_or_does_not_run() {
        let rows = [Row {
            client: "c".into(),
            scenario: "kv".into(),
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
        }
    }

    #[test]
    fn an_unlisted_scenario_is_shown_and_a_missing_tool_is_left_out() {
        let real = played(Ok(""));
        let verdict = quorate_verdict(&[], &real, &played(Err("no")));
        assert_eq!(verdict, Verdict::Unlisted("no".to_owned()));
        let missing = Played::Trouble(Trouble::LeftOut("go".to_owned()));
        assert_eq!(
            judge("c", &[], &missing, &real)[0].real,
            Verdict::LeftOut("go".to_owned())
        );
    }
}
