//! One accepted connection of any kind. Everything above reads and writes it alike.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// As accepted, before it belongs to a thread's runtime.
pub enum Accepted {
    Tcp(std::net::TcpStream),
    Unix(std::os::unix::net::UnixStream),
}

pub enum Connection {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Accepted {
    /// Hands the connection to the current runtime.
    ///
    /// # Errors
    /// When the runtime can't take it.
    pub fn adopt(self) -> io::Result<Connection> {
        Ok(match self {
            Accepted::Tcp(stream) => {
                stream.set_nodelay(true)?;
                Connection::Tcp(TcpStream::from_std(stream)?)
            }
            Accepted::Unix(stream) => Connection::Unix(UnixStream::from_std(stream)?),
        })
    }

    /// Says so much and closes.
    pub fn refuse(self, word: &[u8]) {
        // A new connection has room for it; a client that is gone misses nothing.
        drop(match self {
            Accepted::Tcp(mut stream) => stream.write(word),
            Accepted::Unix(mut stream) => stream.write(word),
        });
    }
}

impl Connection {
    /// The client's address, if it has one.
    pub fn peer(&self) -> Option<SocketAddr> {
        match self {
            Connection::Tcp(stream) => stream.peer_addr().ok(),
            Connection::Unix(_) => None,
        }
    }

    /// The address the client connected to, if it has one.
    pub fn local(&self) -> Option<SocketAddr> {
        match self {
            Connection::Tcp(stream) => stream.local_addr().ok(),
            Connection::Unix(_) => None,
        }
    }
}

macro_rules! delegate {
    ($self:ident.$method:ident($($argument:expr),*)) => {
        match $self.get_mut() {
            Connection::Tcp(stream) => Pin::new(stream).$method($($argument),*),
            Connection::Unix(stream) => Pin::new(stream).$method($($argument),*),
        }
    };
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        delegate!(self.poll_read(cx, buf))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        delegate!(self.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        delegate!(self.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self.poll_shutdown(cx))
    }
}
