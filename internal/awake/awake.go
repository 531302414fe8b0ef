package awake

import (
	"sync"
	"sync/atomic"
	"time"
)

// Every is how long the monitor sleeps at most.
const Every = 100 * time.Millisecond

// beat is the timers and who needs them. There are two by turns: while the function of
// one is on its way to set it again, the other is pending.
type beat struct {
	needed atomic.Int64
	armed  atomic.Bool

	mu     sync.Mutex // of what follows, and held where armed changes
	timers [2]*time.Timer
	ticks  int
}

var process beat

// Begin says that somebody waits, or may begin to, until [End]. It allocates only for
// the first time in a process.
func Begin() { process.begin() }

// End takes one Begin back. The timers end by themselves, within Every.
func End() { process.end() }

func (b *beat) begin() {
	b.needed.Add(1)
	if !b.armed.Load() {
		b.mu.Lock()
		b.arm()
		b.mu.Unlock()
	}
}

func (b *beat) end() { b.needed.Add(-1) }

// arm sets both timers, unless they are.
func (b *beat) arm() {
	if b.armed.Load() {
		return
	}
	b.armed.Store(true)
	for i := range b.timers {
		first := Every / time.Duration(i+1)
		if b.timers[i] == nil {
			b.timers[i] = time.AfterFunc(first, func() { b.tick(i) })
			continue
		}
		b.timers[i].Reset(first)
	}
}

// tick sets a timer again, or ends both if nobody needs them.
func (b *beat) tick(i int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ticks++
	switch {
	case !b.armed.Load(): // the other one has ended both meanwhile
	case b.needed.Load() > 0:
		b.timers[i].Reset(Every)
	default:
		for _, t := range b.timers {
			t.Stop()
		}
		b.armed.Store(false)
		// Whoever saw it armed has counted himself before.
		if b.needed.Load() > 0 {
			b.arm()
		}
	}
}
