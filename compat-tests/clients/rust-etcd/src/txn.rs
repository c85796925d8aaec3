//! Transactions.

use etcd_client::{Client, Compare, CompareOp, Txn, TxnOp, TxnOpResponse};

use crate::check::{Outcome, equal, pairs, refused, revision};

/// Both branches, nesting, one revision for all writes, and the refusal of a key written twice.
pub async fn txn(mut client: Client) -> Outcome {
    let first = revision(client.put("txn/a", "1", None).await?.header())?;
    let guards = [
        Compare::value("txn/a", CompareOp::Equal, "1"),
        Compare::version("txn/a", CompareOp::Greater, 0),
        Compare::create_revision("txn/a", CompareOp::Equal, first),
        Compare::mod_revision("txn/a", CompareOp::NotEqual, first + 1),
        Compare::lease("txn/a", CompareOp::Equal, 0),
        Compare::version("txn/none", CompareOp::Equal, 0),
    ];
    let inner = Txn::new().and_then([TxnOp::put("txn/b", "in", None)]);
    let then = [
        TxnOp::put("txn/a", "2", None),
        TxnOp::txn(inner),
        TxnOp::get("txn/a", None),
    ];
    let answer = client.txn(Txn::new().when(guards).and_then(then)).await?;
    equal("guards hold", answer.succeeded(), true)?;
    equal("one revision", revision(answer.header())?, first + 1)?;
    match answer.op_responses().get(2) {
        Some(TxnOpResponse::Get(got)) => {
            equal("reads what it wrote", pairs(got), "txn/a=2".into())?
        }
        other => return Err(format!("the third answer: {other:?}").into()),
    }
    let refusing = Txn::new()
        .when([Compare::value("txn/", CompareOp::Equal, "2").with_prefix()])
        .or_else([TxnOp::get("txn/b", None)]);
    let answer = client.txn(refusing).await?;
    match (answer.succeeded(), answer.op_responses().first()) {
        (false, Some(TxnOpResponse::Get(got))) => {
            equal("the other branch", pairs(got), "txn/b=in".into())?;
        }
        other => return Err(format!("the other branch: {other:?}").into()),
    }
    let twice = [
        TxnOp::put("txn/c", "1", None),
        TxnOp::put("txn/c", "2", None),
    ];
    let got = client.txn(Txn::new().and_then(twice)).await;
    let text = "etcdserver: duplicate key given in txn request";
    refused("two writes of one key", got, "InvalidArgument", text)
}
