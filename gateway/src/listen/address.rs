//! Where to listen, read from a URL as etcd reads it: `http://IP:port`, `unix://path`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl Address {
    /// Reads a URL of the given scheme (`http`, `redis`), or of a unix socket.
    ///
    /// # Errors
    /// What is wrong with it and what would be right, for the operator.
    pub fn parse(url: &str, scheme: &str) -> Result<Address, String> {
        if let Some(path) = url.strip_prefix("unix://").or(url.strip_prefix("unix:")) {
            return match path.is_empty() {
                true => Err(format!("\"{url}\" names no socket file")),
                false => Ok(Address::Unix(path.into())),
            };
        }
        let Some((found, rest)) = url.split_once("://") else {
            return Err(format!("\"{url}\" is not a URL; write {scheme}://IP:port"));
        };
        if found == format!("{scheme}s") {
            return Err(format!(
                "\"{url}\" asks for TLS, which is not supported yet; use {scheme}://"
            ));
        }
        if found != scheme {
            return Err(format!(
                "\"{url}\" has the scheme {found}; write {scheme}://IP:port"
            ));
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = rest
            .rsplit_once(':')
            .ok_or_else(|| format!("\"{url}\" has no port; write {scheme}://IP:port"))?;
        let port = port
            .parse()
            .map_err(|_| format!("\"{url}\" has no valid port"))?;
        let ip = ip(host).ok_or_else(|| {
            format!("\"{url}\" has no IP address to listen on (localhost is allowed)")
        })?;
        Ok(Address::Tcp(SocketAddr::new(ip, port)))
    }
}

fn ip(host: &str) -> Option<IpAddr> {
    match host {
        "localhost" => Some(Ipv4Addr::LOCALHOST.into()),
        // As Go: no host is every interface.
        "" => Some(Ipv4Addr::UNSPECIFIED.into()),
        _ => {
            let bare = host
                .strip_prefix('[')
                .and_then(|host| host.strip_suffix(']'));
            bare.unwrap_or(host).parse().ok()
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(address) => address.fmt(f),
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(text: &str) -> Address {
        Address::Tcp(text.parse().expect("an address"))
    }

    #[test]
    fn urls_are_read_as_etcd_reads_them() {
        let read = |url| Address::parse(url, "http");
        assert_eq!(read("http://localhost:2379"), Ok(tcp("127.0.0.1:2379")));
        assert_eq!(read("http://0.0.0.0:1/"), Ok(tcp("0.0.0.0:1")));
        assert_eq!(read("http://[::1]:2379"), Ok(tcp("[::1]:2379")));
        let unix = |path: &str| Ok(Address::Unix(path.into()));
        assert_eq!(read("unix:///run/q.sock"), unix("/run/q.sock"));
        assert_eq!(read("unix://localhost:m0"), unix("localhost:m0"));
    }

    #[test]
    fn what_can_not_be_listened_on_is_told() {
        let told = |url| Address::parse(url, "http").expect_err("refused");
        assert!(told("https://127.0.0.1:1").contains("TLS"));
        assert!(told("http://example.com:1").contains("IP address"));
        assert!(told("http://127.0.0.1").contains("port"));
        assert!(told("127.0.0.1:1").contains("URL"));
        assert!(told("redis://127.0.0.1:1").contains("scheme"));
        assert!(told("unix://").contains("socket"));
    }
}
