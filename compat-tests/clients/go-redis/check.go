package main

import (
	"errors"
	"fmt"
	"reflect"
	"time"
)

// equal is an error that shows both when they differ.
func equal(what string, got, want any) error {
	if reflect.DeepEqual(got, want) {
		return nil
	}
	return fmt.Errorf("%s: got %#v, want %#v", what, got, want)
}

// fails says whether got is an error of this text.
func fails(what string, got error, want string) error {
	if got != nil && got.Error() == want {
		return nil
	}
	return fmt.Errorf("%s: got error %v, want %s", what, got, want)
}

// within says whether a life lies between two bounds.
func within(what string, got, low, high time.Duration) error {
	if got > low && got <= high {
		return nil
	}
	return fmt.Errorf("%s: %v is not in %v..%v", what, got, low, high)
}

// until waits for a condition.
func until(what string, holds func() bool) error {
	for end := time.Now().Add(wait); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			return fmt.Errorf("%s: not within %v", what, wait)
		}
	}
	return nil
}

var all = errors.Join
