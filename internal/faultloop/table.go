package faultloop

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// Rule is what is done about faults in a range. Addresses and lengths are multiples
// of Unit; Unit and Granule are powers of two.
type Rule struct {
	Start, End uint64
	Unit       uint64 // the size of its pages
	Granule    uint64 // how much is filled at once, counted from Start

	Missing, Minor, Written, Touched Action

	Source    uint64 // where Copy takes what belongs to Start; has to be there as long as the rule is
	SourceLen uint64 // what is behind it is zeros
	Mode      uint64 // of UFFDIO_COPY and UFFDIO_CONTINUE

	Hits   uint64 // for Guard: the address of a byte for each page
	Writes uint64 // for Unprotect and Touch
	Live   uint64 // the address of a word: how many bytes are mapped
}

// tableBytes is the size of a table of n rules.
func tableBytes(n int) int { return tableRules + n*ruleSize }

// putTable writes rules to table, in order.
func putTable(table []byte, rules []Rule) {
	rules = slices.Clone(rules)
	slices.SortFunc(rules, func(a, b Rule) int {
		if a.Start < b.Start {
			return -1
		}
		return 1
	})
	binary.NativeEndian.PutUint64(table[tableCount:], uint64(len(rules)))
	for i, r := range rules {
		r.put(table[tableRules+i*ruleSize:])
	}
}

func (r *Rule) put(to []byte) {
	for at, value := range map[int]uint64{
		ruleStart:       r.Start,
		ruleEnd:         r.End,
		ruleUnit:        r.Unit,
		ruleUnitMask:    -r.Unit,
		ruleUnitShift:   uint64(bits.TrailingZeros64(r.Unit)),
		ruleGranule:     r.Granule,
		ruleGranuleMask: -r.Granule,
		ruleMissing:     uint64(r.Missing),
		ruleMinor:       uint64(r.Minor),
		ruleWritten:     uint64(r.Written),
		ruleTouched:     uint64(r.Touched),
		ruleSource:      r.Source - r.Start,
		ruleSourceEnd:   r.Start + r.SourceLen,
		ruleMode:        r.Mode,
		ruleHits:        r.Hits,
		ruleWrites:      r.Writes,
		ruleLive:        r.Live,
	} {
		binary.NativeEndian.PutUint64(to[at:], value)
	}
}
