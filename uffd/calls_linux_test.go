package uffd

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
)

// call is one of the calls on a range, in the form that all have in common.
type call struct {
	op      string   // as errors name it
	flags   Flags    // those that it has
	fills   bool     // whether it reports bytes
	mode    Mode     // what it needs of Register
	feature Features // what it needs of the kernel: one of them
	do      func(d *Descriptor, r Range, flags Flags) (uint64, error)
}

// source is what Copy copies: its length is the range's.
func source(length uint64) []byte { return make([]byte, min(length, 1<<20)) }

// elsewhere is where Move takes its pages from, for calls that fail before that.
const elsewhere = 1 << 20

var calls = []call{
	{opCopy, DontWake | Protected, true, ModeMissing, 0, func(d *Descriptor, r Range, f Flags) (uint64, error) {
		n, err := d.Copy(r.Start, source(r.Len), f)
		return uint64(n), err
	}},
	{opZero, DontWake, true, ModeMissing, 0, (*Descriptor).Zero},
	{opContinue, DontWake | Protected, true, ModeMinor, FeatureMinorShmem | FeatureMinorHugetlbfs, (*Descriptor).Continue},
	{opPoison, DontWake, true, ModeMissing, FeaturePoison, (*Descriptor).Poison},
	{opMove, DontWake | AllowHoles, true, ModeMissing, FeatureMove, func(d *Descriptor, r Range, f Flags) (uint64, error) {
		return d.Move(r.Start, elsewhere, r.Len, f)
	}},
	{opWriteProtect, 0, false, ModeWP, FeaturePagefaultFlagWP, func(d *Descriptor, r Range, f Flags) (uint64, error) {
		return 0, d.WriteProtect(r)
	}},
	{opWriteProtect, DontWake, false, ModeWP, FeaturePagefaultFlagWP, func(d *Descriptor, r Range, f Flags) (uint64, error) {
		return 0, d.WriteUnprotect(r, f)
	}},
	{opRWProtect, 0, false, ModeRWP, FeatureRWP, func(d *Descriptor, r Range, f Flags) (uint64, error) {
		return 0, d.RWProtect(r)
	}},
	{opRWProtect, DontWake, false, ModeRWP, FeatureRWP, func(d *Descriptor, r Range, f Flags) (uint64, error) {
		return 0, d.RWUnprotect(r, f)
	}},
	{opWake, 0, false, 0, 0, func(d *Descriptor, r Range, f Flags) (uint64, error) { return 0, d.Wake(r) }},
	{opRegister, 0, false, 0, 0, func(d *Descriptor, r Range, f Flags) (uint64, error) {
		ioctls, err := d.Register(r, ModeMissing)
		return uint64(ioctls), err
	}},
	{opUnregister, 0, false, 0, 0, func(d *Descriptor, r Range, f Flags) (uint64, error) { return 0, d.Unregister(r) }},
}

// eachCall runs a subtest for each call that the kernel has.
func eachCall(t *testing.T, chosen func(c call) bool, f func(t *testing.T, c call)) {
	for i, c := range calls {
		if !chosen(c) {
			continue
		}
		t.Run(fmt.Sprint(i, " ", c.op), func(t *testing.T) {
			clean(t)
			c.need(t)
			f(t, c)
		})
	}
}

func anyCall(call) bool { return true }

// need skips a test of a call that the kernel does not have.
func (c call) need(t testing.TB) {
	t.Helper()
	if have := mustOpen(t, Options{}).Available(); c.feature != 0 && have&c.feature == 0 {
		testgate.Skip(t, testgate.UffdFeature, fmt.Sprintf("this kernel has no %s (it has %v)", c.op, have))
	}
}

// want checks an error: its errno, its meaning, and that it names call, range and
// cause.
func want(t testing.TB, err error, errno error, kind error, op string, words ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error, want %v", op, errno)
		return
	}
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Op != op || !errors.Is(err, errno) {
		t.Errorf("%v (%T); want %v of %s", err, err, errno, op)
	}
	for _, k := range []error{ErrChanging, ErrExists, ErrLayout, ErrGone, ErrNoHandshake, ErrClosed} {
		if got := errors.Is(err, k); got != (k == kind) {
			t.Errorf("%v: is %v: %v", err, k, got)
		}
	}
	for _, w := range append(words, op, errno.Error()) {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q lacks %q", err, w)
		}
	}
}

// No kernel accepts these ranges, and the error says what is wrong with them.
func TestBadRanges(t *testing.T) {
	eachCall(t, anyCall, func(t *testing.T, c call) {
		d, a := mustOpen(t, Options{}), anonymous(t, 4)
		register(t, d, a, ModeMissing)
		top := -pageSize // the last page of 64 bits
		for _, test := range []struct {
			r    Range
			word string
		}{
			{Range{a.Start + 1, pageSize}, "start is not a multiple"},
			{Range{a.Start + pageSize/2, pageSize}, "start is not a multiple"},
			{Range{a.Start, pageSize + 1}, "is not a multiple"},
			{Range{a.Start, pageSize - 1}, "is not a multiple"},
			{Range{a.Start, 1}, "is not a multiple"},
			{Range{a.Start, 0}, "empty"},
			{Range{}, "empty"},
			{Range{top, 2 * pageSize}, "beyond the last address"},
			{Range{top - pageSize, 1 << 20 &^ (pageSize - 1)}, "beyond the last address"},
			// Beyond what a process can have. Where that is less depends on the port:
			// on s390x it is nearly everything.
			{Range{top, pageSize}, ""},
		} {
			n, err := c.do(d, test.r, 0)
			if n != 0 {
				t.Errorf("%v: %d bytes", test.r, n)
			}
			want(t, err, unix.EINVAL, nil, c.op, test.r.String(), test.word)
		}
		a.missing(t)
		// It is still registered, in the mode in which it was.
		if n, err := d.Zero(a.Range, 0); n != a.Len || err != nil {
			t.Errorf("afterwards: %d, %v", n, err)
		}
	})
}

// Flags that a call does not have are an error that names them, and nothing is
// done.
func TestUnknownFlags(t *testing.T) {
	eachCall(t, func(c call) bool { return c.fills || c.flags != 0 }, func(t *testing.T, c call) {
		d, a := mustOpen(t, Options{}), anonymous(t, 1)
		register(t, d, a, ModeMissing)
		for bit := range 8 {
			if f := Flags(1 << bit); c.flags&f == 0 {
				for _, f := range []Flags{f, f | c.flags} {
					n, err := c.do(d, a.Range, f)
					if n != 0 {
						t.Errorf("%v: %d bytes", f, n)
					}
					want(t, err, unix.EINVAL, nil, c.op, f.String(), a.Range.String(), "does not have")
				}
			}
		}
		a.missing(t)
	})
}

func TestClosed(t *testing.T) {
	clean(t)
	a := anonymous(t, 1)
	closed := mustOpen(t, Options{})
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	for _, d := range []*Descriptor{closed, new(Descriptor)} {
		for _, c := range calls {
			n, err := c.do(d, a.Range, 0)
			if n != 0 {
				t.Errorf("%s: %d", c.op, n)
			}
			want(t, err, ErrClosed, ErrClosed, c.op)
		}
		for op, all := range allCalls(a.Range) {
			n, err := all(d, Retry{})
			if n != 0 {
				t.Errorf("%s: %d", op, n)
			}
			want(t, err, ErrClosed, ErrClosed, op)
		}
		want(t, d.SetMode(FeatureRWPAsync, 0), ErrClosed, ErrClosed, opSetMode)
		want(t, d.Handshake(Options{}), ErrClosed, ErrClosed, "UFFDIO_API")
		_, err := d.Read(make([]Event, 1))
		want(t, err, ErrClosed, ErrClosed, opRead)
	}
}

// allCalls are the calls that do everything, on a range.
func allCalls(r Range) map[string]func(*Descriptor, Retry) (uint64, error) {
	return map[string]func(*Descriptor, Retry) (uint64, error){
		opCopy: func(d *Descriptor, o Retry) (uint64, error) {
			n, err := d.CopyAll(r.Start, source(r.Len), 0, o)
			return uint64(n), err
		},
		opZero:     func(d *Descriptor, o Retry) (uint64, error) { return d.ZeroAll(r, 0, o) },
		opContinue: func(d *Descriptor, o Retry) (uint64, error) { return d.ContinueAll(r, 0, o) },
		opPoison:   func(d *Descriptor, o Retry) (uint64, error) { return d.PoisonAll(r, 0, o) },
		opMove:     func(d *Descriptor, o Retry) (uint64, error) { return d.MoveAll(r.Start, elsewhere, r.Len, 0, o) },
	}
}
