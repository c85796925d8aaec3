//! gRPC calls as bytes: a request is sent as it was encoded, an answer is decoded by its
//! descriptor, so that nothing which a server puts on the wire is lost on the way.

use std::sync::LazyLock;

use bytes::{Buf, BufMut, Bytes};
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, MethodDescriptor};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Code, Status};

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(quorate_proto::FILE_DESCRIPTOR_SET).expect("our own descriptors")
});

/// A call to be made: `KV/Range` and its encoded requests, one but for a stream of them.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: String,
    pub requests: Vec<Bytes>,
}

impl Call {
    /// A call with one request.
    pub fn new(method: &str, request: &impl Message) -> Self {
        Self::of_bytes(method, request.encode_to_vec())
    }

    /// A call with one request, encoded already.
    pub fn of_bytes(method: &str, request: Vec<u8>) -> Self {
        Self {
            method: method.to_owned(),
            requests: vec![request.into()],
        }
    }

    /// A call with a stream of requests.
    pub fn stream(method: &str, requests: &[impl Message]) -> Self {
        let encoded = requests.iter().map(|request| request.encode_to_vec());
        Self {
            method: method.to_owned(),
            requests: encoded.map(Bytes::from).collect(),
        }
    }

    /// `/etcdserverpb.KV/Range`.
    pub fn path(&self) -> String {
        format!("/etcdserverpb.{}", self.method)
    }

    /// What the protocol says of the method; None for one that does not exist.
    pub fn descriptor(&self) -> Option<MethodDescriptor> {
        let (service, method) = self.method.split_once('/')?;
        let service = POOL.get_service_by_name(&format!("etcdserverpb.{service}"))?;
        service.methods().find(|known| known.name() == method)
    }

    /// The requests as messages; one that can't be decoded is left out.
    pub fn messages(&self) -> Vec<DynamicMessage> {
        let Some(method) = self.descriptor() else {
            return Vec::new();
        };
        let decode = |bytes: &Bytes| decode(method.input(), bytes.clone()).ok();
        self.requests.iter().filter_map(decode).collect()
    }
}

/// The message that `bytes` hold.
pub fn decode(of: MessageDescriptor, bytes: Bytes) -> Result<DynamicMessage, prost::DecodeError> {
    DynamicMessage::decode(of, bytes)
}

/// The message of an encoded one, `etcdserverpb.WatchResponse` by name.
pub fn decode_named(name: &str, bytes: Bytes) -> Result<DynamicMessage, prost::DecodeError> {
    let message = POOL.get_message_by_name(name);
    decode(message.expect("a message of our own descriptors"), bytes)
}

/// What a server answered: the messages that came, and how it ended.
#[derive(Clone, Debug)]
pub struct Reply {
    pub messages: Vec<DynamicMessage>,
    pub code: Code,
    pub text: String,
    pub details: Bytes,
}

impl Reply {
    /// An answer that ended without an error.
    pub fn of(messages: Vec<DynamicMessage>) -> Self {
        Self::ended(messages, &Status::ok(""))
    }

    /// The messages that came before the end with `status`.
    pub fn ended(messages: Vec<DynamicMessage>, status: &Status) -> Self {
        Self {
            messages,
            code: status.code(),
            text: status.message().to_owned(),
            details: Bytes::copy_from_slice(status.details()),
        }
    }

    /// Whether it ended well.
    pub fn is_ok(&self) -> bool {
        self.code == Code::Ok
    }
}

/// Messages as their bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
