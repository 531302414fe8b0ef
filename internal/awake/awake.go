package awake

import (
	"sync/atomic"
	"time"
)

// Every is how long the monitor sleeps at most.
const Every = 100 * time.Millisecond

// beat is the timers, and who needs them. The ticker is one that a goroutine waits for: the
// runtime sets it again when it is due, without the help of any goroutine. It is
// pending from when the goroutine waits; until then, the other timer is.
type beat struct {
	needed atomic.Int64
	runs   atomic.Bool
	ticks  atomic.Int64

	// Of the goroutine, and of the one who starts it.
	ticker *time.Ticker
	first  *time.Timer
}

var process beat

// Begin says that somebody waits, or may begin to, until [End]. It allocates only
// when nobody did for a while.
func Begin() { process.begin() }

// End takes one Begin back. The goroutine that keeps the timer ends by itself,
// within Every.
func End() { process.end() }

// Needed is how many Begins have not been taken back.
func Needed() int64 { return process.needed.Load() }

func (b *beat) begin() {
	b.needed.Add(1)
	if !b.runs.Load() && b.runs.CompareAndSwap(false, true) {
		b.start()
	}
}

func (b *beat) end() { b.needed.Add(-1) }

func (b *beat) start() {
	if b.ticker == nil {
		b.ticker = time.NewTicker(Every)
		b.first = time.AfterFunc(Every, func() {})
	} else {
		b.ticker.Reset(Every)
		b.first.Reset(Every)
	}
	go b.run()
}

func (b *beat) run() {
	for range b.ticker.C {
		b.ticks.Add(1)
		if b.needed.Load() > 0 {
			continue
		}
		b.ticker.Stop()
		b.runs.Store(false)
		// Whoever saw it run has counted himself before.
		if b.needed.Load() == 0 || !b.runs.CompareAndSwap(false, true) {
			return
		}
		b.ticker.Reset(Every)
	}
}
