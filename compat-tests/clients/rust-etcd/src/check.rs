//! What a scenario gives, and its checks.

use std::error::Error;
use std::fmt::Debug;

use etcd_client::{Event, GetResponse, WatchStream};

/// Why a scenario failed.
pub type Failure = Box<dyn Error + Send + Sync>;

/// A scenario's end.
pub type Outcome = Result<(), Failure>;

/// An error that shows both when they differ.
pub fn equal<T: PartialEq + Debug>(what: &str, got: T, want: T) -> Outcome {
    if got == want {
        return Ok(());
    }
    Err(format!("{what}: got {got:?}, want {want:?}").into())
}

/// The refusal must carry this gRPC code and this text.
pub fn refused<T: Debug>(
    what: &str,
    got: Result<T, etcd_client::Error>,
    code: &str,
    text: &str,
) -> Outcome {
    match got {
        Err(etcd_client::Error::GRpcStatus(status)) => {
            let got = format!("{:?} {}", status.code(), status.message());
            equal(what, got, format!("{code} {text}"))
        }
        other => Err(format!("{what}: {other:?}").into()),
    }
}

/// `k=v k=v`.
pub fn pairs(response: &GetResponse) -> String {
    let pair = |kv: &etcd_client::KeyValue| {
        let (key, value) = (
            String::from_utf8_lossy(kv.key()),
            String::from_utf8_lossy(kv.value()),
        );
        format!("{key}={value}")
    };
    response
        .kvs()
        .iter()
        .map(pair)
        .collect::<Vec<_>>()
        .join(" ")
}

/// The next `count` events: `Put k=v (was u)`.
pub async fn events(stream: &mut WatchStream, count: usize) -> Result<String, Failure> {
    let mut shown = Vec::new();
    while shown.len() < count {
        let answer = stream.message().await?.ok_or("the watch stream ended")?;
        if answer.canceled() {
            return Err(format!("cancelled: {}", answer.cancel_reason()).into());
        }
        shown.extend(answer.events().iter().map(event));
    }
    Ok(shown.join(", "))
}

fn event(event: &Event) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (key, value) = event
        .kv()
        .map(|kv| (text(kv.key()), text(kv.value())))
        .unwrap_or_default();
    let was = event
        .prev_kv()
        .map(|kv| format!(" (was {})", text(kv.value())))
        .unwrap_or_default();
    format!("{:?} {key}={value}{was}", event.event_type())
}

/// The revision in a response's header, which etcd always fills.
pub fn revision(header: Option<&etcd_client::ResponseHeader>) -> Result<i64, Failure> {
    Ok(header.ok_or("a response without a header")?.revision())
}
