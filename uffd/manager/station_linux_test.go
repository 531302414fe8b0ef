package manager

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/fdpass"
)

// station is a Manager that runs, and a socket through which processes hand it
// their descriptors. Its fields are for the test to set until the first spawn.
type station struct {
	t       testing.TB
	m       *Manager
	sources map[uint64]io.ReaderAt // by the salt that a child names; others have the pattern
	added   func(*uffd.Descriptor) // called when a process was added, before it knows
	unnamed bool                   // the Manager is not told who the processes are

	listener *net.UnixListener
	listens  sync.Once
	serving  sync.WaitGroup
	cancel   context.CancelFunc
	ran      chan error

	mu    sync.Mutex
	conns []net.Conn
}

// request is what a child sends: a descriptor goes with the first one.
type request struct {
	PID     int
	ID      ID // 0: to add
	Regions []told
}

// told is a Region, but for its source, of which it has the salt.
type told struct {
	uffd.Range
	Salt     uint64
	Zero     bool
	Offset   int64
	PageSize uint64
	Protect  bool
}

// answer is the station's.
type answer struct {
	ID    ID
	Error string
}

// newStation makes a Manager and runs it until the end of the test, which then
// checks that nothing is left behind.
func newStation(t testing.TB, o Options) *station {
	t.Helper()
	atEnd(t)
	o.StayWhenIdle = true
	m, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: fmt.Sprintf("@pageslot-manager-%d-%s", os.Getpid(), t.Name()), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	s := &station{t: t, m: m, sources: map[uint64]io.ReaderAt{}, listener: listener, ran: make(chan error, 1)}
	s.resume()
	t.Cleanup(s.stop)
	return s
}

// resume runs the Manager, and pause ends that.
func (s *station) resume() {
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	go func() { s.ran <- s.m.Run(ctx) }()
}

func (s *station) pause() {
	if s.cancel == nil {
		return
	}
	s.cancel()
	s.cancel = nil
	select {
	case err := <-s.ran:
		if err != context.Canceled {
			s.t.Errorf("Run: %v", err)
		}
	case <-time.After(testgate.Stretch(s.t, 20*time.Second)):
		s.t.Fatal("Run does not end")
	}
}

// stop ends all.
func (s *station) stop() {
	s.pause()
	_ = s.listener.Close()
	s.mu.Lock()
	for _, c := range s.conns {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.serving.Wait()
	if err := s.m.Close(); err != nil {
		s.t.Error(err)
	}
	if m := s.m; m.server.buffer != nil || m.spare != nil || m.shared.nothing != nil || len(m.processes) != 0 {
		s.t.Error("the Manager still has memory or processes")
	}
}

func (s *station) accept() {
	for {
		conn, err := s.listener.AcceptUnix()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns = append(s.conns, conn)
		s.mu.Unlock()
		s.serving.Go(func() { s.talk(conn) })
	}
}

func (s *station) talk(conn *net.UnixConn) {
	defer conn.Close()
	want := 1
	for {
		buf := make([]byte, 1<<16)
		n, fds, err := fdpass.Receive(conn, buf, want)
		if err != nil {
			return
		}
		var a answer
		if a.ID, err = s.serve(buf[:n], fds); err != nil {
			a.Error = err.Error()
		} else {
			want = 0
		}
		out, _ := json.Marshal(a)
		if _, err := conn.Write(out); err != nil {
			return
		}
	}
}

func (s *station) serve(in []byte, fds []int) (ID, error) {
	var q request
	if err := json.Unmarshal(in, &q); err != nil {
		return 0, err
	}
	var regions []Region
	for _, r := range q.Regions {
		region := Region{Range: r.Range, Source: patternSource{r.Salt}, Offset: r.Offset, PageSize: r.PageSize, Protect: r.Protect}
		if source, ok := s.sources[r.Salt]; ok {
			region.Source = source
		}
		if r.Zero {
			region.Source = nil
		}
		regions = append(regions, region)
	}
	if q.ID != 0 {
		return q.ID, s.m.Map(q.ID, regions...)
	}
	d, err := uffd.FromFD(fds[0])
	if err != nil {
		return 0, err
	}
	if s.unnamed {
		q.PID = 0
	}
	id, err := s.m.Add(d, Process{PID: q.PID, Regions: regions})
	if err != nil {
		_ = d.Close()
		return 0, err
	}
	if s.added != nil {
		s.added(d)
	}
	return id, nil
}

// wait waits until a condition holds.
func (s *station) wait(what string, ok func() bool) {
	s.t.Helper()
	waitFor(s.t, what, ok)
}

func waitFor(t testing.TB, what string, ok func() bool) {
	t.Helper()
	end := time.Now().Add(testgate.Stretch(t, 20*time.Second))
	for !ok() {
		if time.Now().After(end) {
			t.Fatalf("in vain: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// atEnd fails the test if it leaves descriptors or goroutines behind.
func atEnd(t testing.TB) {
	t.Helper()
	before, goroutines := descriptors(t), runtime.NumGoroutine()
	t.Cleanup(func() {
		end := time.Now().Add(testgate.Stretch(t, 5*time.Second))
		for {
			after, running := descriptors(t), runtime.NumGoroutine()
			if len(after) <= len(before) && running <= goroutines {
				return
			}
			if time.Now().After(end) {
				stacks := make([]byte, 1<<16)
				t.Errorf("descriptors before: %v, after: %v; goroutines %d, %d:\n%s", before, after, goroutines, running, stacks[:runtime.Stack(stacks, true)])
				return
			}
			time.Sleep(time.Millisecond)
		}
	})
}

// descriptors are the files of this process that are no part of Go's runtime.
func descriptors(t testing.TB) (open []string) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		testgate.Skip(t, testgate.Proc, err.Error())
	}
	for _, e := range entries {
		link, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err == nil && (strings.Contains(link, "userfaultfd") || strings.HasPrefix(link, "socket:") || strings.Contains(link, "pidfd")) {
			open = append(open, e.Name()+" "+link)
		}
	}
	return open
}
