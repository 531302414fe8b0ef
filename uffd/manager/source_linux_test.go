package manager

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/uffd"
)

func init() {
	children["bad"] = bad
	children["end"] = end
}

const badPage = 5

// broken is a source that fails at one page, for the first times.
type broken struct {
	patternSource
	times atomic.Int64
}

var errBroken = errors.New("a bad sector")

func (b *broken) ReadAt(p []byte, offset int64) (int, error) {
	bad := int64(badPage * systemPage)
	if offset <= bad && bad < offset+int64(len(p)) && b.times.Add(-1) >= 0 {
		n, _ := b.patternSource.ReadAt(p[:bad-offset], offset)
		return n, errBroken
	}
	return b.patternSource.ReadAt(p, offset)
}

// touch reads a byte, and tells whether that was possible.
func touch(mem []byte, i uint64) (ok bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() { ok = recover() == nil }()
	runtime.KeepAlive(mem[i])
	return true
}

// bad touches a page that its source does not have.
func bad(c *client) error {
	mem, err := c.served(16, 1)
	if err != nil {
		return err
	}
	p := systemPage
	if err := holds(mem[:4*p], 1, 0); err != nil {
		return err
	}
	readable := touch(mem, badPage*p)
	if err := holds(mem[(badPage+1)*p:], 1, (badPage+1)*p); err != nil {
		return err
	}
	if !readable {
		return errors.New("unreadable")
	}
	return holds(mem[badPage*p:(badPage+1)*p], 1, badPage*p)
}

// A signal makes an access that waits fault again, so the same failure can come
// more than once.
func TestSourceFails(t *testing.T) {
	needs(t, Events)
	d, err := uffd.Open(uffd.Options{UserMode: uffd.UserModeFallback})
	if err != nil {
		t.Fatal(err)
	}
	canPoison := d.Available().Has(uffd.FeaturePoison)
	_ = d.Close()
	start := func(t *testing.T, times int64, o func(Failure) Action) (*station, *spawned) {
		s := newStation(t, Options{OnError: o})
		source := &broken{patternSource: patternSource{1}}
		source.times.Store(times)
		s.sources[1] = source
		return s, s.spawn("bad")
	}
	always := int64(1 << 40)
	status := func(err error) string {
		if err == nil {
			return "ended well"
		}
		return err.Error()
	}
	t.Run("poison", func(t *testing.T) {
		s, c := start(t, always, nil)
		if !canPoison {
			// Without a way to make it fail, the access waits.
			s.wait("it is left", func() bool { return s.m.Stats().Left > 0 })
			_ = c.cmd.Process.Kill()
			_ = c.wait()
			return
		}
		if err := c.wait(); err == nil || c.output.String() != "unreadable\n" {
			t.Errorf("%s", status(err))
		}
		if got := s.m.Stats(); got.Errors == 0 || got.Poisoned != 1 {
			t.Errorf("%+v", got)
		}
	})
	t.Run("kill", func(t *testing.T) {
		var failed []Failure
		s, c := start(t, always, func(f Failure) Action {
			failed = append(failed, f)
			return Kill
		})
		err := c.wait()
		if state := c.cmd.ProcessState.Sys().(syscall.WaitStatus); !state.Signaled() || state.Signal() != unix.SIGKILL {
			t.Errorf("%s", status(err))
		}
		s.wait("it is gone", func() bool { return s.m.Processes() == 0 })
		if got := s.m.Stats(); got.Killed == 0 || len(failed) == 0 || !errors.Is(failed[0].Err, errBroken) || failed[0].PID != c.cmd.Process.Pid {
			t.Errorf("%+v, %+v", failed, got)
		}
	})
	t.Run("retry", func(t *testing.T) {
		s, c := start(t, 6, func(Failure) Action { return Retry })
		if err := c.wait(); err != nil {
			t.Error(err)
		}
		if got := s.m.Stats(); got.Retried == 0 || got.Retried != got.Errors {
			t.Errorf("%+v", got)
		}
	})
	t.Run("leave", func(t *testing.T) {
		s, c := start(t, always, func(Failure) Action { return Leave })
		s.wait("it is left", func() bool { return s.m.Stats().Left > 0 })
		time.Sleep(10 * time.Millisecond)
		if err := c.cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		if err := c.wait(); err == nil {
			t.Error("it ended well")
		}
		s.wait("it is gone", func() bool { return s.m.Processes() == 0 })
	})
}

// end touches pages at and beyond the end of its source.
func end(c *client) error {
	mem, err := c.served(16, 1)
	if err != nil {
		return err
	}
	p := systemPage
	if err := holds(mem[:4*p], 1, 0); err != nil {
		return err
	}
	want := make([]byte, p)
	_, _ = patternSource{1}.ReadAt(want, int64(4*p))
	for i, b := range mem[4*p : 5*p] {
		if i < 104 && b != want[i] || i >= 104 && b != 0 {
			return fmt.Errorf("byte %d of the last page is %#x", i, b)
		}
	}
	if touch(mem, 5*p) || touch(mem, 15*p) {
		return errors.New("pages beyond the end can be read")
	}
	return nil
}

func TestSourceEnds(t *testing.T) {
	needs(t, Events|uffd.FeaturePoison)
	for _, granule := range []uint64{1, 0, 8 * systemPage} {
		s := newStation(t, Options{Granule: granule})
		s.sources[1] = io.NewSectionReader(patternSource{1}, 0, int64(4*systemPage)+104)
		s.run("end")
		if got := s.m.Stats(); got.Errors < 2 || got.Poisoned != 2 || got.Copied != 5*systemPage {
			t.Errorf("granule %d: %+v", granule, got)
		}
		s.stop()
	}
}
