//! The network as the core sees it: ordered byte streams. TCP in production; a simulator gives its
//! own.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

/// A byte stream in both directions.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A boxed future, since the traits are used as objects.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How members reach each other. Addresses are `host:port`.
pub trait Transport: Send + Sync + 'static {
    fn connect<'a>(&'a self, address: &'a str) -> Boxed<'a, io::Result<Box<dyn Duplex>>>;
    fn listen<'a>(&'a self, address: &'a str) -> Boxed<'a, io::Result<Box<dyn Accept>>>;
}

/// A listener.
pub trait Accept: Send {
    fn accept<'a>(&'a mut self) -> Boxed<'a, io::Result<Box<dyn Duplex>>>;
}

/// Plain TCP without delays.
#[derive(Clone, Copy, Debug, Default)]
pub struct TcpTransport;

impl Transport for TcpTransport {
    fn connect<'a>(&'a self, address: &'a str) -> Boxed<'a, io::Result<Box<dyn Duplex>>> {
        Box::pin(async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Duplex>)
        })
    }

    fn listen<'a>(&'a self, address: &'a str) -> Boxed<'a, io::Result<Box<dyn Accept>>> {
        Box::pin(async move {
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

impl Accept for TcpListener {
    fn accept<'a>(&'a mut self) -> Boxed<'a, io::Result<Box<dyn Duplex>>> {
        Box::pin(async move {
            let (stream, _) = TcpListener::accept(self).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Duplex>)
        })
    }
}
