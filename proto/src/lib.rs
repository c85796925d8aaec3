//! The etcd v3 protocol, and gRPC's health protocol, generated from the files in `proto/`.
//!
//! One module per protobuf package, at the path its name spells: generated code refers to other
//! packages by `super::`. Names, numbers and types are those of etcd 3.7.1, so its clients can't
//! tell the difference; the JSON mapping isn't part of these files.
//!
//! `bytes` fields are [`bytes::Bytes`]. Enum fields are `i32`, for a newer client may send values
//! unknown here: `TryFrom` tells those apart, while a getter takes them for the first value.

mod codec;

/// Every file behind these modules as an encoded `google.protobuf.FileDescriptorSet`, imports
/// included and comments left out: the input of gRPC reflection and of JSON transcoding.
pub const FILE_DESCRIPTOR_SET: &[u8] = tonic::include_file_descriptor_set!("quorate");

/// Stored keys and the changes made to them.
#[allow(missing_docs, clippy::all, clippy::pedantic, rustdoc::all)]
pub mod mvccpb {
    tonic::include_proto!("mvccpb");
}

/// Users, roles and permissions as records.
#[allow(missing_docs, clippy::all, clippy::pedantic, rustdoc::all)]
pub mod authpb {
    tonic::include_proto!("authpb");
}

/// The services KV, Watch, Lease, Cluster, Maintenance and Auth.
#[allow(missing_docs, clippy::all, clippy::pedantic, rustdoc::all)]
pub mod etcdserverpb {
    tonic::include_proto!("etcdserverpb");
}

/// An operation of a txn.
impl From<etcdserverpb::request_op::Request> for etcdserverpb::RequestOp {
    fn from(request: etcdserverpb::request_op::Request) -> Self {
        Self {
            request: Some(request),
        }
    }
}

/// The Lock service.
#[allow(missing_docs, clippy::all, clippy::pedantic, rustdoc::all)]
pub mod v3lockpb {
    tonic::include_proto!("v3lockpb");
}

/// The Election service.
#[allow(missing_docs, clippy::all, clippy::pedantic, rustdoc::all)]
pub mod v3electionpb {
    tonic::include_proto!("v3electionpb");
}

/// gRPC's own packages.
pub mod grpc {
    /// Health checking.
    pub mod health {
        /// The Health service.
        #[allow(missing_docs, clippy::all, clippy::pedantic, rustdoc::all)]
        pub mod v1 {
            tonic::include_proto!("grpc.health.v1");
        }
    }
}
