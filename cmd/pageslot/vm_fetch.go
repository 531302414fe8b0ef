package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/pageslot/pageslot/internal/matrix"
)

func vmFetch(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	const name = "vm fetch"
	var from archiveFlags
	var which machineFlags
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	which.add(flags, false)
	from.add(flags)
	if status, proceed := parseFlags(flags, args, stdout, stderr); !proceed {
		return status
	}
	if err := from.check(); err != nil {
		return badUsage(name, err, stderr)
	}
	m, resolver, err := from.resolver(ctx, func(line string) { fmt.Fprintln(stdout, line) })
	if err != nil {
		return failed(name, err, stderr)
	}
	machines, _, err := which.choose(m)
	if err != nil {
		return badUsage(name, err, stderr)
	}
	missing := 0
	for _, x := range machines {
		resolved, err := resolver.Resolve(ctx, x, "")
		switch {
		case ctx.Err() != nil:
			return failed(name, errors.New("interrupted"), stderr)
		case err != nil:
			missing++
			fmt.Fprintf(stdout, "%s: FAILED: %v\n", x.Name, err)
		default:
			fmt.Fprintln(stdout, fetchedLine(resolved))
		}
	}
	if missing > 0 {
		return failed(name, fmt.Errorf("%d of %d machines lack something; see above", missing, len(machines)), stderr)
	}
	return exitOK
}

// fetchedLine says what a machine will run on.
func fetchedLine(x matrix.Resolved) string {
	kernel := x.Kernel.Package.String()
	if x.Kernel.Fallback {
		kernel += " (FALLBACK)"
	}
	qemu := "installed"
	if x.QEMU.Unpacked {
		qemu = "unpacked"
	}
	return fmt.Sprintf("%-22s  %s, QEMU %s (%s)", x.Machine.Name, kernel, x.QEMU.Version, qemu)
}
