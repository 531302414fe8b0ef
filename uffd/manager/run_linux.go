package manager

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// Run serves until
//   - ctx ends: it returns context.Cause(ctx). Everything stays as it is: processes
//     that fault wait, and Run can be called again.
//   - Close is called: it returns [ErrClosed].
//   - no process is left: it returns nil, unless Options.StayWhenIdle is set.
//
// It works on the calling goroutine alone, and takes one thread, which waits in
// epoll_wait(2), however many processes there are. What it calls delays all of them:
// a source that is slow, above all. On kernels that cannot read without waiting (see
// uffd's TryRead) so can a process that makes its descriptor blocking on purpose.
//
// A panic of a source or of a function of Options goes through Run, and
// runtime.Goexit ends it. Whoever recovers can call Run again, as after ctx.
//
// Errors besides these: [ErrRunning].
func (m *Manager) Run(ctx context.Context) (err error) {
	if err := m.begin(); err != nil {
		return fmt.Errorf("manager: run: %w", err)
	}
	stop := context.AfterFunc(ctx, m.poller.ring)
	defer stop()
	returned := false
	defer func() {
		if closing := m.finish(returned); closing != nil {
			err = errors.Join(err, closing)
		}
	}()
	err = m.loop(ctx)
	returned = true
	return err
}

func (m *Manager) begin() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case !m.open:
		return ErrClosed
	case m.running:
		return ErrRunning
	}
	m.running = true
	return nil
}

// finish does what a Close in the meantime left to do. returned tells whether the
// loop came to its end, which it does not if what it calls panics.
func (m *Manager) finish(returned bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.running = false
	if !returned && m.open {
		m.server.later = nil
		for _, p := range m.processes {
			m.server.mend(p)
		}
	}
	return m.releaseUnused()
}

func (m *Manager) loop(ctx context.Context) error {
	var poll time.Time // when to ask those that do not tell
	for turn := 1; ; turn++ {
		// A goroutine that the scheduler does not see for 10 ms loses its P in every
		// system call, which takes longer than a fault.
		if turn%256 == 0 {
			runtime.Gosched()
		}
		limit := m.server.again()
		count, polled, err := m.state()
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case count == 0 && !m.server.options.StayWhenIdle:
			return nil
		}
		if polled > 0 {
			now := m.server.now()
			if poll.IsZero() {
				poll = now.Add(m.server.options.PollInterval)
			}
			if !now.Before(poll) {
				poll = time.Time{}
				m.askAll()
				continue
			}
			if until := poll.Sub(now); limit < 0 || until < limit {
				limit = until
			}
		}
		events, err := m.poller.wait(limit)
		if err != nil {
			return fmt.Errorf("manager: run: %w", err)
		}
		for i := range events {
			m.handle(&events[i])
		}
	}
}

// state is what there is to do.
func (m *Manager) state() (count, polled int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.open {
		return 0, 0, ErrClosed
	}
	return len(m.processes), m.polled, nil
}

func (m *Manager) find(id ID) *process {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.processes[id]
}

func (m *Manager) handle(e *unix.EpollEvent) {
	if e.Pad == aboutBell {
		m.poller.silence()
		return
	}
	p := m.find(ID(e.Fd))
	switch {
	case p == nil: // it ended in this round
	case e.Pad == aboutEnd:
		m.serveLast(p)
	case e.Events&unix.EPOLLIN != 0:
		m.server.serve(p)
	default:
		// POLLERR alone: its process has made the descriptor blocking, and it must
		// not be, lest Run hang in a read.
		_ = p.calls.(kernel).Control(func(fd int) error { return unix.SetNonblock(fd, true) })
	}
}

// serveLast is for a process that has ended. Its memory may live on in another that
// shares it; that one tells nothing when it ends.
func (m *Manager) serveLast(p *process) {
	if m.server.ask(p) {
		return
	}
	m.poller.unwatchEnd(p)
	p.buried = true
	m.mu.Lock()
	defer m.mu.Unlock()
	if !p.polled {
		p.polled = true
		m.polled++
	}
}

// askAll asks those that do not tell whether they live.
func (m *Manager) askAll() {
	m.mu.Lock()
	var asked []*process
	for _, p := range m.processes {
		if p.polled {
			asked = append(asked, p)
		}
	}
	m.mu.Unlock()
	for _, p := range asked {
		m.server.ask(p)
	}
}
