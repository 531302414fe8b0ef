package faultloop

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/pkey"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// The source has a protection key that is closed for every thread of Go. The thread of
// the loop opens all keys for itself if it is told to.
func TestKeys(t *testing.T) {
	testgate.Need(t, testgate.Pkey, pkey.Supported())
	key, err := pkey.Alloc()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := key.Free(); err != nil {
			t.Error(err)
		}
	})
	for _, open := range []bool{false, true} {
		s := newScene(t, 2, Config{Poison: poison(), Keys: open}, 0)
		s.register(0, 2, uffd.ModeMissing)
		color := func(key pkey.Key) {
			if err := pkey.Protect(uintptr(s.source.at(0)), uintptr(len(s.source)), pkey.ProtRead|pkey.ProtWrite, key); err != nil {
				t.Fatal(err)
			}
		}
		r := s.rule(0, 2)
		r.Missing = Copy
		s.rules(r)
		color(key)
		p := s.read(1)
		if open {
			s.reads(p, mark(1))
		} else {
			s.told(Failed, unix.EFAULT, 1)
		}
		color(0)
	}
}
