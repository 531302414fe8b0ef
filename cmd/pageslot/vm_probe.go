package main

import (
	"context"
	"flag"
	"io"
	"runtime"

	"github.com/pageslot/pageslot/internal/matrix"
	"github.com/pageslot/pageslot/internal/vm"
)

// vmProbe is "vm matrix" without packages: what each machine answers to the
// probe, as root and as an ordinary user.
func vmProbe(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	const name = "vm probe"
	o := matrixOptions{short: true, timeout: matrix.DefaultLimit}
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	o.which.add(flags, false)
	flags.IntVar(&o.lanes, "lanes", runtime.NumCPU(), "how many machines run beside each other")
	flags.StringVar(&o.json, "json", "", "write all reports to this `file`")
	flags.BoolVar(&o.update, "update", false, "make what was seen the expectation (in pageslot's own module)")
	o.from.add(flags)
	if status, proceed := parseFlags(flags, args, stdout, stderr); !proceed {
		return status
	}
	if err := o.check(nil); err != nil {
		return badUsage(name, err, stderr)
	}
	return o.run(ctx, name, vm.Run, nil, stdout, stderr)
}
