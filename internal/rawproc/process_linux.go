package rawproc

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"sync"
	"syscall"

	"github.com/pageslot/pageslot/sys"
	"golang.org/x/sys/unix"
)

// Process is a process that Share or Fork made. Its methods may be called from
// several goroutines at once.
type Process struct {
	ops  []Op
	dead chan struct{} // closed when all that follows is final

	mu     sync.Mutex
	alive  []int   // processes that are not reaped yet
	killed bool    // Kill was called: whoever comes to be alive is killed
	maker  *region // of Fork: that of the process that forks
	own    *region // nil when it is unmapped
	pid    int
	after  []byte // the block, when it is unmapped
	status unix.WaitStatus
	err    error
}

// Supported is nil where there is the assembly for this port, and otherwise an
// error that is errors.ErrUnsupported.
func Supported() error {
	if !supported {
		return errPort
	}
	return nil
}

// Share makes a process with the memory and the descriptors of this one, which
// runs the steps (clone(2) with CLONE_VM and CLONE_FILES). Errors:
// errors.ErrUnsupported; EINVAL for a step that is none; EAGAIN and ENOMEM.
func Share(ops ...Op) (*Process, error) {
	if !supported {
		return nil, errPort
	}
	own, err := load(ops, unix.CLONE_VM|unix.CLONE_FILES)
	if err != nil {
		return nil, err
	}
	p := &Process{ops: slices.Clone(ops), dead: make(chan struct{}), own: own}
	return p.launch(own)
}

// Fork makes a copy of this process, which runs the steps (clone(2)). It does
// not wait for it: the kernel makes it when those who have a userfaultfd with
// EVENT_FORK on this process have read their event. If it fails then, Wait has
// the error. Errors: as those of Share.
func Fork(ops ...Op) (*Process, error) {
	if !supported {
		return nil, errPort
	}
	own, err := load(ops, 0)
	if err != nil {
		return nil, err
	}
	spawn := Op{kind: kindSpawn, fork: true}
	maker, err := load([]Op{spawn}, unix.CLONE_VM|unix.CLONE_FILES)
	if err != nil {
		own.unmap()
		return nil, err
	}
	spawn.number = sys.SYS_CLONE
	copy(spawn.args[:], own.cloneArgs(unix.CLONE_PARENT|unix.CLONE_PARENT_SETTID, maker.at(blkSpawned)))
	spawn.put(maker.block[blkProgram+hidden*recSize:], 0)
	p := &Process{ops: slices.Clone(ops), dead: make(chan struct{}), own: own, maker: maker}
	return p.launch(maker)
}

// launch starts the goroutine that makes the process and waits for it. It is not
// the caller's: a process ends with the thread that made it, and a caller may
// have one that is about to end (runtime.LockOSThread).
func (p *Process) launch(first *region) (*Process, error) {
	started := make(chan error)
	go func() {
		defer close(p.dead)
		pid, err := first.start()
		if err != nil {
			p.end(0, fmt.Errorf("rawproc: clone: %w", err))
			started <- p.err
			return
		}
		p.born(pid)
		started <- nil
		status, err := p.reap(pid)
		if p.maker != nil && err == nil {
			status, err = p.forked(status)
		}
		p.end(status, err)
	}()
	if err := <-started; err != nil {
		<-p.dead
		return nil, err
	}
	return p, nil
}

// forked goes on when the process that forks has ended.
func (p *Process) forked(status unix.WaitStatus) (unix.WaitStatus, error) {
	if pid := int(p.maker.load(blkSpawned)); pid != 0 {
		p.born(pid)
		return p.reap(pid)
	}
	if status.Signaled() {
		return status, fmt.Errorf("rawproc: the clone for a fork was killed: %w", unix.EINTR)
	}
	rec := p.maker.block[blkProgram+hidden*recSize:]
	if errno := -int64(Op{kind: kindSyscall}.result(rec, bits.UintSize)); errno > 0 {
		return status, fmt.Errorf("rawproc: clone: %w", unix.Errno(errno))
	}
	return status, fmt.Errorf("rawproc: clone for a fork was not reached: %w", unix.ECHILD)
}

func (p *Process) born(pid int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.alive = append(p.alive, pid)
	if p.maker == nil || pid == int(p.maker.load(blkSpawned)) {
		p.pid = pid
	}
	if p.killed {
		// It fails only if there is no such process, and there is.
		_ = unix.Kill(pid, unix.SIGKILL)
	}
}

// reap waits for the end of a process. The number stays its own until it is out
// of alive, so Kill hits no other process.
func (p *Process) reap(pid int) (unix.WaitStatus, error) {
	var err error
	for again := true; again; again = errors.Is(err, unix.EINTR) {
		err = unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT|unix.WALL, nil)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.alive = slices.DeleteFunc(p.alive, func(q int) bool { return q == pid })
	var status unix.WaitStatus
	for again := err == nil; again; again = errors.Is(err, unix.EINTR) {
		_, err = unix.Wait4(pid, &status, unix.WALL, nil)
	}
	if err != nil {
		return 0, fmt.Errorf("rawproc: wait for process %d: %w", pid, err)
	}
	return status, nil
}

// end keeps what is to be known of the process and frees its memory.
func (p *Process) end(status unix.WaitStatus, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.after = slices.Clone(p.own.block)
	p.status, p.err = status, err
	if f := fault(p.after, bits.UintSize, isMips); err == nil && f.Signal != 0 {
		p.status = unix.WaitStatus(f.Signal)
	}
	p.own.unmap()
	p.own = nil
	if p.maker != nil {
		p.maker.unmap()
	}
}

// Wait waits until the process has ended, and returns how: by an exit code or by
// a signal. It returns context.Cause(ctx) if ctx is over first; the process then
// goes on.
func (p *Process) Wait(ctx context.Context) (syscall.WaitStatus, error) {
	select {
	case <-p.dead:
	default:
		select {
		case <-p.dead:
		case <-ctx.Done():
			return 0, fmt.Errorf("rawproc: process %d goes on: %w", p.Pid(), context.Cause(ctx))
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return syscall.WaitStatus(p.status), p.err
}

// Kill ends the process by SIGKILL, if it has not ended, and waits for its end.
// It may be called again.
func (p *Process) Kill() error {
	p.mu.Lock()
	p.killed = true
	var failed error
	for _, pid := range p.alive {
		failed = errors.Join(failed, unix.Kill(pid, unix.SIGKILL))
	}
	p.mu.Unlock()
	if failed != nil {
		return fmt.Errorf("rawproc: kill: %w", failed)
	}
	<-p.dead
	return nil
}
