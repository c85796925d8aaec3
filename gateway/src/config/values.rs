//! Kinds of values, as Go's flags read them, and one way to write each.

use super::durations;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Bool,
    Integer,
    Duration,
    Text,
    /// Texts with commas between.
    List,
}

/// The value as all of its spellings are compared.
///
/// # Errors
/// What would be right.
pub fn checked(kind: Kind, value: &str) -> Result<String, String> {
    match kind {
        Kind::Bool => match truth(value) {
            Some(truth) => Ok(truth.to_string()),
            None => Err(format!("\"{value}\" is neither true nor false")),
        },
        Kind::Integer => match value.parse::<i128>() {
            Ok(number) => Ok(number.to_string()),
            Err(_) => Err(format!("\"{value}\" is not a whole number")),
        },
        Kind::Duration => durations::parse(value).map(|_| value.to_string()),
        Kind::Text | Kind::List => Ok(value.to_string()),
    }
}

/// Go's spellings of truth.
fn truth(value: &str) -> Option<bool> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_one_spelling() {
        assert_eq!(checked(Kind::Bool, "T"), Ok("true".into()));
        assert_eq!(checked(Kind::Bool, "0"), Ok("false".into()));
        assert_eq!(checked(Kind::Integer, "007"), Ok("7".into()));
        for (kind, wrong) in [
            (Kind::Bool, "yes"),
            (Kind::Integer, "x"),
            (Kind::Duration, "10"),
        ] {
            assert!(checked(kind, wrong).is_err(), "{wrong}");
        }
    }
}
