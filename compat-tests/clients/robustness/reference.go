package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/tests/v3/robustness/model"
	"go.uber.org/zap"
)

// reference is the order of all writes, as a watch of everything saw it from the first revision on.
// etcd's tests read it from the members' logs; ours have another form. What a revision did stands in
// for the request that did it: the validators replay effects.
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
		for response := range r.client.Watch(watching, "", clientv3.WithPrefix(), clientv3.WithRev(next)) {
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
func (r *reference) until(ctx context.Context, last int64) ([]model.EtcdRequest, error) {
	for {
		r.mutex.Lock()
		events := r.events
		r.mutex.Unlock()
		if len(events) > 0 && events[len(events)-1].Kv.ModRevision >= last {
			return asRequests(events)
		}
		select {
		case <-r.arrived:
		case <-ctx.Done():
			return nil, fmt.Errorf("the watch of everything did not come to revision %d", last)
		}
	}
}

// asRequests makes one transaction of each revision.
func asRequests(events []*clientv3.Event) ([]model.EtcdRequest, error) {
	var requests []model.EtcdRequest
	revision := int64(1)
	for _, event := range events {
		switch event.Kv.ModRevision {
		case revision:
		case revision + 1:
			requests = append(requests, model.EtcdRequest{Type: model.Txn, Txn: &model.TxnRequest{}})
			revision++
		default:
			return nil, fmt.Errorf("after revision %d comes %d", revision, event.Kv.ModRevision)
		}
		txn := requests[len(requests)-1].Txn
		txn.OperationsOnSuccess = append(txn.OperationsOnSuccess, asOperation(event))
	}
	return requests, nil
}

func asOperation(event *clientv3.Event) model.EtcdOperation {
	key := string(event.Kv.Key)
	if event.Type == clientv3.EventTypeDelete {
		return model.EtcdOperation{Type: model.DeleteOperation, Delete: model.DeleteOptions{Key: key}}
	}
	value := model.ToValueOrHash(string(event.Kv.Value))
	return model.EtcdOperation{Type: model.PutOperation, Put: model.PutOptions{Key: key, Value: value}}
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
