package main

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

func playConnect(ctx context.Context, client *redis.Client) error {
	info, err := client.Info(ctx, "server").Result()
	if err != nil {
		return err
	}
	hello := client.Do(ctx, "hello", client.Options().Protocol).Err()
	return all(
		equal("ping", client.Ping(ctx).Val(), "PONG"),
		equal("name", client.ClientGetName(ctx).Val(), "go"),
		equal("echo", client.Echo(ctx, "\x00\xff").Val(), "\x00\xff"),
		equal("info", len(info) > 0, true),
		equal("hello", hello, nil),
		equal("id", client.ClientID(ctx).Val() > 0, true),
		equal("time", client.Time(ctx).Val().Year() > 2000, true),
	)
}

func playStrings(ctx context.Context, client *redis.Client) error {
	return all(
		equal("set", client.Set(ctx, "s", "1", 0).Val(), "OK"),
		equal("nx", client.SetNX(ctx, "s", "2", time.Second).Val(), false),
		equal("xx", client.SetXX(ctx, "s", "3", 0).Val(), true),
		equal("get", client.Get(ctx, "s").Val(), "3"),
		equal("missing", client.Get(ctx, "none").Err(), redis.Nil),
		equal("ex", client.Set(ctx, "s", "4", 100*time.Second).Val(), "OK"),
		equal("ttl", client.TTL(ctx, "s").Val(), 100*time.Second),
		equal("px", client.Set(ctx, "s", "4", 1500*time.Millisecond).Val(), "OK"),
		within("pttl", client.PTTL(ctx, "s").Val(), 0, 1500*time.Millisecond),
		equal("args", client.SetArgs(ctx, "s", "5", redis.SetArgs{Get: true, KeepTTL: true}).Val(), "4"),
		equal("mset", client.MSet(ctx, "a", "1", "b", "2").Val(), "OK"),
		equal("mget", client.MGet(ctx, "a", "none", "b").Val(), []any{"1", nil, "2"}),
		equal("incr", client.IncrBy(ctx, "n", 5).Val(), int64(5)),
		equal("append", client.Append(ctx, "a", "x").Val(), int64(2)),
		equal("range", client.GetRange(ctx, "a", 0, 0).Val(), "1"),
		equal("getdel", client.GetDel(ctx, "a").Val(), "1x"),
		equal("del", client.Del(ctx, "b", "none").Val(), int64(1)),
	)
}

func playHashes(ctx context.Context, client *redis.Client) error {
	return all(
		equal("hset", client.HSet(ctx, "h", "a", "1", "b", "2").Val(), int64(2)),
		equal("hgetall", client.HGetAll(ctx, "h").Val(), map[string]string{"a": "1", "b": "2"}),
		equal("hincrby", client.HIncrBy(ctx, "h", "a", 5).Val(), int64(6)),
		equal("hmget", client.HMGet(ctx, "h", "a", "none").Val(), []any{"6", nil}),
		equal("hexists", client.HExists(ctx, "h", "b").Val(), true),
		equal("hlen", client.HLen(ctx, "h").Val(), int64(2)),
		equal("hdel", client.HDel(ctx, "h", "a", "b").Val(), int64(2)),
		equal("gone", client.Exists(ctx, "h").Val(), int64(0)),
	)
}

func playExpiry(ctx context.Context, client *redis.Client) error {
	client.Set(ctx, "e", "1", 0)
	at := time.Now().Add(time.Hour).Truncate(time.Second)
	err := all(
		equal("none", client.TTL(ctx, "e").Val(), time.Duration(-1)),
		equal("missing", client.PTTL(ctx, "none").Val(), time.Duration(-2)),
		equal("expire", client.Expire(ctx, "e", 100*time.Second).Val(), true),
		equal("gt", client.ExpireGT(ctx, "e", 50*time.Second).Val(), false),
		equal("lt", client.ExpireLT(ctx, "e", 50*time.Second).Val(), true),
		equal("at", client.ExpireAt(ctx, "e", at).Val(), true),
		equal("expiretime", client.ExpireTime(ctx, "e").Val(), time.Duration(at.Unix())*time.Second),
		equal("persist", client.Persist(ctx, "e").Val(), true),
		equal("pexpire", client.PExpire(ctx, "e", 30*time.Millisecond).Val(), true),
	)
	return all(err, until("expiry", func() bool { return client.Exists(ctx, "e").Val() == 0 }))
}

func playTransactions(ctx context.Context, client *redis.Client) error {
	var counted *redis.IntCmd
	_, err := client.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		pipe.Set(ctx, "t", "1", 0)
		counted = pipe.Incr(ctx, "t")
		return nil
	})
	if err != nil {
		return err
	}
	touched := client.Watch(ctx, func(tx *redis.Tx) error {
		client.Set(ctx, "t", "9", 0)
		_, err := tx.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
			pipe.Incr(ctx, "t")
			return nil
		})
		return err
	}, "t")
	_, mixed := client.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		pipe.Set(ctx, "t", "x", 0)
		pipe.Incr(ctx, "t")
		pipe.Set(ctx, "after", "1", 0)
		return nil
	})
	return all(
		equal("exec", counted.Val(), int64(2)),
		equal("watched", touched, redis.TxFailedErr),
		fails("error inside", mixed, "ERR value is not an integer or out of range"),
		equal("goes on", client.Get(ctx, "after").Val(), "1"),
	)
}

func playScripts(ctx context.Context, client *redis.Client) error {
	bump := redis.NewScript("return redis.call('incrby', KEYS[1], ARGV[1])")
	first := bump.Run(ctx, client, []string{"c"}, 2).Val()
	second := bump.Run(ctx, client, []string{"c"}, 3).Val()
	flushed := client.ScriptFlush(ctx).Val()
	third := bump.Run(ctx, client, []string{"c"}, 1).Val()
	answer, err := client.Eval(ctx, "return {KEYS[1],ARGV[1],1.9,false,true}", []string{"k"}, "a").Result()
	missing := client.EvalSha(ctx, "0000000000000000000000000000000000000000", nil).Err()
	wrote := client.EvalRO(ctx, "return redis.call('set', KEYS[1], 1)", []string{"c"}).Err()
	return all(
		err,
		equal("bump", []any{first, second, third}, []any{int64(2), int64(5), int64(6)}),
		equal("flush", flushed, "OK"),
		equal("exists", bump.Exists(ctx, client).Val(), []bool{true}),
		equal("eval", answer, []any{"k", "a", int64(1), nil, int64(1)}),
		fails("missing", missing, "NOSCRIPT No matching script. Please use EVAL."),
		equal("read only", wrote != nil, true),
		fails("error", client.Eval(ctx, "return redis.error_reply('MY thing')", nil).Err(), "MY thing"),
	)
}

func playPubSub(ctx context.Context, client *redis.Client) error {
	listener := client.Subscribe(ctx, "news")
	defer listener.Close()
	if _, err := listener.Receive(ctx); err != nil {
		return err
	}
	if err := listener.PSubscribe(ctx, "n*"); err != nil {
		return err
	}
	if _, err := listener.Receive(ctx); err != nil {
		return err
	}
	numsub := client.PubSubNumSub(ctx, "news").Val()
	receivers := client.Publish(ctx, "news", "hello").Val()
	got := map[string]string{}
	for range 2 {
		message, err := listener.ReceiveMessage(ctx)
		if err != nil {
			return err
		}
		got[message.Pattern] = message.Channel + " " + message.Payload
	}
	return all(
		equal("numsub", numsub, map[string]int64{"news": 1}),
		equal("receivers", receivers, int64(2)),
		equal("messages", got, map[string]string{"": "news hello", "n*": "news hello"}),
	)
}

func playPipelines(ctx context.Context, client *redis.Client) error {
	answers, err := client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for n := range 1000 {
			pipe.Set(ctx, fmt.Sprintf("p%d", n), n, 0)
			pipe.Get(ctx, fmt.Sprintf("p%d", n))
		}
		return nil
	})
	if err != nil {
		return err
	}
	for n := range 1000 {
		got := answers[2*n+1].(*redis.StringCmd).Val()
		if err := equal("answer", got, fmt.Sprint(n)); err != nil {
			return err
		}
	}
	found := map[string]bool{}
	keys := client.Scan(ctx, 0, "p*", 100).Iterator()
	for keys.Next(ctx) {
		found[keys.Val()] = true
	}
	return all(keys.Err(), equal("scan", len(found), 1000))
}

func playErrors(ctx context.Context, client *redis.Client) error {
	client.Set(ctx, "str", "x", 0)
	wrong := "WRONGTYPE Operation against a key holding the wrong kind of value"
	return all(
		fails("type", client.HGet(ctx, "str", "f").Err(), wrong),
		fails("number", client.Incr(ctx, "str").Err(), "ERR value is not an integer or out of range"),
		fails("syntax", client.Do(ctx, "SET", "a", "b", "BAD").Err(), "ERR syntax error"),
		fails("arity", client.Do(ctx, "GET").Err(), "ERR wrong number of arguments for 'get' command"),
		fails("unknown", client.Do(ctx, "NOSUCH", "x").Err(),
			"ERR unknown command 'NOSUCH', with args beginning with: 'x' "),
		fails("subcommand", client.Do(ctx, "CLIENT", "NOSUCH").Err(),
			"ERR unknown subcommand 'NOSUCH'. Try CLIENT HELP."),
	)
}
