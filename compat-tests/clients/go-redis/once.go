package main

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// writeOnce writes one thing after the other, each of which tells by its answer whether it was
// carried out more than once. It prints `done N` for each round and ends only with a failure.
func writeOnce(address, key string) error {
	ctx := context.Background()
	client := redis.NewClient(&redis.Options{Addr: address, ReadTimeout: 3 * wait / 2})
	defer client.Close()
	for n := int64(1); ; n++ {
		if counted, err := client.Incr(ctx, key).Result(); err != nil || counted != n {
			return fmt.Errorf("INCR gave %d and %v, want %d", counted, err, n)
		}
		if set, err := client.SetNX(ctx, key+"/created", "mine", 0).Result(); err != nil || !set {
			return fmt.Errorf("SET NX gave %t and %v", set, err)
		}
		if deleted, err := client.Del(ctx, key+"/created").Result(); err != nil || deleted != 1 {
			return fmt.Errorf("DEL gave %d and %v", deleted, err)
		}
		fmt.Printf("done %d\n", n)
	}
}
