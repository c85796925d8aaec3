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

/// The value of the metric `name` of the member whose etcd port this is.
pub(super) fn metric(port: u16, name: &str) -> Result<String, String> {
    let request = "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    exchange(port, request, |text| {
        let mut lines = text.lines();
        // A line that is still being read has no end yet, and so perhaps another value.
        let complete = |line: &&str| text.contains(&format!("{line}\n"));
        let line = lines.find(|line| line.starts_with(name) && complete(line))?;
        line.split_whitespace().nth(1).map(str::to_owned)
    })
}

/// All metrics of the member whose etcd port this is, a line each.
pub(super) fn metrics(port: u16) -> Result<String, String> {
    let request = "GET /metrics HTTP/1.0\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    let failed = |error: std::io::Error| format!("127.0.0.1:{port}: {error}");
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut stream = TcpStream::connect_timeout(&address, LIMIT).map_err(failed)?;
    stream.set_read_timeout(Some(LIMIT)).map_err(failed)?;
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut text = String::new();
    stream.read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

fn expect(port: u16, request: &str, answer: &str) -> Result<(), String> {
    exchange(port, request, |text| text.contains(answer).then_some(()))
}

/// Sends `request` and reads until `find` finds something in what was answered so far.
fn exchange<T>(port: u16, request: &str, find: impl Fn(&str) -> Option<T>) -> Result<T, String> {
    let failed = |error: std::io::Error| format!("127.0.0.1:{port}: {error}");
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut stream = TcpStream::connect_timeout(&address, LIMIT).map_err(failed)?;
    stream.set_read_timeout(Some(LIMIT)).map_err(failed)?;
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut got = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let length = stream.read(&mut chunk).map_err(failed)?;
        got.extend_from_slice(&chunk[..length]);
        let text = String::from_utf8_lossy(&got);
        if let Some(found) = find(&text) {
            return Ok(found);
        }
        if length == 0 {
            return Err(format!("127.0.0.1:{port} answered {text:?}"));
        }
    }
}
