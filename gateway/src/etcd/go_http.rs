//! What Go's HTTP server and its mux answer before a handler of etcd's is asked: requests without a
//! usable Host header are bad, and paths that are not in their shortest form are redirected there.

use std::borrow::Cow;

use http::header::{CONNECTION, CONTENT_TYPE, HOST, LOCATION};
use http::{HeaderValue, Method, Request, StatusCode, Version};
use hyper::ext::ReasonPhrase;

use super::reply::{self, Reply};

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// The answer to a request whose Host header is missing, malformed or there twice.
pub fn bad_host<B>(request: &Request<B>) -> Option<Reply> {
    if request.version() > Version::HTTP_11 {
        return None;
    }
    let mut hosts = request.headers().get_all(HOST).iter();
    let is_needed = request.version() == Version::HTTP_11 && request.method() != Method::CONNECT;
    let why = match (hosts.next(), hosts.next()) {
        (None, _) if is_needed => "Bad Request: missing required Host header",
        (Some(_), Some(_)) => "Bad Request",
        (Some(host), None) if !host.as_bytes().iter().all(is_host_byte) => {
            "Bad Request: malformed Host header"
        }
        _ => return None,
    };
    let mut reply = reply::body(StatusCode::BAD_REQUEST, TEXT, format!("400 {why}"));
    reply.headers_mut().insert(CONNECTION, CLOSE);
    let reason = ReasonPhrase::from_static(why.as_bytes());
    reply.extensions_mut().insert(reason);
    Some(reply)
}

/// Of names, addresses and ports (RFC 3986).
fn is_host_byte(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!$%&'()*+,-.:;=[]_~".contains(byte)
}

/// The answer to a path with empty, `.` or `..` parts: what it is without them.
pub fn redirect<B>(request: &Request<B>) -> Option<Reply> {
    let path = request.uri().path();
    let clean = clean(path);
    if clean == path || request.method() == Method::CONNECT {
        return None;
    }
    let mut target = escaped(&clean);
    if let Some(query) = request.uri().query() {
        target = format!("{target}?{query}");
    }
    let location = HeaderValue::from_str(&target).ok()?;
    let page = format!(
        "<a href=\"{}\">Temporary Redirect</a>.\n\n",
        in_html(&target)
    );
    let mut reply = match *request.method() {
        Method::GET | Method::HEAD => reply::body(StatusCode::TEMPORARY_REDIRECT, HTML, page),
        _ => {
            let mut bare = reply::body(StatusCode::TEMPORARY_REDIRECT, HTML, "");
            bare.headers_mut().remove(CONTENT_TYPE);
            bare
        }
    };
    reply.headers_mut().insert(LOCATION, location);
    Some(reply)
}

/// The shortest path to the same place; a slash at the end stays.
fn clean(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let end = if path.ends_with('/') && !parts.is_empty() {
        "/"
    } else {
        ""
    };
    format!("/{}{end}", parts.join("/"))
}

/// As Go writes a path into a URL. The mux cleans a path as it was sent, so an escape in it is
/// escaped once more.
fn escaped(path: &str) -> String {
    let mut escaped = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

fn in_html(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"', '\'']) {
        return text.into();
    }
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let text = text.replace('>', "&gt;").replace('"', "&#34;");
    text.replace('\'', "&#39;").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(version: Version, hosts: &[&str]) -> Option<String> {
        let mut request = Request::builder().version(version).uri("/health");
        for host in hosts {
            request = request.header(HOST, *host);
        }
        let reply = bad_host(&request.body(()).expect("a request"))?;
        assert_eq!(reply.status(), StatusCode::BAD_REQUEST);
        let reason = reply.extensions().get::<ReasonPhrase>().expect("a reason");
        Some(String::from_utf8_lossy(reason.as_bytes()).into_owned())
    }

    /// As etcd 3.7.1 answers.
    #[test]
    fn http_1_1_needs_one_host_that_may_be_one() {
        let missing = "Bad Request: missing required Host header";
        assert_eq!(asked(Version::HTTP_11, &[]).as_deref(), Some(missing));
        for version in [Version::HTTP_10, Version::HTTP_2] {
            assert_eq!(asked(version, &[]), None);
        }
        for host in ["", "x", "[::1]:2379"] {
            assert_eq!(asked(Version::HTTP_11, &[host]), None, "{host}");
        }
        let malformed = "Bad Request: malformed Host header";
        for host in ["a b", "a@b", "a/b", "\"x\"", "#x"] {
            for version in [Version::HTTP_10, Version::HTTP_11] {
                assert_eq!(asked(version, &[host]).as_deref(), Some(malformed));
            }
        }
        let twice = asked(Version::HTTP_11, &["a", "b"]);
        assert_eq!(twice.as_deref(), Some("Bad Request"));
    }

    fn sent_on(method: Method, target: &str) -> Option<String> {
        let request = Request::builder().method(method).uri(target).body(());
        let reply = redirect(&request.expect("a request"))?;
        assert_eq!(reply.status(), StatusCode::TEMPORARY_REDIRECT);
        let location = reply.headers()[LOCATION].to_str().expect("text");
        Some(location.to_owned())
    }

    /// As etcd 3.7.1 answers.
    #[test]
    fn paths_are_redirected_to_their_shortest_form() {
        for (path, to) in [
            ("//health", "/health"),
            ("/a//b", "/a/b"),
            ("//", "/"),
            ("/health//", "/health/"),
            ("/../health", "/health"),
            ("/./health", "/health"),
            ("/livez/../health", "/health"),
            ("//version?x=1&y=a%20b", "/version?x=1&y=a%20b"),
            ("/x%20y//z", "/x%2520y/z"),
            ("http://other//health", "/health"),
        ] {
            for method in [Method::GET, Method::POST] {
                assert_eq!(sent_on(method, path).as_deref(), Some(to), "{path}");
            }
        }
        for path in [
            "/",
            "/health",
            "/health/",
            "/%2fhealth",
            "/health;a",
            "/..a",
        ] {
            assert_eq!(sent_on(Method::GET, path), None, "{path}");
        }
        assert_eq!(sent_on(Method::CONNECT, "//health"), None);
        assert_eq!(in_html("/v?x=1&y='2'"), "/v?x=1&amp;y=&#39;2&#39;");
    }
}
