//! The network as the core sees it: ordered byte streams. TCP or Unix sockets in production; a
//! simulator gives its own.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// A byte stream in both directions.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A boxed future, since the traits are used as objects.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How a Unix socket's address begins; the rest is its path.
const UNIX: &str = "unix://";

/// What a peer URL names: `host:port`, or a Unix socket as it is written there.
pub(crate) fn address_of(url: &str) -> &str {
    match url.split_once("://") {
        Some((_, address)) if !url.starts_with(UNIX) => address,
        _ => url,
    }
}

/// How members reach each other. Addresses are `host:port` or `unix://path`.
pub trait Transport: Send + Sync + 'static {
    fn connect<'a>(&'a self, address: &'a str) -> Boxed<'a, io::Result<Box<dyn Duplex>>>;
    fn listen<'a>(&'a self, address: &'a str) -> Boxed<'a, io::Result<Box<dyn Accept>>>;
}

/// A listener.
pub trait Accept: Send {
    fn accept<'a>(&'a mut self) -> Boxed<'a, io::Result<Box<dyn Duplex>>>;
}

/// This machine's sockets; TCP without delays.
#[derive(Clone, Copy, Debug, Default)]
pub struct SocketTransport;

impl Transport for SocketTransport {
    fn connect<'a>(&'a self, address: &'a str) -> Boxed<'a, io::Result<Box<dyn Duplex>>> {
        Box::pin(async move {
            if let Some(path) = address.strip_prefix(UNIX) {
                return Ok(Box::new(UnixStream::connect(path).await?) as Box<dyn Duplex>);
            }
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Duplex>)
        })
    }

    fn listen<'a>(&'a self, address: &'a str) -> Boxed<'a, io::Result<Box<dyn Accept>>> {
        Box::pin(async move {
            if let Some(path) = address.strip_prefix(UNIX) {
                remove_unused(path).await?;
                return Ok(Box::new(UnixListener::bind(path)?) as Box<dyn Accept>);
            }
            let address: SocketAddr = tokio::net::lookup_host(address)
                .await?
                .next()
                .ok_or_else(|| io::Error::other("the address has no IP"))?;
            let socket = match address {
                SocketAddr::V4(_) => tokio::net::TcpSocket::new_v4()?,
                SocketAddr::V6(_) => tokio::net::TcpSocket::new_v6()?,
            };
            // A member that restarts must get its port back at once.
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            Ok(Box::new(socket.listen(128)?) as Box<dyn Accept>)
        })
    }
}

/// A process that was killed leaves its socket's file behind.
async fn remove_unused(path: &str) -> io::Result<()> {
    match UnixStream::connect(path).await {
        Ok(_) => Err(io::ErrorKind::AddrInUse.into()),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

impl Accept for UnixListener {
    fn accept<'a>(&'a mut self) -> Boxed<'a, io::Result<Box<dyn Duplex>>> {
        Box::pin(async move {
            let (stream, _) = UnixListener::accept(self).await?;
            Ok(Box::new(stream) as Box<dyn Duplex>)
        })
    }
}

impl Accept for TcpListener {
    fn accept<'a>(&'a mut self) -> Boxed<'a, io::Result<Box<dyn Duplex>>> {
        Box::pin(async move {
            let (stream, _) = TcpListener::accept(self).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Duplex>)
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[test]
    fn a_url_names_a_host_or_a_socket() {
        assert_eq!(address_of("http://one:2380"), "one:2380");
        assert_eq!(address_of("unix://one.sock:1"), "unix://one.sock:1");
    }

    #[tokio::test]
    async fn unix_sockets_are_taken_over_from_the_dead_only() {
        let dir = tempfile::tempdir().expect("temp dir");
        let url = format!("unix://{}", dir.path().join("one:1").display());
        drop(SocketTransport.listen(&url).await.expect("a new file"));
        let mut listener = SocketTransport.listen(&url).await.expect("a file left");
        let in_use = SocketTransport.listen(&url).await.err().expect("in use");
        assert_eq!(in_use.kind(), io::ErrorKind::AddrInUse);
        drop(listener.accept().await.expect("the question who listens"));
        let (called, answered) = tokio::join!(SocketTransport.connect(&url), listener.accept());
        called
            .expect("connects")
            .write_all(b"hello")
            .await
            .expect("sent");
        let mut bytes = [0; 5];
        answered
            .expect("accepts")
            .read_exact(&mut bytes)
            .await
            .expect("read");
        assert_eq!(&bytes, b"hello");
    }
}
