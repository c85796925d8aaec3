//! A bound address and its accept loop. Connections over the limit wait in the kernel's queue.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;

use super::address::Address;
use super::connection::{Accepted, Connection};
use super::workers::Workers;

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
    /// One permit a connection.
    pub connections: Arc<Semaphore>,
}

impl Listener {
    /// Binds. A socket file left by a process that is gone is replaced.
    ///
    /// # Errors
    /// The system's, with the address.
    pub async fn bind(address: &Address) -> io::Result<Listener> {
        let socket = match address {
            Address::Tcp(address) => Socket::Tcp(TcpListener::bind(address).await?),
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

    /// Accepts for ever, serving each connection on a worker.
    pub async fn run<S, F>(self, listening: Listening, serve: S)
    where
        S: Fn(Connection) -> F + Clone + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        loop {
            let permit = listening.connections.clone().acquire_owned().await;
            let Ok(permit) = permit else { return };
            let accepted = match self.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(address = %self.address, %error, "accepting failed");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            let serve = serve.clone();
            let serving = move || async move {
                match accepted.adopt() {
                    Ok(connection) => serve(connection).await,
                    Err(error) => tracing::debug!(%error, "a connection was lost at once"),
                }
                drop(permit);
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

/// A socket file that nobody answers on.
async fn is_left_over(path: &std::path::Path) -> bool {
    match tokio::net::UnixStream::connect(path).await {
        Ok(_) => false,
        Err(error) => error.kind() == io::ErrorKind::ConnectionRefused,
    }
}
