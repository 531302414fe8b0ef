package pagemap

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/pageslot/pageslot/testgate"
)

// every is "0, 2, 4" and so on up to n.
func every(step, n int) string {
	var s []string
	for i := 0; i < n; i += step {
		s = append(s, fmt.Sprint(i))
	}
	return strings.Join(s, ", ")
}

// Written and clean pages in turn: found, found in parts, limited, made clean.
func TestPatterns(t *testing.T) {
	const pages = 1000
	m, d := open(t), async(t)
	a := anon(t, pages)
	arm(t, d, a.all())
	if got, _, _ := a.scan(t, m, a.all(), collect, pages/2); got != "" {
		t.Errorf("new pages: %q", got)
	}
	alternate := func() {
		for i := 0; i < pages; i += 2 {
			a.write(i)
		}
	}

	alternate()
	a.want(t, m, "every other page", dirty, every(2, pages))

	limited := collect
	limited.MaxPages = pages/2 - 2
	_, first, end := a.scan(t, m, a.all(), limited, pages)
	if first != pages/2-2 || end != 2*(pages/2-2) {
		t.Errorf("MaxPages %d: %d regions, up to page %d", limited.MaxPages, first, end)
	}
	if got, n, _ := a.scan(t, m, a.all(), dirty, 2); n != 2 || got != fmt.Sprintf("%d, %d", pages-4, pages-2) {
		t.Errorf("what is left: %q", got)
	}
	if _, n, _ := a.scan(t, m, a.all(), collect, pages); first+n != pages/2 {
		t.Errorf("%d regions first and %d then, want %d together", first, n, pages/2)
	}

	alternate()
	a.write(pages - 1)
	limited.MaxPages = pages / 2
	_, first, _ = a.scan(t, m, a.all(), limited, pages)
	if got, _, _ := a.scan(t, m, a.all(), collect, pages); first != pages/2 || got != fmt.Sprint(pages-1) {
		t.Errorf("MaxPages one too small: %d regions, then %q", first, got)
	}

	a.fill(0xff)
	limited.MaxPages = 2
	if got, n, end := a.scan(t, m, a.span(1, 2), limited, 1); n != 1 || got != "1-2" || end != 3 {
		t.Errorf("the second and third page: %q, up to %d", got, end)
	}
	a.want(t, m, "without these", dirty, fmt.Sprintf("0, 3-%d", pages-1))
}

// Cleaning one mapping leaves the other alone.
func TestTwoMappings(t *testing.T) {
	m, d := open(t), async(t)
	a, b := anon(t, 100), anon(t, 100)
	arm(t, d, a.all())
	arm(t, d, b.all())
	a.fill('a')
	b.fill('b')
	a.clean(t, m)
	a.want(t, m, "the cleaned one", dirty, "")
	b.want(t, m, "the other", dirty, "0-99")
}

// MaxPages smaller than what there is, several times, until all was found.
func TestSmallerMaxPages(t *testing.T) {
	const pages = 1050
	m, d := open(t), async(t)
	a := anon(t, pages)
	arm(t, d, a.all())
	for i := 0; i < pages; i += 2 {
		a.write(i)
	}
	q := collect
	q.MaxPages = pages / 5
	total := 0
	for range 3 {
		_, n, _ := a.scan(t, m, a.all(), q, pages/2)
		total += n
	}
	if total != pages/2 {
		t.Errorf("%d pages in three scans, want %d", total, pages/2)
	}
	a.want(t, m, "then", dirty, "")
}

// Room for few regions and many runs: following where each scan ended finds each
// page exactly once.
func TestSmallBuffer(t *testing.T) {
	pages := testgate.Rounds(10000, 2000)
	m, d := open(t), async(t)
	a := anon(t, pages)
	arm(t, d, a.all())
	random := rand.New(rand.NewPCG(1, 2))
	for round := range testgate.Rounds(20, 3) {
		var want []string
		for i := range pages {
			if random.IntN(2) == 0 {
				a.write(i)
				want = append(want, fmt.Sprint(i))
			}
		}
		into := make([]Region, 50)
		found := map[uint64]int{}
		for r := a.all(); ; {
			n, end, err := m.Scan(r, collect, into)
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range into[:n] {
				for p := x.Start; p < x.End; p += pageSize {
					found[p]++
				}
			}
			if end == r.End() {
				break
			}
			if n != len(into) || end <= r.Start {
				t.Fatalf("round %d: %d regions, up to %#x from %#x", round, n, end, r.Start)
			}
			r.Start, r.Len = end, r.End()-end
		}
		if len(found) != len(want) {
			t.Fatalf("round %d: %d pages found, %d written", round, len(found), len(want))
		}
		for p, n := range found {
			if n != 1 {
				t.Fatalf("round %d: %#x was found %d times", round, p, n)
			}
		}
	}
}

// The same by Walk, with buffers of every small size; regions come joined.
func TestWalk(t *testing.T) {
	m, d := open(t), async(t)
	a := anon(t, 200)
	arm(t, d, a.all())
	for i := range a.pages() {
		if i%10 < 7 && i != 103 {
			a.write(i)
		}
	}
	var want []string
	for i := 0; i < a.pages(); i += 10 {
		if i == 100 {
			want = append(want, "100-102", "104-106")
			continue
		}
		want = append(want, fmt.Sprintf("%d-%d", i, i+6))
	}
	for _, room := range []int{1, 2, 3, 7, 20, 21, 22, 500} {
		var got []Region
		err := m.Walk(a.all(), dirty, make([]Region, room), func(r Region) error { got = append(got, r); return nil })
		if err != nil || a.draw(got) != strings.Join(want, ", ") {
			t.Errorf("room for %d: %q, %v; want %q", room, a.draw(got), err, want)
		}
		q := dirty
		q.MaxPages = 10
		got = nil
		err = m.Walk(a.all(), q, make([]Region, room), func(r Region) error { got = append(got, r); return nil })
		if err != nil || a.draw(got) != "0-6, 10-12" {
			t.Errorf("room for %d, 10 pages: %q, %v", room, a.draw(got), err)
		}
	}
}
