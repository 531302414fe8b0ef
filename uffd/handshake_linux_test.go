package uffd

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
)

// Before the handshake every call says that it is missing, and afterwards all
// work.
func TestNoHandshake(t *testing.T) {
	clean(t)
	d, a := received(t, bare(t, sys.O_CLOEXEC|sys.O_NONBLOCK)), anonymous(t, 2)
	if d.Ready() || d.Available() != 0 || d.Enabled() != 0 || d.Ioctls() != 0 || d.FD() < 0 {
		t.Errorf("ready %v, available %v, enabled %v, ioctls %v", d.Ready(), d.Available(), d.Enabled(), d.Ioctls())
	}
	refused := func(op string, err error) bool {
		return op == opPoison && deadlyHere.Has(FeaturePoison) && errors.Is(err, errors.ErrUnsupported)
	}
	for _, c := range calls {
		n, err := c.do(d, a.Range, 0)
		if n != 0 {
			t.Errorf("%s: %d", c.op, n)
		}
		if refused(c.op, err) {
			continue
		}
		want(t, err, unix.EINVAL, ErrNoHandshake, c.op, a.String(), "handshake")
	}
	for op, all := range allCalls(a.Range) {
		if _, err := all(d, Retry{}); !refused(op, err) {
			want(t, err, unix.EINVAL, ErrNoHandshake, op)
		}
	}
	want(t, d.SetMode(FeatureRWPAsync, 0), unix.EINVAL, ErrNoHandshake, opSetMode)
	_, err := d.TryRead(make([]Event, 1))
	want(t, err, unix.EINVAL, ErrNoHandshake, opRead)
	_, err = d.Read(make([]Event, 40))
	want(t, err, unix.EINVAL, ErrNoHandshake, opRead)

	// A handshake that fails leaves it as it is.
	const never Features = 1 << 62
	if err := d.Handshake(Options{Required: never}); !errors.Is(err, errors.ErrUnsupported) || d.Ready() {
		t.Errorf("%v, ready %v", err, d.Ready())
	}
	if err := d.Handshake(Options{Required: FeatureRWPAsync}); !errors.Is(err, ErrRWPAsync) || d.Ready() {
		t.Errorf("%v, ready %v", err, d.Ready())
	}
	if !mayTrace(t) {
		if err := d.Handshake(Options{Required: FeatureEventFork}); !errors.Is(err, ErrEventFork) || d.Ready() {
			t.Errorf("%v, ready %v", err, d.Ready())
		}
	}
	if err := d.Handshake(Options{Required: FeatureThreadID, Wanted: never}); err != nil {
		t.Fatal(err)
	}
	if !d.Ready() || d.Enabled() != FeatureThreadID || d.Available() != mustOpen(t, Options{}).Available() || d.Ioctls() == 0 {
		t.Errorf("ready %v, enabled %v, available %v, ioctls %v", d.Ready(), d.Enabled(), d.Available(), d.Ioctls())
	}
	register(t, d, a, ModeMissing)
	if n, err := d.Zero(a.Range, 0); n != a.Len || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	for range 2 {
		want(t, d.Handshake(Options{}), unix.EINVAL, nil, "UFFDIO_API")
	}
}

// Two have the descriptor, and the other does the handshake.
func TestHandshakeByTheOther(t *testing.T) {
	clean(t)
	d := received(t, bare(t, sys.O_CLOEXEC|sys.O_NONBLOCK))
	other := received(t, dup(t, d))
	if err := other.Handshake(Options{Wanted: FeatureSIGBUS}); err != nil {
		t.Fatal(err)
	}
	want(t, d.Handshake(Options{}), unix.EINVAL, nil, "UFFDIO_API")
	if !d.Ready() || d.Enabled() != other.Enabled() {
		t.Errorf("ready %v, enabled %v, want %v", d.Ready(), d.Enabled(), other.Enabled())
	}
}
