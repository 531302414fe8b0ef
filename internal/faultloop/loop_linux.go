package faultloop

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Config is how a loop is to be.
type Config struct {
	FD      int  // a userfaultfd, O_NONBLOCK; the loop makes a descriptor of its own
	Threads int  // how many read from it
	Batch   int  // how many messages a thread reads at once
	Slots   int  // of the ring of each thread: a power of two, at least 2
	Spin    int  // how often a thread looks for messages before it sleeps
	Poison  bool // UFFDIO_POISON makes accesses fail
	Keys    bool // threads get the rights to all protection keys
	Keep    bool // threads stay when no rule has mapped memory any more
}

// Loop is threads that serve one userfaultfd.
type Loop struct {
	fd, stop, notify int
	shared           memory
	table            memory
	stuck            []memory // tables of calls that failed: a thread may look at them
	threads          []*thread
}

// Supported is nil where there is the assembly for this port, and otherwise an error
// that is errors.ErrUnsupported.
func Supported() error {
	if !supported {
		return errPort
	}
	return nil
}

// Start makes a loop that has no rules yet.
func Start(c Config) (*Loop, error) {
	if err := Supported(); err != nil {
		return nil, err
	}
	l := &Loop{fd: -1, stop: -1, notify: -1}
	if err := l.open(c); err != nil {
		l.close()
		return nil, err
	}
	// The threads inherit from the thread that makes them, and a caller's may be
	// special.
	started := make(chan error)
	go func() {
		for _, t := range l.threads {
			if r := start(uintptr(t.block.at(0))); int(r) < 0 {
				started <- fmt.Errorf("clone of a thread: %w", unix.Errno(-r))
				return
			}
		}
		started <- nil
	}()
	if err := <-started; err != nil {
		return nil, errors.Join(err, l.Stop(context.Background()))
	}
	return l, nil
}

// open makes all but the threads themselves.
func (l *Loop) open(c Config) (err error) {
	if l.fd, err = unix.FcntlInt(uintptr(c.FD), unix.F_DUPFD_CLOEXEC, 0); err != nil {
		return fmt.Errorf("fcntl F_DUPFD_CLOEXEC: %w", err)
	}
	if l.stop, err = unix.Eventfd(0, unix.EFD_CLOEXEC); err != nil {
		return fmt.Errorf("eventfd: %w", err)
	}
	if l.notify, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return fmt.Errorf("eventfd: %w", err)
	}
	if l.shared, err = newMemory(sharedSize); err != nil {
		return fmt.Errorf("mmap of %d bytes: %w", sharedSize, err)
	}
	if l.table, err = newTable(nil); err != nil {
		return err
	}
	l.shared.store(sharedTable, l.table.at(0))
	l.shared.store(sharedKeep, boolWord(c.Keep))
	for range c.Threads {
		t, err := newThread(l, c)
		if err != nil {
			return err
		}
		l.threads = append(l.threads, t)
	}
	return nil
}

func newTable(rules []Rule) (memory, error) {
	m, err := newMemory(tableBytes(len(rules)))
	if err != nil {
		return nil, fmt.Errorf("mmap of %d bytes for rules: %w", tableBytes(len(rules)), err)
	}
	putTable(m, rules)
	return m, nil
}

// SetRules replaces all rules. When it returns no thread looks at the old ones any
// more, nor at what they name. Only one goroutine may call it at a time.
//
// After an error the old rules are in force. After ErrStuck a thread may still look at
// the new ones, until a later call succeeds.
func (l *Loop) SetRules(ctx context.Context, rules []Rule) error {
	table, err := newTable(rules)
	if err != nil {
		return err
	}
	old := l.table
	l.shared.store(sharedTable, table.at(0))
	err = wait(ctx, func() bool {
		for _, t := range l.threads {
			// It may be the table of a call that failed, too.
			if seen := t.block.load(ctxSeen); seen != 0 && seen != table.at(0) && t.block.load32(ctxTID) != 0 {
				return false
			}
		}
		return true
	})
	if err != nil {
		l.shared.store(sharedTable, old.at(0))
		// A thread may have taken the new one meanwhile: it stays mapped.
		l.stuck = append(l.stuck, table)
		return fmt.Errorf("%w: %w", ErrStuck, err)
	}
	l.table = table
	for _, m := range append(l.stuck, old) {
		_ = unix.Munmap(m)
	}
	l.stuck = nil
	return nil
}

// Stop tells the threads to end, waits for that, and frees everything. Who waits for
// a page goes on waiting, unless the page was unregistered before.
func (l *Loop) Stop(ctx context.Context) error {
	l.shared.store(sharedStop, 1)
	writeEvent(l.stop)
	err := wait(ctx, func() bool { return !l.Running() })
	if err != nil {
		return fmt.Errorf("a thread does not end: %w", err) // it needs all its memory
	}
	l.close()
	return nil
}

// Running tells whether any thread has not ended.
func (l *Loop) Running() bool {
	for _, t := range l.threads {
		if t.block.load32(ctxTID) != 0 {
			return true
		}
	}
	return false
}

// Settle waits until each thread is done with the messages that it was at. What it has
// noted before is done then.
func (l *Loop) Settle(ctx context.Context) error {
	for _, t := range l.threads {
		rounds := t.block.load(ctxRounds)
		err := wait(ctx, func() bool {
			return t.block.load(ctxSeen) == 0 || t.block.load(ctxRounds) != rounds || t.block.load32(ctxTID) == 0
		})
		if err != nil {
			return fmt.Errorf("%w: %w", ErrStuck, err)
		}
	}
	return nil
}

// Ending tells whether the threads have ended or are about to. When SetRules has
// returned, no memory that was unmapped before decides about that any more.
func (l *Loop) Ending() bool { return l.shared.load(sharedStop) != 0 || l.Done() }

// Done tells whether no thread hands anything over any more. It is so before Notify
// tells of it for the last time; a moment later nothing is Running.
func (l *Loop) Done() bool {
	for _, t := range l.threads {
		if t.block.load(ctxDone) == 0 && t.block.load32(ctxTID) != 0 {
			return false
		}
	}
	return true
}

// close frees what nobody uses.
func (l *Loop) close() {
	for _, t := range l.threads {
		t.free()
	}
	for _, fd := range []int{l.fd, l.stop, l.notify} {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
	for _, m := range append(l.stuck, l.table, l.shared) {
		if m != nil {
			_ = unix.Munmap(m)
		}
	}
	*l = Loop{fd: -1, stop: -1, notify: -1}
}

// wait waits until f is true or ctx is over. The threads signal nothing that Go could
// wait for without a call that they would have to make for every batch.
func wait(ctx context.Context, f func() bool) error {
	for pause := time.Microsecond; !f(); pause = min(2*pause, time.Millisecond) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		time.Sleep(pause)
	}
	return nil
}

// Broken is the errno that ended a thread, or 0.
func (l *Loop) Broken() unix.Errno {
	for _, t := range l.threads {
		if errno := -int64(t.block.load(ctxEnd)); errno != 0 {
			return unix.Errno(errno)
		}
	}
	return 0
}
