package awake

import (
	"sync"
	"testing"
	"time"

	"github.com/pageslot/pageslot/testgate"
)

// state is how often the timer came, and whether it is set.
func (b *beat) state() (ticks int64, runs bool) { return b.ticks.Load(), b.runs.Load() }

// until waits for something that has to come.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(testgate.Stretch(t, 10*time.Second)); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Error("never: " + what)
			return
		}
	}
}

func TestBeat(t *testing.T) {
	b := new(beat)
	for range 2 {
		b.begin()
		b.begin()
		b.end()
		from, runs := b.state()
		if !runs {
			t.Fatal("no timer is set")
		}
		until(t, "the timer, several times", func() bool {
			now, runs := b.state()
			if !runs {
				t.Fatal("nobody keeps it")
			}
			return now >= from+5
		})
		b.end()
		until(t, "the end", func() bool { _, runs := b.state(); return !runs })
		was, _ := b.state()
		time.Sleep(3 * Every)
		if now, runs := b.state(); now != was || runs {
			t.Errorf("%d times after the end; it runs: %v", now-was, runs)
		}
	}
}

// As long as somebody needs the timer it comes.
func TestManyAtOnce(t *testing.T) {
	b := new(beat)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for n := range testgate.Rounds(15, 5) {
				b.begin()
				// It may be about to see that it is needed again.
				until(t, "it runs", b.runs.Load)
				time.Sleep(Every / time.Duration(2+i))
				until(t, "it runs again", b.runs.Load)
				b.end()
				if n%3 == 0 {
					time.Sleep(Every)
				}
			}
		})
	}
	rest := make(chan bool)
	go func() { all.Wait(); close(rest) }()
	b.begin()
	for ended := false; !ended; {
		was := b.ticks.Load()
		until(t, "another tick", func() bool { return b.ticks.Load() > was })
		select {
		case <-rest:
			ended = true
		default:
		}
	}
	b.end()
	until(t, "the end", func() bool { _, runs := b.state(); return !runs })
}

func TestNothingIsAllocated(t *testing.T) {
	Begin()
	if n := testing.AllocsPerRun(1000, func() { Begin(); End() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if n := Needed(); n != 1 {
		t.Errorf("needed by %d", n)
	}
	End()
}

func BenchmarkBeginEnd(b *testing.B) {
	for b.Loop() {
		Begin()
		End()
	}
}
