package pagemap

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

func TestCategoriesString(t *testing.T) {
	for c, want := range map[Categories]string{
		0: "0", Written: "WRITTEN", Populated: "PRESENT|SWAPPED", Guard | SoftDirty: "SOFT_DIRTY|GUARD",
		Accessed | 1<<40: "ACCESSED|0x10000000000", WPAllowed | Huge | PFNZero | File: "WPALLOWED|FILE|PFNZERO|HUGE",
	} {
		if got := c.String(); got != want {
			t.Errorf("%#x: %q, want %q", uint64(c), got, want)
		}
	}
	if !Populated.Has(Present) || Present.Has(Populated) || !Present.Has(0) {
		t.Error("Has is wrong")
	}
	seen := Categories(0)
	for _, n := range categoryNames {
		if seen&Categories(n.Bit) != 0 || n.Bit&(n.Bit-1) != 0 {
			t.Errorf("%s: %#x", n.Name, n.Bit)
		}
		seen |= Categories(n.Bit)
	}
	if len(categoryNames) != 10 {
		t.Errorf("%d names", len(categoryNames))
	}
}

func TestRegionString(t *testing.T) {
	r := Region{Start: 0x1000, End: 0x3000, Categories: Written | File}
	if got := r.String(); got != "[0x1000, 0x3000) WRITTEN|FILE" || r.Range() != uffd.Between(0x1000, 0x3000) {
		t.Errorf("%q, %v", got, r.Range())
	}
}

func TestEntryBits(t *testing.T) {
	for _, test := range []struct {
		e    Entry
		want string
	}{
		{0, "0"},
		{1<<63 | 1<<56 | 0x123, "PRESENT|EXCLUSIVE 0x123"},
		{1<<62 | 1<<57 | 5 | 7<<5, "SWAPPED|UFFD 0xe5"},
		{1<<61 | 1<<63 | 1<<55, "PRESENT|FILE|SOFT_DIRTY"},
		{1<<58 | 1<<60, "GUARD|0x1000000000000000"},
	} {
		if got := test.e.String(); got != test.want {
			t.Errorf("%#x: %q, want %q", uint64(test.e), got, test.want)
		}
	}
	e := Entry(1<<62 | 5 | 7<<5)
	if area, at := e.SwapEntry(); area != 5 || at != 7 || e.Frame() != 0 || !e.Populated() {
		t.Errorf("%v: %d, %d, %d", e, area, at, e.Frame())
	}
	e = 1<<63 | 0x1234
	if area, at := e.SwapEntry(); area != 0 || at != 0 || e.Frame() != 0x1234 {
		t.Errorf("%v: %d, %d, %d", e, area, at, e.Frame())
	}
}

// walk against a kernel that is a list of categories: whatever the room and the
// limit, regions come in order, joined, and once.
func TestWalkPure(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range testgate.Rounds(2000, 200) {
		kernel := make([]Categories, random.IntN(40))
		for i := range kernel {
			kernel[i] = []Categories{0, Written, Written, Written | Huge}[random.IntN(4)]
		}
		base := pageSize * 100
		scan := func(r uffd.Range, q Query, into []Region) (n int, end uint64, err error) {
			found := uint64(0)
			for a := r.Start; a < r.End(); a += pageSize {
				c := kernel[(a-base)/pageSize]
				if c == 0 {
					continue
				}
				if q.MaxPages != 0 && found == q.MaxPages {
					return n, a, nil
				}
				// Neighbours are not always joined.
				if n > 0 && into[n-1].End == a && into[n-1].Categories == c && random.IntN(4) > 0 {
					into[n-1].End += pageSize
				} else if n == len(into) {
					return n, a, nil
				} else {
					into[n] = Region{Start: a, End: a + pageSize, Categories: c}
					n++
				}
				found++
			}
			return n, r.End(), nil
		}
		q := Query{MaxPages: uint64(random.IntN(3) * random.IntN(20))}
		var want []Region
		left := q.MaxPages
		for i, c := range kernel {
			at := base + uint64(i)*pageSize
			if c == 0 || q.MaxPages != 0 && left == 0 {
				continue
			}
			left--
			if n := len(want); n > 0 && want[n-1].End == at && want[n-1].Categories == c {
				want[n-1].End += pageSize
			} else {
				want = append(want, Region{Start: at, End: at + pageSize, Categories: c})
			}
		}
		var got []Region
		r := uffd.Range{Start: base, Len: uint64(len(kernel)) * pageSize}
		err := walk(scan, r, q, make([]Region, 1+random.IntN(6)), func(r Region) error { got = append(got, r); return nil })
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%v, MaxPages %d: %v, %v; want %v", kernel, q.MaxPages, got, err, want)
		}
	}
}

// What was found is handed over before an error; an error of the callback ends it;
// and a kernel that gets nowhere is not asked for ever.
func TestWalkErrors(t *testing.T) {
	page := func(i uint64) Region { return Region{Start: i * pageSize, End: (i + 1) * pageSize} }
	r := uffd.Range{Start: pageSize, Len: 10 * pageSize}
	calls := 0
	fails := func(_ uffd.Range, _ Query, into []Region) (int, uint64, error) {
		calls++
		into[0] = page(uint64(calls) * 2)
		if calls == 3 {
			return 1, r.Start, ErrNotTracked
		}
		return 1, into[0].End, nil
	}
	var got []Region
	keep := func(r Region) error { got = append(got, r); return nil }
	if err := walk(fails, r, Query{}, make([]Region, 1), keep); !errors.Is(err, ErrNotTracked) || len(got) != 3 {
		t.Errorf("%v, %v", got, err)
	}
	calls = 0
	enough := errors.New("enough")
	stop := func(Region) error { return enough }
	if err := walk(fails, r, Query{}, make([]Region, 1), stop); err != enough || calls != 2 {
		t.Errorf("%v after %d calls", err, calls)
	}
	stuck := func(r uffd.Range, _ Query, into []Region) (int, uint64, error) { return 0, r.Start, nil }
	if err := walk(stuck, r, Query{}, make([]Region, 1), keep); !errors.Is(err, ErrHugePage) {
		t.Errorf("%v", err)
	}
	if err := walk(stuck, uffd.Range{Start: pageSize}, Query{}, make([]Region, 1), keep); err != nil {
		t.Errorf("an empty range: %v", err)
	}
}

func TestOddity(t *testing.T) {
	for _, test := range []struct {
		r   uffd.Range
		odd bool
	}{
		{uffd.Range{}, false},
		{uffd.Range{Start: pageSize, Len: 1}, false},
		{uffd.Range{Start: 1, Len: pageSize}, true},
		{uffd.Range{Start: -pageSize, Len: pageSize}, true},
		{uffd.Range{Start: pageSize, Len: ^uint64(0)}, true},
	} {
		if (oddity(test.r) != "") != test.odd {
			t.Errorf("%v: %q", test.r, oddity(test.r))
		}
	}
}

func TestErrors(t *testing.T) {
	e := &Error{Op: "PAGEMAP_SCAN", Detail: "of [0x0, 0x1000)", Err: ErrNotTracked, kind: uffd.ErrGone}
	if !errors.Is(e, ErrNotTracked) || !errors.Is(e, uffd.ErrGone) || errors.Is(e, ErrHugePage) {
		t.Error(e)
	}
	if got, want := e.Error(), "pagemap: PAGEMAP_SCAN of [0x0, 0x1000): "+ErrNotTracked.Error(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	c := &CategoryError{Unknown: Accessed, Known: Written | Present}
	if got, want := c.Error(), "pagemap: this kernel does not know the categories ACCESSED (it knows WRITTEN|PRESENT): unsupported operation"; got != want || !errors.Is(c, errors.ErrUnsupported) {
		t.Errorf("%q, want %q", got, want)
	}
}
