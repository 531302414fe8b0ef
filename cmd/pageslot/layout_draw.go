package main

import (
	"strconv"
	"strings"

	"github.com/pageslot/pageslot/highlevel"
)

// A drawing of a slab is three rows of text: the slots' numbers above their
// bases; the parts, a character for each so many bytes; and how far the
// faulting region of one slot reaches. It is to scale, but that a part too
// narrow for a column gets one all the same, at the cost of the widest.

// drawWidth is how many columns a slab gets: with the margin it stays within
// 80, which every terminal has.
const drawWidth = 72

// mostDrawn is how many slots the start of a slab shows at the most, so that
// their parts, two of each, find room in as many columns.
const mostDrawn = 20

// slabPart is a run of a slab's bytes that are drawn alike.
type slabPart struct {
	char  byte
	bytes uint64
	slot  int // the slot that begins here, or -1
}

// slabParts cuts slots first to last of a slab, both included, into parts,
// with the guard of an end of the slab that they reach, and once more where
// the faulting region of slot marked ends.
func slabParts(l highlevel.Layout, s highlevel.Slab, first, last, marked int) []slabPart {
	var parts []slabPart
	add := func(char byte, bytes uint64, slot int) {
		if bytes != 0 {
			parts = append(parts, slabPart{char, bytes, slot})
		}
	}
	if first == s.First {
		add('=', l.PreGuard, -1)
	}
	for i := first; i <= last; i++ {
		stripe, _ := l.Stripe(i)
		if l.MaxMemory == 0 {
			add('.', l.SlotBytes, i)
			continue
		}
		add(stripeLetter(stripe), l.MaxMemory, i)
		add('.', l.SlotBytes-l.MaxMemory, -1)
	}
	if last == s.First+s.Slots-1 {
		add('=', l.PostGuard, -1)
	}
	return cutAt(parts, uint64(marked-first)*l.SlotBytes+l.Faulting+drawnGuard(l, s, first))
}

// drawnGuard is how many bytes are drawn before slot first.
func drawnGuard(l highlevel.Layout, s highlevel.Slab, first int) uint64 {
	if first == s.First {
		return l.PreGuard
	}
	return 0
}

// cutAt splits the part that has the given offset inside it.
func cutAt(parts []slabPart, at uint64) []slabPart {
	sum := uint64(0)
	for i, p := range parts {
		if at > sum && at < sum+p.bytes {
			rest := append([]slabPart{{p.char, sum + p.bytes - at, -1}}, parts[i+1:]...)
			parts[i].bytes = at - sum
			return append(parts[:i+1], rest...)
		}
		sum += p.bytes
	}
	return parts
}

// stripeLetter is A, B, C, and so on; there are 15 keys at the most on any
// machine so far, but plans may have more.
func stripeLetter(stripe int) byte {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	if stripe < len(letters) {
		return letters[stripe]
	}
	return '#'
}

// partColumns shares width columns among the parts in proportion to their bytes,
// at least one to each. It returns the column at which each part ends.
//
// Precondition: there are at most width parts, all of them with bytes.
func partColumns(parts []slabPart, width int) []int {
	total := float64(0)
	for _, p := range parts {
		total += float64(p.bytes)
	}
	// Round where parts end, not their widths: rounding errors don't add up.
	widths := make([]int, len(parts))
	sum, before := float64(0), 0
	for i, p := range parts {
		sum += float64(p.bytes)
		end := int(sum/total*float64(width) + 0.5)
		widths[i], before = end-before, end
	}
	for i := range widths {
		if widths[i] == 0 {
			widest := 0
			for j, w := range widths {
				if w > widths[widest] {
					widest = j
				}
			}
			widths[widest]--
			widths[i] = 1
		}
	}
	end := 0
	for i, w := range widths {
		end += w
		widths[i] = end
	}
	return widths
}

// drawSlots draws slots first to last of a slab, and the faulting region of
// slot marked, which is one of them.
func drawSlots(l highlevel.Layout, s highlevel.Slab, first, last, marked int) string {
	parts := slabParts(l, s, first, last, marked)
	ends := partColumns(parts, drawWidth)

	numbers := blankRow()
	bar := make([]byte, 0, drawWidth)
	from, to := 0, drawWidth
	regionEnd := drawnGuard(l, s, first) + uint64(marked-first)*l.SlotBytes + l.Faulting
	sum, free := uint64(0), 0
	for i, p := range parts {
		start := len(bar)
		for len(bar) < ends[i] {
			bar = append(bar, p.char)
		}
		if p.slot >= 0 {
			n := strconv.Itoa(p.slot)
			if start >= free && start+len(n) <= drawWidth {
				copy(numbers[start:], n)
				free = start + len(n) + 1
			}
		}
		if p.slot == marked {
			from = start
		}
		if sum += p.bytes; sum == regionEnd {
			to = ends[i]
		}
	}

	region := blankRow()
	for i := from; i < to; i++ {
		region[i] = '-'
	}
	region[from] = '|'
	switch {
	case sum < regionEnd:
		region[to-1] = '>' // it goes on outside the drawing
	default:
		region[to-1] = '|'
	}
	label := " slot " + strconv.Itoa(marked) + " "
	if room := to - from - 4; room >= len(label) {
		copy(region[from+2:], label)
	}

	var b strings.Builder
	for _, row := range [][]byte{numbers, bar, region} {
		b.WriteString(strings.TrimRight("    "+string(row), " "))
		b.WriteByte('\n')
	}
	return b.String()
}

func blankRow() []byte {
	return []byte(strings.Repeat(" ", drawWidth))
}

// drawSlab draws a slab: whole where that can be read, else its two ends.
func drawSlab(l highlevel.Layout, s highlevel.Slab) string {
	last := s.First + s.Slots - 1
	if l.SlotBytes == 0 {
		return "    slots of no bytes: nothing to draw\n"
	}
	// Enough to show the region of a slot and the next slot of its stripe, and
	// at the end, the slots that the last one's region leaves room for.
	head, tail := min(l.Stripes+2, mostDrawn), 3
	if s.Slots <= head+tail {
		return drawSlots(l, s, s.First, last, s.First)
	}
	return drawSlots(l, s, s.First, s.First+head-1, s.First) +
		"    ... " + strconv.Itoa(s.Slots-head-tail) + " slots left out ...\n" +
		drawSlots(l, s, last-tail+1, last, last)
}
