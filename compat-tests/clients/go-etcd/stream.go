package main

import (
	"context"
	"fmt"
	"strings"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// playRangeStream checks that a streamed range gives what a plain one does, at one revision.
func playRangeStream(ctx context.Context, c *clientv3.Client) error {
	const keys, perTxn = 1200, 100
	value := strings.Repeat("v", 2000)
	for start := 0; start < keys; start += perTxn {
		var puts []clientv3.Op
		for i := start; i < start+perTxn; i++ {
			puts = append(puts, clientv3.OpPut(fmt.Sprintf("stream/%04d", i), value))
		}
		if _, err := c.Txn(ctx).Then(puts...).Commit(); err != nil {
			return err
		}
	}
	plain, err := c.Get(ctx, "stream/", clientv3.WithPrefix())
	if err != nil {
		return err
	}
	stream, err := c.GetStream(ctx, "stream/", clientv3.WithPrefix())
	if err != nil {
		return err
	}
	whole, err := clientv3.GetStreamToGetResponse(stream)
	if err != nil {
		return err
	}
	shown := fmt.Sprint(len(whole.Kvs), whole.Count, whole.More, whole.Header.Revision)
	want := fmt.Sprint(keys, plain.Count, plain.More, plain.Header.Revision)
	if err := equal("keys, count, more, revision", shown, want); err != nil {
		return err
	}
	if pairs(whole) != pairs(plain) {
		return fmt.Errorf("the stream's keys and values are not those of the range")
	}
	stream, err = c.GetStream(ctx, "stream/", clientv3.WithPrefix(), clientv3.WithRev(1<<40))
	if err == nil {
		_, err = clientv3.GetStreamToGetResponse(stream)
	}
	return failsWith("a future revision", err, rpctypes.ErrFutureRev)
}
