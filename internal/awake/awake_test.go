package awake

import (
	"sync"
	"testing"
	"time"

	"github.com/pageslot/pageslot/testgate"
)

// state is what there is now: how often a timer came, and whether they are set.
func (b *beat) state() (ticks int, armed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ticks, b.armed.Load()
}

// until waits for something that has to come.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(testgate.Stretch(t, 10*time.Second)); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never: " + what)
		}
	}
}

func TestBeat(t *testing.T) {
	b := new(beat)
	for range 2 {
		b.begin()
		b.begin()
		b.end()
		from, armed := b.state()
		if !armed {
			t.Fatal("no timer is set")
		}
		until(t, "both timers, several times", func() bool {
			now, armed := b.state()
			if !armed {
				t.Fatal("nobody keeps it")
			}
			return now >= from+5
		})
		b.end()
		until(t, "the end", func() bool { _, armed := b.state(); return !armed })
		was, _ := b.state()
		time.Sleep(3 * Every)
		// A timer may have been on its way when the other one ended both.
		if now, armed := b.state(); now > was+1 || armed {
			t.Errorf("%d times after the end; armed: %v", now-was, armed)
		}
	}
}

// Whenever somebody needs the timers, they are set.
func TestManyAtOnce(t *testing.T) {
	b := new(beat)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for n := range testgate.Rounds(15, 5) {
				b.begin()
				if _, armed := b.state(); !armed {
					t.Error("needed, and not armed")
				}
				time.Sleep(Every / time.Duration(2+i))
				if _, armed := b.state(); !armed {
					t.Error("needed for a while, and not armed")
				}
				b.end()
				if n%3 == 0 {
					time.Sleep(Every)
				}
			}
		})
	}
	all.Wait()
	until(t, "the end", func() bool { _, armed := b.state(); return !armed })
}

func TestNothingIsAllocated(t *testing.T) {
	Begin()
	if n := testing.AllocsPerRun(1000, func() { Begin(); End() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	End()
}

func BenchmarkBeginEnd(b *testing.B) {
	for b.Loop() {
		Begin()
		End()
	}
}
