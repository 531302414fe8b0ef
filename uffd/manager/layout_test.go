package manager

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// place is what the naive model knows of one page.
type place struct {
	from   *origin
	offset int64
	zero   bool
}

// model keeps every page of a small address space by itself.
type model map[uint64]place

const modelPages = 40

func (m model) put(s segment) bool {
	for a := s.start; a < s.end; a += systemPage {
		if _, ok := m[a]; ok {
			return false
		}
	}
	for a := s.start; a < s.end; a += systemPage {
		p := place{from: s.from, zero: s.zero}
		if !s.zero {
			p.offset = s.offset + int64(a-s.start)
		}
		m[a] = p
	}
	return true
}

func (m model) unmap(r uffd.Range) {
	for a := r.Start; a < r.Start+r.Len; a += systemPage {
		delete(m, a)
	}
}

func (m model) remove(r uffd.Range) {
	for a := r.Start; a < r.Start+r.Len; a += systemPage {
		p, ok := m[a]
		if !ok {
			continue
		}
		first := a - a%p.from.page
		if first >= r.Start && first+p.from.page <= r.Start+r.Len {
			m[a] = place{from: p.from, zero: true}
		}
	}
}

func (m model) remap(r uffd.Remap, over bool) (filled uint64) {
	moved := model{}
	for a := uint64(0); a < r.Len; a += systemPage {
		if p, ok := m[r.From+a]; ok {
			moved[a] = p
			delete(m, r.From+a)
		}
	}
	if over {
		m.unmap(uffd.Range{Start: r.To, Len: r.Len})
	}
	for a, p := range moved {
		if _, ok := m[r.To+a]; !ok {
			m[r.To+a] = p
			filled++
		}
	}
	return filled
}

// differ compares each page of the layout with the model.
func differ(l *layout, m model) string {
	for a := uint64(0); a < (modelPages+24)*systemPage; a += systemPage {
		var got place
		s, ok := l.find(a)
		if ok {
			got = place{from: s.from, zero: s.zero}
			if !s.zero {
				got.offset = s.offset + int64(a-s.start)
			}
		}
		want, known := m[a]
		if ok != known || got != want {
			return fmt.Sprintf("page %#x: %v %+v, want %v %+v", a, ok, got, known, want)
		}
	}
	return ""
}

// play runs operations of four bytes each on a layout, on a clone of it that came
// from a fork, and on models of both.
func play(t *testing.T, ops []byte) {
	origins := [4]*origin{{page: systemPage}, {page: systemPage, protect: true}, {page: 4 * systemPage}, {page: systemPage}}
	layouts, models := [2]layout{}, [2]model{{}, {}}
	for i := 0; i+4 <= len(ops); i += 4 {
		op, a, b, n := ops[i], uint64(ops[i+1])%modelPages*systemPage, uint64(ops[i+2])%modelPages*systemPage, uint64(ops[i+3]%12+1)*systemPage
		which := op >> 7
		l, m := &layouts[which], models[which]
		r := uffd.Range{Start: a, Len: n}
		say := ""
		switch op % 7 {
		case 0, 1:
			s := segment{start: a, end: a + n, from: origins[op>>4%4], offset: int64(b), zero: op>>3&1 == 1}
			if size := s.from.page; size > systemPage {
				s.start -= s.start % size
				s.end = s.start + (n+size-1)/size*size
			}
			got, want := l.insert(s), m.put(s)
			if got != want {
				t.Fatalf("operation %d: insert %+v: %v, want %v", i/4, s, got, want)
			}
			say = fmt.Sprintf("insert %+v", s)
		case 2:
			l.unmap(r)
			m.unmap(r)
			say = fmt.Sprintf("unmap %v", r)
		case 3:
			l.remove(r)
			m.remove(r)
			say = fmt.Sprintf("remove %v", r)
		case 4, 5:
			// Large pages move by large pages.
			move := uffd.Remap{From: a &^ (4*systemPage - 1), To: b &^ (4*systemPage - 1), Len: n}
			over := op%7 == 4
			want := m.remap(move, over)
			var got uint64
			for _, f := range l.remap(move, over) {
				got += f.Len / systemPage
			}
			say = fmt.Sprintf("remap %+v over %v", move, over)
			if got != want {
				t.Fatalf("operation %d, %s: filled %d pages, want %d", i/4, say, got, want)
			}
		case 6:
			layouts[1] = layouts[0].clone()
			models[1] = model{}
			for a, p := range models[0] {
				models[1][a] = p
			}
			say = "fork"
		}
		for k := range layouts {
			if err := layouts[k].check(); err != nil {
				t.Fatalf("operation %d, %s: layout %d: %v", i/4, say, k, err)
			}
			if d := differ(&layouts[k], models[k]); d != "" {
				t.Fatalf("operation %d, %s: layout %d: %s", i/4, say, k, d)
			}
		}
	}
}

func TestLayoutAgainstModel(t *testing.T) {
	for seed := range testgate.Rounds(uint64(150), 30) {
		rng := rand.New(rand.NewPCG(seed, 1))
		ops := make([]byte, 4*80)
		for i := range ops {
			ops[i] = byte(rng.Uint32())
		}
		play(t, ops)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func FuzzLayout(f *testing.F) {
	f.Add([]byte{0, 1, 2, 9, 3, 2, 0, 3, 4, 1, 20, 9, 2, 21, 0, 1, 6, 0, 0, 0, 0x83, 22, 0, 2})
	f.Add([]byte{0x20, 4, 0, 11, 3, 5, 0, 9, 5, 4, 12, 11})
	f.Fuzz(play)
}

// at makes ranges of pages.
func at(first, pages uint64) uffd.Range {
	return uffd.Range{Start: first * systemPage, Len: pages * systemPage}
}

func mustLayout(t testing.TB, regions ...Region) layout {
	t.Helper()
	l, err := newLayout(regions)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Removed ranges merge: a process that gives up page after page does not grow the
// layout.
func TestRemovedPagesMerge(t *testing.T) {
	l := mustLayout(t, Region{Range: at(1, 1000), Source: patternSource{}})
	for i := range uint64(1000) {
		l.remove(at(1+(i*7)%1000, 1))
	}
	if err := l.check(); err != nil || len(l.segments) != 1 || !l.segments[0].zero {
		t.Errorf("%d segments, %v", len(l.segments), err)
	}
}

func TestSpan(t *testing.T) {
	p := systemPage
	small, large := &origin{page: p}, &origin{page: 8 * p}
	for _, test := range []struct {
		s         segment
		addr      uint64
		granule   uint64
		page, all uffd.Range
		ok        bool
	}{
		{segment{start: 10 * p, end: 100 * p, from: small}, 33*p + 5, 16 * p, at(33, 1), at(32, 16), true},
		{segment{start: 34 * p, end: 100 * p, from: small}, 35 * p, 16 * p, at(35, 1), at(34, 14), true},
		{segment{start: 10 * p, end: 36 * p, from: small}, 35*p + p - 1, 16 * p, at(35, 1), at(32, 4), true},
		{segment{start: 10 * p, end: 36 * p, from: small}, 35 * p, 1, at(35, 1), at(35, 1), true},
		{segment{start: 16 * p, end: 64 * p, from: large}, 30 * p, p, at(24, 8), at(24, 8), true},
		{segment{start: 16 * p, end: 64 * p, from: large}, 30 * p, 9 * p, at(24, 8), at(16, 16), true},
		{segment{start: 17 * p, end: 64 * p, from: large}, 18 * p, p, at(16, 8), at(16, 8), false},
		{segment{start: 16 * p, end: 22 * p, from: large}, 18 * p, p, at(16, 8), at(16, 8), false},
		{segment{start: 10 * p, end: ^uint64(0) - p + 1, from: small}, ^uint64(0) - p, 1 << 20, uffd.Range{Start: ^uint64(0) - 2*p + 1, Len: p}, uffd.Between(^uint64(0)-1<<20+1, ^uint64(0)-p+1), true},
	} {
		page, all, ok := test.s.span(test.addr, test.granule)
		if page != test.page || all != test.all || ok != test.ok {
			t.Errorf("%+v, %#x, %d: %v %v %v, want %v %v %v", test.s, test.addr, test.granule, page, all, ok, test.page, test.all, test.ok)
		}
	}
}

func TestRegionsThatCannotBe(t *testing.T) {
	p := systemPage
	for name, regions := range map[string][]Region{
		"empty":        {{}},
		"start":        {{Range: uffd.Range{Start: 1, Len: p}}},
		"length":       {{Range: uffd.Range{Start: p, Len: p + 1}}},
		"end":          {{Range: uffd.Range{Start: -p, Len: 2 * p}}},
		"page size":    {{Range: at(4, 4), PageSize: 3 * p}},
		"small page":   {{Range: at(4, 4), PageSize: p / 2}},
		"large page":   {{Range: at(4, 4), PageSize: 1 << 40}},
		"huge page":    {{Range: at(3, 4), PageSize: 2 * p}},
		"offset":       {{Range: at(4, 4), Offset: -1}},
		"large offset": {{Range: at(4, 4), Offset: math.MaxInt64 - 2*int64(p)}},
		"overlap":      {{Range: at(4, 4)}, {Range: at(9, 2)}, {Range: at(7, 2)}},
	} {
		l := mustLayout(t, Region{Range: at(1, 1)})
		before := l.clone()
		if err := l.add(regions); err == nil {
			t.Errorf("%s: no error", name)
		} else {
			t.Logf("%s: %v", name, err)
		}
		if d := cmp.Diff(before, l, cmp.AllowUnexported(layout{}, segment{}, origin{})); d != "" {
			t.Errorf("%s: changed: %s", name, d)
		}
	}
	mustLayout(t, Region{Range: at(4, 4)}, Region{Range: at(8, 4)}, Region{Range: at(1, 3)})
}

func TestRangesAtTheEnd(t *testing.T) {
	p := systemPage
	l := mustLayout(t, Region{Range: uffd.Range{Start: -(4 * p), Len: 3 * systemPage}, Source: patternSource{}})
	l.remove(uffd.Range{Start: -(3 * p), Len: 3 * systemPage})
	if s, ok := l.find(-(3 * p) + 1); !ok || !s.zero {
		t.Errorf("%+v %v", s, ok)
	}
	l.remap(uffd.Remap{From: -(4 * p), To: -systemPage, Len: 3 * systemPage}, true)
	if err := l.check(); err != nil {
		t.Error(err)
	}
	l.unmap(uffd.Range{Start: 0, Len: ^uint64(0)})
	if len(l.segments) > 1 {
		t.Errorf("%+v", l)
	}
}
