package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/pageslot/pageslot/internal/matrix"
	"github.com/pageslot/pageslot/internal/vm"
)

// matrixOptions are the flags of "vm matrix", most of which "vm probe" has too.
type matrixOptions struct {
	from    archiveFlags
	which   machineFlags
	lanes   int
	short   bool
	timeout time.Duration
	json    string
	update  bool
}

func vmMatrix(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return runMatrix(ctx, vm.Run, args, stdout, stderr)
}

func runMatrix(ctx context.Context, run runMachine, args []string, stdout, stderr io.Writer) int {
	const name = "vm matrix"
	var o matrixOptions
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	o.which.add(flags, true)
	flags.IntVar(&o.lanes, "lanes", runtime.NumCPU(), "how many machines run beside each other")
	flags.BoolVar(&o.short, "short", true, "leave out tests that take long: emulation is slow")
	flags.DurationVar(&o.timeout, "timeout", matrix.DefaultLimit, "how long the tests of a package may take, at this host's speed")
	flags.StringVar(&o.json, "json", "", "write all results to this `file`")
	flags.BoolVar(&o.update, "update", false, "make what was seen the expectation (in pageslot's own module)")
	o.from.add(flags)
	flags.SetOutput(io.Discard)
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, "usage: pageslot vm matrix [flags] [PACKAGES]\n\n"+
			"Runs the tests of packages (by default ./...) on machines, as root and as an\n"+
			"ordinary user. In pageslot's own module, what the probe answers and what tests\n"+
			"skip has to be what is committed.\n\n")
		flags.SetOutput(stdout)
		flags.PrintDefaults()
		return exitOK
	}
	if err == nil {
		err = o.check(flags.Args())
	}
	if err != nil {
		return badUsage(name, err, stderr)
	}
	patterns := flags.Args()
	if len(patterns) == 0 {
		patterns = []string{"./..."}
	}
	return o.run(ctx, name, run, patterns, stdout, stderr)
}

func (o *matrixOptions) check(packages []string) error {
	for _, p := range packages {
		if strings.HasPrefix(p, "-") {
			return fmt.Errorf("%q: flags stand before packages", p)
		}
	}
	switch {
	case o.lanes < 1:
		return fmt.Errorf("-lanes %d: want one at least", o.lanes)
	case o.timeout <= 0:
		return fmt.Errorf("-timeout %v: want more than none", o.timeout)
	}
	return o.from.check()
}

// run runs machines with packages; without packages, it is the probe alone.
func (o *matrixOptions) run(ctx context.Context, name string, run runMachine, patterns []string, stdout, stderr io.Writer) int {
	if o.json != "" {
		if err := canWrite(o.json); err != nil {
			return badUsage(name, fmt.Errorf("-json: %w", err), stderr)
		}
	}
	report, err := o.report(ctx, run, patterns, stdout)
	var usage chosenError
	switch {
	case ctx.Err() != nil:
		return failed(name, errors.New("interrupted"), stderr)
	case errors.As(err, &usage):
		return badUsage(name, usage.error, stderr)
	case err != nil:
		return failed(name, err, stderr)
	}
	bad := 0
	for _, m := range report.Machines {
		if !m.OK() {
			bad++
		}
	}
	if o.json != "" {
		if err := writeReport(o.json, report); err != nil {
			return failed(name, err, stderr)
		}
	}
	if bad > 0 {
		return failed(name, fmt.Errorf("%d of %d machines failed; see above", bad, len(report.Machines)), stderr)
	}
	return exitOK
}

// chosenError says that the command line chooses what there is not.
type chosenError struct{ error }

func (o *matrixOptions) report(ctx context.Context, run runMachine, patterns []string, stdout io.Writer) (matrix.Report, error) {
	log := func(line string) { fmt.Fprintln(stdout, line) }
	m, resolver, err := o.from.resolver(ctx, log)
	if err != nil {
		return matrix.Report{}, err
	}
	machines, onPackage, err := o.which.choose(m)
	if err != nil {
		return matrix.Report{}, chosenError{err}
	}
	tool, err := matrix.FindModule(ctx)
	if err != nil {
		return matrix.Report{}, err
	}
	if o.update && !tool.Own() {
		return matrix.Report{}, chosenError{fmt.Errorf("-update: the expectations are those of %s, and this is %s", matrix.Module, tool.Path)}
	}
	temp, err := os.MkdirTemp("", "pageslot-matrix-*")
	if err != nil {
		return matrix.Report{}, err
	}
	defer os.RemoveAll(temp)
	tool.Temp, tool.Patterns = temp, patterns
	tool.Probe = tool.Own() || len(patterns) == 0

	begin := time.Now()
	r := &matrix.Runner{
		Matrix: m,
		Resolve: func(ctx context.Context, x matrix.Machine) (matrix.Resolved, error) {
			return resolver.Resolve(ctx, x, "")
		},
		Build: tool.Build,
		Run:   run,
		Short: o.short,
		Limit: o.timeout,
		Lanes: o.lanes,
		Free:  matrix.HostMemory(),
		Temp:  temp,
		All:   onPackage == nil && len(patterns) == 1 && patterns[0] == "./...",
		Want:  func(_, pkg string) bool { return onPackage == nil || onPackage.MatchString(pkg) },
		Log:   log,
		Done: func(m matrix.MachineReport) {
			fmt.Fprintf(stdout, "%s\n%s", m.Line(), m.Details())
			if len(patterns) == 0 {
				io.WriteString(stdout, machineProbe(m))
			}
		},
	}
	if tool.Own() {
		testdata := filepath.Join(tool.Dir, "internal", "matrix", "testdata")
		r.Expect = os.DirFS(testdata)
		if o.update {
			r.Update = func(machine string, e matrix.Expect) error { return e.Write(testdata, machine) }
		}
	}
	out := matrix.Report{Module: tool.Path}
	if out.Machines, err = r.Machines(ctx, machines); err != nil {
		return out, err
	}
	out.Seconds = time.Since(begin).Round(time.Millisecond).Seconds()
	out.OK = true
	for _, m := range out.Machines {
		out.OK = out.OK && m.OK()
	}
	if len(patterns) > 0 {
		fmt.Fprintf(stdout, "\n%s\n", matrix.Table(out.Machines))
	}
	fmt.Fprintf(stdout, "%s in %.0fs\n", countOf(len(out.Machines), "machine"), out.Seconds)
	if o.update {
		err = matrix.UpdateDocs(m, tool.Dir)
	}
	return out, err
}

// canWrite says, hours before there is a report, whether it can be written. A
// report that is there stays, and nothing new does.
func canWrite(name string) error {
	_, before := os.Stat(name)
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	err = f.Close()
	if errors.Is(before, fs.ErrNotExist) {
		err = errors.Join(err, os.Remove(name))
	}
	return err
}

func writeReport(name string, r matrix.Report) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	err = writeJSON(f, r)
	return errors.Join(err, f.Close())
}
