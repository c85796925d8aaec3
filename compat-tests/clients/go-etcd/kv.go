package main

import (
	"context"
	"fmt"

	clientv3 "go.etcd.io/etcd/client/v3"
)

func playKV(ctx context.Context, c *clientv3.Client) error {
	put, err := c.Put(ctx, "kv/a", "1")
	if err != nil {
		return err
	}
	got, err := c.Get(ctx, "kv/a")
	if err != nil {
		return err
	}
	if len(got.Kvs) != 1 || got.Kvs[0].ModRevision != put.Header.Revision {
		return fmt.Errorf("get after put: %v", got)
	}
	return nil
}
