package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/tests/v3/robustness/model"
	"go.etcd.io/etcd/tests/v3/robustness/report"
	"go.uber.org/zap"
)

// reference is the order of all writes, as a watch of everything saw it from the first revision on.
// etcd's tests read it from the members' logs; ours have another form. What a revision did stands in
// for the request that did it: the validators replay effects. But they also count requests: a key
// that went with its lease was not deleted by whoever asked for that in vain.
type reference struct {
	client  *clientv3.Client
	mutex   sync.Mutex
	events  []*clientv3.Event
	arrived chan struct{}
}

func watchEverything(ctx context.Context, endpoints []string) (*reference, error) {
	c, err := newClient(endpoints)
	if err != nil {
		return nil, err
	}
	r := &reference{client: c, arrived: make(chan struct{}, 1)}
	go r.follow(ctx)
	return r, nil
}

// follow watches anew from where a broken watch ended.
func (r *reference) follow(ctx context.Context) {
	next := int64(1)
	for ctx.Err() == nil {
		watching, cancel := context.WithCancel(ctx)
		for response := range r.client.Watch(watching, "", clientv3.WithPrefix(),
			clientv3.WithPrevKV(), clientv3.WithRev(next)) {
			if response.Err() != nil {
				break
			}
			if len(response.Events) == 0 {
				continue
			}
			r.mutex.Lock()
			r.events = append(r.events, response.Events...)
			r.mutex.Unlock()
			next = response.Events[len(response.Events)-1].Kv.ModRevision + 1
			select {
			case r.arrived <- struct{}{}:
			default:
			}
		}
		cancel()
		time.Sleep(10 * time.Millisecond)
	}
}

// until gives the writes up to a revision that is the last one.
func (r *reference) until(ctx context.Context, last int64, reports []report.ClientReport) ([]model.EtcdRequest, error) {
	for {
		r.mutex.Lock()
		events := r.events
		r.mutex.Unlock()
		if len(events) > 0 && events[len(events)-1].Kv.ModRevision >= last {
			return asRequests(events, newAsked(reports))
		}
		select {
		case <-r.arrived:
		case <-ctx.Done():
			return nil, fmt.Errorf("the watch of everything did not come to revision %d", last)
		}
	}
}

// asRequests makes one request of each revision: the end of a lease, or a transaction. Before the
// first key of a lease comes its beginning.
func asRequests(events []*clientv3.Event, asked asked) ([]model.EtcdRequest, error) {
	var requests []model.EtcdRequest
	granted := map[int64]bool{}
	for revision := int64(2); len(events) > 0; revision++ {
		count := 0
		for count < len(events) && events[count].Kv.ModRevision == revision {
			count++
		}
		if count == 0 {
			return nil, fmt.Errorf("after revision %d comes %d", revision-1, events[0].Kv.ModRevision)
		}
		changes := events[:count]
		events = events[count:]
		if lease := leaseOf(changes); asked.toRevoke(lease, revision) {
			requests = append(requests, model.EtcdRequest{
				Type: model.LeaseRevoke, LeaseRevoke: &model.LeaseRevokeRequest{LeaseID: lease},
			})
			continue
		}
		txn := &model.TxnRequest{}
		for _, event := range changes {
			if lease := event.Kv.Lease; lease != 0 && !granted[lease] {
				granted[lease] = true
				requests = append(requests, model.EtcdRequest{
					Type: model.LeaseGrant, LeaseGrant: &model.LeaseGrantRequest{LeaseID: lease},
				})
			}
			txn.OperationsOnSuccess = append(txn.OperationsOnSuccess, asOperation(event))
		}
		requests = append(requests, model.EtcdRequest{Type: model.Txn, Txn: txn})
	}
	return requests, nil
}

// leaseOf is the lease of keys that are no more, 0 if they had none, or if anything else changed.
func leaseOf(changes []*clientv3.Event) int64 {
	lease := int64(0)
	for _, event := range changes {
		if event.Type != clientv3.EventTypeDelete || event.PrevKv == nil {
			return 0
		}
		if lease != 0 && event.PrevKv.Lease != lease {
			return 0
		}
		lease = event.PrevKv.Lease
	}
	return lease
}

// asked is what clients asked for that can make keys of leases go.
type asked struct {
	// Leases that were to be revoked, with the revision of the answer, or 0 without one.
	revocations map[int64]int64
	// Revisions at which keys were deleted, of those that were answered.
	deletions map[int64]bool
}

func newAsked(reports []report.ClientReport) asked {
	all := asked{map[int64]int64{}, map[int64]bool{}}
	for _, one := range reports {
		for _, operation := range one.KeyValue {
			request := operation.Input.(model.EtcdRequest)
			response := operation.Output.(model.MaybeEtcdResponse)
			switch {
			case request.Type == model.LeaseRevoke:
				all.revocations[request.LeaseRevoke.LeaseID] = response.Revision
			case response.Txn != nil:
				for _, result := range response.Txn.Results {
					if result.Deleted != 0 {
						all.deletions[response.Revision] = true
					}
				}
			}
		}
	}
	return all
}

// toRevoke tells whether a lease was revoked at a revision at which a key of it went.
func (a asked) toRevoke(lease, revision int64) bool {
	answered, is := a.revocations[lease]
	return is && (answered == revision || answered == 0 && !a.deletions[revision])
}

func asOperation(event *clientv3.Event) model.EtcdOperation {
	key := string(event.Kv.Key)
	if event.Type == clientv3.EventTypeDelete {
		return model.EtcdOperation{Type: model.DeleteOperation, Delete: model.DeleteOptions{Key: key}}
	}
	value := model.ToValueOrHash(string(event.Kv.Value))
	return model.EtcdOperation{Type: model.PutOperation, Put: model.PutOptions{Key: key, Value: value, LeaseID: event.Kv.Lease}}
}

// sameHash asks each member for the hash of all versions at one revision.
func sameHash(ctx context.Context, endpoints []string) error {
	c, err := newClient(endpoints)
	if err != nil {
		return err
	}
	defer c.Close()
	var first *clientv3.HashKVResponse
	for _, endpoint := range endpoints {
		revision := int64(0)
		if first != nil {
			revision = first.HashRevision
		}
		hash, err := c.HashKV(ctx, endpoint, revision)
		if err != nil {
			return err
		}
		if first == nil {
			first = hash
		} else if hash.Hash != first.Hash || hash.CompactRevision != first.CompactRevision {
			return fmt.Errorf("members differ: %v and %v", first, hash)
		}
	}
	return nil
}

func newClient(endpoints []string) (*clientv3.Client, error) {
	return clientv3.New(clientv3.Config{
		Endpoints:            endpoints,
		Logger:               zap.NewNop(),
		DialKeepAliveTime:    10 * time.Second,
		DialKeepAliveTimeout: 100 * time.Millisecond,
	})
}

func failedOperation(operation porcupine.Operation) bool {
	return operation.Output.(model.MaybeEtcdResponse).Error != ""
}
