package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/pageslot/pageslot/internal/bytesize"
	"github.com/pageslot/pageslot/probe"
)

// probeCommand reports what this machine offers. A no is an answer, not a
// failure: the status is 0 all the same.
func probeCommand(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	const name = "probe"
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "print one JSON object, whose form is that of probe.Report in probe")
	if status, proceed := parseFlags(flags, args, stdout, stderr); !proceed {
		return status
	}
	r := probe.Run(ctx)
	var err error
	if *asJSON {
		err = writeJSON(stdout, r)
	} else {
		_, err = io.WriteString(stdout, probeText(r))
	}
	if err == nil && !r.Complete {
		err = errors.New("interrupted; the answers so far are above")
	}
	if err != nil {
		return failed(name, err, stderr)
	}
	return exitOK
}

// probeGroups are headings for the first words of the questions' names.
var probeGroups = map[string]string{
	"pkey":    "protection keys",
	"pagemap": "/proc", "procmap": "/proc",
	"guard": "memory calls", "madvise": "memory calls", "process-madvise": "memory calls", "pidfd": "memory calls", "mseal": "memory calls", "mmap": "memory calls",
	"thp": "huge pages", "hugetlb": "huge pages",
}

// probeText is the report for people, in groups by the first word of the names.
func probeText(r probe.Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s/%s\n", r.OS, r.Arch)
	last := ""
	for _, a := range r.Answers {
		group, _, _ := strings.Cut(string(a.Name), ".")
		if title, ok := probeGroups[group]; ok {
			group = title
		}
		if group != last {
			fmt.Fprintf(&b, "\n%s\n", group)
			last = group
		}
		fmt.Fprintf(&b, "  %-12s  %s\n", a.Verdict, a.Asks)
		detail(&b, "", strings.Join(a.Values, ", "))
		if a.Verdict == probe.Yes {
			detail(&b, "note: ", a.Reason)
		} else {
			detail(&b, "because: ", a.Reason)
		}
		detail(&b, "remedy: ", a.Remedy)
	}
	if r.Complete {
		b.WriteByte('\n')
		probeLimits(&b, r.Limits)
	}
	return b.String()
}

// detail writes a line beneath an answer, broken where it gets long.
func detail(b *strings.Builder, label, text string) {
	if text == "" {
		return
	}
	const indent, width = 16, 100
	column := 0
	for i, word := range strings.Fields(label + text) {
		switch {
		case i == 0 || column+1+len(word) > width:
			if i > 0 {
				b.WriteByte('\n')
			}
			b.WriteString(strings.Repeat(" ", indent))
			column = indent
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	b.WriteByte('\n')
}

func probeLimits(b *strings.Builder, l probe.Limits) {
	size := func(l probe.Limit) string {
		if n, ok := l.Value(); ok {
			return bytesize.Size(n).Round()
		}
		return l.String()
	}
	for _, row := range []struct{ name, value string }{
		{"page size", size(l.PageSize)},
		{"vm.max_map_count", l.MaxMapCount.String()},
		{"mappings now", l.Mappings.String()},
		{"vm.overcommit_memory", l.Overcommit.String()},
		{"RLIMIT_AS", size(l.AddressSpace)},
		{"RLIMIT_MEMLOCK", size(l.LockedMemory)},
		{"bits of user addresses", l.AddressBits.String()},
		{"largest reservation", size(l.LargestMapping)},
		{"vm.nr_hugepages", l.HugePages.String()},
		{"transparent huge page", size(l.HugePageSize)},
		{"vm.memfd_noexec", l.MemfdNoexec.String()},
		{"unprivileged_userfaultfd", l.UnprivilegedUserfaultfd.String()},
	} {
		fmt.Fprintf(b, "  %-26s%s\n", row.name, row.value)
	}
}
