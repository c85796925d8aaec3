//! The first bytes on a connection between members. Each side says who it is, then whether it takes
//! the other: a foreign cluster, a wrong address, a disk that was lost and a format it does not
//! know are refused, with a reason for the logs of both. Nothing else is sent before.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::acquaintances::Acquaintances;
use super::hello::{HELLO_BYTES, Hello, Refusal};

const WELCOME: u8 = 0;

/// Sends ours, reads theirs; both judge, and both learn what the other thinks. Nothing the other
/// says counts unless both take each other.
///
/// # Errors
/// `ConnectionRefused` with the reason.
pub(crate) async fn shake<S>(
    stream: &mut S,
    ours: Hello,
    acquaintances: &Acquaintances,
) -> io::Result<Hello>
where
    S: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    stream.write_all(&ours.encode()).await?;
    stream.flush().await?;
    let mut bytes = [0; HELLO_BYTES];
    stream.read_exact(&mut bytes).await?;
    let judged = match Hello::decode(&bytes) {
        None => Err(Refusal::Protocol),
        Some(theirs) => ours
            .fits(&theirs)
            .and_then(|()| acquaintances.admit(&theirs))
            .map(|()| theirs),
    };
    let verdict = judged.err().map_or(WELCOME, |refusal| refusal as u8);
    stream.write_all(&[verdict]).await?;
    stream.flush().await?;
    // Theirs is read in any case: they may know that the lost disk is ours.
    let mut theirs = [WELCOME];
    let heard = stream.read_exact(&mut theirs).await;
    if theirs[0] != WELCOME {
        let refusal = Refusal::from_u8(theirs[0]).unwrap_or(Refusal::Protocol);
        acquaintances.was_refused(refusal);
        return Err(refused(format!(
            "this member was refused: {}",
            refusal.why()
        )));
    }
    let hello = judged.map_err(|refusal| {
        acquaintances.has_refused(Hello::decode(&bytes).as_ref(), refusal);
        refused(format!("the peer is refused: {}", refusal.why()))
    })?;
    heard.map(|_| hello)
}

fn refused(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionRefused, why)
}

#[cfg(test)]
mod tests;
