package vm

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// Run starts the machine, runs the jobs in it, one after the other, and returns
// how each ended. If the error is not nil, it is an *Error or what ctx says, and
// the results are those of the jobs that ended before. log gets what is worth a
// line; nil is nobody.
func Run(ctx context.Context, c Config, jobs []Job, log func(string)) ([]Result, error) {
	if log == nil {
		log = func(string) {}
	}
	if err := check(c, jobs); err != nil {
		return nil, &Error{Why: err.Error(), Err: err}
	}
	init, err := buildInit(ctx, c.Cache, c.Arch)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, &Error{Why: err.Error(), Err: err}
	}
	m := machine{Config: c, init: init, accel: emulation(c.Arch), slow: max(c.Slow, 1), log: log}
	if m.useKVM(ctx) {
		m.accel, m.slow = kvm, 1
	}
	results, err := m.run(ctx, jobs)
	for range restarts {
		var failed *Error
		if m.accel == kvm || ctx.Err() != nil || !errors.As(err, &failed) || !failed.stillborn {
			break
		}
		log("the machine gave up before its init ran (" + failed.Why + "); starting it again")
		results, err = m.run(ctx, jobs)
	}
	return results, err
}

// restarts is how often a machine is started again whose kernel gave up before
// anything of a job ran. QEMU 7.2 makes kernels for amd64 do that, once in some
// thirty starts: an interrupt's return meets a broken stack while the kernel
// changes its own code. A kernel that always gives up still fails.
const restarts = 1

func (m machine) run(ctx context.Context, jobs []Job) ([]Result, error) {
	word := "ps" + rand.Text()[:16]
	file, err := m.initrd(word, jobs)
	if err != nil {
		return nil, &Error{Why: "initrd: " + err.Error(), Err: err}
	}
	defer file.Close()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	m.begin = time.Now()
	q, err := startQEMU(m.Config, m.accel, file)
	if err != nil {
		return nil, &Error{Why: "QEMU: " + err.Error(), Err: err}
	}
	s := newSession(word, jobs)
	why, cause := m.follow(ctx, q, s)
	if why == endedEarly {
		why = m.explain(s, q, q.wait())
	} else {
		q.kill()
	}
	if why == "" {
		return s.results, nil
	}
	if ctx.Err() != nil {
		// Whoever lost patience wants to see what it was waiting for.
		why, cause = "interrupted: "+context.Cause(ctx).Error(), context.Cause(ctx)
	}
	console := s.console.String()
	if text := strings.TrimSpace(q.stderr.String()); text != "" && !strings.HasSuffix(why, text) {
		console += "QEMU says:\n" + text + "\n"
	}
	return s.results, &Error{Why: why, Console: console, Err: cause, started: true, stillborn: s.hello == nil && s.panicAt != ""}
}

// initrd is an open file that holds what the machine starts with.
func (m machine) initrd(word string, jobs []Job) (*os.File, error) {
	ird, err := plan(word, m.Config, jobs, m.slow)
	if err != nil {
		return nil, err
	}
	return fitting(m.Initrd, func(w io.Writer) error { return ird.write(w, m.init) })
}

// endedEarly stands for a reason that needs QEMU's exit status.
const endedEarly = "ended early"

// follow listens until the machine has said all, or until there is a reason to
// give it up. An empty reason means that all is well.
func (m machine) follow(ctx context.Context, q *qemu, s *session) (why string, cause error) {
	said := make(chan []byte)
	gone := make(chan struct{})
	defer close(gone)
	go func() {
		defer close(said)
		lines(q.console, func(line []byte) {
			select {
			case said <- append([]byte{}, line...):
			case <-gone:
			}
		})
	}()
	// A writer of the caller's that blocks must not keep the machine alive.
	defer context.AfterFunc(ctx, func() { q.process.Kill() })()

	watch := m.newWatch()
	timer := time.NewTimer(time.Until(watch.until))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return "interrupted", ctx.Err()
		case <-timer.C:
			switch {
			case s.done():
				return "", nil
			case s.panicAt != "":
				return "kernel panic: " + s.panicAt, nil
			}
			return watch.why(), nil
		case line, ok := <-said:
			if !ok {
				if s.done() {
					return "", nil
				}
				return endedEarly, nil
			}
			if err := s.line(line); err != nil {
				return err.Error(), err
			}
			if s.panicOver && !s.done() {
				return "kernel panic: " + s.panicAt, nil
			}
			if watch.see(s) {
				timer.Reset(time.Until(watch.until))
			}
		}
	}
}

// explain says why a machine ended of itself before it had said all.
func (m machine) explain(s *session, q *qemu, ended error) string {
	status := "QEMU ended with exit status 0"
	if ended != nil {
		status = "QEMU ended: " + ended.Error()
	}
	if line := q.said(); line != "" {
		status += ": " + line
	}
	switch {
	case s.panicAt != "":
		return "kernel panic: " + s.panicAt
	case s.hello == nil && ended == nil && s.console.String() == "":
		return "it ended before its init spoke; " + status + ", as it does if the kernel has too little memory"
	case s.hello == nil:
		return "it ended before its init spoke; " + status
	case s.current() != "":
		return fmt.Sprintf("it ended without an exit status of job %s; %s", s.current(), status)
	}
	return "it ended without its last word; " + status
}
