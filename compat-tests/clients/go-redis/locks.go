package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/bsm/redislock"
	"github.com/go-redsync/redsync/v4"
	"github.com/go-redsync/redsync/v4/redis/goredis/v9"
	"github.com/redis/go-redis/v9"
)

// over makes a redsync of one address, whose quorum is one.
func over(client *redis.Client) *redsync.Redsync {
	return redsync.New(goredis.NewPool(client))
}

func playRedsync(ctx context.Context, client *redis.Client) error {
	held := over(client).NewMutex("lock", redsync.WithExpiry(30*time.Second), redsync.WithTries(1))
	other := over(client).NewMutex("lock", redsync.WithExpiry(8*time.Second), redsync.WithTries(1))
	if err := held.LockContext(ctx); err != nil {
		return err
	}
	value := client.Get(ctx, "lock").Val()
	var taken *redsync.ErrTaken
	contended := errors.As(other.LockContext(ctx), &taken)
	extended, err := held.ExtendContext(ctx)
	if err != nil {
		return err
	}
	left := client.PTTL(ctx, "lock").Val()
	released, err := held.UnlockContext(ctx)
	if err != nil {
		return err
	}
	again, lost := held.UnlockContext(ctx)
	return all(
		equal("value", value, held.Value()),
		equal("contend", contended, true),
		equal("extend", extended, true),
		within("life", left, 20*time.Second, 30*time.Second),
		equal("unlock", released, true),
		equal("unlock twice", again, false),
		equal("lost", errors.Is(lost, redsync.ErrLockAlreadyExpired), true),
		equal("next", other.LockContext(ctx), nil),
	)
}

func playRedsyncExpiry(ctx context.Context, client *redis.Client) error {
	first := over(client).NewMutex("expiring", redsync.WithExpiry(300*time.Millisecond))
	second := over(client).NewMutex("expiring", redsync.WithTries(500),
		redsync.WithRetryDelay(20*time.Millisecond))
	start := time.Now()
	if err := first.LockContext(ctx); err != nil {
		return err
	}
	if err := second.LockContext(ctx); err != nil {
		return err
	}
	late, _ := first.UnlockContext(ctx)
	return all(
		// Redis ends it in whole milliseconds of its clock.
		equal("early", time.Since(start) < 298*time.Millisecond, false),
		equal("too late", late, false),
		equal("still held", client.Exists(ctx, "expiring").Val(), int64(1)),
	)
}

func playRedsyncExclusion(ctx context.Context, client *redis.Client) error {
	client.Set(ctx, "count", 0, 0)
	problems := make([]error, 4)
	var workers sync.WaitGroup
	for worker := range problems {
		workers.Go(func() {
			for range 20 {
				if problems[worker] = count(ctx, client); problems[worker] != nil {
					return
				}
			}
		})
	}
	workers.Wait()
	return all(errors.Join(problems...), equal("count", client.Get(ctx, "count").Val(), "80"))
}

// count adds one under the lock, by reading and writing.
func count(ctx context.Context, client *redis.Client) error {
	mutex := over(client).NewMutex("exclusive", redsync.WithExpiry(30*time.Second),
		redsync.WithTries(2000), redsync.WithRetryDelay(5*time.Millisecond))
	if err := mutex.LockContext(ctx); err != nil {
		return err
	}
	seen, err := strconv.Atoi(client.Get(ctx, "count").Val())
	if err != nil {
		return err
	}
	client.Set(ctx, "count", seen+1, 0)
	if released, err := mutex.UnlockContext(ctx); err != nil || !released {
		return fmt.Errorf("not released: %w", err)
	}
	return nil
}

func playRedislock(ctx context.Context, client *redis.Client) error {
	held, err := redislock.Obtain(ctx, client, "lock", 30*time.Second, &redislock.Options{Metadata: "me"})
	if err != nil {
		return err
	}
	_, contended := redislock.Obtain(ctx, client, "lock", time.Second, nil)
	left, err := held.TTL(ctx)
	if err != nil {
		return err
	}
	refreshed := held.Refresh(ctx, time.Minute, nil)
	longer := client.PTTL(ctx, "lock").Val()
	released := held.Release(ctx)
	return all(
		equal("metadata", held.Metadata(), "me"),
		equal("contend", contended, redislock.ErrNotObtained),
		within("ttl", left, 20*time.Second, 30*time.Second),
		equal("refresh", refreshed, nil),
		within("refreshed", longer, 30*time.Second, time.Minute),
		equal("release", released, nil),
		equal("released twice", held.Release(ctx), redislock.ErrLockNotHeld),
		equal("refreshed late", held.Refresh(ctx, time.Second, nil), redislock.ErrNotObtained),
	)
}

func playRedislockExpiry(ctx context.Context, client *redis.Client) error {
	start := time.Now()
	first, err := redislock.Obtain(ctx, client, "expiring", 300*time.Millisecond, nil)
	if err != nil {
		return err
	}
	retry := redislock.LinearBackoff(20 * time.Millisecond)
	second, err := redislock.Obtain(ctx, client, "expiring", wait, &redislock.Options{RetryStrategy: retry})
	if err != nil {
		return err
	}
	return all(
		// Redis ends it in whole milliseconds of its clock.
		equal("early", time.Since(start) < 298*time.Millisecond, false),
		equal("too late", first.Release(ctx), redislock.ErrLockNotHeld),
		equal("release", second.Release(ctx), nil),
	)
}
