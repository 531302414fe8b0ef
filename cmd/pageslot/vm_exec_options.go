package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pageslot/pageslot/internal/matrix"
	"github.com/pageslot/pageslot/internal/vm"
)

const execUsage = `usage: pageslot vm exec [flags] [--] PROGRAM [ARGUMENTS]

Runs a static program in a machine whose processor is the one that it was built
for. It gets the working folder's files of up to 4 MiB and its testdata, and no
standard input; a test's profiles and coverage come back, so this works in any
module:

  GOARCH=arm64 CGO_ENABLED=0 go test -exec 'pageslot vm exec -kernel 6.1' ./...

The exit status is the program's own, 128 and the signal that ended it, 125 if the
machine failed (its console is shown then), and 2 if the command line makes no
sense.

`

// execOptions are the flags of "vm exec".
type execOptions struct {
	from                  archiveFlags
	kernel, machine, user string
	timeout               time.Duration
	memory                int
	env, add              listFlag
	verbose               bool
}

// listFlag is a flag that may be given several times.
type listFlag []string

func (l *listFlag) String() string { return strings.Join(*l, " ") }

func (l *listFlag) Set(s string) error {
	*l = append(*l, s)
	return nil
}

func (o *execOptions) flags(name string) *flag.FlagSet {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.kernel, "kernel", "", "the `kernel`: a release that \"pageslot vm list\" shows, or a file with any kernel image;\nby default the newest release")
	flags.StringVar(&o.machine, "machine", "", "the `name` of a machine, instead of the first one that fits")
	flags.StringVar(&o.user, "user", matrix.Root, "the `user` as whom the program runs: root, nobody or a number")
	flags.DurationVar(&o.timeout, "timeout", 0, "how long the program may run, at this host's speed; a slower machine gets more.\nBy default 10m, or what -test.timeout says")
	flags.IntVar(&o.memory, "memory", 0, "the machine's memory in `MiB`, if not its own")
	flags.Var(&o.env, "env", "a variable that passes into the machine: `NAME or NAME=VALUE`; may be repeated.\nThose of Go and of pageslot's tests pass by themselves")
	flags.Var(&o.add, "add", "a `file or folder` that the machine gets too, under the same path; may be repeated")
	flags.BoolVar(&o.verbose, "v", false, "tell how the machine starts")
	o.from.add(flags)
	return flags
}

// parse returns the program with its arguments.
func (o *execOptions) parse(flags *flag.FlagSet, args []string) ([]string, error) {
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	switch {
	case flags.NArg() == 0:
		return nil, errors.New("no program is given")
	case o.timeout < 0:
		return nil, fmt.Errorf("-timeout %v is negative", o.timeout)
	case o.memory < 0 || o.memory > 0 && o.memory < 64:
		return nil, fmt.Errorf("-memory %d: want MiB, 64 at least", o.memory)
	}
	return flags.Args(), o.from.check()
}

// find picks the machine for a program. The image is "" unless the kernel is a
// file.
func (o *execOptions) find(m *matrix.Matrix, program string) (x matrix.Machine, image string, err error) {
	port, err := vm.Port(program)
	if err != nil {
		return matrix.Machine{}, "", err
	}
	release := o.kernel
	if info, err := os.Stat(o.kernel); strings.ContainsRune(o.kernel, '/') || err == nil && info.Mode().IsRegular() {
		release, image = "", o.kernel
	}
	x, err = m.Find(release, port, o.machine)
	if err != nil {
		return matrix.Machine{}, "", fmt.Errorf("%s: %w", program, err)
	}
	if image != "" {
		// Before a QEMU is fetched for it.
		if err := vm.CheckKernel(image, m.KernelOf(x).Arch); err != nil {
			return matrix.Machine{}, "", err
		}
	}
	if o.memory > 0 {
		x = x.WithMemory(o.memory)
	}
	return x, image, nil
}

// job is the program as the machine gets it.
func (o *execOptions) job(args []string) (vm.Job, error) {
	user, err := userNumber(o.user)
	if err != nil {
		return vm.Job{}, err
	}
	dir, err := os.Getwd()
	if err != nil {
		return vm.Job{}, err
	}
	env := os.Environ()
	var names []string
	for _, e := range o.env {
		name, _, hasValue := strings.Cut(e, "=")
		if name == "" {
			return vm.Job{}, fmt.Errorf("-env %q: want NAME or NAME=VALUE", e)
		}
		if hasValue {
			env = slices.DeleteFunc(env, func(old string) bool { return strings.HasPrefix(old, name+"=") })
			env = append(env, e)
		}
		names = append(names, name)
	}
	j, err := vm.TestJob(args, dir, env, vm.TestOptions{Env: names, Files: o.add})
	if err != nil {
		return vm.Job{}, err
	}
	j.User = user
	switch {
	case o.timeout > 0:
		j.Limit = o.timeout
	case !slices.ContainsFunc(args, func(a string) bool { return strings.HasPrefix(strings.TrimLeft(a, "-"), "test.timeout") }):
		j.Limit = 0 // package vm's own
	}
	return j, nil
}

func userNumber(s string) (int, error) {
	switch s {
	case "root":
		return 0, nil
	case "nobody":
		return matrix.Users[matrix.User], nil
	}
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("-user %q: want root, nobody or a number", s)
	}
	return int(n), nil
}
