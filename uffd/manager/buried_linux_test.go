package manager

import (
	"context"
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/rawproc"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// A process ends whose memory lives on in another. Its number may be anybody's by
// then, so Kill kills nobody.
func TestKillAfterTheEnd(t *testing.T) {
	atEnd(t)
	testgate.Need(t, testgate.Port, rawproc.Supported())
	d, mem := mine(t)
	named, err := rawproc.Share(rawproc.Syscall(unix.SYS_PPOLL)) // for nothing, for ever
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = named.Kill() }()
	var failures []error
	m, err := New(Options{ThisProcessMayHang: true, StayWhenIdle: true, Granule: 1, OnError: func(f Failure) Action {
		if failures = append(failures, f.Err); len(failures) == 1 {
			return Kill
		}
		return Retry
	}})
	if err != nil {
		t.Fatal(err)
	}
	source := &broken{patternSource: patternSource{1}}
	source.times.Store(1)
	if _, err := m.Add(d, Process{PID: named.Pid(), Regions: []Region{{Range: uffd.RangeOf(mem), Source: source}}}); err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- m.Run(context.Background()) }()
	if err := named.Kill(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "its end is known", func() bool { m.mu.Lock(); defer m.mu.Unlock(); return m.polled == 1 || len(m.processes) == 0 })
	ops, want := loads(mem, badPage)
	p, err := rawproc.Share(ops...)
	if err != nil {
		t.Fatal(err)
	}
	if err := finish(p, want); err != nil {
		t.Error(err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	<-ran
	if len(failures) != 2 || errors.Is(failures[1], unix.ESRCH) {
		t.Errorf("%v", failures)
	}
	if got := m.Stats(); got.Killed != 0 {
		t.Errorf("%+v", got)
	}
}
