package faultloop

import (
	"bytes"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// Go's own memmove reads memory that is missing, while the collector runs.
func TestCollector(t *testing.T) {
	_, inChild, err := testgate.Child(t, 2*time.Minute)
	if !inChild {
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	pages := testgate.Rounds(20000, 2000)
	s := newScene(t, pages, Config{Batch: 16, Slots: 64, Poison: poison()}, 0)
	s.register(0, pages, uffd.ModeMissing)
	r := s.rule(0, pages)
	r.Missing = Copy
	s.rules(r)
	var stop atomic.Bool
	go func() {
		for !stop.Load() {
			runtime.GC()
		}
	}()
	to := make([]byte, len(s.mem))
	copy(to, s.mem)
	stop.Store(true)
	if !bytes.Equal(to, s.source) {
		t.Error("what was read is not what the source has")
	}
	s.counts(func(c *Counters) { c.Copies, c.Failed, c.Parked, c.Outside = uint64(pages), 0, 0, 0 })
}
