package main

import (
	"context"
	"fmt"
	"strings"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// collect takes events from a watch until there are count of them.
func collect(watch clientv3.WatchChan, count int) ([]string, error) {
	var shown []string
	for len(shown) < count {
		answer, open := <-watch
		if !open {
			return shown, fmt.Errorf("the watch ended after %v", shown)
		}
		if err := answer.Err(); err != nil {
			return shown, err
		}
		for _, e := range answer.Events {
			shown = append(shown, event(e))
		}
	}
	return shown, nil
}

func expectEvents(what string, watch clientv3.WatchChan, want ...string) error {
	got, err := collect(watch, len(want))
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return equal(what, strings.Join(got, ", "), strings.Join(want, ", "))
}

// playWatch checks live and past events, previous values and filters.
func playWatch(ctx context.Context, c *clientv3.Client) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	prefix, prev := clientv3.WithPrefix(), clientv3.WithPrevKV()
	live := c.Watch(ctx, "watch/", prefix, prev, clientv3.WithCreatedNotify())
	if created := <-live; !created.Created {
		return fmt.Errorf("the first answer says that the watch exists: %v", created)
	}
	put, err := c.Put(ctx, "watch/a", "1")
	if err != nil {
		return err
	}
	writes := []clientv3.Op{clientv3.OpPut("watch/a", "2"), clientv3.OpPut("watch/b", "1")}
	if _, err := c.Txn(ctx).Then(writes...).Commit(); err != nil {
		return err
	}
	if _, err := c.Delete(ctx, "watch/", prefix); err != nil {
		return err
	}
	err = expectEvents("live", live, "PUT watch/a=1", "PUT watch/a=2 (was 1)", "PUT watch/b=1",
		"DELETE watch/a= (was 2)", "DELETE watch/b= (was 1)")
	if err != nil {
		return err
	}
	from := clientv3.WithRev(put.Header.Revision)
	past := c.Watch(ctx, "watch/a", from)
	err = expectEvents("past", past, "PUT watch/a=1", "PUT watch/a=2", "DELETE watch/a=")
	if err != nil {
		return err
	}
	noPuts := c.Watch(ctx, "watch/", prefix, from, clientv3.WithFilterPut())
	err = expectEvents("no puts", noPuts, "DELETE watch/a=", "DELETE watch/b=")
	if err != nil {
		return err
	}
	noDeletes := c.Watch(ctx, "watch/b", from, clientv3.WithFilterDelete())
	return expectEvents("no deletes", noDeletes, "PUT watch/b=1")
}

// playWatchAtomic checks that the events of one revision come in one answer, keys in order.
func playWatchAtomic(ctx context.Context, c *clientv3.Client) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	now, err := c.Get(ctx, "none")
	if err != nil {
		return err
	}
	watch := c.Watch(ctx, "one/", clientv3.WithPrefix(), clientv3.WithRev(now.Header.Revision+1))
	var puts []clientv3.Op
	for i := range 100 {
		puts = append(puts, clientv3.OpPut(fmt.Sprintf("one/%02d", i), "x"))
	}
	answer, err := c.Txn(ctx).Then(puts...).Commit()
	if err != nil {
		return err
	}
	got := <-watch
	for i, e := range got.Events {
		if string(e.Kv.Key) != fmt.Sprintf("one/%02d", i) || e.Kv.ModRevision != answer.Header.Revision {
			return fmt.Errorf("event %d: %v", i, e)
		}
	}
	shown := fmt.Sprint(len(got.Events), got.Header.Revision-answer.Header.Revision)
	return equal("events in one answer, and its revision", shown, "100 0")
}

// playWatchFragment checks that a big answer comes in pieces, each within the limit, none missing.
func playWatchFragment(ctx context.Context, c *clientv3.Client) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var from int64
	value := strings.Repeat("f", 1<<20)
	for i := range 6 {
		put, err := c.Put(ctx, fmt.Sprintf("frag/%d", i), value)
		if err != nil {
			return err
		}
		if i == 0 {
			from = put.Header.Revision
		}
	}
	options := opts(clientv3.WithPrefix(), clientv3.WithRev(from), clientv3.WithFragment())
	watch := c.Watch(ctx, "frag/", options...)
	events, err := collect(watch, 6)
	if err != nil {
		return err
	}
	for i, e := range events {
		if !strings.HasPrefix(e, fmt.Sprintf("PUT frag/%d=", i)) || len(e) < 1<<20 {
			return fmt.Errorf("event %d: %d bytes, %.20s", i, len(e), e)
		}
	}
	return nil
}

// playWatchProgress checks that a progress request is answered with the store's revision.
func playWatchProgress(ctx context.Context, c *clientv3.Client) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watch := c.Watch(ctx, "progress/none", clientv3.WithCreatedNotify())
	<-watch
	put, err := c.Put(ctx, "progress/a", "1")
	if err != nil {
		return err
	}
	if err := c.RequestProgress(ctx); err != nil {
		return err
	}
	answer := <-watch
	if !answer.IsProgressNotify() || answer.Header.Revision < put.Header.Revision {
		return fmt.Errorf("no progress to revision %d: %v", put.Header.Revision, answer)
	}
	return nil
}

// playCompact checks what compaction does to reads, watches and later compactions.
func playCompact(ctx context.Context, c *clientv3.Client) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var last int64
	for i := range 5 {
		put, err := c.Put(ctx, "compact/a", fmt.Sprint(i))
		if err != nil {
			return err
		}
		last = put.Header.Revision
	}
	if _, err := c.Compact(ctx, last-1, clientv3.WithCompactPhysical()); err != nil {
		return err
	}
	kept, err := c.Get(ctx, "compact/a", clientv3.WithRev(last-1))
	if err != nil {
		return err
	}
	if err := equal("the compacted revision itself", pairs(kept), "compact/a=3 "); err != nil {
		return err
	}
	_, err = c.Get(ctx, "compact/a", clientv3.WithRev(last-2))
	if err := failsWith("a read before it", err, rpctypes.ErrCompacted); err != nil {
		return err
	}
	_, err = c.Compact(ctx, last-1)
	if err := failsWith("the same again", err, rpctypes.ErrCompacted); err != nil {
		return err
	}
	_, err = c.Compact(ctx, last+100)
	if err := failsWith("the future", err, rpctypes.ErrFutureRev); err != nil {
		return err
	}
	answer := <-c.Watch(ctx, "compact/a", clientv3.WithRev(1))
	if err := failsWith("a watch before it", answer.Err(), rpctypes.ErrCompacted); err != nil {
		return err
	}
	shown := fmt.Sprint(answer.Canceled, answer.CompactRevision-last)
	return equal("the watch is told where history starts", shown, "true -1")
}
