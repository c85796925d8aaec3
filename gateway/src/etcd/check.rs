//! What etcd checks of a KV request before it is proposed, in etcd's order, so that the first
//! error told is etcd's. Nothing here looks at the state.

use quorate_proto::etcdserverpb as pb;
use tonic::Status;

use super::error;

type Checked = Result<(), Status>;

pub fn range(request: &pb::RangeRequest) -> Checked {
    if request.key.is_empty() {
        return Err(error::EMPTY_KEY.into());
    }
    let order = pb::range_request::SortOrder::try_from(request.sort_order);
    let target = pb::range_request::SortTarget::try_from(request.sort_target);
    if order.is_err() || target.is_err() {
        return Err(error::INVALID_SORT_OPTION.into());
    }
    Ok(())
}

/// RangeStream takes key order and no revision filters.
pub fn range_stream(request: &pb::RangeRequest) -> Checked {
    use pb::range_request::{SortOrder, SortTarget};
    range(request)?;
    let by_key = request.sort_target() == SortTarget::Key;
    match request.sort_order() {
        SortOrder::None => {}
        SortOrder::Ascend if by_key => {}
        _ => return Err(error::STREAM_ORDER.into()),
    }
    let filters = [
        request.min_mod_revision,
        request.max_mod_revision,
        request.min_create_revision,
        request.max_create_revision,
    ];
    if filters != [0; 4] {
        return Err(error::STREAM_FILTERS.into());
    }
    Ok(())
}

pub fn put(request: &pb::PutRequest) -> Checked {
    if request.key.is_empty() {
        return Err(error::EMPTY_KEY.into());
    }
    if request.ignore_value && !request.value.is_empty() {
        return Err(error::VALUE_PROVIDED.into());
    }
    if request.ignore_lease && request.lease != 0 {
        return Err(error::LEASE_PROVIDED.into());
    }
    Ok(())
}

pub fn delete(request: &pb::DeleteRangeRequest) -> Checked {
    if request.key.is_empty() {
        return Err(error::EMPTY_KEY.into());
    }
    Ok(())
}

/// A txn takes at most `ops_max` compares or operations a branch; a nested one what its parent
/// leaves of that.
pub fn txn(request: &pb::TxnRequest, ops_max: usize) -> Checked {
    let widest = request
        .compare
        .len()
        .max(request.success.len())
        .max(request.failure.len());
    if widest > ops_max {
        return Err(error::TOO_MANY_OPS.into());
    }
    if request.compare.iter().any(|compare| compare.key.is_empty()) {
        return Err(error::EMPTY_KEY.into());
    }
    for op in request.success.iter().chain(&request.failure) {
        request_op(op, ops_max - widest)?;
    }
    Ok(())
}

fn request_op(op: &pb::RequestOp, ops_max: usize) -> Checked {
    use pb::request_op::Request;
    match &op.request {
        Some(Request::RequestRange(request)) => range(request),
        Some(Request::RequestPut(request)) => put(request),
        Some(Request::RequestDeleteRange(request)) => delete(request),
        Some(Request::RequestTxn(request)) => txn(request, ops_max),
        // etcd's odd choice of an error for an empty operation.
        None => Err(error::KEY_NOT_FOUND.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pb::request_op::Request;

    fn put_op(key: &'static str) -> pb::RequestOp {
        let request = pb::PutRequest {
            key: key.into(),
            ..Default::default()
        };
        Request::RequestPut(request).into()
    }

    fn nested(inner: pb::TxnRequest) -> pb::RequestOp {
        Request::RequestTxn(inner).into()
    }

    fn message(checked: Checked) -> String {
        checked.expect_err("refused").message().to_string()
    }

    #[test]
    fn a_key_is_required() {
        let told = error::EMPTY_KEY.message;
        assert_eq!(message(range(&Default::default())), told);
        assert_eq!(message(put(&Default::default())), told);
        assert_eq!(message(delete(&Default::default())), told);
    }

    #[test]
    fn unknown_sort_options_are_refused() {
        let request = pb::RangeRequest {
            key: "a".into(),
            sort_order: 3,
            ..Default::default()
        };
        assert_eq!(message(range(&request)), error::INVALID_SORT_OPTION.message);
    }

    #[test]
    fn a_nested_txn_has_what_its_parent_leaves() {
        let wide = |n: usize| pb::TxnRequest {
            success: vec![put_op("a"); n],
            ..Default::default()
        };
        let outer = |n: usize| pb::TxnRequest {
            success: vec![nested(wide(n))],
            ..Default::default()
        };
        assert!(txn(&outer(127), 128).is_ok());
        assert_eq!(message(txn(&outer(128), 128)), error::TOO_MANY_OPS.message);
    }

    #[test]
    fn an_empty_operation_is_key_not_found() {
        let request = pb::TxnRequest {
            success: vec![pb::RequestOp { request: None }],
            ..Default::default()
        };
        assert_eq!(message(txn(&request, 128)), error::KEY_NOT_FOUND.message);
    }
}
