package harness

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// comparison is one thing that is done in C and in Go.
type comparison struct {
	name    string
	program string   // in C; the Go worker has the same name
	args    []string // for both
	faulter bool     // whether the first argument is the program that faults
	across  bool     // whether the first argument is another processor
	// variants are ways to do it in Go, each compared with C. They are passed to
	// the Go worker behind args.
	variants []string
	aim      string  // the one that the targets are for; empty: all
	values   []value // what one sample consists of
	samples  int     // in a round, for each side
}

// value is one number of a sample, in nanoseconds.
type value struct {
	name   string // empty if it is the only one
	target target
}

// target is how slow Go may be at most; the zero target is none.
type target struct {
	ratio float64 // times C
	extra float64 // nanoseconds more than C
}

// String is the target as the report has it.
func (t target) String() string {
	switch {
	case t.ratio > 0:
		return fmt.Sprintf("C x %.2f", t.ratio)
	case t.extra > 0:
		return fmt.Sprintf("C + %.0f ns", t.extra)
	}
	return ""
}

// met tells whether the medians of the ratio and of the difference fulfil it.
func (t target) met(ratio, difference float64) bool {
	return (t.ratio == 0 || ratio <= t.ratio) && (t.extra == 0 || difference <= t.extra)
}

// effort is how much is measured.
type effort struct {
	rounds    int
	warm, run time.Duration // of a sample, where a sample is a time
	samples   int           // in a round, for each side, where a sample is a time
	faults    int           // of a manager's sample
}

var (
	full  = effort{rounds: 15, warm: 5 * time.Millisecond, run: 15 * time.Millisecond, samples: 6, faults: 20000}
	quick = effort{rounds: 3, warm: 2 * time.Millisecond, run: 5 * time.Millisecond, samples: 2, faults: 2000}
)

const (
	maxRounds = 1000
	manyCalls = 256 // in a pass
	waiters   = 128 // threads whose messages are read
	batch     = 16  // messages in a read
)

// comparisons are all that there are. page is the size of a page here.
func comparisons(e effort, page int) []comparison {
	fewNanoseconds := []value{{target: target{extra: 100}}}
	warm, run := strconv.FormatInt(e.warm.Nanoseconds(), 10), strconv.FormatInt(e.run.Nanoseconds(), 10)
	calls := func(name, what string, pages int, v []value) comparison {
		args := []string{what, strconv.Itoa(pages * page), strconv.Itoa(max(manyCalls/pages, 64)), warm, run}
		return comparison{name: name, program: "calls", args: args, variants: []string{"uffd"}, values: v, samples: e.samples}
	}
	large := max(64<<10/page, 1)
	return append([]comparison{
		calls("copy/size="+kib(page), "copy", 1, fewNanoseconds),
		calls("copy/size="+kib(large*page), "copy", large, []value{{target: target{ratio: 1.05}}}),
		calls("zeropage/size="+kib(page), "zeropage", 1, fewNanoseconds),
		calls("writeprotect/size="+kib(page), "writeprotect", 1, fewNanoseconds),
		calls("wake", "wake", 1, fewNanoseconds),
		calls("poison/size="+kib(page), "poison", 1, fewNanoseconds),
		calls("continue/size="+kib(page), "continue", 1, fewNanoseconds),
		{
			name: fmt.Sprintf("read/events=%d", batch), program: "reads", faulter: true,
			args:     []string{strconv.Itoa(waiters), strconv.Itoa(batch), warm, strconv.FormatInt(4*e.run.Nanoseconds(), 10)},
			variants: []string{"uffd"},
			values:   fewNanoseconds, samples: e.samples,
		},
		{
			name: fmt.Sprintf("manager/faults=%d", e.faults), program: "manager", faulter: true,
			args: []string{strconv.Itoa(e.faults), strconv.Itoa(e.faults / 40)}, variants: slices.Clone(managers),
			values:  []value{{"mean", target{ratio: 1.10}}, {name: "p50"}, {name: "p99"}},
			samples: 1,
		},
	}, faultComparisons(e, page)...)
}

// managers are the ways to serve faults in Go.
var managers = []string{"uffd", "manager"}

func kib(n int) string { return strconv.Itoa(n>>10) + "KiB" }
