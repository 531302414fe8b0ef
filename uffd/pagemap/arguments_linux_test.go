package pagemap

import (
	"errors"
	"io"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/uffd"
)

// known are the categories that every kernel with PAGEMAP_SCAN has.
const known = WPAllowed | Written | File | Present | Swapped | PFNZero | Huge

// What the kernel itself makes of arguments, by the bare call.
func TestArgumentsBare(t *testing.T) {
	m, d := open(t), async(t)
	a := anon(t, 1000)
	arm(t, d, a.all())
	into := make([]sys.PageRegion, a.pages()/2)
	all := uint64(known)
	w := uint64(Written)
	const wp = sys.PM_SCAN_WP_MATCHING | sys.PM_SCAN_CHECK_WPASYNC
	good := sys.PmScanArg{
		Size: scanSize, Start: a.all().Start, End: a.all().End(),
		Vec: sys.SlicePointer(into), VecLen: uint64(len(into)),
	}
	for what, test := range map[string]struct {
		change func(*sys.PmScanArg)
		want   error
	}{
		"an empty range":                    {func(p *sys.PmScanArg) { p.End, p.CategoryMask, p.ReturnMask = p.Start, all, all }, nil},
		"room, and no buffer":               {func(p *sys.PmScanArg) { p.Vec, p.CategoryMask, p.ReturnMask = sys.Pointer{}, all, all }, unix.EINVAL},
		"a buffer, and no room":             {func(p *sys.PmScanArg) { p.VecLen, p.CategoryMask, p.ReturnMask = 0, all, all }, nil},
		"neither buffer nor room":           {func(p *sys.PmScanArg) { p.Vec, p.VecLen, p.CategoryMask = sys.Pointer{}, 0, all }, nil},
		"all flags":                         {func(p *sys.PmScanArg) { p.Flags, p.CategoryMask, p.ReturnMask = ^uint64(0), w, w }, unix.EINVAL},
		"flags that there are and others":   {func(p *sys.PmScanArg) { p.Flags, p.CategoryMask, p.ReturnMask = wp|0xff, w, w }, unix.EINVAL},
		"a flag that there is not":          {func(p *sys.PmScanArg) { p.Flags = 4 }, unix.EINVAL},
		"no mask":                           {func(p *sys.PmScanArg) { p.ReturnMask = w }, nil},
		"nothing to return":                 {func(p *sys.PmScanArg) { p.CategoryMask, p.CategoryAnyofMask = w, w }, nil},
		"a category that there is not":      {func(p *sys.PmScanArg) { p.CategoryMask, p.ReturnMask = w, 1<<12 }, unix.EINVAL},
		"all bits":                          {func(p *sys.PmScanArg) { p.Flags, p.CategoryMask, p.ReturnMask = wp, 1<<63, w }, unix.EINVAL},
		"an inverted one that there is not": {func(p *sys.PmScanArg) { p.CategoryInverted = 1 << 40 }, unix.EINVAL},
		"any of one that there is not":      {func(p *sys.PmScanArg) { p.CategoryAnyofMask = 1 << 40 }, unix.EINVAL},
		"protection of what is all of it":   {func(p *sys.PmScanArg) { p.Flags, p.CategoryInverted, p.ReturnMask = wp, all, w }, nil},
		"a smaller size":                    {func(p *sys.PmScanArg) { p.Size-- }, unix.EINVAL},
		"a larger size":                     {func(p *sys.PmScanArg) { p.Size += 8 }, unix.EINVAL},
		"an unaligned start":                {func(p *sys.PmScanArg) { p.Start++ }, unix.EINVAL},
		"an unaligned end":                  {func(p *sys.PmScanArg) { p.End-- }, nil},
		"an end before the start":           {func(p *sys.PmScanArg) { p.End = p.Start - pageSize }, unix.EFAULT},
		"a buffer that is not mapped":       {func(p *sys.PmScanArg) { p.Vec, p.VecLen = sys.AddressPointer(8), 1 }, unix.EFAULT},
		"a buffer larger than all memory":   {func(p *sys.PmScanArg) { p.VecLen = 1 << 62 }, unix.EFAULT},
	} {
		t.Run(what, func(t *testing.T) {
			p := good
			test.change(&p)
			p.WalkEnd = 1
			err := m.Control(func(fd int) error { _, err := sys.PagemapScan(fd, &p); return err })
			// What a 32-bit kernel makes of a length that it cannot count is its own.
			if !errors.Is(err, test.want) && !(p.VecLen == 1<<62 && errors.Is(err, unix.EINVAL)) {
				t.Errorf("%v, want %v", err, test.want)
			}
			if err == nil && p.WalkEnd < p.Start {
				t.Errorf("the walk ended at %#x", p.WalkEnd)
			}
		})
	}
}

// What Scan and Walk make of them: a clear error, and nothing has changed.
func TestArguments(t *testing.T) {
	m, d := open(t), async(t)
	a := anon(t, 4)
	arm(t, d, a.all())
	a.write(1)
	into := make([]Region, 4)
	r := a.all()
	for what, test := range map[string]struct {
		r    uffd.Range
		q    Query
		into []Region
		want error
	}{
		"an unaligned start":     {uffd.Range{Start: r.Start + 1, Len: r.Len}, collect, into, unix.EINVAL},
		"a range past the end":   {uffd.Range{Start: r.Start, Len: -r.Start + pageSize}, collect, into, unix.EINVAL},
		"the last page":          {uffd.Range{Start: -pageSize, Len: pageSize - 1}, dirty, into, unix.EFAULT},
		"no room":                {r, dirty, nil, io.ErrShortBuffer},
		"room for none":          {r, dirty, into[:0], io.ErrShortBuffer},
		"an unknown category":    {r, Query{Mask: 1 << 50}, into, errors.ErrUnsupported},
		"an unknown one of many": {r, Query{Mask: Written, Return: Written | 1<<50}, into, errors.ErrUnsupported},
	} {
		t.Run(what, func(t *testing.T) {
			n, end, err := m.Scan(test.r, test.q, test.into)
			if !errors.Is(err, test.want) || n != 0 || end != test.r.Start {
				t.Errorf("Scan: %d, %#x, %v; want %v", n, end, err, test.want)
			}
			err = m.Walk(test.r, test.q, test.into, func(r Region) error { t.Errorf("%v", r); return nil })
			if !errors.Is(err, test.want) {
				t.Errorf("Walk: %v; want %v", err, test.want)
			}
			a.want(t, m, "after it", dirty, "1")
		})
	}
	if err := m.Walk(r, collect, nil, nil); !errors.Is(err, io.ErrShortBuffer) {
		t.Errorf("Walk without room: %v", err)
	}
	a.want(t, m, "after all", dirty, "1")
	for _, q := range []Query{dirty, collect, {}} {
		if n, end, err := m.Scan(uffd.Range{Start: r.Start}, q, into); n != 0 || end != r.Start || err != nil {
			t.Errorf("an empty range: %d, %#x, %v", n, end, err)
		}
	}
	// The end is rounded up to a whole page.
	if got, _, end := a.scan(t, m, uffd.Range{Start: r.Start, Len: pageSize + 1}, dirty, 1); got != "1" || end != 2 {
		t.Errorf("a page and a byte: %q, %d", got, end)
	}
}

// An unknown category is named, and so are those that there are.
func TestCategoryError(t *testing.T) {
	m := open(t)
	have, err := m.Categories()
	if err != nil || !have.Has(known) || have.Has(1<<50) {
		t.Fatalf("%v, %v", have, err)
	}
	t.Log(have)
	a := anon(t, 1)
	for _, q := range []Query{{Mask: 1 << 50}, {AnyOf: 1<<50 | Present}, {Inverted: 1 << 50}, {Return: 1<<50 | Written}} {
		_, _, err := m.Scan(a.all(), q, make([]Region, 1))
		ce, ok := errors.AsType[*CategoryError](err)
		if !ok || ce.Unknown != 1<<50 || ce.Known != have {
			t.Errorf("%+v: %v", q, err)
		}
	}
	for c := Categories(1); c != 0; c <<= 1 {
		_, _, err := m.Scan(a.all(), Query{Return: c}, make([]Region, 1))
		if (err == nil) != have.Has(c) {
			t.Errorf("%v: %v, and the kernel has %v", c, err, have)
		}
	}
}
