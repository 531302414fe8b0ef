//go:build !linux

package main

import (
	"errors"
	"fmt"

	"github.com/pageslot/pageslot/highlevel"
)

// tryMap needs Linux, as pools do.
func tryMap([]highlevel.Slab) error {
	return fmt.Errorf("mapping slabs: %w", errors.ErrUnsupported)
}
