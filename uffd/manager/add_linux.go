package manager

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/uffd"
)

// Add serves the faults of a process. The descriptor is the Manager's from then on,
// which closes it when the process ends; if Add fails it stays the caller's.
// Everything that is registered with it should be in p.Regions, or told by Map
// before it is touched. Add may come while Run runs, and before.
//
// The descriptor should have [Events] enabled as far as the process does what they
// tell of, and uffd.FeatureEventFork if it forks.
//
// Errors: [ErrOwnProcess]; uffd.ErrGone for a process that has ended;
// uffd.ErrNoHandshake; [ErrClosed] for a closed Manager or descriptor; EEXIST for a
// descriptor that is served already; regions that overlap or are not of whole
// pages; EINVAL for a PidFD of another kind; EMFILE, ENOMEM, and ENOSPC (too many
// epoll watches).
func (m *Manager) Add(d *uffd.Descriptor, p Process) (ID, error) {
	id, err := m.add(d, p)
	if err != nil {
		return 0, fmt.Errorf("manager: add: %w", err)
	}
	m.poller.ring()
	return id, nil
}

func (m *Manager) add(d *uffd.Descriptor, p Process) (id ID, err error) {
	l, err := newLayout(p.Regions)
	if err != nil {
		return 0, err
	}
	if d == nil {
		return 0, fmt.Errorf("no descriptor: %w", errInvalid)
	}
	if err := m.enter(); err != nil {
		return 0, err
	}
	defer func() {
		if closing := m.exit(); closing != nil {
			err = errors.Join(err, closing)
		}
	}()
	if d.FD() < 0 {
		return 0, fmt.Errorf("the descriptor: %w", ErrClosed)
	}
	if !d.Ready() {
		return 0, uffd.ErrNoHandshake
	}
	k := kernel{d, m.shared}
	if !m.server.options.ThisProcessMayHang {
		own, err := ours(k, &l)
		if err != nil {
			return 0, err
		}
		if own {
			return 0, ErrOwnProcess
		}
	}
	if err := k.alive(); errors.Is(err, uffd.ErrGone) {
		return 0, err
	}
	pidfd, err := p.pidfd()
	if err != nil {
		return 0, err
	}
	added := &process{
		pid:    p.PID,
		pidfd:  pidfd,
		calls:  k,
		over:   !d.Enabled().Has(uffd.FeatureEventUnmap),
		layout: l,
		polled: pidfd < 0,
	}
	if err := m.start(added); err != nil {
		if pidfd >= 0 {
			_ = unix.Close(pidfd)
		}
		return 0, err
	}
	return added.id, nil
}

// start begins to serve a process, if all that it needs can be had.
func (m *Manager) start(p *process) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.open {
		return ErrClosed
	}
	if err := m.reserve(p.layout.largest()); err != nil {
		return err
	}
	p.id = m.next()
	if err := m.poller.watch(p); err != nil {
		return err
	}
	m.keep(p)
	m.server.stats.added.inc()
	return nil
}

// admit begins to serve a forked process, in any case: closing its descriptor
// would let it read zeros.
func (m *Manager) admit(c calls, parent *process) *process {
	m.mu.Lock()
	defer m.mu.Unlock()
	child := parent.fork(m.next(), c)
	child.blind = m.poller.watch(child)
	m.keep(child)
	m.server.schedule(child)
	return child
}

func (m *Manager) next() ID {
	for {
		m.last = max(m.last+1, 1)
		if _, taken := m.processes[m.last]; !taken {
			return m.last
		}
	}
}

func (m *Manager) keep(p *process) {
	m.processes[p.id] = p
	if p.polled {
		m.polled++
	}
}

func (m *Manager) leave(p *process) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.processes, p.id)
	if p.polled {
		m.polled--
	}
}
