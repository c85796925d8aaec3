package main

import (
	"errors"
	"fmt"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// equal is an error that shows both when they differ.
func equal[T comparable](what string, got, want T) error {
	if got == want {
		return nil
	}
	return fmt.Errorf("%s: got %v, want %v", what, got, want)
}

// failsWith says whether got is the error want, code and text.
func failsWith(what string, got, want error) error {
	if errors.Is(got, want) {
		return nil
	}
	return fmt.Errorf("%s: got error %v, want %v", what, got, want)
}

// pairs shows keys and values as `k=v k=v`.
func pairs(response *clientv3.GetResponse) string {
	shown := ""
	for _, kv := range response.Kvs {
		shown += fmt.Sprintf("%s=%s ", kv.Key, kv.Value)
	}
	return shown
}

// event shows what happened, without its revision: `PUT k=v (was u)`.
func event(e *clientv3.Event) string {
	shown := fmt.Sprintf("%s %s=%s", e.Type, e.Kv.Key, e.Kv.Value)
	if e.PrevKv != nil {
		shown += fmt.Sprintf(" (was %s)", e.PrevKv.Value)
	}
	return shown
}
