package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"text/tabwriter"

	"github.com/pageslot/pageslot/internal/bytesize"
	"github.com/pageslot/pageslot/internal/matrix"
	"github.com/pageslot/pageslot/probe"
)

// listed is what "vm list" says of a machine.
type listed struct {
	Machine string   `json:"machine"`
	Port    string   `json:"port"`
	Release string   `json:"release"`
	Page    int      `json:"page"`
	Keys    string   `json:"keys"`   // as committed: "15 keys", "no", "?" if nothing is
	Kernel  string   `json:"kernel"` // the package
	Cached  bool     `json:"cached"`
	File    string   `json:"file,omitempty"` // the kernel, where it is cached
	QEMU    string   `json:"qemu"`           // program and what becomes of it
	Subsets []string `json:"subsets,omitempty"`
	Note    string   `json:"note,omitempty"`
}

// listReport is the JSON form of "vm list".
type listReport struct {
	Machines []listed        `json:"machines"`
	Absent   []matrix.Absent `json:"absent"`
}

func vmList(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	const name = "vm list"
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "print one JSON object")
	if status, proceed := parseFlags(flags, args, stdout, stderr); !proceed {
		return status
	}
	m, resolver, err := new(archiveFlags).resolver(ctx, logTo(stderr, "list"))
	if err != nil {
		return failed(name, err, stderr)
	}
	r, err := list(m, func(x matrix.Machine) string { f, _ := resolver.Cached(x); return f.File }, func(x matrix.Machine) string { return whichQEMU(ctx, resolver, x) })
	switch {
	case err != nil:
	case *asJSON:
		err = writeJSON(stdout, r)
	default:
		_, err = io.WriteString(stdout, r.text())
	}
	if err != nil {
		return failed(name, err, stderr)
	}
	return exitOK
}

// list describes all machines. What this host has of them comes from the two
// functions.
func list(m *matrix.Matrix, cached func(matrix.Machine) (file string), qemu func(matrix.Machine) string) (listReport, error) {
	out := listReport{Absent: m.Absent}
	for _, x := range m.Machines {
		keys, err := expectedKeys(x)
		if err != nil {
			return listReport{}, err
		}
		k, file := m.KernelOf(x), cached(x)
		out.Machines = append(out.Machines, listed{
			Machine: x.Name, Port: x.Port, Release: k.Release, Page: k.Page, Keys: keys,
			Kernel: k.Package.String(), Cached: file != "", File: file, QEMU: qemu(x), Subsets: x.Subsets, Note: note(x),
		})
	}
	return out, nil
}

// expectedKeys is what is committed about the protection keys of a machine.
func expectedKeys(x matrix.Machine) (string, error) {
	e, err := matrix.ReadExpect(matrix.Embedded(), x.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return "?", nil
	}
	if err != nil {
		return "", err
	}
	a, ok := e.Probe[matrix.Root][probe.Pkey]
	switch {
	case !ok:
		return "?", nil
	case a.Verdict == probe.Yes && len(a.Values) > 0:
		return a.Values[0], nil
	}
	return string(a.Verdict), nil
}

// whichQEMU says what a machine would run on here, without the network.
func whichQEMU(ctx context.Context, r *matrix.Resolver, x matrix.Machine) string {
	version, enough := r.Installed(ctx, x)
	switch {
	case enough:
		return "installed " + version
	case r.Unpacked(x):
		return "unpacked"
	case version != "":
		return "to unpack: " + version + " is too old"
	}
	return "to unpack or install"
}

func (r listReport) text() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "machine\tpages\tkeys\tsubset\tkernel\tcached\tQEMU")
	for _, x := range r.Machines {
		cached := "no"
		if x.Cached {
			cached = "yes"
		}
		subset := strings.Join(x.Subsets, ",")
		if subset == "" {
			subset = "-"
		}
		fmt.Fprintf(w, "%s\t%v\t%s\t%s\t%s\t%s\t%s\n", x.Machine, bytesize.Size(x.Page), x.Keys, subset, x.Kernel, cached, x.QEMU)
	}
	w.Flush()
	b.WriteString("\nA machine's name begins with the port of its programs and the kernel's release.\n")
	for _, x := range r.Machines {
		if x.Note != "" {
			fmt.Fprintf(&b, "%s: %s.\n", x.Machine, x.Note)
		}
	}
	b.WriteString("\nWhat no machine has:\n")
	for _, a := range r.Absent {
		detailAt(&b, 2, a.What+": "+a.Why)
	}
	return b.String()
}

// detailAt writes a text of several lines, the first indented by some blanks and
// the others by two more.
func detailAt(b *strings.Builder, indent int, text string) {
	const width = 100
	b.WriteString(strings.Repeat(" ", indent))
	column := indent
	for i, word := range strings.Fields(text) {
		switch {
		case i > 0 && column+1+len(word) > width:
			b.WriteString("\n" + strings.Repeat(" ", indent+2))
			column = indent + 2
		case i > 0:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	b.WriteByte('\n')
}

// note is what is to be said of a machine.
func note(x matrix.Machine) string {
	said := x.Left()
	if x.Note != "" {
		said = append([]string{x.Note}, said...)
	}
	return strings.Join(said, "; ")
}
