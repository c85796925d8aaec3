// Program go-redis plays the scenarios of go-redis, redsync and redislock on the server at the
// given address (host:port).
//
// It prints `ok NAME` or `FAIL NAME: why` for each, and exits with 1 if one failed. Each begins on
// an empty server; those of go-redis itself run over RESP2 and over RESP3. With `once KEY` after the
// address it writes instead (see once.go).
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const wait = 10 * time.Second

type scenario struct {
	name string
	play func(context.Context, *redis.Client) error
}

var scenarios = []scenario{
	{"connect", playConnect},
	{"strings", playStrings},
	{"hashes", playHashes},
	{"expiry", playExpiry},
	{"transactions", playTransactions},
	{"scripts", playScripts},
	{"pubsub", playPubSub},
	{"pipelines", playPipelines},
	{"errors", playErrors},
	{"redsync", playRedsync},
	{"redsync-expiry", playRedsyncExpiry},
	{"redsync-exclusion", playRedsyncExclusion},
	{"redislock", playRedislock},
	{"redislock-expiry", playRedislockExpiry},
}

func main() {
	if len(os.Args) == 4 && os.Args[2] == "once" {
		fmt.Printf("FAIL %s\n", writeOnce(os.Args[1], os.Args[3]))
		os.Exit(1)
	}
	failed := false
	for _, protocol := range []int{2, 3} {
		for _, scenario := range scenarios {
			name := fmt.Sprintf("resp%d-%s", protocol, scenario.name)
			if err := play(scenario, protocol); err != nil {
				failed = true
				fmt.Printf("FAIL %s: %s\n", name, strings.ReplaceAll(err.Error(), "\n", " "))
			} else {
				fmt.Printf("ok %s\n", name)
			}
		}
	}
	if failed {
		os.Exit(1)
	}
}

func play(scenario scenario, protocol int) error {
	client := connect(protocol)
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 3*wait)
	defer cancel()
	if err := client.FlushAll(ctx).Err(); err != nil {
		return err
	}
	return scenario.play(ctx, client)
}

// connect makes a client that sends nothing twice, so that every error is seen.
func connect(protocol int) *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr: os.Args[1], Protocol: protocol, ClientName: "go", MaxRetries: -1,
		ReadTimeout: 3 * wait, WriteTimeout: wait,
	})
}
