package pagemap

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// Random writes, discards and scans, beside a map that has a byte for each page.
func TestModel(t *testing.T) {
	seed := rand.Uint64()
	if s := os.Getenv("PAGESLOT_MODEL_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	random := rand.New(rand.NewPCG(seed, 0))
	m, d := open(t), async(t)
	a := anon(t, 64)
	arm(t, d, a.all())
	model := make([]bool, a.pages()) // dirty
	for op := range testgate.Rounds(5000, 300) {
		from := random.IntN(a.pages())
		n := 1 + random.IntN(a.pages()-from)
		if random.IntN(3) > 0 {
			n = min(n, 1+random.IntN(4))
		}
		what := ""
		switch k := random.IntN(10); {
		case k < 4:
			what = fmt.Sprintf("write %d from %d", n, from)
			for i := from; i < from+n; i++ {
				a.write(i)
				model[i] = true
			}
		case k < 5:
			what = fmt.Sprintf("discard %d from %d", n, from)
			if err := a.advise(from, n, unix.MADV_DONTNEED); err != nil {
				t.Fatal(err)
			}
			for i := from; i < from+n; i++ {
				// A page that was never there has a mark alone, and loses it too.
				model[i] = true
			}
		case k < 6:
			what = fmt.Sprintf("read %d from %d", n, from)
			a.read(from, n)
		case k < 7:
			what = fmt.Sprintf("protect %d from %d", n, from)
			if err := d.WriteProtect(a.span(from, n)); err != nil {
				t.Fatal(err)
			}
			clear(model[from : from+n])
		default:
			q := dirty
			if k == 9 {
				q = collect
			}
			if random.IntN(3) == 0 {
				q.MaxPages = uint64(1 + random.IntN(20))
			}
			room := 1 + random.IntN(10)
			what = fmt.Sprintf("scan %d from %d, MaxPages %d, room for %d, protect %v", n, from, q.MaxPages, room, q.Protect)
			into := make([]Region, room)
			got, end, err := m.Scan(a.span(from, n), q, into)
			if err != nil {
				t.Fatalf("seed %d, operation %d: %s: %v", seed, op, what, err)
			}
			want, wantEnd := expected(model, from, n, q.MaxPages, room)
			if a.draw(into[:got]) != a.drawPages(want) || end != a.addr(wantEnd) {
				t.Fatalf("seed %d, operation %d: %s: %q up to page %d; want %q up to %d", seed, op, what,
					a.draw(into[:got]), (end-a.all().Start)/pageSize, a.drawPages(want), wantEnd)
			}
			if q.Protect {
				for _, i := range want {
					model[i] = false
				}
			}
		}
		if op%16 == 0 {
			all, _ := expected(model, 0, len(model), 0, len(model))
			if got, _, _ := a.scan(t, m, a.all(), dirty, a.pages()); got != a.drawPages(all) {
				t.Fatalf("seed %d, after operation %d, %s: %q; want %q", seed, op, what, got, a.drawPages(all))
			}
		}
	}
}

// expected is which pages a scan has to find, and where it ends: at the page that it
// had no room for.
func expected(model []bool, from, n int, limit uint64, room int) (pages []int, end int) {
	regions := 0
	for i := from; i < from+n; i++ {
		if !model[i] {
			continue
		}
		if limit != 0 && uint64(len(pages)) == limit {
			return pages, i
		}
		if len(pages) == 0 || pages[len(pages)-1] != i-1 {
			if regions == room {
				return pages, i
			}
			regions++
		}
		pages = append(pages, i)
	}
	return pages, from + n
}

// drawPages is draw of pages in ascending order.
func (a area) drawPages(pages []int) string {
	var regions []Region
	for _, p := range pages {
		if n := len(regions); n > 0 && regions[n-1].End == a.addr(p) {
			regions[n-1].End += pageSize
			continue
		}
		regions = append(regions, Region{Start: a.addr(p), End: a.addr(p + 1), Categories: Written})
	}
	return a.draw(regions)
}

// No arguments hang, crash, or give regions that are not in the range, in order, and
// within the limits.
func FuzzScan(f *testing.F) {
	open(f)
	async(f)
	f.Add(uint64(0), uint64(8), uint64(0), uint64(Written), uint64(0), uint64(Written), uint64(0), uint8(4), uint8(3))
	f.Add(uint64(1), uint64(8), uint64(1<<63), uint64(0), ^uint64(0), uint64(0), ^uint64(0), uint8(0), uint8(1))
	f.Add(^uint64(0), ^uint64(0), uint64(known), uint64(0), uint64(known), uint64(known), uint64(1), uint8(1), uint8(0))
	f.Add(uint64(3)<<12, uint64(1), uint64(Present), uint64(Present), uint64(0), uint64(known), uint64(2), uint8(9), uint8(2))
	f.Fuzz(func(t *testing.T, from, length, inverted, mask, anyOf, ret, limit uint64, room, flags uint8) {
		m, d := open(t), async(t)
		a := anon(t, 16)
		arm(t, d, a.span(0, 12))
		for i := 0; i < 16; i += 3 {
			a.write(i)
		}
		// Only this test's own memory may be protected.
		r := uffd.Range{Start: a.all().Start + from%(17*pageSize), Len: length}
		if r.Start > a.all().End() {
			r.Start = a.all().End()
		}
		protect := flags&1 != 0
		if protect {
			r.Len %= a.all().End() - r.Start + 1
		}
		q := Query{
			Inverted: Categories(inverted), Mask: Categories(mask), AnyOf: Categories(anyOf), Return: Categories(ret),
			MaxPages: limit, Protect: protect, CheckAsync: flags&2 != 0,
		}
		into := make([]Region, room%64)
		n, end, err := m.Scan(r, q, into)
		if n < 0 || n > len(into) || err != nil && end != r.Start {
			t.Fatalf("%d of %d, %#x, %v", n, len(into), end, err)
		}
		last := r.Start
		for _, x := range into[:n] {
			if x.Start < last || x.End <= x.Start || x.End > r.End()+pageSize-1 || x.Categories&^q.Return != 0 {
				t.Errorf("%v of %v, after %#x", x, r, last)
			}
			last = x.End
		}
		if limit != 0 && pages(into[:n]) > limit {
			t.Errorf("%d pages of %d", pages(into[:n]), limit)
		}
	})
}
