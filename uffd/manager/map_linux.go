package manager

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// reserve sees to it that there is a buffer for a granule of pages of a size.
func (m *Manager) reserve(page uint64) error {
	size := int((max(m.server.options.Granule, page) + page - 1) / page * page)
	if size <= m.size {
		return nil
	}
	buffer, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return fmt.Errorf("mmap of a buffer of %d bytes: %w", size, err)
	}
	if m.spare != nil {
		_ = unix.Munmap(m.spare)
	}
	m.spare, m.size = buffer, size
	return nil
}

// enlarge takes the larger buffer that reserve has left.
func (m *Manager) enlarge() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.spare == nil {
		return
	}
	if m.server.buffer != nil {
		_ = unix.Munmap(m.server.buffer)
	}
	m.server.buffer, m.spare = m.spare, nil
}

// Map tells of regions that a process has registered since it was added. It must
// be told before they are touched: a fault that comes earlier meets no region.
//
// Errors: [ErrUnknown]; [ErrClosed]; regions that overlap with others or are not of
// whole pages.
func (m *Manager) Map(id ID, regions ...Region) error {
	if err := m.tell(id, regions); err != nil {
		return fmt.Errorf("manager: map: process %d: %w", id, err)
	}
	return nil
}

func (m *Manager) tell(id ID, regions []Region) error {
	more, err := newLayout(regions)
	if err != nil {
		return err
	}
	m.mu.Lock()
	p := m.processes[id]
	switch {
	case !m.open:
		err = ErrClosed
	case p == nil:
		err = ErrUnknown
	default:
		err = m.reserve(more.largest())
	}
	// Run takes p.mu before m.mu.
	m.mu.Unlock()
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.layout.add(regions)
}
