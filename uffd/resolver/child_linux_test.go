package resolver_test

import (
	"bytes"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/resolver"
)

var pageSize = os.Getpagesize()

// The one thing that must not happen: a goroutine that copies waits for a page, and
// the collector for it.
func TestCopyUnderCollections(t *testing.T) {
	_, inChild, err := testgate.Child(t, time.Minute)
	if !inChild {
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	d := open(t, uffd.Options{UserMode: uffd.UserModeFallback})
	r := start(t, d, resolver.Options{})
	pages := testgate.Rounds(20_000, 2000)
	mem, source := mapped(t, pages), pattern(pages)
	must(t, r.Serve(resolver.Rule{Range: uffd.RangeOf(mem), Missing: resolver.Copy, Source: source}))
	var stop atomic.Bool
	go func() {
		for !stop.Load() {
			runtime.GC()
		}
	}()
	to := make([]byte, len(mem))
	copy(to, mem)
	stop.Store(true)
	if !bytes.Equal(to, source) {
		t.Error("other bytes than those of the source")
	}
	counts(t, r, func(s resolver.Stats) bool { return s.Missing >= uint64(pages) && s.Copies >= uint64(pages) })
	must(t, r.Stop())
}

func open(t testing.TB, o uffd.Options) *uffd.Descriptor {
	t.Helper()
	d, err := uffd.Open(o)
	testgate.Need(t, testgate.Userfaultfd, err)
	t.Cleanup(func() { must(t, d.Close()) })
	return d
}

func start(t testing.TB, d *uffd.Descriptor, o resolver.Options) *resolver.Resolver {
	t.Helper()
	r, err := resolver.Start(d, o)
	testgate.Need(t, testgate.Port, err)
	return r
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mapped(t testing.TB, pages int) []byte {
	t.Helper()
	mem, err := uffd.Map(pages * pageSize)
	must(t, err)
	t.Cleanup(func() { must(t, unix.Munmap(mem)) })
	return mem
}

// pattern is bytes that differ from page to page and within a page.
func pattern(pages int) []byte {
	b := make([]byte, pages*pageSize)
	for i := range b {
		b[i] = byte(i/pageSize) + byte(i) | 1
	}
	return b
}
