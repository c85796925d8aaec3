package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3election/v3electionpb"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3lock/v3lockpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// leases gives two leases.
func leases(ctx context.Context, c *clientv3.Client) (a, b int64, err error) {
	first, err := c.Grant(ctx, 30)
	if err != nil {
		return 0, 0, err
	}
	second, err := c.Grant(ctx, 30)
	if err != nil {
		return 0, 0, err
	}
	return int64(first.ID), int64(second.ID), nil
}

// told checks the code and the text of an error.
func told(what string, err error, code codes.Code, text string) error {
	if err := equal(what+": code", status.Code(err), code); err != nil {
		return err
	}
	return equal(what+": text", status.Convert(err).Message(), text)
}

// count waits until so many keys begin with prefix.
func count(ctx context.Context, c *clientv3.Client, prefix string, want int64) error {
	for {
		got, err := c.Get(ctx, prefix, clientv3.WithPrefix(), clientv3.WithCountOnly())
		if err != nil {
			return fmt.Errorf("waiting for %d keys of %s: %w", want, prefix, err)
		}
		if got.Count == want {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// playLockService checks who holds a lock, in which line the others stand, that those who go away
// leave it, and the errors.
func playLockService(ctx context.Context, c *clientv3.Client) error {
	locks := v3lockpb.NewLockClient(c.ActiveConnection())
	a, b, err := leases(ctx, c)
	if err != nil {
		return err
	}
	name := []byte("gl")
	held, err := locks.Lock(ctx, &v3lockpb.LockRequest{Name: name, Lease: a})
	if err != nil {
		return err
	}
	if err := equal("the key", string(held.Key), fmt.Sprintf("gl/%x", a)); err != nil {
		return err
	}
	kv, err := c.Get(ctx, string(held.Key))
	if err != nil {
		return err
	}
	if err := equal("its revision", kv.Kvs[0].CreateRevision, held.Header.Revision); err != nil {
		return err
	}
	if err := equal("its lease", kv.Kvs[0].Lease, a); err != nil {
		return err
	}
	if err := leaveTheLine(ctx, c, locks, name, b); err != nil {
		return err
	}
	if err := handOn(ctx, c, locks, held.Key, b); err != nil {
		return err
	}
	return lockErrors(ctx, c, locks)
}

// leaveTheLine cancels one waiter, closes the connection of another, lets the deadline of a third
// pass.
func leaveTheLine(
	ctx context.Context, c *clientv3.Client, locks v3lockpb.LockClient, name []byte, lease int64,
) error {
	request := &v3lockpb.LockRequest{Name: name, Lease: lease}
	waiting, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { _, err := locks.Lock(waiting, request); done <- err }()
	if err := count(ctx, c, "gl/", 2); err != nil {
		cancel()
		return err
	}
	cancel()
	if err := equal("one that gave up", status.Code(<-done), codes.Canceled); err != nil {
		return err
	}
	if err := count(ctx, c, "gl/", 1); err != nil {
		return err
	}
	if err := closeWhileWaiting(ctx, c, request); err != nil {
		return err
	}
	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	_, err := locks.Lock(short, request)
	if err := equal("one in a hurry", status.Code(err), codes.DeadlineExceeded); err != nil {
		return err
	}
	return count(ctx, c, "gl/", 1)
}

// closeWhileWaiting lets the connection of a waiter end.
func closeWhileWaiting(
	ctx context.Context, c *clientv3.Client, request *v3lockpb.LockRequest,
) error {
	other, err := clientv3.New(clientv3.Config{Endpoints: c.Endpoints()})
	if err != nil {
		return err
	}
	defer other.Close()
	done := make(chan error, 1)
	go func() {
		_, err := v3lockpb.NewLockClient(other.ActiveConnection()).Lock(ctx, request)
		done <- err
	}()
	if err := count(ctx, c, "gl/", 2); err != nil {
		return err
	}
	other.Close()
	if err := <-done; err == nil {
		return errors.New("the lock was given to one that is gone")
	}
	return count(ctx, c, "gl/", 1)
}

// handOn unlocks for one whose lease ends while it waits, and for one that gets the lock.
func handOn(
	ctx context.Context, c *clientv3.Client, locks v3lockpb.LockClient, key []byte, lease int64,
) error {
	short, err := c.Grant(ctx, 30)
	if err != nil {
		return err
	}
	type answer struct {
		lock *v3lockpb.LockResponse
		err  error
	}
	lost, won := make(chan answer, 1), make(chan answer, 1)
	lock := func(lease int64, to chan answer) {
		got, err := locks.Lock(ctx, &v3lockpb.LockRequest{Name: []byte("gl"), Lease: lease})
		to <- answer{got, err}
	}
	go lock(int64(short.ID), lost)
	if err := count(ctx, c, "gl/", 2); err != nil {
		return err
	}
	go lock(lease, won)
	if err := count(ctx, c, "gl/", 3); err != nil {
		return err
	}
	if _, err := c.Revoke(ctx, short.ID); err != nil {
		return err
	}
	unlocked, err := locks.Unlock(ctx, &v3lockpb.UnlockRequest{Key: key})
	if err != nil {
		return err
	}
	got := <-lost
	if err := told("a lost lease", got.err, codes.Unknown, "mutex: session is expired"); err != nil {
		return err
	}
	if got = <-won; got.err != nil {
		return got.err
	}
	if err := equal("handed on at", got.lock.Header.Revision, unlocked.Header.Revision); err != nil {
		return err
	}
	_, err = locks.Unlock(ctx, &v3lockpb.UnlockRequest{Key: got.lock.Key})
	return err
}

func lockErrors(ctx context.Context, c *clientv3.Client, locks v3lockpb.LockClient) error {
	own, err := locks.Lock(ctx, &v3lockpb.LockRequest{Name: []byte("own")})
	if err != nil {
		return err
	}
	kv, err := c.Get(ctx, string(own.Key))
	if err != nil {
		return err
	}
	left, err := c.TimeToLive(ctx, clientv3.LeaseID(kv.Kvs[0].Lease))
	if err != nil {
		return err
	}
	if err := equal("the lease of one without", left.GrantedTTL, 60); err != nil {
		return err
	}
	_, err = locks.Lock(ctx, &v3lockpb.LockRequest{Name: []byte("gl"), Lease: 99})
	text := "etcdserver: requested lease not found"
	if err := told("no such lease", err, codes.Unknown, text); err != nil {
		return err
	}
	_, err = locks.Lock(ctx, &v3lockpb.LockRequest{Name: []byte("gl"), Lease: -5})
	if err := told("a negative lease", err, codes.Unknown, text); err != nil {
		return err
	}
	_, err = locks.Unlock(ctx, &v3lockpb.UnlockRequest{})
	return told("no key", err, codes.Unknown, "etcdserver: key is not provided")
}

// playElectionService checks campaigns, what observers see and when, and the errors.
func playElectionService(ctx context.Context, c *clientv3.Client) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	elections := v3electionpb.NewElectionClient(c.ActiveConnection())
	a, b, err := leases(ctx, c)
	if err != nil {
		return err
	}
	name := []byte("ge")
	asked := &v3electionpb.LeaderRequest{Name: name}
	seen, err := elections.Observe(ctx, asked)
	if err != nil {
		return err
	}
	next := func(want string, revision int64) error {
		got, err := seen.Recv()
		if err != nil {
			return err
		}
		if err := equal("the leader seen", string(got.Kv.Value), want); err != nil {
			return err
		}
		return equal("when "+want+" is seen", got.Header.Revision, revision)
	}
	_, err = elections.Leader(ctx, asked)
	if err := told("nobody", err, codes.Unknown, "election: no leader"); err != nil {
		return err
	}
	stand := func(lease int64, value string) (*v3electionpb.CampaignResponse, error) {
		return elections.Campaign(ctx,
			&v3electionpb.CampaignRequest{Name: name, Lease: lease, Value: []byte(value)})
	}
	won, err := stand(a, "one")
	if err != nil {
		return err
	}
	if err := next("one", won.Header.Revision); err != nil {
		return err
	}
	// Standing again with another value keeps the place and proclaims.
	again, err := stand(a, "two")
	if err != nil {
		return err
	}
	if err := equal("the same place", again.Leader.Rev, won.Leader.Rev); err != nil {
		return err
	}
	if err := next("two", won.Header.Revision+1); err != nil {
		return err
	}
	second := make(chan error, 1)
	go func() { _, err := stand(b, "three"); second <- err }()
	if err := count(ctx, c, "ge/", 2); err != nil {
		return err
	}
	resigned, err := elections.Resign(ctx, &v3electionpb.ResignRequest{Leader: won.Leader})
	if err != nil {
		return err
	}
	if err := <-second; err != nil {
		return err
	}
	if err := next("three", resigned.Header.Revision); err != nil {
		return err
	}
	return electionErrors(ctx, c, elections, won.Leader)
}

func electionErrors(
	ctx context.Context, c *clientv3.Client, elections v3electionpb.ElectionClient,
	former *v3electionpb.LeaderKey,
) error {
	waiting, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	_, err := elections.Campaign(waiting,
		&v3electionpb.CampaignRequest{Name: former.Name, Lease: former.Lease, Value: []byte("late")})
	if err := equal("one in a hurry", status.Code(err), codes.DeadlineExceeded); err != nil {
		return err
	}
	if err := count(ctx, c, "ge/", 1); err != nil {
		return err
	}
	_, err = elections.Proclaim(ctx, &v3electionpb.ProclaimRequest{Leader: former})
	if err := told("a former leader", err, codes.Unknown, "election: not leader"); err != nil {
		return err
	}
	// Who doesn't lead may resign.
	if _, err := elections.Resign(ctx, &v3electionpb.ResignRequest{Leader: former}); err != nil {
		return err
	}
	missing := `"leader" field must be provided`
	_, err = elections.Proclaim(ctx, &v3electionpb.ProclaimRequest{})
	if err := told("no leader", err, codes.Unknown, missing); err != nil {
		return err
	}
	_, err = elections.Resign(ctx, &v3electionpb.ResignRequest{})
	if err := told("no leader", err, codes.Unknown, missing); err != nil {
		return err
	}
	_, err = elections.Campaign(ctx, &v3electionpb.CampaignRequest{Lease: 99})
	return told("no such lease", err, codes.Unknown, "etcdserver: requested lease not found")
}
