package faultloop

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// Ranges that are unmapped end their service, in part too, and the last one ends the
// threads.
func TestUnmap(t *testing.T) {
	s := newScene(t, 8, Config{Threads: 2}, uffd.FeatureEventUnmap)
	s.register(0, 8, uffd.ModeMissing)
	live := block(t, 16)
	rules := []Rule{s.rule(1, 3), s.rule(4, 2)}
	for i := range rules {
		rules[i].Missing = Copy
		rules[i].Live = live.at(8 * i)
		live.store(8*i, rules[i].End-rules[i].Start)
	}
	s.rules(rules...)
	for _, x := range []struct {
		page, pages  int
		first, other uint64 // pages that are left
	}{
		{7, 1, 3, 2}, // nobody's
		{0, 2, 2, 2},
		{3, 2, 1, 1},
		{2, 1, 0, 1},
	} {
		// Who unmaps waits until the message is read.
		s.ends(s.unmap(x.page, x.pages), 0)
		s.until("counted", func() bool {
			return live.load(0) == x.first*uint64(pageSize) && live.load(8) == x.other*uint64(pageSize)
		})
		if m := s.take(1)[0]; m.Reason != Event || m.Message.Event != sys.UFFD_EVENT_UNMAP {
			t.Errorf("%+v, want the event", m)
		}
		if !s.Running() {
			t.Fatal("the threads have ended")
		}
	}
	s.reads(s.read(5), mark(5))
	s.ends(s.unmap(5, 1), 0)
	s.until("ended", func() bool { return !s.Running() })
	if n := live.load(8); n != 0 {
		t.Errorf("%d bytes are left", n)
	}
	for _, th := range s.threads {
		if end := th.block.load(ctxEnd); end != 0 {
			t.Errorf("a thread ended with %d, want 0", int64(end))
		}
	}
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(s.Notify()), Events: unix.POLLIN}}, 0); n != 1 || err != nil {
		t.Errorf("nobody is told of the end: %d, %v", n, err)
	}
}

// Threads that are to stay do, and serve what comes later.
func TestUnmapKeep(t *testing.T) {
	s := newScene(t, 4, Config{Threads: 2, Keep: true}, uffd.FeatureEventUnmap)
	s.register(0, 4, uffd.ModeMissing)
	live := block(t, 8)
	r := s.rule(0, 2)
	r.Live = live.at(0)
	live.store(0, r.End-r.Start)
	s.rules(r)
	s.ends(s.unmap(0, 2), 0)
	s.until("counted", func() bool { return live.load(0) == 0 })
	s.take(1)
	if s.Ending() || !s.Running() {
		t.Error("the threads end")
	}
	r = s.rule(2, 2)
	r.Missing = Copy
	s.rules(r)
	s.reads(s.read(3), mark(3))
}

// While memory is unmapped the kernel refuses to fill: the thread goes on to the
// message about it.
func TestAgain(t *testing.T) {
	s := newScene(t, 6, Config{Slots: 2, Batch: 1}, uffd.FeatureEventUnmap)
	s.register(0, 6, uffd.ModeMissing)
	live := block(t, 8)
	live.store(0, s.pages(0, 6).Len)
	hand, fill := s.rule(0, 2), s.rule(2, 4)
	hand.Live, fill.Live, fill.Missing = live.at(0), live.at(0), Copy
	s.rules(hand, fill)
	goOn := s.pause()
	p := s.read(2)
	pending(t, s.d)
	q := s.unmap(5, 1)
	s.until("unmapped", func() bool { return !mapped(t, s.pages(5, 1).Start) })
	goOn()
	s.reads(p, mark(2))
	s.ends(q, 0)
	if got := s.Counters(); got.Agains == 0 || got.Failed+got.Parked != 0 {
		t.Errorf("%+v, want that the kernel refused", got)
	}
}

// mapped tells whether there is anything at an address of this process.
func mapped(t testing.TB, addr uint64) bool {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		testgate.Skip(t, testgate.Proc, err.Error())
	}
	for _, line := range strings.Split(string(maps), "\n") {
		var start, end uint64
		if n, _ := fmt.Sscanf(line, "%x-%x", &start, &end); n == 2 && start <= addr && addr < end {
			return true
		}
	}
	return false
}
