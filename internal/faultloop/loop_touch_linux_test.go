package faultloop

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/rawproc"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// run starts a process with this memory, which is killed at the end at the latest.
func (s *scene) run(ops ...rawproc.Op) *rawproc.Process {
	s.t.Helper()
	p, err := rawproc.Share(ops...)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := p.Kill(); err != nil {
			s.t.Error(err)
		}
	})
	return p
}

// read starts a process that reads pages.
func (s *scene) read(pages ...int) *rawproc.Process {
	s.t.Helper()
	ops := make([]rawproc.Op, 0, len(pages))
	for _, i := range pages {
		ops = append(ops, rawproc.Load(s.addr(i)))
	}
	return s.run(ops...)
}

// ends waits for the end of a process, which must be by the signal, or with code 0
// if that is 0.
func (s *scene) ends(p *rawproc.Process, want unix.Signal) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), testgate.Stretch(s.t, 30*time.Second))
	defer cancel()
	status, err := p.Wait(ctx)
	if err != nil {
		s.t.Fatalf("%v after %d steps, %+v", err, p.Done(), s.Counters())
	}
	if uint32(status) != uint32(want) {
		s.t.Fatalf("the process that touches pages: status %#x after %d steps, want signal %v; %+v", uint32(status), p.Done(), want, s.Counters())
	}
}

// reads checks what the first page that a process read holds.
func (s *scene) reads(p *rawproc.Process, want byte) {
	s.t.Helper()
	s.ends(p, 0)
	if got, done := p.Result(0); !done || got != uint64(want) {
		s.t.Errorf("read %#x (%v), want %#x", got, done, want)
	}
}

// stays checks that a process goes on waiting.
func (s *scene) stays(p *rawproc.Process) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Millisecond)
	defer cancel()
	if status, err := p.Wait(ctx); err == nil {
		s.t.Errorf("the process that waits has ended: status %#x", uint32(status))
	}
}

// state has a letter for each page: what its source has (c), zeros (z), something else
// (?), or nothing (-).
func (s *scene) state() string {
	s.t.Helper()
	var text []byte
	for i, there := range present(s.t, uffd.RangeOf(s.mem)) {
		text = append(text, '-')
		if there {
			text[i] = letter(s.mem[i*pageSize:(i+1)*pageSize], mark(i))
		}
	}
	return string(text)
}

func letter(page []byte, marked byte) byte {
	for _, b := range page {
		if b != page[0] {
			return '?'
		}
	}
	switch page[0] {
	case 0:
		return 'z'
	case marked:
		return 'c'
	}
	return '?'
}

// present tells which pages of a range are there.
func present(t testing.TB, r uffd.Range) []bool {
	t.Helper()
	f, err := os.Open("/proc/self/pagemap")
	if err != nil {
		testgate.Skip(t, testgate.Proc, err.Error())
	}
	defer f.Close()
	raw := make([]byte, r.Len/uint64(pageSize)*8)
	if _, err := f.ReadAt(raw, int64(r.Start/uint64(pageSize)*8)); err != nil {
		t.Fatal(err)
	}
	var all []bool
	for ; len(raw) > 0; raw = raw[8:] {
		all = append(all, binary.NativeEndian.Uint64(raw)>>63 != 0)
	}
	return all
}

// until waits until f is true.
func (s *scene) until(what string, f func() bool) {
	s.t.Helper()
	for end := time.Now().Add(testgate.Stretch(s.t, 30*time.Second)); !f(); time.Sleep(100 * time.Microsecond) {
		if time.Now().After(end) {
			s.t.Fatalf("not %s: %+v", what, s.Counters())
		}
	}
}

// take waits for n messages.
func (s *scene) take(n int) []Message {
	s.t.Helper()
	all := make([]Message, n)
	got := 0
	s.until("handed over", func() bool {
		got += s.Next(all[got:])
		return got == n
	})
	return all
}

// told takes one message and checks it.
func (s *scene) told(reason Reason, errno unix.Errno, page int) {
	s.t.Helper()
	m := s.take(1)[0]
	at := m.Message.Arg.Pagefault().Address &^ uint64(pageSize-1)
	if m.Reason != reason || m.Errno != errno || at != s.addr(page) {
		s.t.Errorf("reason %d, errno %d, address %#x, want %d, %d, %#x", m.Reason, m.Errno, at, reason, errno, s.addr(page))
	}
}

// counts checks some of the counters, by a function that sets those that it knows. The
// thread counts after it has let the process go on.
func (s *scene) counts(set func(want *Counters)) {
	s.t.Helper()
	var got, want Counters
	for end := time.Now().Add(testgate.Stretch(s.t, 5*time.Second)); time.Now().Before(end); time.Sleep(time.Millisecond) {
		got = s.Counters()
		want = got
		set(&want)
		if got == want {
			return
		}
	}
	s.t.Errorf("counters\n%+v, want\n%+v", got, want)
}

// pause makes the thread stop reading: it fills its ring, of two slots, with faults in
// pages 0 and 1, which have to be handed over. The function makes it go on.
func (s *scene) pause() (goOn func()) {
	s.t.Helper()
	waiting := []*rawproc.Process{s.read(0), s.read(1)}
	s.until("full", func() bool { return s.Counters().Fulls > 0 })
	return func() {
		s.t.Helper()
		s.take(2)
		retry := uffd.Retry{Changing: func() error { time.Sleep(time.Millisecond); return nil }}
		if _, err := s.d.ZeroAll(s.pages(0, 2), 0, retry); err != nil {
			s.t.Fatal(err)
		}
		for _, p := range waiting {
			s.ends(p, 0)
		}
	}
}

// asleep is to be called before an access: it gives a function that waits until whoever
// faults next has decided to sleep. There is a message a moment before, and he looks once
// more for the page then; what the kernel calls afterwards is who waits for messages,
// and that is what makes an edge. Nobody may wait for a message yet.
func asleep(t testing.TB, d *uffd.Descriptor) (wait func()) {
	t.Helper()
	e, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(e) })
	if err := unix.EpollCtl(e, unix.EPOLL_CTL_ADD, d.FD(), &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET}); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		var events [1]unix.EpollEvent
		for {
			n, err := unix.EpollWait(e, events[:], 30000)
			if n == 1 {
				return
			}
			if !errors.Is(err, unix.EINTR) {
				t.Fatalf("epoll_wait: %d, %v", n, err)
			}
		}
	}
}

// pending waits until there is a message to read.
func pending(t testing.TB, d *uffd.Descriptor) {
	t.Helper()
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(d.FD()), Events: unix.POLLIN}}, 30000)
		if n == 1 {
			return
		}
		if !errors.Is(err, unix.EINTR) {
			t.Fatalf("poll: %d, %v", n, err)
		}
	}
}
