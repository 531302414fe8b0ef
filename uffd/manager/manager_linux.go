package manager

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/uffd"
)

// Manager serves the faults of other processes. Its methods may be called from
// several goroutines at once. The zero Manager is closed.
type Manager struct {
	server server
	poller *poller
	shared *shared

	mu        sync.Mutex
	processes map[ID]*process
	last      ID
	polled    int // how many have to be asked whether they live
	open      bool
	running   bool
	adding    int    // how many Adds use what release takes away
	spare     []byte // a larger buffer, for Run to take
	size      int    // of the larger of both
}

// New makes a Manager, which has two descriptors of its own (epoll(7), eventfd(2)),
// and one or two for each process. Close it.
//
// Errors: EINVAL for options that cannot be; EMFILE, ENFILE, ENOMEM.
func New(o Options) (*Manager, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	w, err := newPoller()
	if err != nil {
		return nil, fmt.Errorf("manager: %w", err)
	}
	nothing, err := unix.Mmap(-1, 0, int(systemPage), unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("manager: mmap: %w", err), w.close())
	}
	m := &Manager{
		poller:    w,
		shared:    &shared{events: make([]uffd.Event, 64), nothing: nothing},
		processes: map[ID]*process{},
		open:      true,
	}
	m.server = server{
		options: o,
		watcher: w,
		now:     time.Now,
		admit:   m.admit,
		leave:   m.leave,
		enlarge: m.enlarge,
		batch:   make([]event, len(m.shared.events)),
	}
	return m, nil
}

// Stats is what was done so far.
func (m *Manager) Stats() Stats { return m.server.stats.snapshot() }

// Processes is how many are served now.
func (m *Manager) Processes() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.processes)
}

// enter keeps release away until exit.
func (m *Manager) enter() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.open {
		return ErrClosed
	}
	m.adding++
	return nil
}

func (m *Manager) exit() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.adding--
	return m.releaseUnused()
}

// Close ends a Run that is going on, and closes all descriptors: at once, or, if
// Run runs, when it returns, which is after the fault that it is at, and not in the
// middle of an Add. Close does not wait for that, so that Options' functions may call
// it. The second Close does nothing.
//
// It is for processes that have ended or need no more: see the package's
// documentation for what the others find.
func (m *Manager) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.open {
		return nil
	}
	m.open = false
	if m.running {
		m.poller.ring()
	}
	return m.releaseUnused()
}

// releaseUnused is release by the last who is there after Close; m.mu is held.
func (m *Manager) releaseUnused() error {
	if m.open || m.running || m.adding > 0 {
		return nil
	}
	return m.release()
}

// release gives everything back; m.mu is held.
func (m *Manager) release() error {
	var errs []error
	for _, p := range m.processes {
		p.gone = true
		m.poller.forget(p)
		errs = append(errs, p.calls.Close())
	}
	clear(m.processes)
	m.polled = 0
	for _, mem := range []*[]byte{&m.server.buffer, &m.spare, &m.shared.nothing} {
		if *mem != nil {
			errs = append(errs, unix.Munmap(*mem))
			*mem = nil
		}
	}
	if err := errors.Join(append(errs, m.poller.close())...); err != nil {
		return fmt.Errorf("manager: close: %w", err)
	}
	return nil
}
