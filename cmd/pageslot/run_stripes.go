package main

import (
	"errors"

	"github.com/pageslot/pageslot/pkey"
)

// oneStripeBecause says why the pool has one stripe.
func oneStripeBecause() string {
	err := pkey.Supported()
	var e *pkey.Error
	if errors.As(err, &e) {
		err = e.Err // "no protection keys: ...": the call adds nothing
	}
	if err != nil {
		return err.Error()
	}
	return "this machine has protection keys, but they are not applied to slots yet"
}
