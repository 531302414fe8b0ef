package uffd

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
)

// soon ends a test's context that should never end.
func soon(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testgate.Stretch(t, 30*time.Second))
	t.Cleanup(cancel)
	return ctx
}

func TestReadWithoutRoom(t *testing.T) {
	clean(t)
	d := mustOpen(t, Options{})
	for _, events := range [][]Event{nil, {}} {
		for _, read := range []func([]Event) (int, error){d.Read, d.TryRead} {
			n, err := read(events)
			if n != 0 {
				t.Errorf("%d events", n)
			}
			want(t, err, io.ErrShortBuffer, nil, opRead)
		}
	}
	n, err := d.TryRead(make([]Event, 3))
	if n != 0 {
		t.Errorf("%d events", n)
	}
	want(t, err, unix.EAGAIN, nil, opRead, "none")
}

// Close ends all who wait, at once, and the number is free when they have ended.
func TestCloseEndsReaders(t *testing.T) {
	for _, readers := range []int{1, 50} {
		clean(t)
		d, err := Open(Options{UserMode: UserModeFallback})
		testgate.Need(t, testgate.Userfaultfd, err)
		fd := d.FD()
		ctx, cancel := context.WithCancelCause(t.Context())
		var all sync.WaitGroup
		for i := range readers {
			all.Go(func() {
				var n int
				var err error
				if i%2 == 0 {
					n, err = d.Read(make([]Event, 1))
				} else {
					n, err = d.ReadContext(ctx, make([]Event, 1))
				}
				if n != 0 {
					t.Errorf("%d events", n)
				}
				want(t, err, ErrClosed, ErrClosed, opRead)
			})
		}
		for end := time.Now().Add(testgate.Stretch(t, 30*time.Second)); d.fd.InFlight() < readers; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%d of %d wait", d.fd.InFlight(), readers)
			}
		}
		time.Sleep(5 * time.Millisecond) // most of them are in poll then
		begin := time.Now()
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		all.Wait()
		if took := time.Since(begin); took > testgate.Stretch(t, 10*time.Second) {
			t.Errorf("%d readers ended after %v", readers, took)
		}
		cancel(nil)
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); !errors.Is(err, unix.EBADF) {
			t.Errorf("the number %d is still open: %v", fd, err)
		}
	}
}

// Readers against Close while others take the numbers that become free: nobody
// reads from a stranger's file.
func TestReadersAgainstClose(t *testing.T) {
	clean(t)
	mustOpen(t, Options{})
	stop := make(chan struct{})
	var strangers sync.WaitGroup
	strangers.Go(func() {
		message := make([]byte, 1024)
		for {
			select {
			case <-stop:
				return
			default:
			}
			var p [2]int
			if err := unix.Pipe2(p[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
				continue
			}
			_, _ = unix.Write(p[1], message)
			if n, err := unix.Read(p[0], message); n != len(message) || err != nil {
				t.Errorf("somebody has read from a pipe that is not his: %d bytes are left, %v", n, err)
			}
			_ = unix.Close(p[0])
			_ = unix.Close(p[1])
		}
	})
	for range testgate.Rounds(200, 30) {
		d, err := Open(Options{UserMode: UserModeFallback})
		if err != nil {
			t.Fatal(err)
		}
		var readers sync.WaitGroup
		for i := range 4 {
			readers.Go(func() {
				for {
					read := d.Read
					if i == 0 {
						read = d.TryRead
					}
					switch n, err := read(make([]Event, 2)); {
					case errors.Is(err, ErrClosed):
						return
					case n != 0 || !errors.Is(err, unix.EAGAIN):
						t.Errorf("%d events, %v", n, err)
						return
					}
				}
			})
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		readers.Wait()
	}
	close(stop)
	strangers.Wait()
}

func TestReadContext(t *testing.T) {
	clean(t)
	d, a := mustOpen(t, Options{Required: FeatureEventRemove}), anonymous(t, 1)
	register(t, d, a, ModeMissing)
	cause := errors.New("the test says so")
	cancelled, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	expired, release := context.WithTimeout(t.Context(), time.Millisecond)
	defer release()
	later, cancelLater := context.WithCancelCause(t.Context())
	time.AfterFunc(5*time.Millisecond, func() { cancelLater(cause) })
	var events [4]Event
	for name, test := range map[string]struct {
		ctx  context.Context
		want error
	}{
		"cancelled before": {cancelled, cause},
		"a deadline":       {expired, context.DeadlineExceeded},
		"cancelled later":  {later, cause},
	} {
		for range 2 {
			n, err := d.ReadContext(test.ctx, events[:])
			if n != 0 {
				t.Errorf("%s: %d events", name, n)
			}
			want(t, err, test.want, nil, opRead)
		}
	}
	// An event that is there comes first.
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := unix.Madvise(a.mem, unix.MADV_DONTNEED); err != nil {
			t.Error(err)
		}
	}()
	waitReadable(t, d)
	if n, err := d.ReadContext(cancelled, events[:]); n != 1 || err != nil || events[0].Removed() != a.Range {
		t.Errorf("%d events, %v: %v", n, err, &events[0])
	}
	<-done
}

// Both ends of a wait at the same time, again and again.
func TestContextAgainstClose(t *testing.T) {
	clean(t)
	mustOpen(t, Options{})
	for range testgate.Rounds(300, 50) {
		d, err := Open(Options{UserMode: UserModeFallback})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				if n, err := d.ReadContext(ctx, make([]Event, 1)); n != 0 || !errors.Is(err, context.Canceled) && !errors.Is(err, ErrClosed) {
					t.Errorf("%d events, %v", n, err)
				}
			})
		}
		all.Go(cancel)
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		all.Wait()
	}
}

// Somebody who has the descriptor too makes it blocking: a reader neither spins
// nor waits for ever.
func TestReadOfBlocking(t *testing.T) {
	_, inChild, err := testgate.Child(t, time.Minute)
	if !inChild {
		if err != nil {
			t.Error(err)
		}
		return
	}
	clean(t)
	d := mustOpen(t, Options{})
	waits := make(chan error)
	go func() {
		_, err := d.ReadContext(soon(t), make([]Event, 1))
		waits <- err
	}()
	for d.fd.InFlight() == 0 {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(5 * time.Millisecond)
	if err := unix.SetNonblock(d.FD(), false); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, err := d.ReadContext(soon(t), make([]Event, 1))
		want(t, err, ErrBlocking, nil, opRead)
		_, err = d.Read(make([]Event, 1))
		want(t, err, ErrBlocking, nil, opRead)
	}
	if err := unix.SetNonblock(d.FD(), true); err != nil {
		t.Fatal(err)
	}
	// The one that waited before may have seen it or not.
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if err := <-waits; !errors.Is(err, ErrClosed) && !errors.Is(err, ErrBlocking) {
		t.Errorf("the one that waited before: %v", err)
	}
}

// TryRead does not wait for a descriptor that has become blocking, where the kernel
// knows such a call: Close could not end it. The kernel is asked the bare question.
func TestTryReadOfBlocking(t *testing.T) {
	_, inChild, err := testgate.Child(t, time.Minute)
	if !inChild {
		if err != nil {
			t.Error(err)
		}
		return
	}
	clean(t)
	d := mustOpen(t, Options{})
	_, err = unix.Preadv2(d.FD(), [][]byte{make([]byte, 32)}, -1, unix.RWF_NOWAIT)
	knows := errors.Is(err, unix.EAGAIN)
	for _, blocking := range []bool{false, knows} {
		if err := unix.SetNonblock(d.FD(), !blocking); err != nil {
			t.Fatal(err)
		}
		if n, err := d.TryRead(make([]Event, 20)); n != 0 || err != errNothing {
			t.Errorf("blocking %v: %d events, %v", blocking, n, err)
		}
	}
	if plain := d.plain.Load(); plain == knows {
		t.Errorf("the kernel said %v, and reads are plain: %v", err, plain)
	}
}
