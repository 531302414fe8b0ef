package harness

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	s, err := parse(nil, new(bytes.Buffer))
	if err != nil || s.effort != full || s.json || s.check || s.cpu != -1 || !s.chosen.MatchString("anything") {
		t.Errorf("%+v, %v", s, err)
	}
	s, err = parse([]string{"-quick", "-rounds", "11", "-json", "-check", "-run", "^copy/"}, new(bytes.Buffer))
	if err != nil || s.effort.rounds != 11 || s.effort.faults != quick.faults || !s.json || !s.check || s.chosen.MatchString("wake") {
		t.Errorf("%+v, %v", s, err)
	}
	for _, bad := range [][]string{{"-rounds", "-1"}, {"-rounds", "1001"}, {"-run", "("}, {"-cpu", "-2"}, {"-procs", "0"}, {"more"}, {"-nothing"}} {
		var said bytes.Buffer
		if _, err := parse(bad, &said); err == nil || said.Len() == 0 {
			t.Errorf("%q: %v, said %q", bad, err, &said)
		}
	}
}

func TestNothingMatches(t *testing.T) {
	s, err := parse([]string{"-run", "nothing"}, new(bytes.Buffer))
	if err != nil {
		t.Fatal(err)
	}
	var out, said bytes.Buffer
	if status := bench(s, &out, &said); status != 1 || out.Len() > 0 || !strings.Contains(said.String(), `"nothing"`) {
		t.Errorf("status %d, out %q, said %q", status, &out, &said)
	}
}

// The targets are those of the project, whatever the effort and the page.
func TestComparisons(t *testing.T) {
	for _, page := range []int{4 << 10, 16 << 10, 64 << 10} {
		for _, e := range []effort{full, quick} {
			seen := map[string]bool{}
			targets := map[string]string{}
			for _, c := range comparisons(e, page) {
				if seen[c.name] && page < 64<<10 { // with pages of 64 KiB both copies are the same
					t.Errorf("%s is there twice", c.name)
				}
				seen[c.name] = true
				kind, _, _ := strings.Cut(c.name, "/")
				targets[kind] += c.values[0].target.String() + ";"
				if c.samples < 1 || len(c.values) == 0 || len(c.variants) == 0 {
					t.Errorf("%+v", c)
				}
			}
			for kind, want := range map[string]string{
				"copy": "C + 100 ns;C x 1.05;", "zeropage": "C + 100 ns;", "writeprotect": "C + 100 ns;", "wake": "C + 100 ns;",
				"read": "C + 100 ns;", "poison": "C + 100 ns;", "continue": "C + 100 ns;", "manager": "C x 1.10;",
				"fault": strings.Repeat(";", 4) + strings.Repeat("C x 1.05;", 4) + strings.Repeat(";", 3),
			} {
				if targets[kind] != want {
					t.Errorf("%s: target %q, want %q", kind, targets[kind], want)
				}
			}
		}
	}
	if full.rounds < 9 || full.faults != 20000 || full.warm < time.Millisecond {
		t.Errorf("%+v", full)
	}
}

// Of faults of the same process: the median, the 99th percentile where one thread
// faults, and the mean where several do.
func TestFaultComparisons(t *testing.T) {
	const slow, tail = "C x 1.05", "C x 1.15"
	for _, c := range faultComparisons(full, 4<<10) {
		want := []string{"", slow, ""}
		switch kind := strings.Split(c.name, "/")[1]; kind {
		case "size=4KiB", "size=64KiB":
			want = []string{"", slow, tail}
		case "threads=2", "threads=8":
			want = []string{slow, slow, ""}
		case "across":
		default:
			t.Errorf("%s is something else", c.name)
		}
		for i, v := range c.values {
			if got := v.target.String(); got != want[i] {
				t.Errorf("%s/%s: target %q, want %q", c.name, v.name, got, want[i])
			}
		}
		if len(c.variants) > 1 && c.aim != "resolver" || c.aim != "" && !slices.Contains(c.variants, c.aim) {
			t.Errorf("%s: the targets are for %q, of %q", c.name, c.aim, c.variants)
		}
		faults, args := c.samples, c.args
		if !c.across {
			args = args[1:]
		}
		for _, arg := range []string{args[4], args[5]} { // blocks and passes
			n, err := strconv.Atoi(arg)
			if err != nil {
				t.Fatal(err)
			}
			faults *= n
		}
		if faults != full.faults {
			t.Errorf("%s: %d faults a round, want %d", c.name, faults, full.faults)
		}
	}
}
