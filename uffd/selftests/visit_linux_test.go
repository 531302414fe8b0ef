package selftests

import (
	"syscall"
	"testing"
	"time"

	"github.com/pageslot/pageslot/internal/rawproc"
	"github.com/pageslot/pageslot/testgate"
)

// visitor is a process that touches pages of this memory, one step after the
// other, and may wait in a fault as long as it likes.
type visitor struct {
	t testing.TB
	p *rawproc.Process
}

// visit starts one, which is gone at the end of the test.
func visit(t testing.TB, steps ...rawproc.Op) *visitor {
	t.Helper()
	testgate.Need(t, testgate.Port, rawproc.Supported())
	p, err := rawproc.Share(steps...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Kill(); err != nil {
			t.Error(err)
		}
	})
	return &visitor{t, p}
}

// writes starts a visitor that writes one byte.
func writes(t testing.TB, addr uint64, b byte) *visitor {
	t.Helper()
	return visit(t, rawproc.Store(addr, b))
}

// reads starts a visitor that reads one byte, which is the result of step 0.
func reads(t testing.TB, addr uint64) *visitor {
	t.Helper()
	return visit(t, rawproc.Load(addr))
}

// stuck fails the test if the visitor goes on within a moment.
func (v *visitor) stuck() {
	v.t.Helper()
	before := v.p.Done()
	time.Sleep(testgate.Stretch(v.t, time.Duration(testgate.Rounds(3000, 1000))*time.Microsecond))
	if after := v.p.Done(); after != before {
		v.t.Errorf("the process went on from step %d to %d while it should wait", before, after)
	}
}

// result waits for a step, and returns what came of it.
func (v *visitor) result(step int) uint64 {
	v.t.Helper()
	ctx, cancel := patience(v.t)
	defer cancel()
	for {
		if value, done := v.p.Result(step); done {
			return value
		}
		select {
		case <-ctx.Done():
			v.t.Fatalf("step %d of the process does not end: %d are done", step, v.p.Done())
		case <-time.After(50 * time.Microsecond):
		}
	}
}

// ended waits for the end of the visitor, after all steps.
func (v *visitor) ended() {
	v.t.Helper()
	if status := v.status(); !status.Exited() || status.ExitStatus() != 0 {
		v.t.Fatalf("the process ended with %#x after %d steps", status, v.p.Done())
	}
}

// saw is ended for reads: it compares the byte.
func (v *visitor) saw(want byte) {
	v.t.Helper()
	v.ended()
	if got, _ := v.p.Result(0); got != uint64(want) {
		v.t.Errorf("the process read %#x, want %#x", got, want)
	}
}

// killed waits for the end of the visitor by a signal.
func (v *visitor) killed(by syscall.Signal) {
	v.t.Helper()
	if status := v.status(); !status.Signaled() || status.Signal() != by {
		v.t.Fatalf("the process ended with %#x after %d steps; want it killed by %v", status, v.p.Done(), by)
	}
}

func (v *visitor) status() syscall.WaitStatus {
	v.t.Helper()
	ctx, cancel := patience(v.t)
	defer cancel()
	status, err := v.p.Wait(ctx)
	if err != nil {
		v.t.Fatalf("after %d steps: %v", v.p.Done(), err)
	}
	return status
}

// waitFor waits until what has come true.
func waitFor(t testing.TB, what string, come func() bool) {
	t.Helper()
	ctx, cancel := patience(t)
	defer cancel()
	for !come() {
		select {
		case <-ctx.Done():
			t.Fatalf("%s: waited in vain", what)
		case <-time.After(100 * time.Microsecond):
		}
	}
}
