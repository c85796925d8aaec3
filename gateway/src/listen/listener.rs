//! A bound address and its accept loop. Connections over the limit are turned away with a word,
//! where the protocol has one: a client that waited for nothing could not tell why.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, UnixListener};

use super::address::Address;
use super::connection::{Accepted, Connection};
use super::load::{Load, Share};
use super::workers::Workers;

/// Connections that wait to be accepted (the system may allow fewer).
const WAITING_MAX: u32 = 4_096;

/// Before accepting again when the process is out of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Bound, not yet accepting.
pub struct Listener {
    socket: Socket,
    address: Address,
}

/// What all listeners share.
#[derive(Clone)]
pub struct Listening {
    pub workers: Arc<Workers>,
    pub load: Arc<Load>,
}

impl Listener {
    /// Binds. A socket file left by a process that is gone is replaced.
    ///
    /// # Errors
    /// The system's, with the address.
    pub async fn bind(address: &Address) -> io::Result<Listener> {
        let socket = match address {
            Address::Tcp(address) => Socket::Tcp(bind_tcp(*address)?),
            Address::Unix(path) => {
                if is_left_over(path).await {
                    std::fs::remove_file(path)?;
                }
                Socket::Unix(UnixListener::bind(path)?)
            }
        };
        let address = match &socket {
            Socket::Tcp(listener) => Address::Tcp(listener.local_addr()?),
            Socket::Unix(_) => address.clone(),
        };
        Ok(Listener { socket, address })
    }

    /// As bound: with the port that the system chose for port 0.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Accepts for ever, serving each connection on a worker. `refusal` is what a connection over
    /// the limit is told.
    pub async fn run<S, F>(self, listening: Listening, refusal: &'static [u8], serve: S)
    where
        S: Fn(Connection, Share) -> F + Clone + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        loop {
            let accepted = match self.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(address = %self.address, %error, "accepting failed");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            let Some(share) = listening.load.admit() else {
                accepted.refuse(refusal);
                continue;
            };
            let serve = serve.clone();
            let serving = move || async move {
                match accepted.adopt() {
                    Ok(connection) => serve(connection, share).await,
                    Err(error) => tracing::debug!(%error, "a connection was lost at once"),
                }
            };
            listening.workers.run(serving).await;
        }
    }

    async fn accept(&self) -> io::Result<Accepted> {
        Ok(match &self.socket {
            Socket::Tcp(listener) => {
                let (stream, _peer) = listener.accept().await?;
                Accepted::Tcp(stream.into_std()?)
            }
            Socket::Unix(listener) => Accepted::Unix(listener.accept().await?.0.into_std()?),
        })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Address::Unix(path) = &self.address {
            // It may have been removed by hand; then there is nothing to do.
            drop(std::fs::remove_file(path));
        }
    }
}

/// A connection that finds the kernel's queue full is tried again after a second.
fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A port that was just given up can be had at once.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(WAITING_MAX)
}

/// A socket file that nobody answers on.
async fn is_left_over(path: &std::path::Path) -> bool {
    match tokio::net::UnixStream::connect(path).await {
        Ok(_) => false,
        Err(error) => error.kind() == io::ErrorKind::ConnectionRefused,
    }
}
