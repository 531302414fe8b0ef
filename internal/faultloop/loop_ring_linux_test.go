package faultloop

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/rawproc"
	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/uffd"
)

func TestHandOver(t *testing.T) {
	s := newScene(t, 8, Config{Poison: poison()}, 0)
	s.register(0, 8, uffd.ModeMissing)
	s.rules(s.rule(0, 8))
	for i := range 8 {
		p := s.read(i)
		s.told(Handed, 0, i)
		s.stays(p)
		if _, err := s.d.Copy(s.addr(i), s.source[i*pageSize:(i+1)*pageSize], 0); err != nil {
			t.Fatal(err)
		}
		s.reads(p, mark(i))
	}
	s.counts(func(c *Counters) { c.Handed, c.Messages, c.Copies, c.Zeros = 8, 8, 0, 0 })
	// The eventfd was written to for each.
	var count [8]byte
	if n, err := unix.Read(s.Notify(), count[:]); n != 8 || err != nil {
		t.Errorf("read of the eventfd: %d, %v", n, err)
	}
}

// More is handed over than the ring holds: the thread stops reading, and nothing is
// lost.
func TestFullRing(t *testing.T) {
	const pages = 12
	s := newScene(t, pages, Config{Slots: 2}, 0)
	s.register(0, pages, uffd.ModeMissing)
	s.rules(s.rule(0, pages))
	var all []*rawproc.Process
	for i := range pages {
		all = append(all, s.read(i))
	}
	s.until("full", func() bool { return s.Counters().Fulls > 0 })
	got := 0
	for range pages / 2 {
		s.until("full", func() bool { return s.threads[0].block.load(ctxHead) == uint64(got+2) })
		s.counts(func(c *Counters) { c.Handed = uint64(got + 2) })
		for _, m := range s.take(2) {
			r := uffd.Range{Start: m.Message.Arg.Pagefault().Address &^ uint64(pageSize-1), Len: uint64(pageSize)}
			if _, err := s.d.Zero(r, 0); err != nil {
				t.Fatal(err)
			}
			got++
		}
	}
	for _, p := range all {
		s.reads(p, 0)
	}
	s.counts(func(c *Counters) { c.Handed, c.Lost, c.Messages = pages, 0, pages })
	// What woke it does so once.
	sleeps := s.Counters().Sleeps
	time.Sleep(20 * time.Millisecond)
	if more := s.Counters().Sleeps - sleeps; more > 4 {
		t.Errorf("it went to sleep %d times more", more)
	}
}

// Reports don't fill the ring, and those that find no room are counted.
func TestReportsLost(t *testing.T) {
	s := newScene(t, 8, Config{Slots: 4, Poison: poison()}, 0)
	s.register(0, 8, uffd.ModeMissing)
	guard, hand := s.rule(0, 6), s.rule(6, 2)
	guard.Missing = Guard
	s.rules(guard, hand)
	deadly := unix.SIGSEGV
	if s.d.Available().Has(uffd.FeaturePoison) {
		deadly = unix.SIGBUS
	}
	for i := range 6 {
		s.ends(s.read(i), deadly)
	}
	s.counts(func(c *Counters) { c.Guards, c.Failed, c.Lost, c.Fulls = 6, 6, 4, 0 })
	p := s.read(7)
	if m := s.take(3); m[0].Reason != Guarded || m[1].Reason != Guarded || m[2].Reason != Handed {
		t.Errorf("%+v", m)
	}
	if _, err := s.d.Zero(s.pages(7, 1), 0); err != nil {
		t.Fatal(err)
	}
	s.ends(p, 0)
}

// What is no fault is handed over as it came.
func TestEvent(t *testing.T) {
	s := newScene(t, 4, Config{}, uffd.FeatureEventRemove)
	s.register(0, 4, uffd.ModeMissing)
	r := s.rule(0, 4)
	r.Missing = Copy
	s.rules(r)
	gone := s.pages(1, 2)
	p := s.run(rawproc.Load(s.addr(1)), rawproc.Syscall(sys.SYS_MADVISE, gone.Start, gone.Len, unix.MADV_DONTNEED), rawproc.Load(s.addr(1)))
	s.ends(p, 0)
	if result, done := p.Result(1); result != 0 || !done {
		t.Errorf("madvise: %#x", result)
	}
	m := s.take(1)[0]
	arg := m.Message.Arg.Remove()
	if m.Reason != Event || m.Message.Event != sys.UFFD_EVENT_REMOVE || arg.Start != gone.Start || arg.End != gone.End() {
		t.Errorf("%+v, want that %v was removed", m, gone)
	}
	s.counts(func(c *Counters) { c.Missing, c.Copies, c.Handed, c.Messages = 2, 2, 1, 3 })
}
