package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"time"

	"github.com/pageslot/pageslot/highlevel"
	"github.com/pageslot/pageslot/internal/bytesize"
	"github.com/pageslot/pageslot/internal/program"
)

// runOptions are the flags of "pageslot run".
type runOptions struct {
	image                  string // empty: this program
	slots, workers         int
	rounds, dirty          int
	size                   uint64
	maxMemory, reservation uint64 // as in highlevel.Config
	guard                  uint64
	seed                   uint64
	json                   bool

	sizeSet bool
}

// runHooks let a test break what the job has to notice.
type runHooks struct {
	config   func(*highlevel.Config)              // before the pool is made
	segments func([]segment)                      // before the image is made
	leased   func(l highlevel.Lease, open uint64) // before the misses of a lease
	looked   func()                               // after each slot's last comparison
	patience time.Duration                        // instead of patienceLimit
}

const (
	mostWorkers = 1024
	mostRounds  = 1<<31 - 1
)

// runCommand is the main job: workers lease slots of a real program's image, check
// what is in them, use them, miss them, and give them back; then every slot is
// compared in full.
func runCommand(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return runWith(ctx, runHooks{}, args, stdout, stderr)
}

func runWith(ctx context.Context, hooks runHooks, args []string, stdout, stderr io.Writer) int {
	const name = "run"
	o, status, proceed := parseRun(args, stdout, stderr)
	if !proceed {
		return status
	}
	j, err := newJob(o, hooks, stderr)
	if err != nil {
		if isUsage(err) {
			return badUsage(name, err, stderr)
		}
		return failed(name, err, stderr)
	}
	j.run(ctx)
	r := j.report(ctx)
	if o.json {
		err = writeJSON(stdout, r)
	} else {
		_, err = io.WriteString(stdout, r.text())
	}
	if err != nil {
		return failed(name, err, stderr)
	}
	if !r.OK {
		return exitFailed
	}
	return exitOK
}

// parseRun reads and checks the flags. If proceed is false, the command ends.
func parseRun(args []string, stdout, stderr io.Writer) (o runOptions, status int, proceed bool) {
	var size, maxMemory, reservation, guard bytesize.Size
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	flags.StringVar(&o.image, "image", "", "`file` whose contents the slots begin with: the loadable segments of an ELF file,\n"+
		"any other file as it is (default this program)")
	flags.IntVar(&o.slots, "slots", 0, "`number` of slots (default what suits the address space, mostly 1000)")
	flags.IntVar(&o.workers, "workers", runtime.GOMAXPROCS(0), "`number` of goroutines that take leases")
	flags.IntVar(&o.rounds, "rounds", 5000, "`number` of leases that each worker takes")
	flags.IntVar(&o.dirty, "dirty", 64, "`number` of random pages that are written in each lease")
	flags.Var(&size, "size", "`bytes` of a lease at first (default its image and 256KiB)")
	flags.Var(&maxMemory, "max-memory", "`bytes` to which a lease can grow (default mostly 4GiB)")
	flags.Var(&reservation, "reservation", "`bytes` from a slot's base within which a stray access faults (default mostly 4GiB)")
	flags.Var(&guard, "guard", "`bytes` behind the reservation, and ahead of the first slot, that fault too (default mostly 32MiB)")
	flags.Uint64Var(&o.seed, "seed", 0, "`number` from which each worker's choices follow (default random);\n"+
		"the order in which workers take turns does not")
	flags.BoolVar(&o.json, "json", false, "print one JSON object")
	if status, proceed := parseFlags(flags, args, stdout, stderr); !proceed {
		return o, status, false
	}

	set := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { set[f.Name] = true })
	o.size, o.sizeSet = uint64(size), set["size"]
	o.maxMemory = asked(maxMemory, set["max-memory"])
	o.reservation = asked(reservation, set["reservation"])
	o.guard = asked(guard, set["guard"])
	if !set["seed"] {
		o.seed = rand.Uint64N(1 << 53) // all of its digits survive a reader that takes JSON numbers for float64
	}
	err := o.check(set)
	if err != nil {
		return o, badUsage("run", err, stderr), false
	}
	return o, exitOK, true
}

// asked is a size as highlevel.Config has it: 0 for the default.
func asked(n bytesize.Size, set bool) uint64 {
	if set && n == 0 {
		return highlevel.None
	}
	return uint64(n)
}

// check refuses numbers that make no sense.
func (o *runOptions) check(set map[string]bool) error {
	for _, x := range []struct {
		flag        string
		value       int
		least, most int
	}{
		{"slots", o.slots, 1, 1 << 30},
		{"workers", o.workers, 1, mostWorkers},
		{"rounds", o.rounds, 1, mostRounds},
		{"dirty", o.dirty, 0, 1 << 30},
	} {
		switch {
		case x.value == 0 && !set[x.flag]:
		case x.value < x.least:
			return fmt.Errorf("-%s %d: it has to be %d or more", x.flag, x.value, x.least)
		case x.value > x.most:
			return fmt.Errorf("-%s %d: it has to be %d or less", x.flag, x.value, x.most)
		}
	}
	if set["image"] && o.image == "" {
		return errors.New("-image: the name of the file is empty")
	}
	return nil
}

// imageFile is the file to open and its name for people.
func (o *runOptions) imageFile() (file, label string, err error) {
	if o.image != "" {
		return o.image, o.image, nil
	}
	if label, err = os.Executable(); err != nil {
		return "", "", fmt.Errorf("the file of this program can't be told (-image names another): %w", err)
	}
	// The link leads to the file even if another has its name by now.
	if _, err := os.Stat(selfFile); err == nil {
		return selfFile, label, nil
	}
	return label, label, nil
}

const selfFile = "/proc/self/exe"

// usageError is a mistake in the command line that shows only when it is used.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func isUsage(err error) bool {
	var usage usageError
	var file *program.Error
	return errors.As(err, &usage) || errors.As(err, &file)
}
