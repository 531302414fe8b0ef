package resolver

import (
	"fmt"
	"math/bits"
)

// Options are how a Resolver is to be. The zero Options are one thread that sleeps
// when there is nothing to do.
type Options struct {
	// Threads is how many threads serve: 0 is 1, at most 64. More than one is of use
	// where many threads of the program fault at once.
	Threads int

	// Spin is how often a thread looks for a message, in vain, before it sleeps: at
	// most 1<<30. Each time is a system call, some 200 ns. While a thread spins, a
	// fault on another processor is served without waking it, which takes half the
	// time; and a processor is busy.
	Spin int

	// Batch is how many messages a thread takes at once: 0 is 16, at most 1024.
	Batch int

	// Ring is how many messages a thread keeps for [Resolver.Read]: 0 is 256, at most
	// 1<<16, rounded up to a power of two.
	Ring int

	// Linger keeps the threads when the last range has ended, for a later Serve.
	// Otherwise they end with it.
	Linger bool
}

const (
	maxThreads = 64
	maxSpin    = 1 << 30
	maxBatch   = 1024
	maxRing    = 1 << 16
)

// checked are the options with their defaults, or what is wrong with them.
func (o Options) checked() (Options, string) {
	for _, x := range []struct {
		name     string
		value    *int
		zero, of int
	}{
		{"Threads", &o.Threads, 1, maxThreads},
		{"Spin", &o.Spin, 0, maxSpin},
		{"Batch", &o.Batch, 16, maxBatch},
		{"Ring", &o.Ring, 256, maxRing},
	} {
		if *x.value < 0 || *x.value > x.of {
			return o, fmt.Sprintf("%s is %d, and may be 0 to %d", x.name, *x.value, x.of)
		}
		if *x.value == 0 {
			*x.value = x.zero
		}
	}
	o.Ring = max(2, 1<<bits.Len(uint(o.Ring-1)))
	return o, ""
}
