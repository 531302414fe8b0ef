package resolver

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/pageslot/pageslot/uffd"
)

func TestOptions(t *testing.T) {
	for _, c := range []struct {
		o, want Options
		words   string
	}{
		{Options{}, Options{Threads: 1, Batch: 16, Ring: 256}, ""},
		{Options{Threads: 64, Batch: 1024, Ring: 1 << 16, Spin: 1 << 30, Linger: true}, Options{Threads: 64, Batch: 1024, Ring: 1 << 16, Spin: 1 << 30, Linger: true}, ""},
		{Options{Ring: 1}, Options{Threads: 1, Batch: 16, Ring: 2}, ""},
		{Options{Ring: 2}, Options{Threads: 1, Batch: 16, Ring: 2}, ""},
		{Options{Ring: 3}, Options{Threads: 1, Batch: 16, Ring: 4}, ""},
		{Options{Ring: 257}, Options{Threads: 1, Batch: 16, Ring: 512}, ""},
		{Options{Ring: 1<<16 - 1}, Options{Threads: 1, Batch: 16, Ring: 1 << 16}, ""},
		{Options{Threads: 65}, Options{}, "Threads is 65, and may be 0 to 64"},
		{Options{Threads: -1}, Options{}, "Threads is -1"},
		{Options{Spin: 1<<30 + 1}, Options{}, "Spin is 1073741825"},
		{Options{Batch: 1025}, Options{}, "Batch is 1025, and may be 0 to 1024"},
		{Options{Ring: 1<<16 + 1}, Options{}, "Ring is 65537"},
	} {
		got, odd := c.o.checked()
		if c.words == "" && (odd != "" || got != c.want) || !strings.Contains(odd, c.words) {
			t.Errorf("%+v: %+v, %q", c.o, got, odd)
		}
	}
}

func TestErrors(t *testing.T) {
	at := uffd.Range{Start: 0x1000, Len: 0x2000}
	for _, c := range []struct {
		err  error
		text string
	}{
		{&Error{Op: "stop", Err: ErrClosed}, "resolver: stop: file already closed"},
		{&Error{Op: "serve", Detail: of(at), Err: ErrOverlap}, "resolver: serve of [0x1000, 0x3000): some of it is served already"},
	} {
		if c.err.Error() != c.text {
			t.Errorf("%q, want %q", c.err, c.text)
		}
	}
	if err := error(&Error{Op: "stop", Err: ErrClosed}); !errors.Is(err, fs.ErrClosed) {
		t.Error("ErrClosed is not that of files")
	}
}

func TestMessage(t *testing.T) {
	m := Message{Reason: Parked, Err: ErrUnknown}
	if s := m.String(); !strings.HasPrefix(s, "Parked: ") || !strings.HasSuffix(s, ErrUnknown.Error()) {
		t.Errorf("%q", s)
	}
	m.Err = nil
	if s := m.String(); strings.Contains(s, ErrUnknown.Error()) {
		t.Errorf("%q", s)
	}
}
