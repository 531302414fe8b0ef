package faultloop

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
)

// bisect is what the loop does to find the rule of an address: see loop.h.
func bisect(table []byte, address uint64) (start uint64, found bool) {
	word := func(at int) uint64 { return binary.NativeEndian.Uint64(table[at:]) }
	first, n := tableRules, word(tableCount)
	for n != 0 {
		half := n >> 1
		rule := first + int(half)<<ruleShift
		switch {
		case address < word(rule+ruleStart):
			n = half
		case address < word(rule+ruleEnd):
			return word(rule + ruleStart), true
		default:
			n -= half + 1
			first = rule + ruleSize
		}
	}
	return 0, false
}

// Whatever the order in which rules are given, each address finds its own.
func TestTable(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range 40 {
		var rules []Rule
		at := uint64(1) << 20
		for range n {
			at += rng.Uint64N(3) << 12
			length := (1 + rng.Uint64N(4)) << 12
			rules = append(rules, Rule{Start: at, End: at + length, Unit: 4096, Granule: 1 << 16})
			at += length
		}
		shuffled := slices.Clone(rules)
		rng.Shuffle(n, func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		given := slices.Clone(shuffled)
		table := make([]byte, tableBytes(n))
		putTable(table, shuffled)
		if !slices.Equal(shuffled, given) {
			t.Fatal("the caller's rules were put in another order")
		}
		for a := uint64(1)<<20 - 4096; a < at+8192; a += 2048 {
			i := slices.IndexFunc(rules, func(r Rule) bool { return r.Start <= a && a < r.End })
			start, found := bisect(table, a)
			if found != (i >= 0) || found && start != rules[i].Start {
				t.Fatalf("%d rules, address %#x: found %#x, %v, want rule %d", n, a, start, found, i)
			}
		}
	}
}

// What stands in the table beside what the rule says.
func TestRuleInTable(t *testing.T) {
	r := Rule{Start: 5 << 21, End: 9 << 21, Unit: 1 << 21, Granule: 1 << 22, Source: 0x1000, SourceLen: 3 << 21, Live: 77, Hits: 88, Writes: 99, Mode: 2,
		Missing: Copy, Minor: Continue, Written: Unprotect, Touched: Touch}
	table := make([]byte, tableBytes(1))
	putTable(table, []Rule{r})
	for at, want := range map[int]uint64{
		tableCount:                   1,
		tableRules + ruleUnitShift:   21,
		tableRules + ruleUnitMask:    ^uint64(1<<21 - 1),
		tableRules + ruleGranuleMask: ^uint64(1<<22 - 1),
		tableRules + ruleSourceEnd:   8 << 21,
		tableRules + ruleMissing:     uint64(Copy),
		tableRules + ruleMinor:       uint64(Continue),
		tableRules + ruleWritten:     uint64(Unprotect),
		tableRules + ruleTouched:     uint64(Touch),
		tableRules + ruleMode:        2,
		tableRules + ruleLive:        77,
		tableRules + ruleHits:        88,
		tableRules + ruleWrites:      99,
	} {
		if got := binary.NativeEndian.Uint64(table[at:]); got != want {
			t.Errorf("at %d: %#x, want %#x", at, got, want)
		}
	}
	// Adding the address gives the place in the source, around the end of 64 bits too.
	source := binary.NativeEndian.Uint64(table[tableRules+ruleSource:])
	if got := source + r.Start + 1<<21; got != r.Source+1<<21 {
		t.Errorf("the second page of the source is at %#x", got)
	}
}

// Fields do not lie in each other.
func TestBlock(t *testing.T) {
	if ctxFields > recBlock || recBlock%recSize != 0 || ctxTLS%16 != 0 {
		t.Errorf("records begin at %d, fields end at %d, zeros are around %d", recBlock, ctxFields, ctxTLS)
	}
	if ruleLive+8 > ruleSize || slotMessage+32 > slotSize || recDone+8 > recSize {
		t.Error("something is too large for its place")
	}
}
