// Program go-etcd plays clientv3's scenarios on the server at the endpoints of its one argument.
//
// It prints `ok NAME` or `FAIL NAME: why` for each, and exits with 1 if one failed. The server is
// fresh: its revision is 1. With `once KEY` after the endpoints it writes instead (see once.go).
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

type scenario struct {
	name string
	play func(context.Context, *clientv3.Client) error
}

var scenarios = []scenario{
	{"put", playPut},
	{"put-errors", playPutErrors},
	{"get", playGet},
	{"delete", playDelete},
	{"range-stream", playRangeStream},
	{"txn", playTxn},
	{"txn-errors", playTxnErrors},
	{"stm", playSTM},
	{"watch", playWatch},
	{"watch-atomic", playWatchAtomic},
	{"watch-fragment", playWatchFragment},
	{"watch-progress", playWatchProgress},
	{"lease", playLease},
	{"lease-expiry", playLeaseExpiry},
	{"mutex", playMutex},
	{"election", playElection},
	{"lock-service", playLockService},
	{"election-service", playElectionService},
	{"namespace", playNamespace},
	{"maintenance", playMaintenance},
	{"alarms", playAlarms},
	{"compact", playCompact},
}

const scenarioLimit = 30 * time.Second

func main() {
	if len(os.Args) == 4 && os.Args[2] == "once" {
		fmt.Printf("FAIL %s\n", writeOnce(strings.Split(os.Args[1], ","), os.Args[3]))
		os.Exit(1)
	}
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go-etcd HOST:PORT[,HOST:PORT…]")
		os.Exit(2)
	}
	failed := false
	for _, s := range scenarios {
		if err := run(s, strings.Split(os.Args[1], ",")); err != nil {
			failed = true
			fmt.Printf("FAIL %s: %s\n", s.name, strings.ReplaceAll(err.Error(), "\n", "; "))
			continue
		}
		fmt.Printf("ok %s\n", s.name)
	}
	if failed {
		os.Exit(1)
	}
}

// run gives each scenario a client of its own, and a deadline.
func run(s scenario, endpoints []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), scenarioLimit)
	defer cancel()
	client, err := clientv3.New(clientv3.Config{Endpoints: endpoints, DialTimeout: 5 * time.Second})
	if err != nil {
		return err
	}
	defer client.Close()
	return s.play(ctx, client)
}
