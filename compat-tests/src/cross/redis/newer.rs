//! What Quorate offers beyond the real server it is compared with: its replies are written down, in
//! `cross/redis-newer.txt`.

use super::connection::{Connection, Frame};
use super::side::PATIENCE;
use super::step::{self, Command};

const TEXT: &str = include_str!("../../../cross/redis-newer.txt");

/// Plays the commands of the file on one connection to `address`; every reply that is another one.
///
/// # Errors
/// The server can't be reached, or a line of the file is none.
pub fn differing(address: &str) -> Result<Vec<String>, String> {
    let mut connection = Connection::open(address)?;
    let mut found = Vec::new();
    let lines = TEXT
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in lines {
        let (asked, wanted) = line
            .split_once(" = ")
            .ok_or_else(|| format!("no `=`: {line}"))?;
        let mut bytes = Vec::new();
        Command(step::words(asked)?).encode(&mut bytes);
        connection.send(&bytes);
        let got: Frame = connection.next(PATIENCE);
        if got.to_string() != wanted {
            found.push(format!("{asked}\n  wanted {wanted}\n  got    {got}"));
        }
    }
    Ok(found)
}
