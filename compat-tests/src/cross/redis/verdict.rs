//! Whether two answers are the same after normalisation, and where they differ if not.

use super::connection::Frame;
use super::normal;
use super::reply::Reply;
use super::step::{Command, Step};
use crate::cross::difference::Difference;

/// Two replies to a command; `ran` are the commands that EXEC carried out. A script may answer for
/// several, too.
pub fn of_replies(
    command: &Command,
    ran: &[Command],
    theirs: &Reply,
    ours: &Reply,
) -> Option<Difference> {
    let all = (theirs.elements(), ours.elements());
    let (whose, ran) = match command.name().as_str() {
        "exec" => ("exec", ran.to_vec()),
        _ => ("script", command.called_in_turn()),
    };
    if let (Some(a), Some(b)) = all
        && !ran.is_empty()
        && a.len() == b.len()
        && a.len() == ran.len()
    {
        let pairs = ran.iter().zip(a.iter().zip(b));
        return pairs
            .filter_map(|(command, (theirs, ours))| of_replies(command, &[], theirs, ours))
            .map(|found| Difference {
                place: format!("{whose} {}", found.place),
                ..found
            })
            .next();
    }
    let (mut theirs, mut ours) = (theirs.clone(), ours.clone());
    normal::settle(command, &mut theirs, &mut ours);
    if let Some(called) = command.called_by_script() {
        settle_called(&called, &mut theirs, &mut ours);
    }
    (theirs != ours).then(|| found(command.name(), command, &theirs, &ours))
}

/// A script that answers what one command answered, perhaps behind the name of its type.
fn settle_called(called: &Command, theirs: &mut Reply, ours: &mut Reply) {
    normal::settle(called, theirs, ours);
    if let (Reply::Array(theirs), Reply::Array(ours)) = (theirs, ours)
        && let ([type_theirs, theirs], [type_ours, ours]) =
            (theirs.as_mut_slice(), ours.as_mut_slice())
        && type_theirs == type_ours
    {
        normal::settle(called, theirs, ours);
    }
}

/// Two pushed messages; nothing about them is set aside.
pub fn of_messages(after: &Command, theirs: &Reply, ours: &Reply) -> Option<Difference> {
    (theirs != ours).then(|| found("message".to_owned(), after, theirs, ours))
}

/// The same messages in another order; none if it is the same order, or there is more to it.
pub fn of_order(after: &Step, theirs: &[Frame], ours: &[Frame]) -> Option<Difference> {
    let sorted = |frames: &[Frame]| {
        let mut texts: Vec<String> = frames.iter().map(Frame::to_string).collect();
        texts.sort();
        texts
    };
    if theirs == ours || sorted(theirs) != sorted(ours) {
        return None;
    }
    let all = |frames: &[Frame]| {
        frames
            .iter()
            .map(Frame::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    };
    Some(Difference {
        request: after.to_string(),
        place: "order of messages".to_owned(),
        theirs: all(theirs),
        ours: all(ours),
    })
}

/// What is no reply on at least one side.
pub fn of_frames(command: &Command, theirs: &Frame, ours: &Frame) -> Difference {
    Difference {
        request: command.to_string(),
        place: command.name(),
        theirs: theirs.to_string(),
        ours: ours.to_string(),
    }
}

fn found(place: String, command: &Command, theirs: &Reply, ours: &Reply) -> Difference {
    Difference {
        request: command.to_string(),
        place,
        theirs: theirs.to_string(),
        ours: ours.to_string(),
    }
}
