package harness

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// pick returns the processor to use: want, or the last one that may be used.
func pick(want int) (int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return 0, fmt.Errorf("sched_getaffinity: %w", err)
	}
	last := -1
	for cpu := range len(set) * 64 {
		if set.IsSet(cpu) {
			last = cpu
		}
	}
	switch {
	case want < 0:
		return last, nil
	case !set.IsSet(want):
		return 0, fmt.Errorf("processor %d may not be used here", want)
	}
	return want, nil
}

var errOneProcessor = fmt.Errorf("there is no other processor than the one that everything runs on: %w", errors.ErrUnsupported)

// pickOther returns the first processor that may be used and is not the one at hand.
func pickOther(cpu int) (int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return 0, fmt.Errorf("sched_getaffinity: %w", err)
	}
	for other := range len(set) * 64 {
		if other != cpu && set.IsSet(other) {
			return other, nil
		}
	}
	return 0, errOneProcessor
}

// moveThread moves the thread of this process that gives itself the name, as soon as it has
// done that, to another processor.
func moveThread(name string, cpu int) error {
	var set unix.CPUSet
	set.Set(cpu)
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		tasks, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return err
		}
		for _, task := range tasks {
			is, err := os.ReadFile("/proc/self/task/" + task.Name() + "/comm")
			if err != nil || strings.TrimSpace(string(is)) != name {
				continue // it may have ended
			}
			tid, err := strconv.Atoi(task.Name())
			if err != nil {
				return err
			}
			if err := unix.SchedSetaffinity(tid, &set); err != nil {
				return fmt.Errorf("sched_setaffinity of thread %d to processor %d: %w", tid, cpu, err)
			}
			return nil
		}
	}
	return fmt.Errorf("no thread is called %q", name)
}

// startPinned starts a command that may use one processor only, from its first
// instruction on: so all threads of a Go program are pinned too, also those that
// the runtime starts before main.
func startPinned(cmd *exec.Cmd, cpu int) error {
	runtime.LockOSThread()
	var before, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("sched_getaffinity: %w", err)
	}
	one.Set(cpu)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("sched_setaffinity: %w", err)
	}
	started := cmd.Start()
	if err := unix.SchedSetaffinity(0, &before); err != nil {
		// The thread stays locked, so that no other goroutine gets it.
		return fmt.Errorf("sched_setaffinity: %w", err)
	}
	runtime.UnlockOSThread()
	return started
}
