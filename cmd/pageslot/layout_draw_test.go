package main

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pageslot/pageslot/highlevel"
	"github.com/pageslot/pageslot/testgate"
)

// planned counts the bytes of each kind of part in a slab.
func planned(l highlevel.Layout, s highlevel.Slab) map[byte]float64 {
	want := make(map[byte]float64)
	want['='] = float64(l.PreGuard + l.PostGuard)
	for i := s.First; i < s.First+s.Slots; i++ {
		want[byte('A'+i%l.Stripes)] += float64(l.MaxMemory)
		want['.'] += float64(l.SlotBytes - l.MaxMemory)
	}
	return want
}

// A slab that is drawn whole shows each kind of part in proportion to its
// bytes, and each part that there is.
func TestDrawingIsToScale(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	drawn := 0
	for drawn < testgate.Rounds(2000, 200) {
		p := randomPlan(t, r)
		l := p.layout
		if len(p.slabs) != 1 || l.SlotBytes == 0 || l.Slots > min(l.Stripes+2, mostDrawn)+3 || l.Stripes > 26 {
			continue
		}
		drawn++
		rows := strings.Split(drawSlab(l, p.slabs[0]), "\n")
		bar := rows[1][4:]
		if len(bar) != drawWidth {
			t.Fatalf("seed %d, %+v: %d columns: %s", seed, l, len(bar), bar)
		}
		// Each part may be off by a column for rounding, and the widest pay a
		// column for each that is too narrow.
		parts := float64(2*l.Slots + 3)
		for char, bytes := range planned(l, p.slabs[0]) {
			got := float64(strings.Count(bar, string(char)))
			want := bytes / float64(l.Total) * drawWidth
			if bytes > 0 && got == 0 || bytes == 0 && got > 0 || math.Abs(got-want) > parts {
				t.Fatalf("seed %d, %+v: %v columns of %c, want %.1f:\n%s", seed, l, got, char, want, bar)
			}
		}
	}
}

// Where every part is whole columns, the drawing is exact.
func TestDrawingExactly(t *testing.T) {
	const p = 4096
	for _, test := range []struct {
		name string
		c    highlevel.Constraints
		want string
	}{
		{
			"whole", // 8 pages, 6 slots of 8, 16 pages: a column each
			highlevel.Constraints{Slots: 6, MaxMemory: 6 * p, Reservation: 16 * p, Guard: 8 * p, GuardBefore: true, Keys: 3, PageSize: p},
			`
            0       1       2       3       4       5
    ========AAAAAA..BBBBBB..CCCCCC..AAAAAA..BBBBBB..CCCCCC..================
            |- slot 0 -------------|
`,
		}, {
			"two ends", // 6 slots of 12 pages, then 3 slots and 36 pages
			highlevel.Constraints{Slots: 20, MaxMemory: 10 * p, Reservation: 40 * p, Guard: 8 * p, Keys: 4, PageSize: p},
			`
    0           1           2           3           4           5
    AAAAAAAAAA..BBBBBBBBBB..CCCCCCCCCC..DDDDDDDDDD..AAAAAAAAAA..BBBBBBBBBB..
    |- slot 0 -------------------------------------|
    ... 11 slots left out ...
    17          18          19
    BBBBBBBBBB..CCCCCCCCCC..DDDDDDDDDD..====================================
                            |- slot 19 ------------------------------------|
`,
		}, {
			"a region that ends inside a part", // 7 pages over 3 stripes: slots of 3
			highlevel.Constraints{Slots: 4, MaxMemory: 3 * p, Reservation: 6 * p, Guard: p, Keys: 3, PageSize: p},
			`
    0             1            2             3
    AAAAAAAAAAAAAABBBBBBBBBBBBBCCCCCCCCCCCCCCAAAAAAAAAAAAA==================
    |- slot 0 ---------------------|
`,
		}, {
			"a region that goes on outside", // 22 slots of a page, drawn 20
			highlevel.Constraints{Slots: 100, MaxMemory: p, Reservation: 29 * p, Guard: p, Keys: 30, PageSize: p},
			`
    0   1  2   3  4   5   6  7   8  9   10  11 12  13 14  15  16 17  18 19
    AAAABBBCCCCDDDEEEEFFFFGGGHHHHIIIJJJJKKKKLLLMMMMNNNOOOOPPPPQQQRRRRSSSTTTT
    |- slot 0 ------------------------------------------------------------->
    ... 77 slots left out ...
    97   99
    HHIIIJJ=================================================================
         |- slot 99 -------------------------------------------------------|
`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			l, err := highlevel.NewLayout(test.c)
			if err != nil {
				t.Fatal(err)
			}
			got := drawSlab(l, highlevel.Slab{Slots: l.Slots, Bytes: l.Total})
			if diff := cmp.Diff(strings.TrimPrefix(test.want, "\n"), got); diff != "" {
				t.Errorf("- wanted, + drawn:\n%s", diff)
			}
		})
	}
}

// A part without a column of its own would hide a guard.
func TestColumnsLeaveNothingOut(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		parts := make([]slabPart, 1+r.IntN(drawWidth))
		for i := range parts {
			parts[i].bytes = 1 + r.Uint64N(1<<r.IntN(63))
		}
		ends := partColumns(parts, drawWidth)
		before := 0
		for i, end := range ends {
			if end <= before {
				t.Fatalf("%v: part %d ends at column %d, the one before at %d", parts, i, end, before)
			}
			before = end
		}
		if before != drawWidth {
			t.Fatalf("%v: %d columns", parts, before)
		}
	}
}
