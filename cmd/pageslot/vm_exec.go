package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/pageslot/pageslot/internal/vm"
)

// exitMachine is the exit status of "vm exec" where the program has none: its
// machine failed, or could not be started. Hardly a program uses it.
const exitMachine = 125

// runMachine is vm.Run, but in tests of this command.
type runMachine func(ctx context.Context, c vm.Config, jobs []vm.Job, log func(string)) ([]vm.Result, error)

func vmExec(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return execIn(ctx, vm.Run, args, stdout, stderr)
}

// execIn is vmExec with any way to run a machine.
func execIn(ctx context.Context, run runMachine, args []string, stdout, stderr io.Writer) int {
	const name = "vm exec"
	cannot := func(err error) int {
		if ctx.Err() != nil {
			err = interrupted(ctx, err)
		}
		fmt.Fprintf(stderr, "pageslot %s: %v\n", name, err)
		return exitMachine
	}
	var o execOptions
	flags := o.flags(name)
	rest, err := o.parse(flags, args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, execUsage)
		flags.SetOutput(stdout)
		flags.PrintDefaults()
		return exitOK
	}
	if err != nil {
		return badUsage(name, err, stderr)
	}
	m, resolver, err := o.from.resolver(ctx, logTo(stderr, "exec"))
	if err != nil {
		return cannot(err)
	}
	x, image, err := o.find(m, rest[0])
	if err != nil {
		return badUsage(name, err, stderr)
	}
	job, err := o.job(rest)
	if err != nil {
		return badUsage(name, err, stderr)
	}
	job.Stdout, job.Stderr = stdout, stderr
	resolved, err := resolver.Resolve(ctx, x, image)
	if err != nil {
		return cannot(err)
	}
	log := func(string) {} // whoever runs tests wants to see what they print
	if o.verbose {
		log = logTo(stderr, "exec")
		log(fmt.Sprintf("machine %s, kernel %s, QEMU %s", x.Name, resolved.Config.Kernel, resolved.QEMU.Version))
		resolved.Config.Booted = func(i vm.Info) {
			log(fmt.Sprintf("started in %.1fs: %s, pages of %d bytes", i.Boot.Seconds(), i.Kernel, i.PageSize))
		}
	}
	results, err := run(ctx, resolved.Config, []vm.Job{job}, log)
	if err != nil {
		return cannot(err)
	}
	if len(results) != 1 {
		return cannot(fmt.Errorf("machine failed: %d results of one program", len(results)))
	}
	return execStatus(results[0], cannot, stderr)
}

// interrupted is one line, but for the signal by which the go command ends a test
// that took too long: then it is of use what the machine's console said.
func interrupted(ctx context.Context, err error) error {
	machine, ok := errors.AsType[*vm.Error](err)
	if ok && strings.HasPrefix(context.Cause(ctx).Error(), tooLong) {
		return machine
	}
	return errors.New("interrupted")
}

// execStatus is the program's own exit status, or 128 and the signal that ended
// it, as a shell has it.
func execStatus(r vm.Result, cannot func(error) int, stderr io.Writer) int {
	switch {
	case r.TimedOut:
		status := cannot(fmt.Errorf("the program ran past its limit, for %.1fs, and was told to end", r.Took.Seconds()))
		if r.Code > 0 {
			return r.Code
		}
		return status
	case r.Signal != "":
		hint := ""
		if r.Signal == killed {
			hint = ", as the kernel does when memory runs out (-memory MiB gives more)"
		}
		fmt.Fprintf(stderr, "pageslot vm exec: the program was ended by a signal: %s%s\n", r.Signal, hint)
		return 128 + signalNumber(r.Signal)
	}
	return r.Code
}
