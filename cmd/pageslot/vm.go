package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os/signal"
	"regexp"
	"strings"
	"text/tabwriter"

	"github.com/pageslot/pageslot/internal/debian"
	"github.com/pageslot/pageslot/internal/matrix"
)

// vmCommands are the words after "pageslot vm".
var vmCommands = []command{
	{"exec", "run a static program or a test binary in a machine", vmExec},
	{"list", "the machines of the matrix, and what is there of them", vmList},
	{"fetch", "fetch kernels, and QEMU where the installed one is too old", vmFetch},
	{"matrix", "run the tests of packages on all machines", vmMatrix},
	{"probe", "run the probe command on all machines", vmProbe},
}

// vmCommand hands over to one of them. Whoever started the machine may end it in
// more ways than other commands: the go command sends SIGQUIT to tests that take
// too long, and a terminal that is closed sends SIGHUP.
func vmCommand(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	const name = "vm"
	ctx, stop := signal.NotifyContext(ctx, hangups...)
	defer stop()
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		vmUsage(stdout)
		return exitOK
	case err != nil:
		return badUsage(name, err, stderr)
	case flags.NArg() == 0:
		vmUsage(stderr)
		return exitUsage
	case flags.Arg(0) == "help":
		vmUsage(stdout)
		return exitOK
	}
	for _, c := range vmCommands {
		if c.name == flags.Arg(0) {
			return c.run(ctx, flags.Args()[1:], stdout, stderr)
		}
	}
	return badUsage(name, fmt.Errorf("there is no command %q; \"pageslot vm help\" lists them", flags.Arg(0)), stderr)
}

func vmUsage(w io.Writer) {
	fmt.Fprint(w, "usage: pageslot vm COMMAND [flags]\n\nMachines under QEMU, with kernels out of Debian's archive.\n\n")
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, c := range vmCommands {
		fmt.Fprintf(columns, "  %s\t%s\n", c.name, c.summary)
	}
	columns.Flush()
	fmt.Fprint(w, "\n\"pageslot vm COMMAND -h\" lists the flags of a command.\n")
}

// archiveFlags say where packages come from.
type archiveFlags struct{ mirror, keyring string }

func (a *archiveFlags) add(flags *flag.FlagSet) {
	flags.StringVar(&a.mirror, "mirror", "", "`URL` of a Debian archive, above dists and pool; by default the one that this host's apt uses")
	flags.StringVar(&a.keyring, "keyring", "", "`file` with the keys that sign the archive; by default those that apt trusts")
}

func (a *archiveFlags) check() error {
	if a.keyring != "" && a.mirror == "" {
		return errors.New("-keyring goes with -mirror: the host's own archive has its own keys")
	}
	return nil
}

// archive is asked only if something has to be fetched.
func (a *archiveFlags) archive(ctx context.Context) func() (debian.Archive, error) {
	return func() (debian.Archive, error) {
		switch {
		case a.mirror != "" && a.keyring != "":
			return debian.Archive{Mirror: a.mirror, Keyring: a.keyring}, nil
		case a.mirror != "":
			return debian.HostKeyring(a.mirror), nil
		}
		return debian.Host(ctx)
	}
}

// resolver is a matrix.Resolver with the matrix of this program and the user's
// cache.
func (a *archiveFlags) resolver(ctx context.Context, log func(string)) (*matrix.Matrix, *matrix.Resolver, error) {
	m, err := matrix.Default()
	if err != nil {
		return nil, nil, err
	}
	cache, err := debian.DefaultCache()
	if err != nil {
		return nil, nil, err
	}
	return m, matrix.NewResolver(m, cache, a.archive(ctx), log), nil
}

// machineFlags choose machines. The part of -run after a slash is for packages.
type machineFlags struct{ subset, run string }

func (f *machineFlags) add(flags *flag.FlagSet, packages bool) {
	flags.StringVar(&f.subset, "subset", "", "only the machines of this `subset`: "+strings.Join(matrix.Subsets, ", "))
	what := "only the machines that match this `pattern`"
	if packages {
		what = "only what matches this `pattern`: MACHINE, or MACHINE/PACKAGE, regular expressions both"
	}
	flags.StringVar(&f.run, "run", "", what)
}

// choose returns the machines, and what says which packages are wanted; that is
// nil for all.
func (f *machineFlags) choose(m *matrix.Matrix) ([]matrix.Machine, *regexp.Regexp, error) {
	machine, pkg, hasPackage := strings.Cut(f.run, "/")
	var onMachine, onPackage *regexp.Regexp
	var err error
	if machine != "" {
		if onMachine, err = regexp.Compile(machine); err != nil {
			return nil, nil, fmt.Errorf("-run: %w", err)
		}
	}
	if hasPackage && pkg != "" {
		if onPackage, err = regexp.Compile(pkg); err != nil {
			return nil, nil, fmt.Errorf("-run: %w", err)
		}
	}
	chosen, err := m.Select(f.subset, onMachine)
	return chosen, onPackage, err
}

// logTo writes lines of what goes on.
func logTo(w io.Writer, name string) func(string) {
	return func(line string) { fmt.Fprintf(w, "pageslot vm %s: %s\n", name, line) }
}
