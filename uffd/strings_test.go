package uffd

import (
	"math/rand/v2"
	"testing"

	"github.com/pageslot/pageslot/testgate"
)

func TestTexts(t *testing.T) {
	for want, got := range map[string]string{
		"DontWake|Protected|AllowHoles|0x80": (DontWake | Protected | AllowHoles | 1<<7).String(),
		"ExistFail":                          ExistFail.String(),
		"ExistSkip":                          ExistSkip.String(),
		"ExistPolicy(9)":                     ExistPolicy(9).String(),
		"[0x1000, 0x3000)":                   Range{0x1000, 0x2000}.String(),
		"[0x1000, 0x1000)":                   Range{0x1000, 0}.String(),
		"EventKind(0xee)":                    EventKind(0xee).String(),
		"0":                                  FaultFlags(0).String(),
		"read of 0x1000 (missing)":           Fault{Address: 0x1000}.String(),
		"write of 0x1000 (WP) by thread 3":   Fault{0x1000, FaultWrite | FaultWP, 3}.String(),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Arithmetic of ranges, beside what it means for each address.
func TestRange(t *testing.T) {
	edges := []uint64{0, 1, pageSize - 1, pageSize, pageSize + 1, 1 << 47, 1<<63 - 1, 1 << 63, ^uint64(0) - pageSize + 1, 1<<64 - 1}
	number := func() uint64 {
		n := edges[rand.IntN(len(edges))]
		if rand.IntN(2) == 0 {
			n += uint64(rand.IntN(5)) - 2
		}
		return n
	}
	for range testgate.Rounds(200_000, 20_000) {
		r, a := Range{number(), number()}, number()
		wraps := r.Start+r.Len < r.Start && r.Start+r.Len != 0
		if !wraps {
			last := r.Start + r.Len - 1
			if in := r.Len > 0 && a >= r.Start && a <= last; r.Contains(a) != in {
				t.Fatalf("%v contains %#x: %v", r, a, !in)
			}
			if r.End() != last+1 || Between(r.Start, r.End()) != r && r.Len != 0 {
				t.Fatalf("%v ends at %#x", r, r.End())
			}
			if n := rand.Uint64N(r.Len/2 + 1); r.from(n).End() != r.End() || r.from(n).Len != r.Len-n {
				t.Fatalf("%v from %#x is %v", r, n, r.from(n))
			}
		}
		sound := r.Len > 0 && r.Start%pageSize == 0 && r.Len%pageSize == 0 && !wraps
		if (r.oddity() == "") != sound || (r.sourceOddity() == "") != sound {
			t.Fatalf("%v (%#x bytes): %q", r, r.Len, r.oddity())
		}
	}
	mem := make([]byte, 100)
	if r := RangeOf(mem); r.Len != 100 || r.Start == 0 || RangeOf(mem[10:20]) != (Range{r.Start + 10, 10}) || RangeOf(nil) != (Range{}) {
		t.Errorf("%v, %v, %v", r, RangeOf(mem[10:20]), RangeOf(nil))
	}
}
