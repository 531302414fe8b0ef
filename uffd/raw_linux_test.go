package uffd

import (
	"context"
	"testing"
	"time"

	"github.com/pageslot/pageslot/internal/rawproc"
	"github.com/pageslot/pageslot/testgate"
)

// needRaw skips where there are no processes that may touch missing pages.
func needRaw(t testing.TB) {
	t.Helper()
	testgate.Need(t, testgate.Port, rawproc.Supported())
}

// share starts a process with this memory, which is killed at the end at the
// latest.
func share(t testing.TB, ops ...rawproc.Op) *rawproc.Process {
	t.Helper()
	p, err := rawproc.Share(ops...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Kill(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// ended waits for the end of a process and gives the result of its first step.
func ended(t testing.TB, p *rawproc.Process) uint64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testgate.Stretch(t, 30*time.Second))
	defer cancel()
	status, err := p.Wait(ctx)
	if err != nil || !status.Exited() {
		t.Fatalf("the process that touches the page: status %#x, %v", status, err)
	}
	value, _ := p.Result(0)
	return value
}

// awaitPid waits until a forked process is there.
func awaitPid(t testing.TB, p *rawproc.Process) {
	t.Helper()
	for end := time.Now().Add(testgate.Stretch(t, 30*time.Second)); p.Pid() == 0; time.Sleep(100 * time.Microsecond) {
		if time.Now().After(end) {
			t.Fatal("there is no forked process")
		}
	}
}

// fetch reads one page fault, with a deadline.
func fetch(t testing.TB, d *Descriptor) Fault {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testgate.Stretch(t, 30*time.Second))
	defer cancel()
	var e [1]Event
	if _, err := d.ReadContext(ctx, e[:]); err != nil {
		t.Fatal(err)
	}
	if e[0].Kind != EventPagefault {
		t.Fatalf("%v, want a page fault", &e[0])
	}
	return e[0].Fault()
}
