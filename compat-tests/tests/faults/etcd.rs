//! A client of etcd's protocol at one member: tonic's, over one connection. A call that has no
//! answer in time is given up, and what became of it is unknown.

use std::time::Duration;

use quorate_compat_tests::server::Ports;
use quorate_proto::etcdserverpb as pb;
use tonic::transport::{Channel, Endpoint};
use tonic::{Response, Status};

use crate::ask::{Answer, Ask, Failure};
use crate::model::{Op, Swapped, Value};

use pb::compare::{CompareResult, CompareTarget, TargetUnion};
use pb::request_op::Request;
use pb::response_op::Response as OpResponse;

#[derive(Clone)]
pub struct Etcd {
    kv: pb::kv_client::KvClient<Channel>,
    leases: pb::lease_client::LeaseClient<Channel>,
    limit: Duration,
}

impl Etcd {
    /// A client of the member at `port`, which need not be there yet. Needs a tokio runtime.
    pub fn new(port: u16, limit: Duration) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}"));
        let endpoint = endpoint.expect("a valid address").connect_timeout(limit);
        let channel = endpoint.connect_lazy();
        Self {
            kv: pb::kv_client::KvClient::new(channel.clone()),
            leases: pb::lease_client::LeaseClient::new(channel),
            limit,
        }
    }

    /// A client of each of the members at `ports`.
    pub fn of_each(ports: &[Ports], limit: Duration) -> Vec<Self> {
        let client = |ports: &Ports| Self::new(ports.client, limit);
        ports.iter().map(client).collect()
    }

    pub async fn ask(&mut self, ask: Ask, key: &str) -> Result<Answer, Failure> {
        match ask {
            Ask::Get => {
                let reply = self.range(key).await?;
                let held = value_of(&reply.kvs);
                Ok(answer(Op::Read(held), reply.header))
            }
            Ask::Put(value) => {
                let reply = self.put(key, &value.to_string(), 0).await?;
                Ok(answer(Op::Write(value), reply.header))
            }
            Ask::Delete => {
                let call = self.kv.delete_range(delete(key));
                let reply = answered(self.limit, call).await?;
                Ok(answer(Op::Delete(Some(reply.deleted == 1)), reply.header))
            }
            Ask::Create(_) | Ask::Replace(..) | Ask::Release(_) => self.swap(ask, key).await,
        }
    }

    pub async fn range(&mut self, key: &str) -> Result<pb::RangeResponse, Failure> {
        answered(self.limit, self.kv.range(range(key))).await
    }

    pub async fn put(
        &mut self,
        key: &str,
        value: &str,
        lease: i64,
    ) -> Result<pb::PutResponse, Failure> {
        let put = pb::PutRequest {
            lease,
            ..put(key, value)
        };
        answered(self.limit, self.kv.put(put)).await
    }

    /// Puts so many keys in one txn.
    pub async fn put_all(&mut self, keys: &[String], lease: i64) -> Result<(), Failure> {
        let puts = keys.iter().map(|key| {
            let put = pb::PutRequest {
                lease,
                ..put(key, "value")
            };
            Request::RequestPut(put).into()
        });
        let txn = pb::TxnRequest {
            success: puts.collect(),
            ..Default::default()
        };
        answered(self.limit, self.kv.txn(txn)).await.map(drop)
    }

    /// Deletes all keys of a prefix; how many there were.
    pub async fn delete_prefix(&mut self, prefix: &str) -> Result<i64, Failure> {
        let delete = pb::DeleteRangeRequest {
            range_end: end_of(prefix),
            ..delete(prefix)
        };
        let reply = answered(self.limit, self.kv.delete_range(delete)).await?;
        Ok(reply.deleted)
    }

    pub async fn count_prefix(&mut self, prefix: &str) -> Result<i64, Failure> {
        let range = pb::RangeRequest {
            range_end: end_of(prefix),
            count_only: true,
            ..range(prefix)
        };
        Ok(answered(self.limit, self.kv.range(range)).await?.count)
    }

    pub async fn revoke(&mut self, lease: i64) -> Result<(), Failure> {
        let revoke = pb::LeaseRevokeRequest { id: lease };
        let revoked = self.leases.lease_revoke(revoke);
        answered(self.limit, revoked).await.map(drop)
    }

    pub async fn grant(&mut self, ttl: i64) -> Result<pb::LeaseGrantResponse, Failure> {
        let grant = pb::LeaseGrantRequest { ttl, id: 0 };
        answered(self.limit, self.leases.lease_grant(grant)).await
    }

    /// Creates the key under the lease; whether it was not there before.
    pub async fn create(&mut self, key: &str, value: &str, lease: i64) -> Result<bool, Failure> {
        let put = pb::PutRequest {
            lease,
            ..put(key, value)
        };
        let txn = pb::TxnRequest {
            compare: vec![absent(key)],
            success: vec![Request::RequestPut(put).into()],
            failure: Vec::new(),
        };
        let reply = answered(self.limit, self.kv.txn(txn)).await?;
        Ok(reply.succeeded)
    }

    async fn swap(&mut self, ask: Ask, key: &str) -> Result<Answer, Failure> {
        let (condition, then) = match ask {
            Ask::Create(value) => (
                absent(key),
                Request::RequestPut(put(key, &value.to_string())),
            ),
            Ask::Replace(expected, new) => {
                let put = put(key, &new.to_string());
                (holds(key, expected), Request::RequestPut(put))
            }
            Ask::Release(value) => (holds(key, value), Request::RequestDeleteRange(delete(key))),
            Ask::Get | Ask::Put(_) | Ask::Delete => unreachable!("{ask:?} has no condition"),
        };
        let txn = pb::TxnRequest {
            compare: vec![condition],
            success: vec![then.into()],
            failure: vec![Request::RequestRange(range(key)).into()],
        };
        let reply = answered(self.limit, self.kv.txn(txn)).await?;
        let swapped = match reply.responses.first().and_then(|op| op.response.as_ref()) {
            Some(OpResponse::ResponseRange(found)) => Swapped::Held(value_of(&found.kvs)),
            _ if reply.succeeded => Swapped::Yes,
            other => unreachable!("a failed txn answered {other:?}"),
        };
        Ok(answer(ask.swap(swapped), reply.header))
    }
}

fn answer(op: Op, header: Option<pb::ResponseHeader>) -> Answer {
    Answer {
        op,
        revision: header.map(|header| header.revision),
    }
}

async fn answered<T>(
    limit: Duration,
    call: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, Failure> {
    match tokio::time::timeout(limit, call).await {
        Ok(Ok(reply)) => Ok(reply.into_inner()),
        Ok(Err(status)) if format!("{status:?}").contains("ConnectError") => Err(Failure::NotSent),
        Ok(Err(status)) => Err(Failure::Unknown(format!(
            "{:?}: {}",
            status.code(),
            status.message()
        ))),
        Err(_) => Err(Failure::Unknown("no answer in time".to_owned())),
    }
}

fn value_of(found: &[quorate_proto::mvccpb::KeyValue]) -> Value {
    let text = std::str::from_utf8(&found.first()?.value).expect("only numbers are written");
    Some(text.parse().expect("only numbers are written"))
}

fn range(key: &str) -> pb::RangeRequest {
    pb::RangeRequest {
        key: key.to_owned().into(),
        ..Default::default()
    }
}

fn put(key: &str, value: &str) -> pb::PutRequest {
    pb::PutRequest {
        key: key.to_owned().into(),
        value: value.to_owned().into(),
        ..Default::default()
    }
}

fn delete(key: &str) -> pb::DeleteRangeRequest {
    pb::DeleteRangeRequest {
        key: key.to_owned().into(),
        ..Default::default()
    }
}

/// Where the keys of a prefix end; its last byte is none of the highest.
fn end_of(prefix: &str) -> bytes::Bytes {
    let mut end = prefix.as_bytes().to_vec();
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    end.into()
}

fn absent(key: &str) -> pb::Compare {
    pb::Compare {
        result: CompareResult::Equal.into(),
        target: CompareTarget::Create.into(),
        key: key.to_owned().into(),
        target_union: Some(TargetUnion::CreateRevision(0)),
        ..Default::default()
    }
}

fn holds(key: &str, value: u64) -> pb::Compare {
    pb::Compare {
        result: CompareResult::Equal.into(),
        target: CompareTarget::Value.into(),
        key: key.to_owned().into(),
        target_union: Some(TargetUnion::Value(value.to_string().into())),
        ..Default::default()
    }
}
