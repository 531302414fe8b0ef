package storm

import (
	"slices"
	"testing"
	"time"
)

// Every access sees a byte that is wrong, but for the one that writes them all.
func TestAccesses(t *testing.T) {
	want := pattern(20 * step)
	for _, a := range accesses {
		for _, wrong := range []int{-1, 0, 7 * step, 19 * step} {
			mem := slices.Clone(want)
			if wrong >= 0 {
				mem[wrong]++
			}
			if got := a.touch(mem, want, new(scratch)); got != (wrong < 0 || a.name == "clear") {
				t.Errorf("%s, wrong byte %d: %v", a.name, wrong, got)
			}
			if a.name == "clear" && slices.Max(mem) != 0 {
				t.Error("it clears nothing")
			}
		}
	}
}

func TestReport(t *testing.T) {
	r := Report{Faults: 7, Took: 1500 * time.Microsecond, Repeats: map[string]uint64{"b": 2, "a": 1}}
	if got, want := r.String(), "7 faults in 2ms, a 1, b 2"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
