package populate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/awake"
	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/uffd"
)

// asked are the calls that a kernel of a test has got, in pages from base.
type asked struct {
	calls  []string
	answer func(first, pages, n int) error // n is the how-manieth call, from 1
}

const base = 1 << 30

func (a *asked) kernel() kernel {
	return kernel{
		madvise: func(addr, length uintptr, advice int) error {
			if length == 0 {
				return a.answer(0, 0, 0)
			}
			p := uintptr(pageSize)
			first, pages := int((addr-base)/p), int(length/p)
			call := fmt.Sprintf("%d+%d", first, pages)
			if addr%p != 0 || length%p != 0 {
				call = "unaligned"
			}
			if advice == sys.MADV_POPULATE_WRITE {
				call = "w" + call
			}
			a.calls = append(a.calls, call)
			return a.answer(first, pages, len(a.calls))
		},
		mincore: func(uintptr, uintptr, []byte) error { return nil },
	}
}

func bytesOf(from, to uint64) uffd.Range { return uffd.Between(base+from, base+to) }

// While a call waits a timer is pending, and not after: see package awake.
func TestKeepsAwake(t *testing.T) {
	var during int64
	a := &asked{answer: func(_, _, n int) error {
		during = awake.Needed()
		return map[int]error{1: nil, 2: unix.ENOMEM}[n%3]
	}}
	for _, pages := range []uint64{1, 3} {
		_, _ = a.kernel().populate(t.Context(), bytesOf(0, pages*pageSize), Options{Chunk: pageSize})
		if now := awake.Needed(); during != 1 || now != 0 {
			t.Errorf("needed by %d during the call, by %d after it", during, now)
		}
	}
}

// What is asked for, chunk by chunk, and page by page if a chunk fails.
func TestCalls(t *testing.T) {
	p := pageSize
	never := func(int, int, int) error { return nil }
	at := func(page int, err error) func(int, int, int) error {
		return func(first, pages, n int) error {
			if first <= page && page < first+pages {
				return err
			}
			return nil
		}
	}
	for _, c := range []struct {
		what   string
		r      uffd.Range
		o      Options
		answer func(first, pages, n int) error
		calls  string
		n      uint64
		want   error
	}{
		{"a page", bytesOf(0, p), Options{}, never, "0+1", p, nil},
		{"nothing", bytesOf(5, 5), Options{}, never, "", 0, nil},
		{"a byte", bytesOf(p+5, p+6), Options{}, never, "1+1", 1, nil},
		{"two bytes of two pages", bytesOf(p-1, p+1), Options{}, never, "0+2", 2, nil},
		{"chunks", bytesOf(0, 10*p), Options{Chunk: 4 * p}, never, "0+4 4+4 8+2", 10 * p, nil},
		{"chunks that are rounded up", bytesOf(5, 5*p), Options{Chunk: p + 1}, never, "0+2 2+2 4+1", 5*p - 5, nil},
		{"a chunk of nearly everything", bytesOf(0, 10*p), Options{Chunk: math.MaxUint64}, never, "0+10", 10 * p, nil},
		{"for write", bytesOf(0, 3*p), Options{Chunk: 2 * p, Access: ForWrite}, never, "w0+2 w2+1", 3 * p, nil},
		{"a bad page", bytesOf(7, 10*p), Options{Chunk: 4 * p}, at(5, unix.EFAULT), "0+4 4+4 4+1 5+1", 5*p - 7, unix.EFAULT},
		{"the first is bad", bytesOf(7, 10*p), Options{}, at(0, unix.EFAULT), "0+10 0+1", 0, unix.EFAULT},
		{"the only one is bad", bytesOf(7, 8), Options{}, at(0, unix.EFAULT), "0+1 0+1", 0, unix.EFAULT},
		{"it was bad", bytesOf(0, 6*p), Options{Chunk: 3 * p}, func(_, _, n int) error {
			return map[int]error{2: unix.EFAULT}[n]
		}, "0+3 3+3 3+1 4+1 5+1", 6 * p, nil},
		{"interrupted", bytesOf(0, 2*p), Options{}, func(_, _, n int) error {
			return map[int]error{1: unix.EINTR, 2: unix.EAGAIN, 3: unix.EINTR}[n]
		}, "0+2 0+2 0+2 0+2", 2 * p, nil},
	} {
		k := &asked{answer: c.answer}
		n, err := k.kernel().populate(t.Context(), c.r, c.o)
		calls := strings.Join(k.calls, " ")
		if calls != c.calls || n != c.n || !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %q, %d, %v; want %q, %d, %v", c.what, calls, n, err, c.calls, c.n, c.want)
		}
		if e, ok := errors.AsType[*Error](err); ok && (e.Done != n || e.Range != uffd.Between(c.r.Start+n, c.r.End())) {
			t.Errorf("%s: %+v", c.what, e)
		}
	}
}

// EAGAIN for ever is an error; a context ends it, and what lies between chunks.
func TestEnds(t *testing.T) {
	p := pageSize
	k := &asked{answer: func(int, int, int) error { return unix.EAGAIN }}
	if n, err := k.kernel().populate(t.Context(), bytesOf(0, p), Options{}); n != 0 || !errors.Is(err, unix.EAGAIN) {
		t.Errorf("%d, %v", n, err)
	}
	for _, each := range []error{nil, unix.EINTR, unix.EAGAIN, unix.EFAULT} {
		ctx, cancel := context.WithCancel(t.Context())
		k := &asked{answer: func(_, _, n int) error {
			if n < 3 {
				return nil
			}
			cancel()
			return each
		}}
		n, err := k.kernel().populate(ctx, bytesOf(9, 8*p), Options{Chunk: 2 * p})
		want := 4*p - 9
		if each == nil {
			want = 6*p - 9
		}
		if n != want || !errors.Is(err, context.Canceled) || len(k.calls) != 3 {
			t.Errorf("with %v: %d, %v after %q", each, n, err, k.calls)
		}
		cancel()
	}
}

// What an errno means.
func TestMeanings(t *testing.T) {
	named := []error{ErrFault, ErrUserModeOnly, ErrSIGBUS, ErrPoisoned, ErrNotMapped, ErrAccess, errors.ErrUnsupported}
	for what, c := range map[string]struct {
		errno   error
		o       Options
		old     bool // the kernel knows nothing of it
		mincore error
		want    []error
	}{
		"EFAULT":                           {unix.EFAULT, Options{}, false, nil, []error{ErrFault}},
		"EFAULT, all faults are served":    {unix.EFAULT, Options{Descriptor: told{}}, false, nil, []error{ErrFault}},
		"EFAULT, a descriptor that is nil": {unix.EFAULT, Options{Descriptor: (*uffd.Descriptor)(nil)}, false, nil, []error{ErrFault}},
		"EFAULT, user-mode-only":           {unix.EFAULT, Options{Descriptor: told{user: true}}, false, nil, []error{ErrFault, ErrUserModeOnly}},
		"EFAULT, SIGBUS":                   {unix.EFAULT, Options{Descriptor: told{user: true, enabled: uffd.FeatureSIGBUS}}, false, nil, []error{ErrFault, ErrSIGBUS}},
		"EHWPOISON":                        {unix.EHWPOISON, Options{}, false, nil, []error{ErrPoisoned}},
		"ENOMEM, not mapped":               {unix.ENOMEM, Options{}, false, unix.ENOMEM, []error{ErrNotMapped}},
		"ENOMEM":                           {unix.ENOMEM, Options{}, false, nil, nil},
		"EINVAL":                           {unix.EINVAL, Options{}, false, nil, []error{ErrAccess}},
		"EINVAL of an old kernel":          {unix.EINVAL, Options{}, true, nil, []error{errors.ErrUnsupported}},
		"another":                          {unix.EIO, Options{}, false, nil, nil},
	} {
		k := (&asked{answer: func(_, pages, _ int) error {
			if pages != 0 || c.old {
				return c.errno
			}
			return nil
		}}).kernel()
		k.mincore = func(uintptr, uintptr, []byte) error { return c.mincore }
		_, err := k.populate(t.Context(), bytesOf(0, 1), c.o)
		if !errors.Is(err, c.errno) {
			t.Errorf("%s: %v", what, err)
		}
		for _, name := range named {
			if errors.Is(err, name) != slices.Contains(c.want, name) {
				t.Errorf("%s: %v; is it %q?", what, err, name)
			}
		}
		if text := err.Error(); !strings.Contains(text, opRead) || !strings.Contains(text, bytesOf(0, 1).String()) {
			t.Errorf("%s: %q", what, text)
		}
	}
}

type told struct {
	user    bool
	enabled uffd.Features
}

func (t told) UserModeOnly() bool     { return t.user }
func (t told) Enabled() uffd.Features { return t.enabled }

func TestArguments(t *testing.T) {
	a := anon(t, 1)
	var none context.Context
	for what, f := range map[string]func() error{
		"no context":     func() error { _, err := Range(none, a.all(), Options{}); return err },
		"a third access": func() error { _, err := Range(t.Context(), a.all(), Options{Access: 2}); return err },
		"round the end": func() error {
			_, err := Range(t.Context(), uffd.Range{Start: 1 << 20, Len: math.MaxUint64}, Options{})
			return err
		},
		"the end": func() error {
			_, err := Range(t.Context(), uffd.Range{Start: math.MaxUint64 - 1, Len: 1}, Options{})
			return err
		},
		"no function": func() error { return Do(t.Context(), a.mem, Options{}, nil) },
		"an address of 64 bits, where they have 32": func() error {
			if math.MaxUint != math.MaxUint32 {
				return unix.EINVAL
			}
			_, err := Range(t.Context(), uffd.Range{Start: a.all().Start | 1<<32, Len: 1}, Options{})
			return err
		},
	} {
		if err := f(); !errors.Is(err, unix.EINVAL) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for access, want := range map[Access]string{ForRead: "ForRead", ForWrite: "ForWrite", 9: "Access(9)"} {
		if got := access.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
