package main

import (
	"context"
	"fmt"
	"strings"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// playPut checks what a key's revisions and versions are over its life.
func playPut(ctx context.Context, c *clientv3.Client) error {
	first, err := c.Put(ctx, "put/a", "1", clientv3.WithPrevKV())
	if err != nil {
		return err
	}
	if first.PrevKv != nil {
		return fmt.Errorf("a new key replaced %v", first.PrevKv)
	}
	base := first.Header.Revision
	second, err := c.Put(ctx, "put/a", "2", clientv3.WithPrevKV())
	if err != nil {
		return err
	}
	if second.PrevKv == nil || string(second.PrevKv.Value) != "1" {
		return fmt.Errorf("the value that was replaced: %v", second.PrevKv)
	}
	got, err := c.Get(ctx, "put/a")
	if err != nil {
		return err
	}
	kv := got.Kvs[0]
	shown := fmt.Sprint(kv.CreateRevision-base, kv.ModRevision-base, kv.Version, kv.Lease)
	if err := equal("create, mod, version, lease", shown, "0 1 2 0"); err != nil {
		return err
	}
	old, err := c.Get(ctx, "put/a", clientv3.WithRev(base))
	if err != nil {
		return err
	}
	return equal("the value at an older revision", pairs(old), "put/a=1 ")
}

// playPutErrors checks the refusals of a put.
func playPutErrors(ctx context.Context, c *clientv3.Client) error {
	_, err := c.Put(ctx, "", "x")
	if err := failsWith("empty key", err, rpctypes.ErrEmptyKey); err != nil {
		return err
	}
	_, err = c.Put(ctx, "none", "", clientv3.WithIgnoreValue())
	if err := failsWith("ignore value", err, rpctypes.ErrKeyNotFound); err != nil {
		return err
	}
	_, err = c.Put(ctx, "none", "x", clientv3.WithLease(99))
	if err := failsWith("no such lease", err, rpctypes.ErrLeaseNotFound); err != nil {
		return err
	}
	// 1.5 MiB is the limit of a whole request.
	_, err = c.Put(ctx, "big", strings.Repeat("x", 3<<19))
	if err := failsWith("too large", err, rpctypes.ErrRequestTooLarge); err != nil {
		return err
	}
	_, err = c.Put(ctx, "big", strings.Repeat("x", 3<<19-512))
	return err
}

// playGet checks every option of a get.
func playGet(ctx context.Context, c *clientv3.Client) error {
	revisions := map[string]int64{}
	for _, pair := range []string{"a=3", "b=1", "c=2", "a=4"} {
		key, value, _ := strings.Cut(pair, "=")
		put, err := c.Put(ctx, "get/"+key, value)
		if err != nil {
			return err
		}
		revisions[pair] = put.Header.Revision
	}
	prefix := clientv3.WithPrefix()
	cases := []struct {
		what string
		key  string
		opts []clientv3.OpOption
		want string
	}{
		{"one", "get/b", nil, "get/b=1 "},
		{"none", "get/none", nil, ""},
		{"prefix", "get/", opts(prefix), "get/a=4 get/b=1 get/c=2 "},
		{"range", "get/a", opts(clientv3.WithRange("get/c")), "get/a=4 get/b=1 "},
		{"from key", "get/b", opts(clientv3.WithFromKey(), clientv3.WithLimit(2)),
			"get/b=1 get/c=2 "},
		{"limit", "get/", opts(prefix, clientv3.WithLimit(1)), "get/a=4 "},
		{"descending", "get/", opts(prefix, sorted(clientv3.SortByKey, true)),
			"get/c=2 get/b=1 get/a=4 "},
		{"by value", "get/", opts(prefix, sorted(clientv3.SortByValue, false)),
			"get/b=1 get/c=2 get/a=4 "},
		{"by version", "get/", opts(prefix, sorted(clientv3.SortByVersion, true), clientv3.WithLimit(1)),
			"get/a=4 "},
		{"by modification", "get/", opts(prefix, sorted(clientv3.SortByModRevision, false)),
			"get/b=1 get/c=2 get/a=4 "},
		{"by creation", "get/", opts(prefix, sorted(clientv3.SortByCreateRevision, true)),
			"get/c=2 get/b=1 get/a=4 "},
		{"keys only", "get/", opts(prefix, clientv3.WithKeysOnly()), "get/a= get/b= get/c= "},
		{"count only", "get/", opts(prefix, clientv3.WithCountOnly()), ""},
		{"least mod", "get/", opts(prefix, clientv3.WithMinModRev(revisions["c=2"])),
			"get/a=4 get/c=2 "},
		{"most mod", "get/", opts(prefix, clientv3.WithMaxModRev(revisions["b=1"])), "get/b=1 "},
		{"least create", "get/", opts(prefix, clientv3.WithMinCreateRev(revisions["b=1"])),
			"get/b=1 get/c=2 "},
		{"most create", "get/", opts(prefix, clientv3.WithMaxCreateRev(revisions["a=3"])),
			"get/a=4 "},
		{"revision", "get/", opts(prefix, clientv3.WithRev(revisions["b=1"])), "get/a=3 get/b=1 "},
		{"serializable", "get/a", opts(clientv3.WithSerializable()), "get/a=4 "},
	}
	for _, one := range cases {
		got, err := c.Get(ctx, one.key, one.opts...)
		if err != nil {
			return fmt.Errorf("%s: %w", one.what, err)
		}
		if err := equal(one.what, pairs(got), one.want); err != nil {
			return err
		}
	}
	return countsAndErrors(ctx, c)
}

func countsAndErrors(ctx context.Context, c *clientv3.Client) error {
	limited, err := c.Get(ctx, "get/", clientv3.WithPrefix(), clientv3.WithLimit(1))
	if err != nil {
		return err
	}
	if err := equal("count and more", fmt.Sprint(limited.Count, limited.More), "3 true"); err != nil {
		return err
	}
	_, err = c.Get(ctx, "get/a", clientv3.WithRev(limited.Header.Revision+1))
	return failsWith("future revision", err, rpctypes.ErrFutureRev)
}

func opts(all ...clientv3.OpOption) []clientv3.OpOption { return all }

func sorted(by clientv3.SortTarget, descending bool) clientv3.OpOption {
	if descending {
		return clientv3.WithSort(by, clientv3.SortDescend)
	}
	return clientv3.WithSort(by, clientv3.SortAscend)
}

// playDelete checks counts, previous values and revisions of deletions.
func playDelete(ctx context.Context, c *clientv3.Client) error {
	var last int64
	for _, key := range []string{"del/a", "del/b", "del/c"} {
		put, err := c.Put(ctx, key, "x")
		if err != nil {
			return err
		}
		last = put.Header.Revision
	}
	none, err := c.Delete(ctx, "del/none")
	if err != nil {
		return err
	}
	shown := fmt.Sprint(none.Deleted, none.Header.Revision-last)
	if err := equal("deleting nothing", shown, "0 0"); err != nil {
		return err
	}
	all, err := c.Delete(ctx, "del/", clientv3.WithPrefix(), clientv3.WithPrevKV())
	if err != nil {
		return err
	}
	shown = fmt.Sprint(all.Deleted, len(all.PrevKvs), all.Header.Revision-last)
	if err := equal("deleting three at one revision", shown, "3 3 1"); err != nil {
		return err
	}
	again, err := c.Put(ctx, "del/a", "y", clientv3.WithPrevKV())
	if err != nil {
		return err
	}
	got, err := c.Get(ctx, "del/a")
	if err != nil {
		return err
	}
	fresh := got.Kvs[0].Version == 1 && got.Kvs[0].CreateRevision == again.Header.Revision
	return equal("a key begins anew after a deletion", fresh && again.PrevKv == nil, true)
}
