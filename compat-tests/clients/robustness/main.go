// Plays the traffic of etcd's own robustness tests to a cluster and judges what its clients saw by
// the validators of those tests: linearizability, the guarantees of watches, reads of old revisions.
//
//	robustness TRAFFIC ENDPOINT,ENDPOINT,…
//
// It prints "running" once the traffic runs, ends it when a line comes on standard input, and
// prints "ok ..." or exits with 1. Who started it hurts the cluster meanwhile.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
	"go.etcd.io/etcd/tests/v3/robustness/client"
	"go.etcd.io/etcd/tests/v3/robustness/identity"
	"go.etcd.io/etcd/tests/v3/robustness/report"
	"go.etcd.io/etcd/tests/v3/robustness/traffic"
	"go.etcd.io/etcd/tests/v3/robustness/validate"
	"go.uber.org/zap"
	"golang.org/x/time/rate"
)

const (
	limit         = 4 * time.Minute
	linearizeTime = 2 * time.Minute
	// Fewer answered requests prove nothing.
	answersMin = 300
)

// profiles are etcd's: which requests, how many a second, which watches. Without compactions, since
// the order of all writes is taken from a watch of everything (see reference.go).
var profiles = map[string]struct {
	traffic  traffic.Traffic
	keyValue traffic.KeyValue
}{
	"puts":                     {traffic.EtcdPut, traffic.KeyValueHigh},
	"puts-deletes-leases":      {traffic.EtcdPutDeleteLease, traffic.KeyValueMedium},
	"kubernetes":               {traffic.Kubernetes, traffic.KeyValueHigh},
	"kubernetes-create-delete": {traffic.KubernetesCreateDelete, traffic.KeyValueMedium},
}

func main() {
	if len(os.Args) != 3 {
		fatal("usage: robustness TRAFFIC ENDPOINT,ENDPOINT,…")
	}
	profile, known := profiles[os.Args[1]]
	if !known {
		fatal("unknown traffic %q", os.Args[1])
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	endpoints := strings.Split(os.Args[2], ",")
	log := logger()

	baseTime := time.Now()
	ids := identity.NewIDProvider()
	clients := client.NewSet(ids, baseTime)
	check(traffic.CheckEmptyDatabaseAtStart(ctx, log, endpoints, clients))
	reference, err := watchEverything(ctx, endpoints)
	check(err)
	watchers := client.NewSet(ids, baseTime)
	newest := make(chan int64, 1)
	watched := make(chan error, 1)
	go func() {
		watched <- client.CollectClusterWatchEvents(ctx, client.CollectClusterWatchEventsParam{
			Lg: log, Endpoints: endpoints, MaxRevisionChan: newest, ClientSet: watchers,
		})
	}()

	run(ctx, log, profile.traffic, profile.keyValue, endpoints, clients)
	last := put(ctx, endpoints, clients)
	newest <- last
	check(<-watched)
	check(sameHash(ctx, endpoints))
	reports := append(clients.Reports(), watchers.Reports()...)
	requests, err := reference.until(ctx, last, reports)
	check(err)

	answered, failed := count(reports)
	if answered < answersMin {
		fatal("only %d requests were answered, %d failed", answered, failed)
	}
	config := validate.Config{ExpectRevisionUnique: profile.traffic.ExpectUniqueRevision()}
	result := validate.ValidateAndReturnVisualize(log, config, reports, requests, linearizeTime)
	if err := result.Error(); err != nil {
		drawing := fmt.Sprintf("%s/robustness-%d.html", os.TempDir(), os.Getpid())
		// etcd's own function draws nothing when there is something to see.
		if porcupine.VisualizePath(result.Linearization.Model, result.Linearization.Info, drawing) == nil {
			fmt.Println("drawn in", drawing)
		}
		fatal("%v", err)
	}
	fmt.Printf("ok %d answered, %d failed, revision %d\n", answered, failed, last)
}

// run plays the traffic until a line comes on standard input.
func run(ctx context.Context, log *zap.Logger, load traffic.Traffic, keyValue traffic.KeyValue,
	endpoints []string, clients *client.ClientSet) {
	limiter := rate.NewLimiter(rate.Limit(keyValue.MaximalQPS), keyValue.BurstableQPS)
	keys := traffic.NewKeyStore(10, "key")
	storage := traffic.NewKubernetesStorage()
	finish := make(chan struct{})
	var running sync.WaitGroup
	check(traffic.SimulateKeyValueTraffic(ctx, &running, &keyValue, endpoints, clients, load,
		traffic.RunTrafficLoopParam{
			QPSLimiter:                         limiter,
			IDs:                                clients.IdentityProvider(),
			LeaseIDStorage:                     identity.NewLeaseIDStorage(),
			NonUniqueRequestConcurrencyLimiter: traffic.NewConcurrencyLimiter(keyValue.MaxNonUniqueRequestConcurrency),
			KeyStore:                           keys,
			Storage:                            storage,
			Finish:                             finish,
		}))
	watch := traffic.WatchDefault
	check(traffic.SimulateWatchTraffic(ctx, &running, &watch, endpoints, clients, load,
		traffic.RunWatchLoopParam{
			Config: watch, QPSLimiter: limiter, KeyStore: keys, Storage: storage, Finish: finish, Logger: log,
		}))
	fmt.Println("running")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	close(finish)
	running.Wait()
}

// put makes the last write, which every watch must come to; its revision.
func put(ctx context.Context, endpoints []string, clients *client.ClientSet) int64 {
	c, err := clients.NewClient(endpoints)
	check(err)
	response, err := c.Put(ctx, "tombstone", "true")
	check(err)
	return response.Header.Revision
}

func count(reports []report.ClientReport) (answered, failed int) {
	for _, one := range reports {
		for _, operation := range one.KeyValue {
			if failedOperation(operation) {
				failed++
			} else {
				answered++
			}
		}
	}
	return answered, failed
}

func logger() *zap.Logger {
	config := zap.NewDevelopmentConfig()
	config.OutputPaths = []string{"stderr"}
	config.Level = zap.NewAtomicLevelAt(zap.ErrorLevel)
	config.DisableStacktrace = true
	log, err := config.Build()
	check(err)
	return log
}

func check(err error) {
	if err != nil {
		fatal("%v", err)
	}
}

func fatal(format string, arguments ...any) {
	fmt.Printf("FAIL "+format+"\n", arguments...)
	os.Exit(1)
}
