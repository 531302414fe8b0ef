package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"text/tabwriter"
)

// The exit status of every command.
const (
	exitOK     = 0
	exitFailed = 1 // the job failed, or what it checked is wrong
	exitUsage  = 2 // the command line makes no sense; nothing was done
)

// command is one word after "pageslot". Its run function returns the exit
// status; ctx ends at the first interrupt.
type command struct {
	name    string
	summary string
	run     func(ctx context.Context, args []string, stdout, stderr io.Writer) int
}

func main() {
	os.Exit(realMain(os.Args[1:], os.Stdout, os.Stderr))
}

// realMain is main for tests too.
func realMain(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The second interrupt ends the process at once, whatever the job is doing.
	context.AfterFunc(ctx, stop)
	return dispatch(ctx, commands, args, stdout, stderr)
}

func dispatch(ctx context.Context, table []command, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		usage(table, stderr)
		return exitUsage
	}
	out := &output{to: stdout}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		usage(table, out)
		return out.status(exitOK, "help", stderr)
	}
	for _, c := range table {
		if c.name == args[0] {
			return out.status(c.run(ctx, args[1:], out, stderr), c.name, stderr)
		}
	}
	fmt.Fprintf(stderr, "pageslot: there is no command %q; \"pageslot help\" lists them\n", args[0])
	return exitUsage
}

func usage(table []command, w io.Writer) {
	fmt.Fprint(w, "usage: pageslot COMMAND [flags]\n\n")
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, c := range table {
		fmt.Fprintf(columns, "  %s\t%s\n", c.name, c.summary)
	}
	columns.Flush()
	fmt.Fprint(w, "\n\"pageslot COMMAND -h\" lists the flags of a command. Sizes are written 4096, 64KiB, 4GiB.\n")
}

// parseFlags reads the flags of a command, which takes nothing but flags. If
// proceed is false, the command ends with status: help was asked for and
// printed, or one line on stderr says what is wrong.
func parseFlags(flags *flag.FlagSet, args []string, stdout, stderr io.Writer) (status int, proceed bool) {
	flags.SetOutput(io.Discard) // package flag would print all of the usage after an error
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintf(stdout, "usage: pageslot %s [flags]\n\n", flags.Name())
		flags.SetOutput(stdout)
		flags.PrintDefaults()
		return exitOK, false
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("%q is not a flag, and this command takes nothing else", flags.Arg(0))
	}
	if err != nil {
		return badUsage(flags.Name(), err, stderr), false
	}
	return exitOK, true
}

// badUsage says in one line what is wrong with the command line.
func badUsage(name string, err error, stderr io.Writer) int {
	fmt.Fprintf(stderr, "pageslot %s: %v\n", name, err)
	return exitUsage
}

// failed says in one line why the job failed.
func failed(name string, err error, stderr io.Writer) int {
	fmt.Fprintf(stderr, "pageslot %s: %v\n", name, err)
	return exitFailed
}

// writeJSON writes v as one indented JSON object and a newline.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// output remembers that a write failed, so that a full disk or a closed pipe is
// not taken for success by whoever reads only the exit status.
type output struct {
	to  io.Writer
	err error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.to.Write(p)
	if err != nil && o.err == nil {
		o.err = err
	}
	return n, err
}

// status is the command's own status, or exitFailed if its output was lost.
func (o *output) status(status int, name string, stderr io.Writer) int {
	if o.err == nil || status != exitOK {
		return status
	}
	return failed(name, fmt.Errorf("the output could not be written: %w", o.err), stderr)
}
