package main

import (
	"context"
	"errors"
	"fmt"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	"go.etcd.io/etcd/client/v3/namespace"
)

// sessions gives two sessions, and what closes both.
func sessions(c *clientv3.Client) (a, b *concurrency.Session, close func(), err error) {
	if a, err = concurrency.NewSession(c, concurrency.WithTTL(10)); err != nil {
		return nil, nil, nil, err
	}
	if b, err = concurrency.NewSession(c, concurrency.WithTTL(10)); err != nil {
		a.Close()
		return nil, nil, nil, err
	}
	return a, b, func() { a.Close(); b.Close() }, nil
}

// playMutex checks exclusion, the guard that a holder may put on its writes, and the hand-over
// when the holder's session ends.
func playMutex(ctx context.Context, c *clientv3.Client) error {
	a, b, closeBoth, err := sessions(c)
	if err != nil {
		return err
	}
	defer closeBoth()
	first, second := concurrency.NewMutex(a, "mutex/"), concurrency.NewMutex(b, "mutex/")
	if err := first.Lock(ctx); err != nil {
		return err
	}
	if err := second.TryLock(ctx); !errors.Is(err, concurrency.ErrLocked) {
		return fmt.Errorf("a held lock was taken: %v", err)
	}
	guarded, err := c.Txn(ctx).If(first.IsOwner()).Then(clientv3.OpPut("guarded", "1")).Commit()
	if err != nil {
		return err
	}
	if err := equal("the owner's write", guarded.Succeeded, true); err != nil {
		return err
	}
	taken := make(chan error, 1)
	go func() { taken <- second.Lock(ctx) }()
	select {
	case err := <-taken:
		return fmt.Errorf("two hold one lock: %v", err)
	default:
	}
	if err := a.Close(); err != nil {
		return err
	}
	if err := <-taken; err != nil {
		return err
	}
	guarded, err = c.Txn(ctx).If(first.IsOwner()).Then(clientv3.OpPut("guarded", "2")).Commit()
	if err != nil {
		return err
	}
	if err := equal("the former owner's write", guarded.Succeeded, false); err != nil {
		return err
	}
	return second.Unlock(ctx)
}

// playElection checks campaign, proclaim, observe, resign and succession.
func playElection(ctx context.Context, c *clientv3.Client) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	a, b, closeBoth, err := sessions(c)
	if err != nil {
		return err
	}
	defer closeBoth()
	first, second := concurrency.NewElection(a, "race/"), concurrency.NewElection(b, "race/")
	if _, err := first.Leader(ctx); !errors.Is(err, concurrency.ErrElectionNoLeader) {
		return fmt.Errorf("nobody leads yet: %v", err)
	}
	if err := first.Campaign(ctx, "alpha"); err != nil {
		return err
	}
	seen := second.Observe(ctx)
	next := func(want string) error {
		answer, open := <-seen
		if !open || len(answer.Kvs) != 1 {
			return fmt.Errorf("no leader seen: %v", answer)
		}
		return equal("the leader seen", string(answer.Kvs[0].Value), want)
	}
	if err := next("alpha"); err != nil {
		return err
	}
	if err := first.Proclaim(ctx, "alpha again"); err != nil {
		return err
	}
	if err := next("alpha again"); err != nil {
		return err
	}
	elected := make(chan error, 1)
	go func() { elected <- second.Campaign(ctx, "beta") }()
	if err := first.Resign(ctx); err != nil {
		return err
	}
	if err := <-elected; err != nil {
		return err
	}
	if err := next("beta"); err != nil {
		return err
	}
	return second.Resign(ctx)
}

// playNamespace checks that a prefixed client sees its own keys under their short names.
func playNamespace(ctx context.Context, c *clientv3.Client) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	kv := namespace.NewKV(c.KV, "space/")
	put, err := kv.Put(ctx, "a", "1")
	if err != nil {
		return err
	}
	inside, err := kv.Get(ctx, "", clientv3.WithPrefix())
	if err != nil {
		return err
	}
	outside, err := c.Get(ctx, "space/", clientv3.WithPrefix())
	if err != nil {
		return err
	}
	if err := equal("both views", pairs(inside)+pairs(outside), "a=1 space/a=1 "); err != nil {
		return err
	}
	watcher := namespace.NewWatcher(c.Watcher, "space/")
	watch := watcher.Watch(ctx, "", clientv3.WithPrefix(), clientv3.WithRev(put.Header.Revision))
	if err := expectEvents("its events", watch, "PUT a=1"); err != nil {
		return err
	}
	answer, err := kv.Txn(ctx).If(clientv3.Compare(clientv3.Value("a"), "=", "1")).
		Then(clientv3.OpDelete("a")).Commit()
	if err != nil {
		return err
	}
	return equal("its transaction", answer.Succeeded, true)
}
