package sigbus

import (
	"bytes"
	"errors"
	"io"
	"math"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/uffd"
)

// filler notes what was copied; calls above a length fail.
type filler struct {
	features uffd.Features
	limit    int
	calls    []uffd.Range
	data     []byte
	err      error
	done     int
}

func (f *filler) Enabled() uffd.Features { return f.features }

func (f *filler) CopyAll(dst uint64, src []byte, flags uffd.Flags, r uffd.Retry) (int, error) {
	f.calls = append(f.calls, uffd.Range{Start: dst, Len: uint64(len(src))})
	f.data = bytes.Clone(src)
	if f.err != nil && len(src) > f.limit {
		return f.done, f.err
	}
	return len(src), nil
}

// Which granule is provided for which page, with what in it.
func TestGranules(t *testing.T) {
	p := pageSize
	base := 1024 * p
	data := content(1, int64(20*p))
	for what, c := range map[string]struct {
		o    Options
		page uint64
		from uint64
		n    uint64
	}{
		"a page":                    {Options{Granule: 1}, 3, 3, 1},
		"a page, said so":           {Options{Granule: p}, 3, 3, 1},
		"the first":                 {Options{Granule: 4 * p}, 2, 0, 4},
		"in the middle":             {Options{Granule: 4 * p}, 7, 4, 4},
		"clipped at the end":        {Options{Granule: 4 * p}, 9, 8, 2},
		"more than all":             {Options{Granule: 16 * p}, 9, 0, 10},
		"not a power of two":        {Options{Granule: 3 * p}, 5, 3, 3},
		"with an offset":            {Options{Granule: 2 * p, Offset: 5}, 5, 4, 2},
		"with an offset of pages":   {Options{Granule: 2 * p, Offset: int64(3 * p)}, 5, 4, 2},
		"pages of hugetlbfs":        {Options{Granule: 1, PageSize: 2 * p}, 5, 4, 2},
		"more pages of hugetlbfs":   {Options{Granule: 4 * p, PageSize: 2 * p}, 5, 4, 4},
		"clipped pages of the same": {Options{Granule: 4 * p, PageSize: 2 * p}, 9, 8, 2},
	} {
		d := &filler{features: uffd.FeatureSIGBUS}
		r, err := From(d, uffd.Range{Start: base, Len: 10 * p}, bytes.NewReader(data), c.o)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		address := base + c.page*p + 17
		f := Fault{Address: address, Page: r.page(address), Range: r.Range, Number: 1}
		if err := r.Resolve(f); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		from := uint64(c.o.Offset) + c.from*p
		want := uffd.Range{Start: base + c.from*p, Len: c.n * p}
		if len(d.calls) != 1 || d.calls[0] != want || !bytes.Equal(d.data, data[from:from+c.n*p]) {
			t.Errorf("%s: %v, want %v", what, d.calls, want)
		}
	}
}

// A Resolve of somebody else may hand on a fault of another Region. What counts is the
// address: nothing is copied for one outside of the range.
func TestForeignFaults(t *testing.T) {
	p := pageSize
	r := uffd.Range{Start: 1024 * p, Len: 8 * p}
	for what, c := range map[string]struct {
		f    Fault
		want int // the page, or -1
	}{
		"nothing":          {Fault{}, -1},
		"before the range": {Fault{Address: r.Start - 1, Page: uffd.Range{Start: r.Start - p, Len: p}}, -1},
		"after the range":  {Fault{Address: r.End(), Page: uffd.Range{Start: r.End(), Len: p}}, -1},
		"the last address": {Fault{Address: ^uint64(0)}, -1},
		"no page":          {Fault{Address: r.Start + 3*p + 7}, 3},
		"a larger page":    {Fault{Address: r.Start + 3*p + 7, Page: uffd.Range{Start: r.Start, Len: 8 * p}}, 3},
		"a smaller page":   {Fault{Address: r.Start + 3*p + 7, Page: uffd.Range{Start: r.Start + 3*p, Len: 8}}, 3},
	} {
		for _, granule := range []uint64{1, 4 * p, 64 * p} {
			d := &filler{features: uffd.FeatureSIGBUS}
			region, err := From(d, r, bytes.NewReader(nil), Options{Granule: granule})
			if err != nil {
				t.Fatal(err)
			}
			err = region.Resolve(c.f)
			switch {
			case c.want < 0:
				if !errors.Is(err, unix.EINVAL) || d.calls != nil {
					t.Errorf("%s, granule %d: %v, %v", what, granule, err, d.calls)
				}
			case err != nil || len(d.calls) != 1 || !d.calls[0].Contains(r.Start+uint64(c.want)*p) || d.calls[0].Start < r.Start || d.calls[0].End() > r.End():
				t.Errorf("%s, granule %d: %v, %v", what, granule, err, d.calls)
			}
		}
	}
}

// reader is a source that answers what it is told.
type reader struct {
	n   int
	err error
}

func (r reader) ReadAt(p []byte, _ int64) (int, error) {
	for i := range min(max(r.n, 0), len(p)) {
		p[i] = 1
	}
	return r.n, r.err
}

// A source that ends is followed by zeros; one that fails serves those pages that it
// has.
func TestSources(t *testing.T) {
	p := int(pageSize)
	base := 1024 * pageSize
	for what, c := range map[string]struct {
		source  io.ReaderAt
		page    uint64
		ones, n int
		want    error
	}{
		"all":                     {reader{4 * p, nil}, 2, 4 * p, 4, nil},
		"all and its end":         {reader{4 * p, io.EOF}, 2, 4 * p, 4, nil},
		"nothing":                 {reader{0, io.EOF}, 2, 0, 4, nil},
		"part":                    {reader{p + 7, io.EOF}, 2, p + 7, 4, nil},
		"fails later":             {reader{3*p + 7, errTest}, 2, 3 * p, 3, nil},
		"fails there":             {reader{2*p + 7, errTest}, 2, 0, 0, errTest},
		"fails before":            {reader{0, errTest}, 2, 0, 0, errTest},
		"fails at once":           {reader{0, errTest}, 0, 0, 0, errTest},
		"stops":                   {reader{2 * p, nil}, 2, 0, 0, io.ErrNoProgress},
		"says more than it can":   {reader{4*p + 1, nil}, 2, 0, 0, unix.EINVAL},
		"says less than nothing ": {reader{-1, io.EOF}, 2, 0, 0, unix.EINVAL},
	} {
		d := &filler{features: uffd.FeatureSIGBUS}
		r, err := From(d, uffd.Range{Start: base, Len: 4 * pageSize}, c.source, Options{Granule: 4 * pageSize})
		if err != nil {
			t.Fatal(err)
		}
		address := base + c.page*pageSize
		for range 2 { // the second time the buffer is not new
			err = r.Resolve(Fault{Address: address, Page: r.page(address), Range: r.Range})
		}
		want := append(bytes.Repeat([]byte{1}, c.ones), make([]byte, c.n*p-c.ones)...)
		if !errors.Is(err, c.want) || c.want == nil && !bytes.Equal(d.data, want) || c.want != nil && d.calls != nil {
			t.Errorf("%s: %v, %v", what, err, d.calls)
		}
	}
}

// What is in the way of a granule may not be in the way of the page.
func TestNeighbours(t *testing.T) {
	p := pageSize
	for what, c := range map[string]struct {
		done    int
		limit   int
		granule uint64
		calls   int
		want    error
	}{
		"after the page":      {int(3 * p), 0, 4 * p, 1, nil},
		"before the page":     {int(2 * p), int(p), 4 * p, 2, nil},
		"at the page":         {int(2 * p), 0, 4 * p, 2, errTest},
		"the page is all":     {0, 0, p, 1, errTest},
		"nothing can be done": {0, 0, 4 * p, 2, errTest},
	} {
		d := &filler{features: uffd.FeatureSIGBUS, err: errTest, limit: c.limit, done: c.done}
		r, err := From(d, uffd.Range{Start: 1024 * p, Len: 4 * p}, reader{int(c.granule), nil}, Options{Granule: c.granule})
		if err != nil {
			t.Fatal(err)
		}
		address := 1026 * p
		err = r.Resolve(Fault{Address: address, Page: r.page(address), Range: r.Range})
		if !errors.Is(err, c.want) || len(d.calls) != c.calls {
			t.Errorf("%s: %v after %v", what, err, d.calls)
		}
	}
}

// The same with the kernel: memory that is registered in part.
func TestUnregisteredNeighbour(t *testing.T) {
	a := anon(t, 4)
	d := open(t, 0)
	if _, err := d.Register(uffd.Between(a.addr(2), a.addr(3)), uffd.ModeMissing); err != nil {
		t.Fatal(err)
	}
	r, err := From(d, a.all(), bytes.NewReader(a.want(1)), Options{Granule: 4 * a.page})
	if err != nil {
		t.Fatal(err)
	}
	var seen []byte
	err = Do(func(Fault) error { seen = bytes.Clone(a.part(2, 1)); return nil }, r)
	if err != nil || !bytes.Equal(seen, a.want(1)[2*a.page:3*a.page]) {
		t.Error(err)
	}
}

// A page that another goroutine has provided is as good; a descriptor that is closed
// serves nobody.
func TestClosed(t *testing.T) {
	a := anon(t, 1)
	d := open(t, 0)
	register(t, d, a, uffd.ModeMissing)
	r, err := From(d, a.all(), bytes.NewReader(nil), Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = Do(func(Fault) error { runtime.KeepAlive(a.mem[0]); return nil }, Region{Range: r.Range, Resolve: func(f Fault) error {
		if err := r.Resolve(f); err != nil {
			return err
		}
		_, err := d.Zero(f.Page, 0)
		if !errors.Is(err, uffd.ErrExists) {
			t.Error(err)
		}
		return err
	}})
	if err != nil {
		t.Errorf("a page that is there: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	a.discard(t)
	if err := r.Resolve(Fault{Address: a.addr(0), Page: a.at(0), Range: a.all()}); !errors.Is(err, uffd.ErrClosed) {
		t.Errorf("a closed descriptor: %v", err)
	}
}

func TestFromArguments(t *testing.T) {
	p := pageSize
	good := uffd.Range{Start: 8 * p, Len: 8 * p}
	source := bytes.NewReader(nil)
	with := &filler{features: uffd.FeatureSIGBUS}
	for what, c := range map[string]struct {
		d    Filler
		r    uffd.Range
		s    io.ReaderAt
		o    Options
		want error
	}{
		"no descriptor":       {nil, good, source, Options{}, unix.EINVAL},
		"one that is nil":     {(*uffd.Descriptor)(nil), good, source, Options{}, unix.EINVAL},
		"no source":           {with, good, nil, Options{}, unix.EINVAL},
		"no feature":          {&filler{}, good, source, Options{}, ErrFeature},
		"no range":            {with, uffd.Range{}, source, Options{}, unix.EINVAL},
		"an odd range":        {with, uffd.Range{Start: 1, Len: p}, source, Options{}, unix.EINVAL},
		"odd pages":           {with, good, source, Options{PageSize: 3}, unix.EINVAL},
		"an odd granule":      {with, good, source, Options{Granule: p + 1}, unix.EINVAL},
		"a huge granule":      {with, good, source, Options{Granule: 2 << 30}, unix.EINVAL},
		"a negative offset":   {with, good, source, Options{Offset: -1}, unix.EINVAL},
		"an offset too large": {with, good, source, Options{Offset: math.MaxInt64 - 1}, unix.EINVAL},
		"bad patience":        {with, good, source, Options{Patience: -1}, unix.EINVAL},
	} {
		if r, err := From(c.d, c.r, c.s, c.o); !errors.Is(err, c.want) || r.Resolve != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := From(with, good, source, Options{Offset: math.MaxInt64 - int64(good.Len)}); err != nil {
		t.Error(err)
	}
}
