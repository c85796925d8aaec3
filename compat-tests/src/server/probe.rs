//! Whether a member answers: an HTTP health check where it speaks etcd (it takes a quorum), a PING
//! where it speaks Redis.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::{Kind, Ports};

const LIMIT: Duration = Duration::from_secs(2);

/// An error says what does not answer yet.
pub(super) fn ready(kind: Kind, ports: Ports) -> Result<(), String> {
    if kind.speaks_etcd() {
        let request = "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
        expect(ports.client, request, "\"health\":\"true\"")?;
    }
    if kind.speaks_redis() {
        expect(ports.redis, "PING\r\n", "+PONG\r\n")?;
    }
    Ok(())
}

fn expect(port: u16, request: &str, answer: &str) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("127.0.0.1:{port}: {error}");
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut stream = TcpStream::connect_timeout(&address, LIMIT).map_err(failed)?;
    stream.set_read_timeout(Some(LIMIT)).map_err(failed)?;
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut got = Vec::new();
    let mut chunk = [0; 1024];
    loop {
        let length = stream.read(&mut chunk).map_err(failed)?;
        got.extend_from_slice(&chunk[..length]);
        let text = String::from_utf8_lossy(&got);
        if text.contains(answer) {
            return Ok(());
        }
        if length == 0 {
            return Err(format!("127.0.0.1:{port} answered {text:?}"));
        }
    }
}
