package harness

import (
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
)

// settings are what the command line says.
type settings struct {
	effort effort
	chosen *regexp.Regexp
	json   bool
	check  bool
	cpu    int // -1: the last one that may be used
	procs  int // GOMAXPROCS of the Go side
	peers  []Peer
}

// Main does what the command line says and returns the exit status.
func Main(peers ...Peer) int {
	if err := admit(peers); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 2
	}
	if len(os.Args) > 1 && os.Args[1] == workerWord {
		return work(os.Args[2:])
	}
	s, err := parse(os.Args[1:], os.Stderr)
	if err == flag.ErrHelp {
		return 0
	}
	if err != nil {
		return 2
	}
	s.peers = peers
	return bench(s, os.Stdout, os.Stderr)
}

// workerWord is the first argument of a process that is the Go side.
const workerWord = "worker"

func parse(args []string, stderr io.Writer) (s settings, err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	fast := flags.Bool("quick", false, "few and short rounds, to see that it works: the figures say little")
	rounds := flags.Int("rounds", 0, fmt.Sprintf("`number` of paired rounds (%d, with -quick %d)", full.rounds, quick.rounds))
	pattern := flags.String("run", "", "only comparisons whose name matches the regular `expression`")
	flags.BoolVar(&s.json, "json", false, "print JSON, with the figures of every round")
	flags.BoolVar(&s.check, "check", false, "a missed target is exit status 1")
	flags.IntVar(&s.cpu, "cpu", -1, "`number` of the processor on which everything runs (the last that may be used)")
	flags.IntVar(&s.procs, "procs", 2, "GOMAXPROCS of the Go side")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	s.effort = full
	if *fast {
		s.effort = quick
	}
	if *rounds != 0 {
		s.effort.rounds = *rounds
	}
	s.chosen, err = regexp.Compile(*pattern)
	switch {
	case err != nil:
	case flags.NArg() > 0:
		err = fmt.Errorf("%q makes no sense here", flags.Arg(0))
	case s.effort.rounds < 1 || s.effort.rounds > maxRounds:
		err = fmt.Errorf("the number of rounds has to be from 1 to %d", maxRounds)
	case s.procs < 1:
		err = fmt.Errorf("GOMAXPROCS has to be 1 or more")
	case s.cpu < -1:
		err = fmt.Errorf("there is no processor %d", s.cpu)
	}
	if err != nil {
		fmt.Fprintln(stderr, "bench:", err)
	}
	return s, err
}

// bench runs what was chosen and returns the exit status.
func bench(s settings, stdout, stderr io.Writer) int {
	fail := func(err error) int {
		fmt.Fprintln(stderr, "bench:", err)
		return 1
	}
	var chosen []comparison
	for _, c := range withPeers(comparisons(s.effort, os.Getpagesize()), s.peers) {
		if s.chosen.MatchString(c.name) {
			chosen = append(chosen, c)
		}
	}
	if len(chosen) == 0 {
		return fail(fmt.Errorf("no comparison matches %q", s.chosen))
	}
	r, err := measure(s, chosen, stderr)
	if err != nil {
		return fail(err)
	}
	write := r.text
	if s.json {
		write = r.json
	}
	if err := write(stdout); err != nil {
		return fail(err)
	}
	if r.failed() || s.check && r.missed() {
		return 1
	}
	return 0
}
