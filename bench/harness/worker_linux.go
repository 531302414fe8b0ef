package harness

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/pageslot/pageslot/uffd"
)

// work is the Go side, in a process of its own: it does what the C program of the
// same name does. It returns the exit status.
func work(args []string) int {
	do := serveSamples
	if len(args) > 0 && args[0] == serveWord {
		do = func(args []string) error { return serve(args[1:]) }
	}
	if err := do(args); err != nil {
		fmt.Fprintln(os.Stderr, err)
		if errors.Is(err, errors.ErrUnsupported) {
			return statusUnsupported
		}
		return statusFailed
	}
	return 0
}

// sampler takes a sample: its values in nanoseconds, and how many operations it
// made, those that did not count too.
type sampler func() (values []float64, operations int, err error)

var workers = map[string]func(variant string, args []string) (sampler, error){
	"calls":   newCalls,
	"reads":   newReads,
	"manager": newManager,
	"faults":  newFaults,
}

func serveSamples(args []string) error {
	if len(args) < 2 || workers[args[0]] == nil {
		return fmt.Errorf("no worker: %q", args)
	}
	take, err := workers[args[0]](args[1], args[2:])
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	for {
		if _, err := fmt.Println("ready"); err != nil {
			return err
		}
		if !lines.Scan() {
			return lines.Err()
		}
		before := allocated()
		values, operations, err := take()
		if err != nil {
			return err
		}
		// What a sample allocates once, whatever its length, is not counted.
		perOperation := float64((allocated() - before) / uint64(operations))
		for _, v := range values {
			fmt.Printf("%.2f ", v)
		}
		fmt.Printf("allocs=%v\n", perOperation)
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}

// clock has one reading of the kernel's clock for each look at it, as in C.
type clock time.Time

func newClock() clock { return clock(time.Now()) }

func (c clock) now() time.Duration { return time.Since(time.Time(c)) }

// timer repeats what is measured: for warm without counting, then for run.
type timer struct {
	warm, run time.Duration
	took      []time.Duration
}

func newTimer(warm, run string) (*timer, error) {
	w, err := strconv.ParseInt(warm, 10, 64)
	if err != nil {
		return nil, err
	}
	r, err := strconv.ParseInt(run, 10, 64)
	return &timer{warm: time.Duration(w), run: time.Duration(r), took: make([]time.Duration, 0, 4096)}, err
}

// sample returns the median of what once returns, and how often it was called.
func (t *timer) sample(c clock, once func() (time.Duration, error)) (median float64, times int, err error) {
	for end := c.now() + t.warm; c.now() < end; times++ {
		if _, err := once(); err != nil {
			return 0, 0, err
		}
	}
	t.took = t.took[:0]
	for end := c.now() + t.run; ; {
		took, err := once()
		if err != nil {
			return 0, 0, err
		}
		times++
		t.took = append(t.took, took)
		if c.now() >= end || len(t.took) == cap(t.took) {
			break
		}
	}
	slices.Sort(t.took)
	return float64(t.took[(len(t.took)-1)/2]), times, nil
}

// open is open_uffd of the C side.
func open(features uffd.Features) (*uffd.Descriptor, error) {
	return uffd.Open(uffd.Options{Required: features, UserMode: uffd.UserModeFallback})
}
