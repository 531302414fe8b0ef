package harness

import (
	"fmt"
	"slices"
	"strconv"
)

const (
	faultSamples = 4        // in a round, for each side; together as many as effort.faults
	faultMemory  = 64 << 20 // that is emptied and filled in a pass, at most
	faultLooks   = 200      // at nothing, before a thread that spins goes to sleep
)

// inside are the ways to serve faults of the own process in Go. The first is the one
// that is to be as fast as C.
var inside = []string{"resolver", "sigbus", "populate", "manager", "goroutine"}

// faultComparisons are about faults that are served in the same process.
func faultComparisons(e effort, page int) []comparison {
	single := []value{{name: "mean"}, {"p50", target{ratio: 1.05}}, {"p99", target{ratio: 1.15}}}
	several := []value{{"mean", target{ratio: 1.05}}, {"p50", target{ratio: 1.05}}, {name: "p99"}}
	across := []value{{name: "mean"}, {"p50", target{ratio: 1.05}}, {name: "p99"}}

	each := max(e.faults/faultSamples, 16)
	faults := func(name, how string, looks, threads, bytes int, v []value, aim string, variants ...string) comparison {
		passes := (each*bytes + faultMemory - 1) / faultMemory
		count := each / passes
		args := []string{how}
		for _, n := range []int{looks, threads, bytes, count, passes, max(count/2, 1)} {
			args = append(args, strconv.Itoa(n))
		}
		return comparison{name: "fault/" + name, program: "faults", args: args, variants: variants, aim: aim, values: v, samples: faultSamples}
	}
	here := func(c comparison) comparison {
		c.args = slices.Concat([]string{"-1"}, c.args)
		return c
	}
	there := func(c comparison) comparison {
		c.across = true
		return c
	}

	var all []comparison
	for _, bytes := range []int{page, max(64<<10, page)} {
		size := "size=" + kib(bytes)
		all = append(all,
			here(faults(size+"/c=poll", "poll", 0, 1, bytes, single, inside[0], inside...)),
			here(faults(size+"/c=block", "block", 0, 1, bytes, single, "", "resolver")))
	}
	for _, threads := range []int{2, 8} {
		name := fmt.Sprintf("threads=%d", threads)
		all = append(all,
			here(faults(name+"/c=poll", "poll", 0, threads, page, several, "", "resolver")),
			here(faults(name+"/c=block", "block", 0, threads, page, several, "", "resolver")))
	}
	return append(all,
		there(faults("across/c=block", "block", faultLooks, 1, page, across, "resolver", "resolver", "spin")),
		there(faults("across/c=poll", "poll", 0, 1, page, across, "", "resolver")),
		there(faults("across/c=spin", "poll", faultLooks, 1, page, across, "", "spin")))
}
