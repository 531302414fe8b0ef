//go:build !linux

package probe

import "runtime"

// ask knows the answer to everything that only Linux has.
func ask(Question) Answer {
	return Answer{Verdict: No, Reason: "this is " + runtime.GOOS, Remedy: "run it on Linux"}
}

// largestMapping is not asked for here.
func largestMapping() (n uint64, ok bool) { return 0, false }
