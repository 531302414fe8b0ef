package faultloop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// left is what a loop that was not stopped well would leave: descriptors, threads, and
// mappings that are shared and of no file.
func left(t testing.TB) (fds, threads, mappings int) {
	t.Helper()
	for dir, to := range map[string]*int{"/proc/self/fd": &fds, "/proc/self/task": &threads} {
		all, err := os.ReadDir(dir)
		if err != nil {
			testgate.Skip(t, testgate.Proc, err.Error())
		}
		for _, e := range all {
			if name, err := os.ReadFile(dir + "/" + e.Name() + "/comm"); to == &fds || err == nil && strings.HasPrefix(string(name), "pageslot-faults") {
				*to++
			}
		}
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	return fds, threads, bytes.Count(maps, []byte("/dev/zero"))
}

// After a hundred of them nothing is left.
func TestStartStop(t *testing.T) {
	testgate.Need(t, testgate.Port, Supported())
	d := descriptor(t, 0)
	left(t) // Go opens what it waits with when it first reads a file
	fds, threads, mappings := left(t)
	for range 1000 { // those of the test before
		if threads == 0 {
			break
		}
		time.Sleep(time.Millisecond)
		fds, threads, mappings = left(t)
	}
	for i := range 100 {
		l := begin(t, Config{FD: d.FD(), Threads: 1 + i%3, Spin: i % 2 * 100})
		halt(t, l)
	}
	// A thread is gone from /proc a little after the kernel has said so.
	deadline := time.Now().Add(testgate.Stretch(t, 10*time.Second))
	for {
		f, th, m := left(t)
		if f == fds && th == threads && m == mappings {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d descriptors, %d threads and %d mappings, before %d, %d and %d", f, th, m, fds, threads, mappings)
		}
		time.Sleep(time.Millisecond)
	}
}

// It sleeps, and is told to stop.
func TestStopAsleep(t *testing.T) {
	s := newScene(t, 1, Config{Threads: 3}, 0)
	s.until("asleep", func() bool { return s.Counters().Sleeps >= 3 })
	threads := s.threads
	if !s.Running() {
		t.Error("they don't run")
	}
	s.Loop.shared.store(sharedStop, 1)
	writeEvent(s.stop)
	s.until("ended", func() bool { return !s.Running() })
	for _, th := range threads {
		if end := th.block.load(ctxEnd); end != 0 {
			t.Errorf("a thread ended with %d, want 0", int64(end))
		}
	}
}

// It sleeps because its ring is full, and is told to stop.
func TestStopFull(t *testing.T) {
	s := newScene(t, 3, Config{Slots: 2}, 0)
	s.register(0, 3, uffd.ModeMissing)
	for i := range 3 {
		s.read(i)
	}
	s.until("full", func() bool { return s.Counters().Fulls > 0 })
	halt(t, s.Loop)
}

// A thread that can't be stopped in time keeps its memory.
func TestStopLate(t *testing.T) {
	s := newScene(t, 1, Config{}, 0)
	ctx, cancel := context.WithCancelCause(t.Context())
	late := errors.New("too late")
	cancel(late)
	// It may have ended before anybody looks.
	if err := s.Stop(ctx); err != nil && !errors.Is(err, late) {
		t.Error(err)
	}
}

// The thread has a name, blocks all signals, and is one of this process.
func TestThreadIs(t *testing.T) {
	s := newScene(t, 1, Config{}, 0)
	s.until("asleep", func() bool { return s.Counters().Sleeps > 0 })
	status, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/status", s.threads[0].block.load32(ctxTID)))
	if err != nil {
		testgate.Skip(t, testgate.Proc, err.Error())
	}
	want := map[string]string{
		"Name": "pageslot-faults",
		"Tgid": fmt.Sprint(os.Getpid()),
		// All but SIGKILL and SIGSTOP, which nobody can block.
		"SigBlk": strings.Repeat("f", int(2*sigsetBytes()-16)) + fmt.Sprintf("%016x", ^uint64(1<<(unix.SIGKILL-1)|1<<(unix.SIGSTOP-1))),
	}
	for _, line := range strings.Split(string(status), "\n") {
		name, value, _ := strings.Cut(line, ":")
		if w, ok := want[name]; ok && strings.TrimSpace(value) != w {
			t.Errorf("%s, want %s", line, w)
		}
		delete(want, name)
	}
	if len(want) != 0 {
		t.Errorf("nothing about %v", want)
	}
	// The thread that made it has its signals back.
	self, err := os.ReadFile("/proc/thread-self/status")
	if err != nil || !bytes.Contains(self, []byte("SigBlk:\t"+strings.Repeat("0", int(2*sigsetBytes())))) {
		t.Errorf("%v, %s", err, self)
	}
}

// What can't be read from ends the thread, and the errno says why.
func TestBroken(t *testing.T) {
	testgate.Need(t, testgate.Port, Supported())
	directory, err := unix.Open("/", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(directory)
	ended(t, begin(t, Config{FD: directory}), unix.EISDIR)

	// While it sleeps: a pipe without a writer.
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipe[0])
	l := begin(t, Config{FD: pipe[0], Threads: 2})
	for end := time.Now().Add(testgate.Stretch(t, 10*time.Second)); l.Counters().Sleeps < 2; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("they don't sleep: %+v", l.Counters())
		}
	}
	time.Sleep(testgate.Stretch(t, time.Millisecond)) // it is counted before it is done
	if err := unix.Close(pipe[1]); err != nil {
		t.Fatal(err)
	}
	ended(t, l, unix.EBADF)
}

// ended waits for the end of all threads, which must be because of the errno.
func ended(t testing.TB, l *Loop, errno unix.Errno) {
	t.Helper()
	for end := time.Now().Add(testgate.Stretch(t, 10*time.Second)); l.Running(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it goes on")
		}
	}
	for _, th := range l.threads {
		if got := unix.Errno(-int64(th.block.load(ctxEnd))); got != errno {
			t.Errorf("a thread ended with %v, want %v", got, errno)
		}
	}
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(l.Notify()), Events: unix.POLLIN}}, 0); n != 1 || err != nil {
		t.Errorf("nobody is told of the end: %d, %v", n, err)
	}
}
