package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// playLease checks grant, attached keys, keep-alive, list and revoke.
func playLease(ctx context.Context, c *clientv3.Client) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lease, err := c.Grant(ctx, 30)
	if err != nil {
		return err
	}
	for _, key := range []string{"lease/b", "lease/a"} {
		if _, err := c.Put(ctx, key, "x", clientv3.WithLease(lease.ID)); err != nil {
			return err
		}
	}
	left, err := c.TimeToLive(ctx, lease.ID, clientv3.WithAttachedKeys())
	if err != nil {
		return err
	}
	// The keys come in no particular order.
	slices.SortFunc(left.Keys, bytes.Compare)
	shown := fmt.Sprintf("%d %q", left.GrantedTTL, left.Keys)
	if err := equal("granted and keys", shown, `30 ["lease/a" "lease/b"]`); err != nil {
		return err
	}
	if left.TTL < 25 || left.TTL > 30 {
		return fmt.Errorf("seconds left of 30: %d", left.TTL)
	}
	kept, err := c.KeepAlive(ctx, lease.ID)
	if err != nil {
		return err
	}
	if answer := <-kept; answer == nil || answer.TTL != 30 || answer.ID != lease.ID {
		return fmt.Errorf("a keep-alive: %v", answer)
	}
	all, err := c.Leases(ctx)
	if err != nil {
		return err
	}
	if !slices.Contains(all.Leases, clientv3.LeaseStatus{ID: lease.ID}) {
		return fmt.Errorf("%x is not among %v", lease.ID, all.Leases)
	}
	return revoke(ctx, c, lease.ID)
}

func revoke(ctx context.Context, c *clientv3.Client, lease clientv3.LeaseID) error {
	if _, err := c.Revoke(ctx, lease); err != nil {
		return err
	}
	got, err := c.Get(ctx, "lease/", clientv3.WithPrefix())
	if err != nil {
		return err
	}
	if err := equal("its keys are gone", pairs(got), ""); err != nil {
		return err
	}
	left, err := c.TimeToLive(ctx, lease)
	if err != nil {
		return err
	}
	if err := equal("a revoked lease's time to live", left.TTL, -1); err != nil {
		return err
	}
	_, err = c.Revoke(ctx, lease)
	if err := failsWith("revoked again", err, rpctypes.ErrLeaseNotFound); err != nil {
		return err
	}
	_, err = c.KeepAliveOnce(ctx, lease)
	return failsWith("kept alive", err, rpctypes.ErrLeaseNotFound)
}

// playLeaseExpiry checks that a lease ends when nobody keeps it, not before, and that one that is
// kept outlives its time to live.
func playLeaseExpiry(ctx context.Context, c *clientv3.Client) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	kept, err := c.Grant(ctx, 2)
	if err != nil {
		return err
	}
	if _, err := c.Put(ctx, "expiry/kept", "x", clientv3.WithLease(kept.ID)); err != nil {
		return err
	}
	answers, err := c.KeepAlive(ctx, kept.ID)
	if err != nil {
		return err
	}
	go func() {
		for range answers {
		}
	}()
	begun := time.Now()
	short, err := c.Grant(ctx, 2)
	if err != nil {
		return err
	}
	put, err := c.Put(ctx, "expiry/short", "x", clientv3.WithLease(short.ID))
	if err != nil {
		return err
	}
	watch := c.Watch(ctx, "expiry/", clientv3.WithPrefix(), clientv3.WithRev(put.Header.Revision+1))
	if err := expectEvents("expiry", watch, "DELETE expiry/short="); err != nil {
		return err
	}
	if lived := time.Since(begun); lived < 2*time.Second {
		return fmt.Errorf("a lease of 2 s lived %v", lived)
	}
	got, err := c.Get(ctx, "expiry/", clientv3.WithPrefix())
	if err != nil {
		return err
	}
	return equal("the kept one lives", pairs(got), "expiry/kept=x ")
}
