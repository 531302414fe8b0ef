package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// config is the command line.
type config struct {
	headers   string
	ports     []port
	facts     string
	out       string
	clang     string
	source    string
	older     string
	since     string // empty: nothing about since when
	docs      string
	factsOnly bool
	emitOnly  bool
	check     bool
}

// run is main without the process: it returns the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	c, err := parseArgs(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "gen: %v\n", err)
		return 2
	}
	if err := c.do(stdout); err != nil {
		for line := range strings.Lines(err.Error()) {
			fmt.Fprintf(stderr, "gen: %s\n", strings.TrimRight(line, "\n"))
		}
		return 1
	}
	return 0
}

func parseArgs(args []string, stderr io.Writer) (*config, error) {
	c := &config{}
	flags := flag.NewFlagSet("gen", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&c.headers, "headers", "", "`DIR` with exported kernel headers; see gen/tree.go for the trees that are known")
	list := flags.String("ports", "", "ports to generate, `GOARCH,...` (default: all)")
	flags.StringVar(&c.facts, "facts", "testdata/facts", "`DIR` for the facts")
	flags.StringVar(&c.out, "out", "sys", "`DIR` for the Go files")
	flags.StringVar(&c.clang, "clang", "", "`PROGRAM` to compile with (default: the newest of clang-22 to clang-16, then clang)")
	flags.StringVar(&c.source, "source", "", "source package and version of the headers, `TEXT` (default: from the changelog in DIR, if there is one)")
	c.sinceFlags(flags)
	flags.BoolVar(&c.factsOnly, "facts-only", false, "stop after the facts")
	flags.BoolVar(&c.emitOnly, "emit-only", false, "start from the facts; needs neither headers nor clang, but for -older")
	flags.BoolVar(&c.check, "check", false, "write nothing; exit 1 if something would change")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil, err
		}
		return nil, errors.New("wrong usage")
	}
	switch {
	case flags.NArg() > 0:
		return nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case c.factsOnly && c.emitOnly:
		return nil, errors.New("-facts-only and -emit-only leave nothing to do")
	case c.emitOnly && (c.headers != "" || c.clang != "" && c.older == "" || c.source != ""):
		return nil, errors.New("-emit-only starts from the facts: -headers, -clang and -source have no place there")
	case !c.emitOnly && c.headers == "":
		return nil, errors.New("no headers: name a tree with -headers, or start from the facts with -emit-only")
	}
	var err error
	if c.ports, err = choosePorts(*list); err != nil {
		return nil, err
	}
	if err := c.checkSince(flags); err != nil {
		return nil, err
	}
	return c, c.checkDefaults(flags)
}

// checkDefaults refuses the directories of the repository where there is none:
// they are made only if they were named.
func (c *config) checkDefaults(flags *flag.FlagSet) error {
	named := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { named[f.Name] = true })
	for name, dir := range map[string]string{"facts": c.facts, "out": c.out} {
		if named[name] || (name == "out" && c.factsOnly) {
			continue
		}
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return fmt.Errorf("no directory %s here: run this in the root of the repository, or name directories with -facts and -out", dir)
		}
	}
	return nil
}

// do makes everything in memory and then writes it.
func (c *config) do(stdout io.Writer) error {
	start := time.Now()
	out := newOutput()
	var facts, extracted []*Facts
	var err error
	if c.emitOnly {
		if facts, err = readFactsDir(c.facts, c.ports); err != nil {
			return err
		}
	} else {
		clang, err := findClang(c.clang)
		if err != nil {
			return err
		}
		if extracted, err = extractAll(clang, c.headers, c.source, c.ports); err != nil {
			return err
		}
		if facts, err = addFacts(out, c.facts, extracted); err != nil {
			return err
		}
	}
	var sources map[string][]byte
	if !c.factsOnly {
		h, err := c.history(out, facts)
		if err != nil {
			return err
		}
		if sources, err = emit(facts, h); err != nil {
			return err
		}
		out.add(c.out, sources)
	}
	if err := checkPlaces(c.out, sources, c.facts, extracted); err != nil {
		return err
	}
	changed, verb := []string(nil), "changed"
	if c.check {
		verb = "would change"
		changed, err = out.changed()
	} else {
		changed, err = out.write()
	}
	if err != nil {
		return err
	}
	for _, f := range facts {
		fmt.Fprintln(stdout, summary(f))
	}
	for _, path := range changed {
		fmt.Fprintf(stdout, "%s %s\n", verb, path)
	}
	fmt.Fprintf(stdout, "%v; ports: %d, files: %d, %s: %d, in %.1f s\n", facts[0].Headers, len(facts),
		len(out.files), verb, len(changed), time.Since(start).Seconds())
	if c.check && len(changed) > 0 {
		return fmt.Errorf("%d of %d files are not what they should be", len(changed), len(out.files))
	}
	return nil
}

// addFacts adds the files of the facts to out, and returns what reading them
// gives: the second half sees no more than its file has.
func addFacts(out *output, dir string, facts []*Facts) ([]*Facts, error) {
	files := map[string][]byte{}
	var read []*Facts
	for _, f := range facts {
		text := f.encode()
		again, err := decodeFacts(text)
		if err != nil {
			return nil, err
		}
		files[f.Port+".json"] = text
		read = append(read, again)
	}
	out.add(dir, files)
	return read, nil
}

// summary is the line about one port.
func summary(f *Facts) string {
	calls := 0
	for _, c := range f.Constants {
		if isCall(c) {
			calls++
		}
	}
	return fmt.Sprintf("%-8s %d constants, %d system calls, %d structures", f.Port, len(f.Constants)-calls, calls, len(f.Structs))
}
