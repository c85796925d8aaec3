package main

import (
	"context"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3election/v3electionpb"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3lock/v3lockpb"
)

// onceLimit is the deadline of each call: far away, as a program has it that waits for its answer.
const onceLimit = 15 * time.Second

// writeOnce writes one thing after the other, each of which tells by its answer whether it was
// carried out more than once. It prints `done N` for each round and ends only with a failure.
func writeOnce(endpoints []string, key string) error {
	client, err := clientv3.New(clientv3.Config{Endpoints: endpoints, DialTimeout: 5 * time.Second})
	if err != nil {
		return err
	}
	defer client.Close()
	for n := int64(1); ; n++ {
		for _, write := range []func(context.Context, *clientv3.Client, string, int64) error{
			putOnce, compactOnce, createOnce, leaseOnce, lockOnce, electOnce,
		} {
			ctx, cancel := context.WithTimeout(context.Background(), onceLimit)
			err := write(ctx, client, key, n)
			cancel()
			if err != nil {
				return fmt.Errorf("round %d: %w", n, err)
			}
		}
		fmt.Printf("done %d\n", n)
	}
}

func putOnce(ctx context.Context, c *clientv3.Client, key string, n int64) error {
	put, err := c.Put(ctx, key, fmt.Sprint(n), clientv3.WithPrevKV())
	if err != nil {
		return fmt.Errorf("put: %w", err)
	}
	version := int64(0)
	if put.PrevKv != nil {
		version = put.PrevKv.Version
	}
	return equal("versions before the put", version, n-1)
}

// compactOnce compacts to a revision of its own: a second time is refused.
func compactOnce(ctx context.Context, c *clientv3.Client, key string, _ int64) error {
	put, err := c.Put(ctx, key+"/compacted", "x")
	if err != nil {
		return fmt.Errorf("put before compact: %w", err)
	}
	if _, err := c.Compact(ctx, put.Header.Revision); err != nil {
		return fmt.Errorf("compact: %w", err)
	}
	return nil
}

func createOnce(ctx context.Context, c *clientv3.Client, key string, _ int64) error {
	key += "/created"
	create := c.Txn(ctx).If(clientv3.Compare(clientv3.CreateRevision(key), "=", 0))
	created, err := create.Then(clientv3.OpPut(key, "mine")).Commit()
	if err != nil {
		return fmt.Errorf("create: %w", err)
	}
	if err := equal("created", created.Succeeded, true); err != nil {
		return err
	}
	deleted, err := c.Delete(ctx, key)
	if err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	return equal("deleted", deleted.Deleted, 1)
}

// leaseOnce asks for an id of its own: a second grant or revocation is refused.
func leaseOnce(ctx context.Context, c *clientv3.Client, key string, _ int64) error {
	lease, err := c.Grant(ctx, 60)
	if err != nil {
		return fmt.Errorf("grant: %w", err)
	}
	if _, err := c.Put(ctx, key+"/leased", "x", clientv3.WithLease(lease.ID)); err != nil {
		return fmt.Errorf("put with a lease: %w", err)
	}
	if _, err := c.Revoke(ctx, lease.ID); err != nil {
		return fmt.Errorf("revoke: %w", err)
	}
	return nil
}

func lockOnce(ctx context.Context, c *clientv3.Client, key string, _ int64) error {
	locks := v3lockpb.NewLockClient(c.ActiveConnection())
	held, err := locks.Lock(ctx, &v3lockpb.LockRequest{Name: []byte(key + "/lock")})
	if err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	if _, err := locks.Unlock(ctx, &v3lockpb.UnlockRequest{Key: held.Key}); err != nil {
		return fmt.Errorf("unlock: %w", err)
	}
	return nil
}

// electOnce writes its leader's key twice, by Campaign and by Proclaim.
func electOnce(ctx context.Context, c *clientv3.Client, key string, n int64) error {
	lease, err := c.Grant(ctx, 60)
	if err != nil {
		return fmt.Errorf("grant for an election: %w", err)
	}
	elections := v3electionpb.NewElectionClient(c.ActiveConnection())
	won, err := elections.Campaign(ctx, &v3electionpb.CampaignRequest{
		Name: []byte(key + "/election"), Lease: int64(lease.ID), Value: []byte("first"),
	})
	if err != nil {
		return fmt.Errorf("campaign: %w", err)
	}
	second := &v3electionpb.ProclaimRequest{Leader: won.Leader, Value: []byte("second")}
	if _, err := elections.Proclaim(ctx, second); err != nil {
		return fmt.Errorf("proclaim: %w", err)
	}
	got, err := c.Get(ctx, string(won.Leader.Key))
	if err != nil {
		return fmt.Errorf("get of the leader's key: %w", err)
	}
	if err := equal("keys of the leader", len(got.Kvs), 1); err != nil {
		return err
	}
	if err := equal("versions of the leader's key", got.Kvs[0].Version, int64(2)); err != nil {
		return err
	}
	if _, err := elections.Resign(ctx, &v3electionpb.ResignRequest{Leader: won.Leader}); err != nil {
		return fmt.Errorf("resign: %w", err)
	}
	if _, err := c.Revoke(ctx, lease.ID); err != nil {
		return fmt.Errorf("revoke after an election: %w", err)
	}
	return nil
}
