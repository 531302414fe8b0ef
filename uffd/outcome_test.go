package uffd

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/pageslot/pageslot/testgate"
)

// Kernels that there are and were, by what they leave in the field.
func TestProgress(t *testing.T) {
	const eagain, eexist, enoent = -11, -17, -2
	for _, test := range []struct {
		name   string
		length uint64
		field  int64
		failed bool
		want   uint64
	}{
		{"everything was done", 0x4000, 0x4000, false, 0x4000},
		{"half was done", 0x4000, 0x2000, true, 0x2000},
		{"one byte below all", 0x4000, 0x3fff, true, 0x3fff},
		{"a new kernel, layout changing", 0x4000, eagain, true, 0},
		{"an old kernel, layout changing", 0x4000, unwritten, true, 0},
		{"page exists", 0x4000, eexist, true, 0},
		{"not registered", 0x4000, enoent, true, 0},
		{"refused before the field is written", 0x4000, unwritten, true, 0},
		{"failed with nothing", 0x4000, 0, true, 0},
		{"a success that left no field", 0x4000, unwritten, false, 0x4000},
		{"a success with an errno in the field", 0x4000, eagain, false, 0x4000},
		{"more than was asked for", 0x4000, 0x4001, true, 0},
		{"far more", 0x4000, math.MaxInt64, true, 0},
		{"the largest errno", 0x4000, -4095, true, 0},
		{"nothing asked for", 0, 1, true, 0},
		{"beyond signed numbers", math.MaxUint64, math.MaxInt64, true, math.MaxInt64},
	} {
		if got := progress(test.length, test.field, test.failed); got != test.want {
			t.Errorf("%s: %#x, want %#x", test.name, got, test.want)
		}
	}
}

func TestProgressIsNeverMoreThanTold(t *testing.T) {
	edges := []int64{unwritten, unwritten + 1, -4096, -4095, -11, -1, 0, 1, 4095, 4096, math.MaxInt64}
	number := func() int64 {
		if rand.IntN(2) == 0 {
			return edges[rand.IntN(len(edges))]
		}
		return int64(rand.Uint64() >> rand.IntN(64))
	}
	for range testgate.Rounds(100_000, 10_000) {
		length, field, failed := uint64(number()), number(), rand.IntN(2) == 0
		got := progress(length, field, failed)
		switch {
		case !failed && got != length:
			t.Fatalf("length %#x, field %#x, worked: %#x", length, field, got)
		case got > length:
			t.Fatalf("length %#x, field %#x, failed %v: %#x is more than there is", length, field, failed, got)
		case failed && got != 0 && got != uint64(field):
			t.Fatalf("length %#x, field %#x, failed: %#x", length, field, got)
		case failed && got == 0 && field > 0 && uint64(field) <= length:
			t.Fatalf("length %#x, field %#x, failed: nothing", length, field)
		}
	}
}
