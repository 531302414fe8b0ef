package track

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// ranges against a map with a byte for each address.
func TestRanges(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range testgate.Rounds(200, 20) {
		var s ranges
		model := make([]bool, 40)
		for range 60 {
			r := uffd.Range{Start: uint64(random.IntN(40))}
			r.Len = 1 + uint64(random.IntN(40-int(r.Start)))
			some, all := false, true
			for _, in := range model[r.Start:r.End()] {
				some, all = some || in, all && in
			}
			if s.overlaps(r) != some || s.has(r) != all {
				t.Fatalf("%v of %v: overlaps %v, has %v; want %v, %v", r, s, s.overlaps(r), s.has(r), some, all)
			}
			change := false
			switch {
			case !some:
				s, change = s.add(r), true
			case all:
				s = s.remove(r)
			default:
				continue
			}
			for i := range r.Len {
				model[r.Start+i] = change
			}
			if got, want := fmt.Sprint(s), fmt.Sprint(of40(model)); got != want {
				t.Fatalf("after %v: %s, want %s", r, got, want)
			}
		}
	}
}

func of40(model []bool) (s ranges) {
	for i, in := range model {
		switch n := len(s); {
		case !in:
		case n > 0 && s[n-1].End() == uint64(i):
			s[n-1].Len++
		default:
			s = append(s, uffd.Range{Start: uint64(i), Len: 1})
		}
	}
	return s
}

func TestError(t *testing.T) {
	e := &Error{Op: "add", Detail: "of [0x1000, 0x2000)", Err: ErrOverlap}
	if !errors.Is(e, ErrOverlap) || e.Error() != "track: add of [0x1000, 0x2000): some of it is tracked already" {
		t.Error(e)
	}
}
