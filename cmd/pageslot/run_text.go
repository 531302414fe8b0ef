package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/pageslot/pageslot/internal/bytesize"
)

// text is the report for people; its last line is the verdict.
func (r *runReport) text() string {
	var b strings.Builder
	r.writeJob(&b)
	r.writeLeases(&b)
	r.writeFaults(&b)
	r.writeMemory(&b)
	if len(r.First) > 1 {
		b.WriteString("\nwhat failed first\n")
		for _, f := range r.First {
			fmt.Fprintf(&b, "  %s\n", f)
		}
	}
	fmt.Fprintf(&b, "\n%s\n", r.verdict())
	return b.String()
}

// runRow writes a name, a figure and what it is.
func runRow(b *strings.Builder, name, figure, meaning string, args ...any) {
	line := fmt.Sprintf("  %-16s%14s  %s", name, figure, fmt.Sprintf(meaning, args...))
	b.WriteString(strings.TrimRight(line, " "))
	b.WriteByte('\n')
}

func (r *runReport) writeJob(b *strings.Builder) {
	i := r.Image
	fmt.Fprintf(b, "image %s (%s)\n", i.File, i.Format)
	fmt.Fprintf(b, "  %s, %s; copy-on-write in %s, %s with data\n",
		countOf(i.Segments, "segment"), rough(i.Bytes), countOf(int(i.Pages), "page"), thousands(i.Data))
	fmt.Fprintf(b, "  in turn with a synthetic image of %s with holes, and with none\n", countOf(int(i.Second), "page"))
	fmt.Fprintf(b, "pool  %s of %s, growing to %s in a reservation of %s, guard %s\n",
		countOf(r.Slots, "slot"), rough(r.Size), rough(r.MaxMemory), rough(r.Reservation), rough(r.Guard))
	fmt.Fprintf(b, "  %s", countOf(r.Stripes, "stripe"))
	if r.OneStripe != "" {
		fmt.Fprintf(b, ": %s", r.OneStripe)
	}
	fmt.Fprintf(b, "\nwork  %s, %s leases each, %s dirtied in each; -seed %d\n",
		countOf(r.Workers, "worker"), thousands(uint64(r.Rounds)), countOf(r.Dirty, "page"), r.Seed)
}

func (r *runReport) writeLeases(b *strings.Builder) {
	b.WriteString("\nleases\n")
	runRow(b, "leases", thousands(r.Leases), "in %.2f s, checks and faults included", r.Seconds)
	runRow(b, "leases/s", thousands(uint64(r.LeasesPerSecond)), "%s had their image in place, %s came from the reservation,",
		thousands(r.AcquiredAffine), thousands(r.AcquiredCold))
	runRow(b, "", "", "%s held something else; %s times nothing was free", thousands(r.AcquiredOther), thousands(r.Exhausted))
	runRow(b, "acquire p50", short(r.Acquire.P50), "of all %s leases: most find a slot whose last tenant had grown it,", thousands(r.Acquire.Count))
	runRow(b, "acquire p99", short(r.Acquire.P99), "so that it has to shrink")
	runRow(b, "reset p50", short(r.Reset.P50), "the whole of Release, of %s leases", thousands(r.Reset.Count))
	runRow(b, "reset p99", short(r.Reset.P99), "")
	runRow(b, "pages dirtied", thousands(r.PagesDirtied), "%s", rough(r.PagesDirtied*r.PageSize))
	runRow(b, "bytes compared", rough(r.BytesCompared), "with what the file says, read by other code")
}

func (r *runReport) writeFaults(b *strings.Builder) {
	b.WriteString("\nfaults caught\n")
	runRow(b, "all", thousands(r.Faults), "%s out of bounds, %s guard; by %s loads, %s stores, %s copies",
		thousands(r.FaultsByKind["out_of_bounds"]), thousands(r.FaultsByKind["guard"]),
		thousands(r.FaultsByAccess["load"]), thousands(r.FaultsByAccess["store"]), thousands(r.FaultsByAccess["copy"]))
	for p := range numPlaces {
		x := r.FaultsByPlace[placeKeys[p]]
		what := p.String()
		if x.NotApplicable > 0 {
			what += fmt.Sprintf("; not applicable %s times: this layout leaves it accessible", thousands(x.NotApplicable))
		}
		runRow(b, "", thousands(x.Caught), "%s", what)
	}
}

func (r *runReport) writeMemory(b *strings.Builder) {
	d, a := r.WithDirtyLeases, r.WithAllSlots
	fmt.Fprintf(b, "\n%-18s%14s%16s\n", "the kernel's count", "dirty leases", "all slots")
	row := func(name, dirty, all, meaning string, args ...any) {
		line := fmt.Sprintf("  %-16s%14s%16s  %s", name, dirty, all, fmt.Sprintf(meaning, args...))
		b.WriteString(strings.TrimRight(line, " "))
		b.WriteByte('\n')
	}
	row("leases", thousands(uint64(d.Leases)), thousands(uint64(a.Leases)), "with memory, at that moment")
	row("resident", rough(d.Resident), rough(a.Resident), "images' shared pages in each slot included")
	row("private", rough(d.Private), rough(a.Private), "of it, what tenants wrote")
	row("page tables", rough(d.PageTables), rough(a.PageTables), "of the whole process")
	row("VMAs", thousands(uint64(d.VMAs)), thousands(uint64(a.VMAs)), "pools stop at %s", thousands(uint64(r.VMALimit)))
	if r.SlotsVerified > 0 {
		fmt.Fprintf(b, "\n%s of %s slots leased once more and compared in full: %s in %.2f s\n",
			thousands(uint64(r.SlotsVerified)), thousands(uint64(r.Slots)), rough(r.VerifiedBytes), r.VerifiedSeconds)
	}
}

// thousands writes a number with a comma before each three digits.
func thousands(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// short writes a duration with three digits or less.
func short(d time.Duration) string {
	for unit := time.Duration(1); ; unit *= 10 {
		if d < 1000*unit {
			return d.Round(unit).String()
		}
	}
}

// rough writes a number of bytes for its magnitude.
func rough(n uint64) string {
	if n > 0 && n < 1<<10 {
		return countOf(int(n), "byte")
	}
	return bytesize.Size(n).Round()
}
