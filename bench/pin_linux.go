package main

import (
	"fmt"
	"os/exec"
	"runtime"

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
