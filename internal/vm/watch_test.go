package vm

import (
	"strings"
	"testing"
	"time"

	"github.com/pageslot/pageslot/internal/vm/wire"
)

// How long a machine may be silent, at each point of its life.
func TestWatch(t *testing.T) {
	booted := 0
	m := machine{Config: Config{Booted: func(Info) { booted++ }}, slow: 2, log: func(string) {}, begin: time.Now()}
	w := m.newWatch()
	left := func() time.Duration { return time.Until(w.until) }
	near := func(when string, want time.Duration, why string) {
		t.Helper()
		if d := left(); d > want || d < want-20*time.Second {
			t.Errorf("%s: %v left, want %v", when, d, want)
		}
		if !strings.Contains(w.why(), why) {
			t.Errorf("%s: %q, want %q", when, w.why(), why)
		}
	}
	near("at first", leastBoot, "no word from the machine within 1m0s")

	jobs := []Job{{Name: "one", Limit: 5 * time.Minute}}
	s := newSession("psword", jobs)
	sp := &speaker{t: t}
	step := func(job int, kind wire.Kind, payload any) bool {
		sp.said = nil
		sp.say(job, kind, payload)
		if err := sp.tell(s); err != nil {
			t.Fatal(err)
		}
		return w.see(s)
	}
	if w.see(s) {
		t.Error("something has changed")
	}
	step(wire.NoJob, wire.KindHello, wire.Hello{})
	near("hello", 2*defaultQuiet, "when job one had to start")
	step(0, wire.KindStart, "")
	near("running", 10*time.Minute+2*grace+2*defaultQuiet, "while job one ran, long after its limit of 10m0s")
	before := w.until
	step(0, wire.KindOut, "x")
	if w.until != before {
		t.Error("a job that prints may run longer")
	}
	w.busy = time.Now() // its limit is over, and its files come back
	if !step(0, wire.KindOut, "x") {
		t.Error("the time is the same")
	}
	near("after its limit", 2*defaultQuiet, "while job one ran")
	step(0, wire.KindExit, wire.Exit{})
	near("ended", 2*defaultQuiet, "after its last job")
	step(wire.NoJob, wire.KindBye, "")
	near("powering off", powerOffTime, "")
	if booted != 1 {
		t.Errorf("Booted was called %d times", booted)
	}
}

func TestWatchPanic(t *testing.T) {
	m := machine{slow: 100, begin: time.Now()}
	m.Boot = time.Second
	w := m.newWatch()
	if d := time.Until(w.until); d > 100*time.Second || d < 80*time.Second {
		t.Errorf("%v to boot", d)
	}
	s := newSession("psword", nil)
	if err := s.line([]byte("Kernel panic - not syncing: A")); err != nil {
		t.Fatal(err)
	}
	if w.see(s); time.Until(w.until) > 4*panicTail {
		t.Errorf("%v left", time.Until(w.until))
	}
	before := w.until
	if w.see(s); w.until != before {
		t.Error("the time after a panic gets longer")
	}
}
