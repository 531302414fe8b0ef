package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/pageslot/pageslot/internal/storm"
)

// more is what the variant with cgo adds.
var more []storm.Disturbance

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("program", flag.ContinueOnError)
	flags.SetOutput(stderr)
	c := storm.Config{More: more}
	flags.IntVar(&c.Pages, "pages", 20000, "how many each access touches")
	flags.IntVar(&c.Procs, "procs", 0, "GOMAXPROCS")
	flags.IntVar(&c.Threads, "threads", 1, "of the resolver")
	flags.IntVar(&c.Spin, "spin", 0, "how often they look before they sleep")
	flags.BoolVar(&c.Goroutine, "goroutine", false, "a goroutine serves the faults")
	accesses := flags.String("accesses", "", "names; all of them if empty")
	disturbances := flags.String("disturbances", "", "names; all of them if empty")
	end := flags.Bool("end", false, "only look for descriptors that should not be here")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(stderr, "what is %s?\n", flags.Arg(0))
		return 2
	}
	if *end {
		return inherited(stderr)
	}
	c.Accesses, c.Disturbances = names(*accesses), names(*disturbances)
	self, err := os.Executable()
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	c.Command = []string{self, "-end"}
	fmt.Fprintln(stdout, "begins")
	report, err := storm.Run(c)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		fmt.Fprintln(stderr, err)
		return 3
	case err != nil:
		fmt.Fprintln(stderr, err)
		return 1
	}
	fmt.Fprintln(stdout, report)
	return 0
}

func names(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
}

// inherited looks for a userfaultfd in a process that has none of its own.
func inherited(stderr io.Writer) int {
	const dir = "/proc/self/fd"
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0 // nobody can tell
	}
	for _, e := range entries {
		if to, _ := os.Readlink(dir + "/" + e.Name()); strings.Contains(to, "userfaultfd") {
			fmt.Fprintf(stderr, "descriptor %s is %s\n", e.Name(), to)
			return 1
		}
	}
	return 0
}
