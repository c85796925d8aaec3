//! A stream on which small messages leave together.
//!
//! The h2 crate asks once, when it takes a stream over, whether it can write several pieces in one
//! call. If so, it leaves each message of 256 bytes and more where it is, as a piece behind those
//! it has gathered, and gathers nothing more before both are written: one system call a message.
//! If not, that begins at 1,024 bytes. So the answer is no until something was written, and the
//! truth from then on: then it is asked before each write, and large messages still go out
//! uncopied and in one call with what stands before them.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub struct Gathering<T> {
    inner: T,
    has_written: bool,
}

impl<T> Gathering<T> {
    pub fn new(inner: T) -> Gathering<T> {
        Gathering {
            inner,
            has_written: false,
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Gathering<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Gathering<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.has_written = true;
        Pin::new(&mut this.inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.has_written && self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn vectored_once_something_was_written() {
        let (ours, _theirs) = tokio::net::UnixStream::pair().expect("a pair");
        let mut stream = Gathering::new(ours);
        assert!(!stream.is_write_vectored());
        stream.write_all(b"settings").await.expect("room for it");
        assert!(stream.is_write_vectored());
    }
}
