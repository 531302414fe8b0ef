package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pageslot/pageslot/highlevel"
	"github.com/pageslot/pageslot/internal/bytesize"
)

// text is the plan for people to read.
func (p *poolPlan) text() string {
	var b strings.Builder
	p.writeSizes(&b)
	p.writeDrawing(&b)
	p.writeDensity(&b)
	p.writeMappings(&b)
	p.writeAddressSpace(&b)
	return b.String()
}

// planRow writes a figure, aligned, with what it means.
func planRow(b *strings.Builder, name, figure, meaning string) {
	line := fmt.Sprintf("  %-14s%-12s%s", name, figure, meaning)
	b.WriteString(strings.TrimRight(line, " "))
	b.WriteByte('\n')
}

func (p *poolPlan) writeSizes(b *strings.Builder) {
	c, l := p.constraints, p.layout
	fmt.Fprintf(b, "%s, %s, %s", countOf(l.Slots, "slot"), countOf(len(p.slabs), "slab"), countOf(l.Stripes, "stripe"))
	if why := p.oneStripe(); why != "" {
		fmt.Fprintf(b, " (%s)", why)
	}
	b.WriteString("\n\n")
	planRow(b, "slot", planSize(l.SlotBytes), "from one slot's base to the next's")
	planRow(b, "memory", planSize(l.MaxMemory), "of it can become accessible")
	reach := "reservation " + planSize(c.Reservation)
	if c.Reservation < c.MaxMemory {
		reach = "memory " + planSize(c.MaxMemory)
	}
	planRow(b, "faulting", planSize(l.Faulting), fmt.Sprintf("%s + guard %s", reach, planSize(c.Guard)))
	planRow(b, "", "", "from a slot's base, no other memory of its stripe")
	planRow(b, "guards", planSize(l.PreGuard), "before the first slot of a slab")
	planRow(b, "", planSize(l.PostGuard), "after the last")
	switch n := len(p.slabs); {
	case n == 0:
		planRow(b, "total", planSize(p.total), "without slots, nothing is mapped")
	case n == 1:
		planRow(b, "total", planSize(p.total), "in one slab")
	default:
		planRow(b, "total", planSize(p.total), "in "+countOf(n, "slab")+":")
		planRow(b, "", "", fmt.Sprintf("%s in %s each,", countOf(p.slabs[0].Slots, "slot"), planSize(p.slabs[0].Bytes)))
		planRow(b, "", "", fmt.Sprintf("the last %s in %s", countOf(p.slabs[n-1].Slots, "slot"), planSize(p.slabs[n-1].Bytes)))
	}
	planRow(b, "pages", planSize(l.PageSize), "all sizes are whole pages")
}

func (p *poolPlan) writeDrawing(b *strings.Builder) {
	if len(p.slabs) == 0 {
		return
	}
	which := "The slab, to scale."
	if len(p.slabs) > 1 {
		which = "The first slab, to scale; the others are like it."
	}
	fmt.Fprintf(b, "\n%s\n", which)
	b.WriteString("Letters are accessible memory, one letter for each stripe; dots are a slot's\n" +
		"guard, = the slab's. |--| is where a stray access from the slot faults or\n" +
		"stays in its memory.\n\n")
	b.WriteString(drawSlab(p.layout, p.slabs[0]))
}

func (p *poolPlan) writeDensity(b *strings.Builder) {
	l := p.layout
	fmt.Fprintf(b, "\nDensity %.2f: slots of %s where one without keys takes %s.\n", l.Density(), planSize(l.SlotBytes), planSize(l.Faulting))
	switch {
	case l.Stripes > 1:
		without := "more than an address can count"
		if p.totalWithoutKeys != 0 {
			without = fmt.Sprintf("%s, %.2f times as much", planSize(p.totalWithoutKeys), float64(p.totalWithoutKeys)/float64(p.total))
		}
		fmt.Fprintf(b, "Without keys, these slots would take %s.\n", without)
		fmt.Fprintf(b, "Without keys, %s would fit where these %d do.\n", countOf(l.WithoutKeys(), "slot"), l.Slots)
	case p.constraints.Keys < 2:
		c := p.constraints
		c.Keys = 15
		if with, err := highlevel.NewLayout(c); err == nil && with.Stripes > 1 {
			fmt.Fprintf(b, "With -keys 15 there would be %d stripes, at a density of %.2f.\n", with.Stripes, with.Density())
		}
	}
}

func (p *poolPlan) writeMappings(b *strings.Builder) {
	l, h := p.layout, p.host
	fmt.Fprintf(b, "\nMappings: %d while idle, %d to %d for each slot in use.\n", p.idleMappings(), leastMappings, mostMappings)
	fmt.Fprintf(b, "With all slots in use: %d to %d.\n", p.mappingsFor(l.Slots, leastMappings), p.mappingsFor(l.Slots, mostMappings))
	fmt.Fprintf(b, "vm.max_map_count: %s. Mappings of this process: %s.\n", orUnknown(h.maxMappings), orUnknown(h.mappings))
	n, ok := p.mappingsLeft()
	switch least, most := n/mostMappings, n/leastMappings; {
	case !ok:
		b.WriteString("How many slots can be in use at once is unknown.\n")
	case least >= l.Slots:
		b.WriteString("All slots can be in use at once, with a tenth of the limit to spare.\n")
	default:
		fmt.Fprintf(b, "%d to %d slots can be in use at once, with a tenth of the limit to spare.\n", least, min(most, l.Slots))
		b.WriteString("To raise it: sysctl -w vm.max_map_count=NUMBER\n")
	}
}

func (p *poolPlan) writeAddressSpace(b *strings.Builder) {
	h := p.host
	fmt.Fprintf(b, "\nAddress space: %s needed.\n", planSize(p.total))
	fmt.Fprintf(b, "User addresses end at %s, and RLIMIT_AS is %s.\n", planTop(h), planLimit(h))
	switch yes, ok, why := p.fits(); {
	case !ok:
		b.WriteString("Whether it fits here is unknown.\n")
	case yes:
		b.WriteString("It fits here.\n")
	default:
		fmt.Fprintf(b, "It does not fit here: %s.\n", why)
	}
}

func planTop(h host) string {
	if h.top == 0 {
		return "an unknown address"
	}
	return planSize(h.top)
}

func planLimit(h host) string {
	switch {
	case h.limit != 0:
		return planSize(h.limit)
	case h.top == 0:
		return "unknown"
	}
	return "unlimited"
}

// planSize writes n in full where that is short, else rounded.
func planSize(n uint64) string {
	s := bytesize.Size(n)
	if exact := s.String(); len(exact) <= len("1023MiB") {
		return exact
	}
	return s.Round()
}

func orUnknown(n int) string {
	if n < 0 {
		return "unknown"
	}
	return strconv.Itoa(n)
}

func countOf(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}
