package storm

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"runtime/trace"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// disturbances are what Go programs do besides, and what happens to them.
func (s *storm) disturbances() []Disturbance {
	all := []Disturbance{
		{"collector", func() error { runtime.GC(); return nil }},
		{"profile", profile},
		{"trace", traced},
		{"signal", terminate},
	}
	if len(s.Command) > 0 {
		all = append(all, Disturbance{"exec", s.exec})
	}
	if !s.Goroutine {
		all = append(all, Disturbance{"rules", s.change})
	}
	return all
}

// moment is how long a profile or a trace is: several samples.
const moment = 50 * time.Millisecond

func profile() error {
	if err := pprof.StartCPUProfile(io.Discard); err != nil {
		return err
	}
	time.Sleep(moment)
	pprof.StopCPUProfile()
	return nil
}

func traced() error {
	if err := trace.Start(io.Discard); err != nil {
		return err
	}
	time.Sleep(moment)
	trace.Stop()
	return nil
}

// terminate sends SIGTERM to this process, which takes it.
func terminate() error {
	come := make(chan os.Signal, 1)
	signal.Notify(come, unix.SIGTERM)
	defer signal.Stop(come)
	if err := unix.Kill(os.Getpid(), unix.SIGTERM); err != nil {
		return fmt.Errorf("kill: %w", err)
	}
	<-come
	return nil
}

// exec starts a program. It runs in the memory of this process until it is another.
func (s *storm) exec() error {
	cmd := exec.Command(s.Command[0], s.Command[1:]...)
	cmd.Env = []string{"GORACE=atexit_sleep_ms=0"} // the race detector would wait a second
	if out, err := cmd.CombinedOutput(); err != nil {
		return errors.Join(fmt.Errorf("%q: %w", s.Command, err), errors.New(string(out)))
	}
	return nil
}

// change replaces every rule by itself.
func (s *storm) change() error {
	for _, a := range s.areas {
		if err := s.r.Change(s.rule(a)); err != nil {
			return err
		}
	}
	return nil
}

// greed makes the collector run as often as it can (GOGC=1), and gives it a reason.
func (s *storm) greed(running *sync.WaitGroup) (restore func()) {
	if !chosen(s.Disturbances, "greed") {
		return func() {}
	}
	was := debug.SetGCPercent(1)
	running.Go(func() {
		for !s.over(s.quiet) && !s.over(s.failed) {
			garbage = make([]byte, 64<<10)
			runtime.Gosched()
		}
	})
	return func() { debug.SetGCPercent(was) }
}

// garbage is a variable of the package, or else there would be none.
var garbage []byte
