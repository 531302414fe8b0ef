package main

import (
	"errors"
	"math"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/highlevel"
)

// Slabs that fit are mapped and unmapped; where one does not, none stay.
func TestTryMap(t *testing.T) {
	page := uint64(os.Getpagesize())
	fine := highlevel.Slab{Slots: 1, Bytes: 16 * page}
	huge := highlevel.Slab{Slots: 1, Bytes: uint64(math.MaxUint>>1) + 1 - page}
	before := thisHost().mappings
	for range 100 {
		if err := tryMap([]highlevel.Slab{fine, fine, fine}); err != nil {
			t.Fatal(err)
		}
		err := tryMap([]highlevel.Slab{fine, huge, huge, huge})
		if !errors.Is(err, unix.ENOMEM) || !strings.Contains(err.Error(), "slab ") {
			t.Fatalf("got %v", err)
		}
	}
	// Go maps memory of its own meanwhile, but not that often.
	if after := thisHost().mappings; before < 1 || after > before+50 {
		t.Errorf("%d mappings before, %d after", before, after)
	}
}
