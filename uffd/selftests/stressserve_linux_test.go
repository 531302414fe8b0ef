package selftests

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/uffd"
)

// handler serves one bounce.
type handler struct {
	*stress
	d         *uffd.Descriptor
	wp, minor bool
	threads   sync.Map    // those that waited, by number
	over      atomic.Bool // nobody waits any more, so the descriptor may be closed
}

// need fails the test for an error, but for that of a handler that is late.
func (h *handler) need(err error) {
	h.t.Helper()
	if err != nil && !(h.over.Load() && errors.Is(err, uffd.ErrClosed)) {
		h.t.Error(err)
	}
}

// prefill puts every other page into the file, so that only the mapping lacks it.
func (h *handler) prefill() {
	for i := 0; i < h.pages; i += 2 {
		at := uint64(i) * h.dst.page
		copy(h.dst.alias[at:][:h.dst.page], h.src.mem[at:][:h.dst.page])
	}
}

// copyShare is the background copier: the first half of its pages, then the whole
// share is write-protected, then the rest.
func (h *handler) copyShare(w int) {
	share := h.pages / h.workers
	for i := range share {
		if i == share/2 && h.wp {
			h.need(h.d.WriteProtect(h.dst.span(w*share, share)))
		}
		h.put(w*share + i)
	}
}

// put makes page i be there.
func (h *handler) put(i int) {
	if h.minor && i%2 == 0 {
		_, err := h.d.ContinueAll(h.dst.at(i), 0, uffd.Retry{Exist: uffd.ExistSkip, PageSize: h.dst.page})
		h.need(err)
		return
	}
	h.copyPage(i)
}

// copyPage copies page i, and wakes those who wait for it if somebody else did.
func (h *handler) copyPage(i int) {
	var flags uffd.Flags
	if h.wp {
		flags = uffd.Protected
	}
	page := h.src.mem[uint64(i)*h.src.page:][:h.src.page]
	n, err := h.d.Copy(h.dst.addr(i), page, flags)
	switch {
	case err == nil && n == len(page):
		h.copyAgain(i, page)
	case errors.Is(err, uffd.ErrExists):
		h.existed.Add(1)
		h.need(h.d.Wake(h.dst.at(i)))
	default:
		h.need(fmt.Errorf("copy of page %d: %d, %w", i, n, err))
	}
}

// copyAgain copies a page that is there: through the other mapping of the same
// file, if there is one. The original does so every ten seconds.
func (h *handler) copyAgain(i int, page []byte) {
	if i%4 != 0 {
		return
	}
	to := h.dst.addr(i)
	if h.dst.alias != nil {
		to += uffd.RangeOf(h.dst.alias).Start - h.dst.addr(0)
	}
	switch n, err := h.d.Copy(to, page, 0); {
	case n != 0 || err == nil:
		h.t.Errorf("second copy of page %d: %d, %v; want ErrExists", i, n, err)
	case !isExists(err):
		h.need(err)
	}
}

// resolve serves one fault.
func (h *handler) resolve(e *uffd.Event) {
	if e.Kind != uffd.EventPagefault {
		h.t.Errorf("%v; want a fault", e)
		return
	}
	f := e.Fault()
	if !h.dst.all().Contains(f.Address) {
		h.t.Errorf("%v, which is not in %v", f, h.dst.all())
		return
	}
	h.threads.Store(int(f.Thread), true)
	i := int((f.Address - h.dst.addr(0)) / h.dst.page)
	switch {
	case f.Flags.Has(uffd.FaultWP):
		h.stress.wp.Add(1)
		h.need(h.d.WriteUnprotect(h.dst.at(i), 0))
	case f.Flags.Has(uffd.FaultMinor):
		h.stress.minor.Add(1)
		h.put(i)
	default:
		h.missing.Add(1)
		h.copyPage(i)
	}
}

// serving is handlers at work.
type serving struct {
	done sync.WaitGroup
	end  func()
}

// stop ends the handlers, and waits for their end.
func (s *serving) stop() {
	s.end()
	s.done.Wait()
}

// serve starts handlers that wait in one of three ways.
func (h *handler) serve(bits int) *serving {
	s := new(serving)
	var loop func()
	switch {
	case bits&bouncePoll != 0:
		var pipe [2]int
		if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
			h.t.Fatal(err)
		}
		loop = func() { h.poll(pipe[0]) }
		s.end = func() {
			_ = unix.Close(pipe[1]) // which all of them see
			s.done.Wait()
			_ = unix.Close(pipe[0])
		}
	case bits&bounceRacing != 0:
		ctx, cancel := context.WithCancel(context.Background())
		loop = func() { h.read(ctx, context.Canceled) }
		s.end = cancel
	default:
		loop = func() { h.read(context.Background(), uffd.ErrClosed) }
		s.end = func() {
			h.over.Store(true)
			h.need(h.d.Close())
		}
	}
	for range h.workers {
		s.done.Go(loop)
	}
	return s
}

// read serves until Read ends with end.
func (h *handler) read(ctx context.Context, end error) {
	var events [4]uffd.Event
	for {
		n, err := h.d.ReadContext(ctx, events[:])
		if errors.Is(err, end) {
			return
		}
		if err != nil {
			h.t.Error(err)
			return
		}
		for i := range events[:n] {
			h.resolve(&events[i])
		}
	}
}

// poll serves until the other end of stop is closed.
func (h *handler) poll(stop int) {
	var events [1]uffd.Event
	for {
		var over bool
		err := h.d.Control(func(fd int) error {
			set := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}, {Fd: int32(stop), Events: unix.POLLIN}}
			_, err := unix.Poll(set, -1)
			over = set[1].Revents != 0
			return err
		})
		if over {
			return
		}
		if err != nil && !errors.Is(err, unix.EINTR) {
			h.t.Error(os.NewSyscallError("poll", err))
			return
		}
		n, err := h.d.TryRead(events[:])
		if err != nil && !errors.Is(err, unix.EAGAIN) { // another handler was faster
			h.t.Error(err)
			return
		}
		for i := range events[:n] {
			h.resolve(&events[i])
		}
	}
}

// checkThreads compares who waited with who there was.
func (h *handler) checkThreads(visits []*visits) {
	known := map[int]bool{0: !h.d.Enabled().Has(uffd.FeatureThreadID)}
	for _, v := range visits {
		known[v.p.Pid()] = true
	}
	h.threads.Range(func(thread, _ any) bool {
		if !known[thread.(int)] {
			h.t.Errorf("a fault of thread %v, which is none of %v", thread, known)
		}
		return true
	})
}
