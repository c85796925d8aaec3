//! What a scenario gives, and its checks.

use std::error::Error;
use std::fmt::Debug;
use std::time::{Duration, Instant};

use redis::{RedisError, RedisResult};

/// How long anything may take.
pub const WAIT: Duration = Duration::from_secs(10);

/// Why a scenario failed.
pub type Failure = Box<dyn Error + Send + Sync>;

/// A scenario's end.
pub type Outcome = Result<(), Failure>;

/// An error that shows both when they differ.
pub fn equal<T: PartialEq + Debug>(what: &str, got: T, want: T) -> Outcome {
    if got == want {
        return Ok(());
    }
    Err(format!("{what}: got {got:?}, want {want:?}").into())
}

/// The answer must be an error of this code and text.
pub fn refused<T: Debug>(what: &str, got: RedisResult<T>, code: &str, text: &str) -> Outcome {
    let shown = |error: &RedisError| {
        let code = error.code().unwrap_or_default().to_owned();
        (code, error.detail().unwrap_or_default().to_owned())
    };
    match got {
        Err(error) => equal(what, shown(&error), (code.to_owned(), text.to_owned())),
        Ok(answer) => Err(format!("{what}: no error, but {answer:?}").into()),
    }
}

/// Whether the moment has come; an error when it took too long.
pub async fn waited(what: &str, since: Instant) -> Outcome {
    if since.elapsed() > WAIT {
        return Err(format!("{what}: not within {WAIT:?}").into());
    }
    tokio::time::sleep(Duration::from_millis(10)).await;
    Ok(())
}
