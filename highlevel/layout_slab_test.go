package highlevel

import (
	"errors"
	"math"
	"strings"
	"testing"
)

// checkSplit splits l and asserts what Split promises of its slabs.
func checkSplit(t *testing.T, l Layout, limit, space uint64) {
	t.Helper()
	slabs, err := l.split(limit, space)
	one := l.PreGuard + l.Faulting
	switch {
	case l.Slots == 0:
		if err != nil || slabs != nil {
			t.Fatalf("%+v: no slots, but slabs %v, error %v", l, slabs, err)
		}
		return
	case err != nil:
		if !errors.Is(err, ErrAddressSpace) || slabs != nil {
			t.Fatalf("%+v: slabs %v, error %v", l, slabs, err)
		}
		// Split at limit is refused for one of three reasons.
		guards := l.PreGuard + l.PostGuard
		if one <= limit && uint64(l.Slots) <= maxSlabs && l.Total <= space/2 && guards <= space/4/uint64(l.Slots) {
			t.Fatalf("%+v: limit %d of %d refused: %v", l, limit, space, err)
		}
		return
	}
	next, sum := 0, uint64(0)
	for i, s := range slabs {
		switch {
		case s.First != next || s.Slots < 1:
			t.Fatalf("%+v: slab %d is %+v, slot %d is next", l, i, s, next)
		case s.Bytes > limit:
			t.Fatalf("%+v: slab %d is %+v, the limit %d", l, i, s, limit)
		case s.Bytes != l.PreGuard+uint64(s.Slots)*l.SlotBytes+l.PostGuard:
			t.Fatalf("%+v: slab %d is %+v", l, i, s)
		case i < len(slabs)-1 && s.Slots != slabs[0].Slots || s.Slots > slabs[0].Slots:
			t.Fatalf("%+v: slab %d has %d slots, the first %d", l, i, s.Slots, slabs[0].Slots)
		case i < len(slabs)-1 && s.Slots > l.Stripes && s.Slots%l.Stripes != 0:
			t.Fatalf("%+v: slab %d has %d slots", l, i, s.Slots)
		}
		next += s.Slots
		sum += s.Bytes
	}
	if next != l.Slots || sum > space {
		t.Fatalf("%+v: slabs hold %d slots in %d bytes of %d", l, next, sum, space)
	}
	if len(slabs) > 1 {
		// One more group of stripes would not have fitted.
		more := slabs[0].Slots + 1
		if slabs[0].Slots >= l.Stripes {
			more = slabs[0].Slots + l.Stripes
		}
		if more <= l.Slots && l.PreGuard+uint64(more)*l.SlotBytes+l.PostGuard <= limit {
			t.Fatalf("%+v: %d slots in a slab of at most %d, where %d fit", l, slabs[0].Slots, limit, more)
		}
	}
}

func TestSplitExamples(t *testing.T) {
	const p = 4096
	striped, err := NewLayout(Constraints{Slots: 11, MaxMemory: p, Reservation: 5 * p, Guard: p, GuardBefore: true, Keys: 3, PageSize: p})
	if err != nil {
		t.Fatal(err)
	}
	// Slots of 2 pages, a guard page before and 4 after.
	tests := []struct {
		name  string
		limit uint64
		want  []Slab
		err   string
	}{
		{"all in one", striped.Total, []Slab{{0, 11, 27 * p}}, ""},
		{"no limit", math.MaxUint64, []Slab{{0, 11, 27 * p}}, ""},
		{"whole groups", 27*p - 1, []Slab{{0, 9, 23 * p}, {9, 2, 9 * p}}, ""},
		{"one group", 11 * p, []Slab{{0, 3, 11 * p}, {3, 3, 11 * p}, {6, 3, 11 * p}, {9, 2, 9 * p}}, ""},
		{"less than a group", 9 * p, []Slab{{0, 2, 9 * p}, {2, 2, 9 * p}, {4, 2, 9 * p}, {6, 2, 9 * p}, {8, 2, 9 * p}, {10, 1, 7 * p}}, ""},
		{"less than a slot", 7*p - 1, nil, "slab limit 28671"},
		{"nothing", 0, nil, "at least 28672 bytes"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := striped.Split(test.limit)
			if test.err != "" {
				if !errors.Is(err, ErrAddressSpace) || !strings.Contains(err.Error(), test.err) || got != nil {
					t.Fatalf("got %v, %v", got, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != len(test.want) {
				t.Fatalf("got %v, want %v", got, test.want)
			}
			for i := range got {
				if got[i] != test.want[i] {
					t.Errorf("slab %d: got %v, want %v", i, got[i], test.want[i])
				}
			}
			checkSplit(t, striped, test.limit, all64)
		})
	}
}

// Every limit that matters, for every small layout.
func TestSplitSmall(t *testing.T) {
	eachSmall(t, func(c Constraints, l Layout, _, _ int) {
		if c.Slots%3 != 0 || c.Guard > 2*c.PageSize {
			return // the rest differ in nothing that Split looks at
		}
		for limit := uint64(0); limit <= l.Total+1; limit += c.PageSize / 2 {
			checkSplit(t, l, limit, all64)
		}
	})
}

func TestSplitWithoutSlots(t *testing.T) {
	l, err := NewLayout(Constraints{Guard: 4096, PageSize: 4096})
	if err != nil {
		t.Fatal(err)
	}
	checkSplit(t, l, 0, all64)
}

// Each slab has guards of its own, so many slabs can pass what one does not.
func TestSplitGuardsAddUp(t *testing.T) {
	l, err := newLayout(Constraints{Slots: 100, MaxMemory: mib, Reservation: 100 * mib, Guard: mib, GuardBefore: true, Keys: 15, PageSize: 4096}, all32)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.split(gib, all32); err != nil {
		t.Errorf("in one slab: %v", err)
	}
	_, err = l.split(l.PreGuard+l.Faulting, all32)
	if !errors.Is(err, ErrAddressSpace) || !strings.Contains(err.Error(), "together") {
		t.Errorf("in slabs of one slot: %v", err)
	}
	all := 100 * (l.PreGuard + l.Faulting)
	if slabs, err := l.split(l.PreGuard+l.Faulting, all); err != nil || len(slabs) != 100 {
		t.Errorf("in just enough: %d slabs, %v", len(slabs), err)
	}
	if _, err := l.split(l.PreGuard+l.Faulting, all-1); !errors.Is(err, ErrAddressSpace) {
		t.Errorf("in a byte less: %v", err)
	}
}

func TestSplitTooManySlabs(t *testing.T) {
	l, err := newLayout(Constraints{Slots: 1 << 30, MaxMemory: 4096, PageSize: 4096}, all64)
	if err != nil {
		t.Fatal(err)
	}
	_, err = l.split(4096, all64)
	if !errors.Is(err, ErrAddressSpace) || !strings.Contains(err.Error(), "at most 65536 slabs") {
		t.Errorf("got %v", err)
	}
	_, err = l.split(4096<<14-4096, all64) // 65,540 of them
	if !errors.Is(err, ErrAddressSpace) || !strings.Contains(err.Error(), "at most 65536 slabs") {
		t.Errorf("got %v", err)
	}
	if slabs, err := l.split(4096<<14, all64); err != nil || len(slabs) != 1<<16 {
		t.Errorf("%d slabs, %v", len(slabs), err)
	}
}

func TestSlabOffset(t *testing.T) {
	const p = 4096
	l, err := NewLayout(Constraints{Slots: 7, MaxMemory: p, Guard: 2 * p, GuardBefore: true, Keys: 2, PageSize: p})
	if err != nil {
		t.Fatal(err)
	}
	slabs, err := l.Split(10 * p)
	if err != nil {
		t.Fatal(err)
	}
	for i := range l.Slots {
		s := slabs[i/slabs[0].Slots]
		want := l.PreGuard + uint64(i-s.First)*l.SlotBytes
		if got := s.Offset(l, i); got != want || got+l.Faulting > s.Bytes {
			t.Errorf("slot %d: offset %d in %+v, want %d", i, got, s, want)
		}
	}
}
