//! `--probe`: asks a running server's `/health`, as a health check does. Blocking, since it is all
//! that its process does; the time is bounded.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(2);

/// # Errors
/// Why the server is not well, or could not be asked.
pub fn ask(url: &str) -> Result<(), String> {
    let address = url
        .strip_prefix("http://")
        .ok_or_else(|| format!("--probe is \"{url}\"; write http://host:port"))?
        .trim_end_matches('/');
    let told = |error: std::io::Error| format!("{url} does not answer: {error}");
    let status = status_of(address).map_err(told)?;
    match status.split_whitespace().nth(1) {
        Some("200") => Ok(()),
        _ => Err(format!("{url} is not well: {}", status.trim_end())),
    }
}

/// The status line of `/health`.
fn status_of(address: &str) -> std::io::Result<String> {
    let unresolved = || std::io::Error::other("the name has no address");
    let address = address.to_socket_addrs()?.next().ok_or_else(unresolved)?;
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let request = format!("GET /health HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut status = String::new();
    BufReader::new(stream).read_line(&mut status)?;
    Ok(status)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// What a server that answers with `status` is taken for.
    fn judged(status: &'static str) -> Result<(), String> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let serving = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut line = String::new();
            let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
            while line != "\r\n" {
                line.clear();
                reader.read_line(&mut line).expect("a request");
            }
            stream.write_all(status.as_bytes()).expect("answered");
        });
        let judged = ask(&url);
        serving.join().expect("it answered");
        judged
    }

    #[test]
    fn only_200_is_well() {
        assert_eq!(judged("HTTP/1.1 200 OK\r\n\r\n"), Ok(()));
        let ill = judged("HTTP/1.1 503 Service Unavailable\r\n\r\n");
        assert!(ill.expect_err("ill").contains("503"));
        assert!(ask("127.0.0.1:1").is_err());
    }
}
