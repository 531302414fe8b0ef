package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"

	"github.com/pageslot/pageslot/internal/matrix"
	"github.com/pageslot/pageslot/internal/vm"
	"github.com/pageslot/pageslot/probe"
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

// machineProbe is what a machine answered: to root all of it, to the user what is
// different.
func machineProbe(m matrix.MachineReport) string {
	root, ok := m.Probe[matrix.Root]
	if !ok {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s, as root: %s", m.Machine, probeText(root))
	user, ok := m.Probe[matrix.User]
	if !ok {
		return b.String() + "\n"
	}
	user.Answers = slices.DeleteFunc(slices.Clone(user.Answers), func(a probe.Answer) bool {
		r, ok := root.Answer(a.Name)
		return ok && r.Verdict == a.Verdict && slices.Equal(r.Values, a.Values)
	})
	user.Complete = false // leaves the limits out
	fmt.Fprintf(&b, "\n%s, as an ordinary user, where that is different: %s\n", m.Machine, probeText(user))
	return b.String()
}
