package main

import (
	"context"
	"fmt"
	"sync"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
)

// playTxn checks guards on every target, both branches, and nesting.
func playTxn(ctx context.Context, c *clientv3.Client) error {
	put, err := c.Put(ctx, "txn/a", "1")
	if err != nil {
		return err
	}
	revision := put.Header.Revision
	guards := []clientv3.Cmp{
		clientv3.Compare(clientv3.Value("txn/a"), "=", "1"),
		clientv3.Compare(clientv3.Value("txn/a"), "<", "2"),
		clientv3.Compare(clientv3.Version("txn/a"), ">", 0),
		clientv3.Compare(clientv3.CreateRevision("txn/a"), "=", revision),
		clientv3.Compare(clientv3.ModRevision("txn/a"), "!=", revision+1),
		clientv3.Compare(clientv3.LeaseValue("txn/a"), "=", 0),
		clientv3.Compare(clientv3.CreateRevision("txn/none"), "=", 0),
		clientv3.Compare(clientv3.Version("txn/"), ">", 0).WithPrefix(),
	}
	// All guards, nested ones too, are judged before the first write; reads see earlier writes.
	nested := clientv3.OpTxn(
		[]clientv3.Cmp{clientv3.Compare(clientv3.Value("txn/a"), "=", "1")},
		[]clientv3.Op{clientv3.OpGet("txn/a"), clientv3.OpPut("txn/b", "in")},
		[]clientv3.Op{clientv3.OpPut("txn/b", "out")},
	)
	answer, err := c.Txn(ctx).If(guards...).
		Then(clientv3.OpPut("txn/a", "2"), nested, clientv3.OpDelete("txn/none")).
		Else(clientv3.OpGet("txn/a")).Commit()
	if err != nil {
		return err
	}
	if err := equal("guards hold", answer.Succeeded, true); err != nil {
		return err
	}
	inner := answer.Responses[1].GetResponseTxn()
	if inner == nil || !inner.Succeeded {
		return fmt.Errorf("the nested guard sees what was before the transaction: %v", inner)
	}
	kv := inner.Responses[0].GetResponseRange().Kvs[0]
	shown := fmt.Sprintf("%s at %d", kv.Value, kv.ModRevision-answer.Header.Revision)
	if err := equal("the nested read", shown, "2 at 0"); err != nil {
		return err
	}
	return otherwise(ctx, c, revision+1)
}

// otherwise checks a refused guard over a range: a key that does not match fails it.
func otherwise(ctx context.Context, c *clientv3.Client, revision int64) error {
	answer, err := c.Txn(ctx).
		If(clientv3.Compare(clientv3.Value("txn/"), "=", "2").WithPrefix()).
		Else(clientv3.OpGet("txn/", clientv3.WithPrefix())).Commit()
	if err != nil {
		return err
	}
	got := (*clientv3.GetResponse)(answer.Responses[0].GetResponseRange())
	shown := fmt.Sprint(answer.Succeeded, answer.Header.Revision-revision, " ", pairs(got))
	return equal("the other branch", shown, "false 0 txn/a=2 txn/b=in ")
}

// playTxnErrors checks the refusals of a transaction, after which nothing has changed.
func playTxnErrors(ctx context.Context, c *clientv3.Client) error {
	twice := []clientv3.Op{clientv3.OpPut("txe/a", "1"), clientv3.OpPut("txe/a", "2")}
	_, err := c.Txn(ctx).Then(twice...).Commit()
	if err := failsWith("two puts of one key", err, rpctypes.ErrDuplicateKey); err != nil {
		return err
	}
	var many []clientv3.Op
	for i := range 129 {
		many = append(many, clientv3.OpPut(fmt.Sprintf("txe/%d", i), "x"))
	}
	_, err = c.Txn(ctx).Then(many...).Commit()
	if err := failsWith("129 operations", err, rpctypes.ErrTooManyOps); err != nil {
		return err
	}
	future := clientv3.OpGet("txe/a", clientv3.WithRev(1<<40))
	_, err = c.Txn(ctx).Then(clientv3.OpPut("txe/b", "x"), future).Commit()
	if err := failsWith("a future revision", err, rpctypes.ErrFutureRev); err != nil {
		return err
	}
	got, err := c.Get(ctx, "txe/", clientv3.WithPrefix())
	if err != nil {
		return err
	}
	return equal("nothing was written", pairs(got), "")
}

// playSTM counts up from several sessions: none of the increments is lost.
func playSTM(ctx context.Context, c *clientv3.Client) error {
	const workers, rounds = 4, 10
	var group sync.WaitGroup
	errs := make(chan error, workers*rounds)
	increment := func(stm concurrency.STM) error {
		n := 0
		fmt.Sscan(stm.Get("stm/counter"), &n)
		stm.Put("stm/counter", fmt.Sprint(n+1))
		return nil
	}
	for range workers {
		group.Go(func() {
			for range rounds {
				if _, err := concurrency.NewSTM(c, increment); err != nil {
					errs <- err
				}
			}
		})
	}
	group.Wait()
	close(errs)
	for err := range errs {
		return err
	}
	got, err := c.Get(ctx, "stm/counter")
	if err != nil {
		return err
	}
	return equal("the counter", pairs(got), fmt.Sprintf("stm/counter=%d ", workers*rounds))
}
